import type { Metric } from './summary.ts';

/** A ratio that must be reached. */
export interface Target {
  readonly case: string;
  readonly contender: string;
  readonly against: string;
  readonly metric: Metric;
  /** `>=` or `<=` this. */
  readonly atLeast?: number;
  readonly atMost?: number;
}

const RATE = 'requestsPerSecond';
const BYTES = 'bytesPerSecond';

/** Every ratio that Sluice is held to, on a machine with two processors, everything switched on. */
export const targets: readonly Target[] = [
  ...['1k', '16k'].flatMap((name) => [
    atLeast(name, 'sluice', 'koa-send', RATE, 3),
    atLeast(name, 'sluice', 'sirv', RATE, 1.1),
    atLeast(name, 'sluice-cache', 'koa-send', RATE, 6),
    atLeast(name, 'sluice-cache', 'sirv', RATE, 1.8),
  ]),
  atLeast('100k', 'sluice', 'koa-send', RATE, 3),
  atLeast('100k', 'sluice', 'sirv', RATE, 1.2),
  atLeast('100k', 'sluice-cache', 'koa-send', RATE, 5),
  atLeast('100k', 'sluice-cache', 'sirv', RATE, 2),
  atLeast('1m', 'sluice', 'koa-send', BYTES, 3),
  atLeast('1m', 'sluice', 'sirv', BYTES, 2),
  ...['100m', '1g'].flatMap((name) => [
    atLeast(name, 'sluice', 'koa-send', BYTES, 2),
    atMost(name, 'sluice', 'koa-send', 'cpuPerGB', 0.5),
  ]),
  atLeast('range', 'sluice', 'send', RATE, 1.5),
  atLeast('range', 'sluice-cache', 'send', RATE, 2.5),
  atLeast('1k', 'sluice-cache', 'koa-memory', RATE, 0.8),
  atLeast('304', 'sluice', 'koa-conditional', RATE, 3),
  atLeast('304', 'sluice-cache', 'koa-conditional', RATE, 5),
  atMost('slow', 'sluice', 'koa-send', 'memoryPerReader', 1),
  ...['1m', '100m', '1g'].map((name) =>
    atLeast(`offload-${name}`, 'sluice-offload', 'auth-request', BYTES, 0.95),
  ),
  atLeast('rules', 'rules-10000', 'rules-1', RATE, 0.9),
];

// oxlint-disable-next-line eslint/max-params -- a row of the table above
function atLeast(name: string, one: string, other: string, metric: Metric, bound: number): Target {
  return { case: name, contender: one, against: other, metric, atLeast: bound };
}

// oxlint-disable-next-line eslint/max-params -- a row of the table above
function atMost(name: string, one: string, other: string, metric: Metric, bound: number): Target {
  return { case: name, contender: one, against: other, metric, atMost: bound };
}
