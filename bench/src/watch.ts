import type { LoadResult } from './load/load.ts';
import type { Tools } from './machine.ts';
import { type Cost, costOf, loadAverage, processorTime } from './process-cost.ts';
import type { Mark, MarkKind, Round } from './summary.ts';

/** What the machine did while a load ran. */
export interface Watched {
  /** Of the server, over the load; memory and descriptors as they are at its end. */
  readonly cost: Cost | undefined;
  /** Share of the server's processor that somebody else had, 0 to 1. */
  readonly foreign: number | undefined;
  /** Share of their processors that server and load generator had. */
  readonly serverBusy: number | undefined;
  readonly loadBusy: number | undefined;
  readonly loadAverage: number | undefined;
}

/** Begins to watch; what it returns ends it. */
export function watch(pids: readonly number[], { pins }: Tools): () => Watched {
  const look = (): Look => ({
    at: performance.now(),
    cost: costOf(pids),
    server: pins === undefined ? undefined : processorTime(pins.server.processor)?.busy,
    load: pins === undefined ? undefined : processorTime(pins.load.processor)?.busy,
  });
  const before = look();
  return () => watchedOf(before, look());
}

/** Turns a load and what was watched into a round, and says what makes it doubtful. */
export function roundOf(result: LoadResult, watched: Watched, asked: Asked): Round {
  const { requests, bytes, seconds, p50, p99 } = result;
  const { cost } = watched;
  return {
    requestsPerSecond: share(requests, seconds),
    bytesPerSecond: share(bytes, seconds),
    p50,
    p99,
    cpuPerRequest: share(cost?.cpu, requests),
    cpuPerGB: share(cost?.cpu, bytes / 1e9),
    peakMemory: cost?.peakMemory,
    descriptors: cost?.descriptors,
    marks: marksOf(result, watched, asked),
  };
}

/** What the answers were to be. */
export interface Asked {
  /** Whether all of them have status 400 or above. */
  readonly refuses: boolean;
}

function marksOf(
  { requests, errors, refusals }: LoadResult,
  { foreign = 0, loadAverage = 0, loadBusy = 0, serverBusy = 1 }: Watched,
  { refuses }: Asked,
): readonly Mark[] {
  return [
    ...mark('others', foreign, foreign > FOREIGN),
    ...mark('load', loadAverage, loadAverage > LOAD),
    ...mark('limit', loadBusy, loadBusy > SATURATED && serverBusy < IDLE),
    ...mark('errors', errors, errors > 0),
    ...mark('refusals', refusals, requests > 0 && refuses !== refusals > 0),
  ];
}

/** `undefined` of nothing, and where there was nothing to share it among. */
function share(amount: number | undefined, among: number): number | undefined {
  return amount === undefined || amount === 0 || among === 0 ? undefined : amount / among;
}

/** Above this share of others a round is marked. The kernel's own work is about half of it. */
const FOREIGN = 0.15;

/** The two of the run itself, and one more. */
const LOAD = 3;

/** A processor that is as good as full. */
const SATURATED = 0.95;

/** A server that waits for its load. */
const IDLE = 0.9;

interface Look {
  readonly at: number;
  readonly cost: Cost | undefined;
  readonly server: number | undefined;
  readonly load: number | undefined;
}

function mark(kind: MarkKind, value: number, applies: boolean): readonly Mark[] {
  return applies ? [{ kind, value }] : [];
}

function watchedOf(before: Look, after: Look): Watched {
  const seconds = (after.at - before.at) / 1000;
  const cost =
    before.cost === undefined || after.cost === undefined
      ? undefined
      : { ...after.cost, cpu: after.cost.cpu - before.cost.cpu };
  const rise = (from: number | undefined, to: number | undefined): number | undefined =>
    from === undefined || to === undefined ? undefined : (to - from) / seconds;
  const serverBusy = rise(before.server, after.server);
  return {
    cost,
    foreign:
      serverBusy === undefined || cost === undefined
        ? undefined
        : Math.max(0, serverBusy - cost.cpu / seconds),
    serverBusy,
    loadBusy: rise(before.load, after.load),
    loadAverage: loadAverage(),
  };
}
