import type { Machine } from '../machine.ts';
import type { CaseResult, Measured, Pace } from '../run-case.ts';
import { best, type Metric, medianOf, ratio, type Round, spread, valuesOf } from '../summary.ts';
import type { Target } from '../targets.ts';
import { verdictsOf } from './verdicts.ts';

/** A whole run, as it is written to `result.json`: everything that the tables and the chart show. */
export interface Report {
  /** ISO 8601, of the start. */
  readonly date: string;
  readonly machine: Machine;
  readonly missing: readonly string[];
  readonly pace: Pace;
  readonly cases: readonly ReportedCase[];
  readonly targets: readonly ReportedTarget[];
}

export interface ReportedCase {
  readonly name: string;
  readonly title: string;
  readonly group: string;
  readonly connections: number;
  readonly metric: Metric;
  readonly baseline: string;
  readonly ceiling: string;
  readonly fastestPeer: string | undefined;
  readonly contenders: readonly ReportedContender[];
  readonly leftOut: CaseResult['leftOut'];
}

export interface ReportedContender {
  readonly name: string;
  readonly title: string;
  readonly role: 'ours' | 'peer' | 'ceiling';
  readonly medians: Readonly<Partial<Record<Metric, number>>>;
  /** Largest minus smallest, as a share of the median. */
  readonly spreads: Readonly<Partial<Record<Metric, number>>>;
  /** Of the case's metric, by what stands below the line: medians of the ratios round by round. */
  readonly ratios: {
    readonly baseline: number | undefined;
    readonly fastestPeer: number | undefined;
    readonly ceiling: number | undefined;
  };
  readonly rounds: readonly Round[];
}

interface ReportedTarget extends Target {
  readonly outcome: 'reached' | 'missed' | 'unknown';
  readonly ratio: number | undefined;
  readonly byProcessor: number | undefined;
}

/** Puts a report together. */
export function reportOf(
  run: Pick<Report, 'date' | 'machine' | 'missing' | 'pace'>,
  results: readonly CaseResult[],
  targets: readonly Target[],
): Report {
  return {
    ...run,
    cases: results.map(reportedCase),
    targets: verdictsOf(results, targets).map(({ target, ...verdict }) => ({
      ...target,
      ...verdict,
    })),
  };
}

const METRICS: readonly Metric[] = [
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

function reportedCase({ subject, measured, leftOut }: CaseResult): ReportedCase {
  const { name, title, group, connections, metric, baseline, ceiling } = subject;
  const peers = measured.filter(({ contender }) => contender.role === 'peer');
  const fastestPeer = best(peers, metric);
  const roundsOf = (one: string | undefined): readonly Round[] =>
    measured.find((other) => other.name === one)?.rounds ?? [];
  const contenders = measured.map(({ contender, rounds }: Measured) => ({
    name: contender.name,
    title: contender.title,
    role: contender.role,
    medians: each(rounds, medianOf),
    spreads: each(rounds, (some, one) => spread(valuesOf(some, one))),
    ratios: {
      baseline: ratio(rounds, roundsOf(baseline), metric),
      fastestPeer: ratio(rounds, roundsOf(fastestPeer), metric),
      ceiling: ratio(rounds, roundsOf(ceiling), metric),
    },
    rounds,
  }));
  return {
    name,
    title,
    group,
    connections,
    metric,
    baseline,
    ceiling,
    fastestPeer,
    contenders,
    leftOut,
  };
}

function each(
  rounds: readonly Round[],
  value: (rounds: readonly Round[], metric: Metric) => number | undefined,
): Readonly<Partial<Record<Metric, number>>> {
  const entries = METRICS.flatMap((metric) => {
    const one = value(rounds, metric);
    return one === undefined ? [] : [[metric, one] as const];
  });
  return Object.fromEntries(entries);
}
