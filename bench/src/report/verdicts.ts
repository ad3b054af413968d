import type { CaseResult, Measured } from '../run-case.ts';
import { ratio } from '../summary.ts';
import type { Target } from '../targets.ts';

/** A target with what was measured; `unknown` where one of the two was not. */
export interface Verdict {
  readonly target: Target;
  readonly outcome: 'reached' | 'missed' | 'unknown';
  readonly ratio: number | undefined;
  /**
   * The same by the processor time of the server, turned so that more is better for a rate: it holds
   * still where the machine is shared.
   */
  readonly byProcessor: number | undefined;
}

/** Holds the results against the targets of the cases that were run. */
export function verdictsOf(
  results: readonly CaseResult[],
  targets: readonly Target[],
): readonly Verdict[] {
  return targets.flatMap((target) => {
    const result = results.find(({ subject }) => subject.name === target.case);
    return result === undefined ? [] : [verdictOf(target, result.measured)];
  });
}

function verdictOf(target: Target, measured: readonly Measured[]): Verdict {
  const one = measured.find(({ name }) => name === target.contender)?.rounds;
  const other = measured.find(({ name }) => name === target.against)?.rounds;
  if (one === undefined || other === undefined) {
    return { target, outcome: 'unknown', ratio: undefined, byProcessor: undefined };
  }
  const value = ratio(one, other, target.metric);
  if (value === undefined) {
    return { target, outcome: 'unknown', ratio: undefined, byProcessor: undefined };
  }
  const { atLeast = 0, atMost = Infinity } = target;
  const outcome = value >= atLeast && value <= atMost ? 'reached' : 'missed';
  return { target, outcome, ratio: value, byProcessor: byProcessor(target, one, other) };
}

function byProcessor(
  { metric }: Target,
  one: Measured['rounds'],
  other: Measured['rounds'],
): number | undefined {
  if (metric === 'requestsPerSecond') return ratio(other, one, 'cpuPerRequest');
  if (metric === 'bytesPerSecond') return ratio(other, one, 'cpuPerGB');
  return undefined;
}
