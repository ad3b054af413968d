import type { ServerName } from '../config/server-name.ts';
import { type FindingId, KINDS } from './finding-kinds.ts';
import type { FixFacts } from './fix-lines.ts';
import { fixFor } from './fixes.ts';
import type { Finding, Severity } from './report.ts';

/** What a check has come upon. */
export interface Discovery {
  readonly id: FindingId;
  /** What was seen, a line each. */
  readonly evidence: readonly string[];
  /** Headers that it is about, in lower case, for the lines that mend it. */
  readonly headers?: readonly string[];
}

/** Makes findings of what checks have come upon: one of each kind, gravest first. */
export function findingsOf(
  discoveries: readonly Discovery[],
  server: ServerName | undefined,
  facts: Omit<FixFacts, 'headers'>,
): readonly Finding[] {
  const findings = Object.keys(KINDS).map((id) => {
    const same = discoveries.filter((one) => one.id === id);
    return findingOf(same, server, facts);
  });
  return findings
    .flat()
    .toSorted((a, b) => GRAVITY.indexOf(a.severity) - GRAVITY.indexOf(b.severity));
}

const GRAVITY: readonly Severity[] = ['error', 'warning', 'note'];

function findingOf(
  same: readonly Discovery[],
  server: ServerName | undefined,
  facts: Omit<FixFacts, 'headers'>,
): readonly Finding[] {
  const [first] = same;
  if (first === undefined) return [];
  const headers = [...new Set(same.flatMap((one) => one.headers ?? []))];
  const fix = server && fixFor(first.id, server, { ...facts, headers });
  const { severity, sentence } = KINDS[first.id];
  return [
    {
      id: first.id,
      severity,
      sentence,
      evidence: [...new Set(same.flatMap(({ evidence }) => evidence))],
      ...(fix !== undefined && { fix }),
    },
  ];
}
