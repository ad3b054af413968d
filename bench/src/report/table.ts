import type { CaseResult, Measured } from '../run-case.ts';
import { best, type MarkKind, type Metric, medianOf, ratio, spread, valuesOf } from '../summary.ts';
import { digits, headOf, inUnit, percent } from './format.ts';
import type { Verdict } from './verdicts.ts';

/** Writes the result of a case: a row a contender, the ratios last, and what is doubtful below. */
export function caseTable({ subject, measured, leftOut }: CaseResult): string {
  const { metric, baseline, ceiling, title, connections } = subject;
  const peers = measured.filter(({ contender }) => contender.role === 'peer');
  const against = [...new Set([baseline, best(peers, metric), ceiling])].filter((name) =>
    measured.some((one) => one.name === name),
  );
  const columns = COLUMNS.filter((column) =>
    measured.some(({ rounds }) => medianOf(rounds, column) !== undefined),
  );
  const rows = measured.map((one) => [
    `${one.contender.role === 'ours' ? '▸ ' : '  '}${one.contender.title}`,
    ...columns.map((column) => inUnit(medianOf(one.rounds, column), column)),
    ...against.map((name) => ratioTo(one, measured, name ?? '', metric)),
    percent(spread(valuesOf(one.rounds, metric))),
    marksOf(one, metric),
  ]);
  const heads = against.map((name) => `× ${name}`);
  const head = ['', ...columns.map(headOf), ...heads, 'spread', ''];
  return [
    `${title} (${subject.name}, ${connections} connection${connections === 1 ? '' : 's'}; × is of ${headOf(metric)})`,
    ...align([head, ...rows]),
    ...notesOf(measured),
    ...leftOut.map(({ title: name, why }) => `  left out: ${name}: ${why}`),
    '',
  ].join('\n');
}

/** Writes what was to be reached, with what was measured. */
export function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ target, outcome, ratio: value, byProcessor }) => [
    OUTCOMES[outcome],
    target.case,
    `${target.contender} to ${target.against}`,
    headOf(target.metric),
    target.atLeast === undefined ? `≤ ${target.atMost ?? ''}` : `≥ ${target.atLeast}`,
    digits(value),
    byProcessor === undefined ? '' : `(${digits(byProcessor)} by processor time)`,
  ]);
  const counts = (['reached', 'missed', 'unknown'] as const).map(
    (one) => `${verdicts.filter(({ outcome }) => outcome === one).length} ${OUTCOMES[one]}`,
  );
  return ['What must be reached', ...align(rows, 4), counts.join(', '), ''].join('\n');
}

const OUTCOMES = { reached: 'reached', missed: 'NOT REACHED', unknown: 'not measured' } as const;

const COLUMNS: readonly Metric[] = [
  'requestsPerSecond',
  'bytesPerSecond',
  'p50',
  'p99',
  'cpuPerRequest',
  'cpuPerGB',
  'peakMemory',
  'memoryPerReader',
  'descriptors',
];

/** Above this the rounds of a contender do not agree. */
const WIDE = 0.5;

function ratioTo(
  { rounds }: Measured,
  measured: readonly Measured[],
  name: string,
  metric: Metric,
): string {
  const other = measured.find((one) => one.name === name)?.rounds ?? [];
  return digits(ratio(rounds, other, metric));
}

function marksOf({ rounds }: Measured, metric: Metric): string {
  const marked = rounds.filter(({ marks }) => marks.length > 0).length;
  return [
    ...(marked > 0 ? [`noisy ${marked}/${rounds.length}`] : []),
    ...((spread(valuesOf(rounds, metric)) ?? 0) > WIDE ? ['wide'] : []),
  ].join(', ');
}

/** One line a case: in how many of its rounds what was wrong, and how much at worst. */
function notesOf(measured: readonly Measured[]): readonly string[] {
  const rounds = measured.flatMap((one) => one.rounds);
  const notes = Object.entries(NOTES).flatMap(([kind, say]) => {
    const values = rounds
      .flatMap(({ marks }) => marks)
      .filter((mark) => mark.kind === kind)
      .map(({ value }) => value);
    return values.length === 0 ? [] : [`${say(Math.max(...values))} (${values.length})`];
  });
  return notes.length === 0 ? [] : [`  noisy, of ${rounds.length} rounds: ${notes.join('; ')}`];
}

const NOTES: Readonly<Record<MarkKind, (worst: number) => string>> = {
  others: (worst) => `others had up to ${percent(worst)} of the server's processor`,
  load: (worst) => `load up to ${worst.toFixed(1)}`,
  limit: () => 'the load generator was the limit',
  errors: (worst) => `up to ${worst} errors`,
  refusals: (worst) => `up to ${worst} answers were refusals, or should have been`,
};

/** Names to the left, numbers to the right. */
function align(rows: readonly (readonly string[])[], names = 1): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        const isLast = column === row.length - 1;
        return column < names || isLast ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
