import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { type Case, urlOf } from './cases.ts';
import { checkAnswer } from './check-answer.ts';
import { type Contender, findContender } from './contenders.ts';
import type { Fixture } from './fixture.ts';
import { type LoadOrder, runLoad, startSlowReaders } from './load/load.ts';
import type { Tools } from './machine.ts';
import { costOf, forgetPeak } from './process-cost.ts';
import {
  type RunningServer,
  type RunningStore,
  startContender,
  startStore,
} from './server/start.ts';
import type { Round } from './summary.ts';
import { roundOf, watch } from './watch.ts';

/** How long and how often. */
export interface Pace {
  readonly rounds: number;
  /** Of the load, in each round. */
  readonly seconds: number;
  /** Of load before the first round, which nobody counts; some cases take a multiple. */
  readonly warmUp: number;
  /** Rounds of the case that is about memory, which start every server anew. */
  readonly slowRounds: number;
  /** In each of them. */
  readonly slowSeconds: number;
}

/** What the run needs to know beside the case. */
export interface RunOptions {
  readonly fixture: Fixture;
  readonly tools: Tools;
  readonly pace: Pace;
  /** Names of those who take part; absent: everybody in the lists of the cases. */
  readonly only: ReadonlySet<string> | undefined;
  /** The folder that gets the profiles of the Node processes. */
  readonly profile: string | undefined;
  /** Stops between two rounds. */
  readonly signal: AbortSignal;
}

/** What came of a case. */
export interface CaseResult {
  readonly subject: Case;
  /** In the order of the case. */
  readonly measured: readonly Measured[];
  /** Who cannot do this, or not here. */
  readonly leftOut: readonly LeftOut[];
}

export interface Measured {
  readonly name: string;
  readonly contender: Contender;
  readonly rounds: readonly Round[];
}

interface LeftOut {
  readonly title: string;
  readonly why: string;
}

/** Starts everybody, checks their answers, measures them in turn, and stops them. */
export async function runCase(subject: Case, options: RunOptions): Promise<CaseResult> {
  const { tools, only } = options;
  const known = subject.contenders
    .filter((name) => only?.has(name) ?? true)
    .map(findContender)
    .filter((one) => one !== undefined);
  const absent = known.filter(
    ({ nginx }) => (nginx !== undefined || subject.store) && tools.nginx === undefined,
  );
  const present = known.filter((one) => !absent.includes(one));
  const leftOut = absent.map(({ title }) => ({ title, why: 'nginx is not on this machine' }));
  const run = subject.store && present.length > 0 ? runOnStore : runContenders;
  const result = await run(subject, present, options);
  return { subject, measured: result.measured, leftOut: [...leftOut, ...result.leftOut] };
}

/** One store for all of them. */
async function runOnStore(
  subject: Case,
  contenders: readonly Contender[],
  options: RunOptions,
): Promise<Outcome> {
  let store: RunningStore;
  try {
    store = await startStore(options);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { measured: [], leftOut: contenders.map(({ title }) => ({ title, why })) };
  }
  try {
    return await runContenders(subject, contenders, { ...options, store: store.origin });
  } finally {
    await store.stop();
  }
}

/** With the place of the store, where there is one. */
interface PlacedOptions extends RunOptions {
  readonly store?: string;
}

function runContenders(
  subject: Case,
  contenders: readonly Contender[],
  options: PlacedOptions,
): Promise<Outcome> {
  const run = subject.load === 'slow' ? runSlow : runQuick;
  return run(subject, contenders, options);
}

type Outcome = Omit<CaseResult, 'subject'>;

interface Ready {
  readonly contender: Contender;
  readonly server: RunningServer;
  readonly headers: Readonly<Record<string, string>>;
  readonly rounds: Round[];
}

async function runQuick(
  subject: Case,
  contenders: readonly Contender[],
  options: PlacedOptions,
): Promise<Outcome> {
  const { fixture, tools, pace, signal } = options;
  const ready: Ready[] = [];
  const leftOut: LeftOut[] = [];
  try {
    for (const contender of contenders) {
      signal.throwIfAborted();
      const one = await prepare(contender, subject, options);
      if ('why' in one) leftOut.push(one);
      else ready.push(one);
    }
    const list = await writeList(subject, fixture);
    const load = (one: Ready, seconds: number): Promise<Round> =>
      measure(one, subject, { tools, list, seconds });
    for (let part = 0; part < WARM_UPS; part += 1) {
      for (const one of ready) await load(one, (subject.warmUp * pace.warmUp) / WARM_UPS);
    }
    for (let round = 0; round < pace.rounds; round += 1) {
      for (const one of ready) {
        signal.throwIfAborted();
        one.rounds.push(await load(one, pace.seconds));
        // What the last load has left in flight is not the next one's.
        await delay(SETTLE);
      }
    }
  } finally {
    await Promise.all(ready.map(({ server }) => server.stop()));
  }
  return { measured: ready.map(measuredOf), leftOut };
}

