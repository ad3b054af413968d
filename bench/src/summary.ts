/** What one round of one contender came to. What could not be measured is absent. */
export interface Round {
  readonly requestsPerSecond?: number | undefined;
  /** As they came over the wire, heads included. */
  readonly bytesPerSecond?: number | undefined;
  /** Milliseconds in which half of the requests were answered. */
  readonly p50?: number | undefined;
  /** Milliseconds in which 99 of 100 were. */
  readonly p99?: number | undefined;
  /** Seconds of processor that the server, and its children, took for a request. */
  readonly cpuPerRequest?: number | undefined;
  /** Seconds of processor for 10⁹ bytes. */
  readonly cpuPerGB?: number | undefined;
  /** Most bytes that the server held in memory at once. */
  readonly peakMemory?: number | undefined;
  /** Bytes more than before the load, for each connection of it. */
  readonly memoryPerReader?: number | undefined;
  /** Open at the end of the load. */
  readonly descriptors?: number | undefined;
  /** Why the round is not to be trusted. */
  readonly marks: readonly Mark[];
}

/** A doubt about a round. */
export interface Mark {
  readonly kind: MarkKind;
  /** A share from 0 to 1, the load, or a count. */
  readonly value: number;
}

/**
 * `others`: the share of the server's processor that other programs and the kernel had; `load`: the
 * load average; `limit`: how full the load generator was while the server waited; `errors`, `refusals`:
 * how many connections and answers failed.
 */
export type MarkKind = 'others' | 'load' | 'limit' | 'errors' | 'refusals';

/** What is measured in a round. */
export type Metric = Exclude<keyof Round, 'marks'>;

/** Whether more of it is better. */
function isMoreBetter(metric: Metric): boolean {
  return metric === 'requestsPerSecond' || metric === 'bytesPerSecond';
}

/** The middle one, or the mean of the two in the middle; `undefined` of nothing. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  const lower = sorted[middle - 1];
  if (upper === undefined) return undefined;
  return sorted.length % 2 === 1 || lower === undefined ? upper : (lower + upper) / 2;
}

/** How far the values lie apart, as a share of their median; 0.1 is 10 %. `undefined` of nothing. */
export function spread(values: readonly number[]): number | undefined {
  const middle = median(values);
  if (middle === undefined || middle === 0) return undefined;
  return (Math.max(...values) - Math.min(...values)) / middle;
}

/** The values of a metric in those rounds that have it. */
export function valuesOf(rounds: readonly Round[], metric: Metric): readonly number[] {
  return rounds.map((round) => round[metric]).filter((value) => value !== undefined);
}

/** The median of a metric over the rounds. */
export function medianOf(rounds: readonly Round[], metric: Metric): number | undefined {
  return median(valuesOf(rounds, metric));
}

/**
 * The median of the ratios round by round: what disturbed a whole round disturbs both sides of its
 * ratio. `undefined` where no round has both.
 */
export function ratio(
  rounds: readonly Round[],
  against: readonly Round[],
  metric: Metric,
): number | undefined {
  const ratios = rounds.flatMap((round, index) => {
    const one = round[metric];
    const other = against[index]?.[metric];
    return one === undefined || other === undefined || other === 0 ? [] : [one / other];
  });
  return median(ratios);
}

/** The name of the one with the best median; `undefined` when none has been measured. */
export function best(
  contenders: readonly { readonly name: string; readonly rounds: readonly Round[] }[],
  metric: Metric,
): string | undefined {
  const sign = isMoreBetter(metric) ? -1 : 1;
  return contenders
    .flatMap(({ name, rounds }) => {
      const value = medianOf(rounds, metric);
      return value === undefined ? [] : [{ name, value: sign * value }];
    })
    .toSorted((one, other) => one.value - other.value)[0]?.name;
}