/**
 * Loads before the first one that counts. When connections close under load, V8 meets what it has not
 * seen before, and makes a part of the code anew: the second load took half as much again for a second.
 */
const WARM_UPS = 2;

/** Milliseconds between two loads. */
const SETTLE = 40;

async function prepare(
  contender: Contender,
  subject: Case,
  { fixture, tools, profile, store }: PlacedOptions,
): Promise<Ready | LeftOut> {
  const leftOut = (why: string): LeftOut => ({ title: contender.title, why });
  let server: RunningServer | undefined;
  try {
    server = await startContender(contender, {
      fixture,
      tools,
      profile,
      subject: subject.name,
      store,
    });
    const checked = await checkAnswer(server.port, subject);
    if (checked.kind === 'right') {
      return { contender, server, headers: checked.headers, rounds: [] };
    }
    await server.stop();
    return leftOut(checked.why);
  } catch (error) {
    await server?.stop();
    return leftOut(error instanceof Error ? error.message : String(error));
  }
}

interface Measuring {
  readonly tools: Tools;
  readonly list: string;
  readonly seconds: number;
}

async function measure(
  { server, headers }: Ready,
  subject: Case,
  { tools, list, seconds }: Measuring,
): Promise<Round> {
  const { load, expected } = subject;
  if (load === 'slow') throw new TypeError('slow readers are measured otherwise');
  const { port, pids } = server;
  const order: LoadOrder = {
    port,
    headers,
    list,
    seconds,
    connections: subject.connections,
    paths: subject.files.map(urlOf),
  };
  forgetPeak(pids);
  const end = watch(pids, tools);
  const result = await runLoad(load, order, tools);
  return roundOf(result, end(), { refuses: expected.status >= 400 });
}

/**
 * One server after the other, each anew for every round: what a server keeps of what it has sent
 * before would count as its memory without load.
 */
async function runSlow(
  subject: Case,
  contenders: readonly Contender[],
  options: PlacedOptions,
): Promise<Outcome> {
  const ready: Omit<Ready, 'server'>[] = [];
  const leftOut: LeftOut[] = [];
  for (const contender of contenders) {
    options.signal.throwIfAborted();
    const one = await prepare(contender, subject, options);
    if ('why' in one) {
      leftOut.push(one);
    } else {
      await one.server.stop();
      ready.push(one);
    }
  }
  for (let round = 0; round < options.pace.slowRounds; round += 1) {
    for (const { contender, rounds } of ready) {
      options.signal.throwIfAborted();
      rounds.push(await measureSlow(contender, subject, options));
    }
  }
  return { measured: ready.map(measuredOf), leftOut };
}

async function measureSlow(
  contender: Contender,
  subject: Case,
  { fixture, tools, pace, store }: PlacedOptions,
): Promise<Round> {
  const server = await startContender(contender, { fixture, tools, subject: subject.name, store });
  const { port, pids } = server;
  const { connections, headers } = subject;
  const order = { port, headers, paths: subject.files.map(urlOf), list: '', seconds: 0 };
  try {
    // The code of a first download is not the memory of a reader.
    await readSlowly({ ...order, connections: 1 }, tools, WARM);
    forgetPeak(pids);
    const before = costOf(pids);
    const end = watch(pids, tools);
    const started = performance.now();
    const bytes = await readSlowly({ ...order, connections }, tools, pace.slowSeconds * 1000);
    const seconds = (performance.now() - started) / 1000;
    const result = { requests: 0, bytes, seconds, errors: 0, refusals: 0 };
    const round = roundOf(result, end(), { refuses: false });
    if (before === undefined || round.peakMemory === undefined) return round;
    return { ...round, memoryPerReader: (round.peakMemory - before.memory) / connections };
  } finally {
    await server.stop();
  }
}

/** Milliseconds. */
const WARM = 500;

/** How many milliseconds all readers may need until each has got something. */
const PATIENCE = 30_000;

/** For so many milliseconds after the last of the readers has begun. */
async function readSlowly(order: LoadOrder, tools: Tools, milliseconds: number): Promise<number> {
  const readers = startSlowReaders(order, tools);
  await Promise.race([readers.begun, delay(PATIENCE, undefined, { ref: false })]);
  await delay(milliseconds);
  return readers.stop();
}

async function writeList(subject: Case, fixture: Fixture): Promise<string> {
  const list = join(fixture.work, `${subject.name}.paths`);
  if (subject.files.length > 1) await writeFile(list, `${subject.files.map(urlOf).join('\n')}\n`);
  return list;
}

function measuredOf({ contender, rounds }: Omit<Ready, 'server'>): Measured {
  return { name: contender.name, contender, rounds };
}
