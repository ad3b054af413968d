import { createPathMap, type DownloadEvent, type StorageDriver } from '@sluice/core';
import { createLocalDriver } from '@sluice/storage-local';

import { type AppOptions, type Asker, REQUEST_NAME, startApp } from './app.ts';
import { type Answer, type Ask, converse, exchange } from './client.ts';
import { diskOf, type Fixture } from './fixture.ts';
import type { Habits } from './habits.ts';

/** One way in which downloads are sent, as a client sees it. */
export interface Sender {
  /** Stands before the title of each of its tests. */
  readonly name: string;
  /** Whose habits it has: `streaming`, or a front server, real or emulated. */
  readonly habits: Habits;
  /** Where the objects lie; default: on the disk. */
  readonly storage?: 'disk' | 's3' | undefined;
  /** A key that is as long as the store takes it; default: as a path on the disk can be. */
  readonly longestKey?: string | undefined;
  start(fixture: Fixture): Promise<RunningSender>;
}

/** A sender that answers requests. */
export interface RunningSender {
  readonly name: string;
  readonly habits: Habits;
  readonly port: number;
  ask(ask: Ask): Promise<Answer>;
  /** Asks one thing after the other, on one connection. */
  converse(asks: readonly Ask[]): Promise<readonly Answer[]>;
  /** Asks, and waits for what the application says of it. */
  askWithEvent(
    ask: Ask,
  ): Promise<{ readonly answer: Answer; readonly event: DownloadEvent<Asker> }>;
  /** What the application says of a request to which its client gave the name; waits for it. */
  event(request: string): Promise<DownloadEvent<Asker>>;
  /** Asks, and does something between the application's decision and its answer. */
  askMeanwhile(ask: Ask, act: () => unknown): Promise<Answer>;
  /** How many connections the application was opened. */
  connections(): number;
  /** What the server in front has said lately. */
  logs(): string;
  stop(): Promise<void>;
}

/** What stands between the application and its clients. */
export interface Front {
  readonly port: number;
  /** What it has said lately. */
  logs(): string;
  stop(): Promise<void>;
}

/** The application alone: it streams. */
export const STREAMING: Sender = {
  name: 'streaming',
  habits: 'streaming',
  start: (fixture) => runSender('streaming', 'streaming', { fixture }),
};

/** The same, with objects that are kept open between downloads, small ones with their bytes. */
export const CACHED: Sender = {
  name: 'streaming, cached',
  habits: 'streaming',
  start(fixture) {
    const paths = createPathMap(diskOf(fixture).roots);
    const openCache = { maxBytes: 16_777_216, maxObjectBytes: 131_072 };
    const createDriver = (): StorageDriver => createLocalDriver({ paths, openCache });
    return runSender(CACHED.name, 'streaming', { fixture: { ...fixture, createDriver } });
  },
};

/**
 * Starts an application and what stands in front of it.
 *
 * @param startFront absent: clients reach the application itself
 */
export async function runSender(
  name: string,
  habits: Habits,
  options: AppOptions,
  startFront?: (appPort: number) => Promise<Front>,
): Promise<RunningSender> {
  const app = await startApp(options);
  const front = await startFront?.(app.port).catch(async (error: unknown) => {
    await app.stop();
    throw error;
  });
  const port = front?.port ?? app.port;
  let requests = 0;
  const named = (ask: Ask): { readonly request: string; readonly ask: Ask } => {
    requests += 1;
    const request = String(requests);
    return { request, ask: { ...ask, headers: { [REQUEST_NAME]: request, ...ask.headers } } };
  };
  return {
    name,
    habits,
    port,
    ask: (ask) => exchange(port, named(ask).ask),
    converse: (asks) => converse(port, asks),
    async askWithEvent(ask) {
      const { request, ask: own } = named(ask);
      const answer = await exchange(port, own);
      return { answer, event: await app.event(request) };
    },
    event: (request) => app.event(request),
    askMeanwhile(ask, act) {
      const { request, ask: own } = named(ask);
      app.meanwhile(request, act);
      return exchange(port, own);
    },
    connections: () => app.connections(),
    logs: () => front?.logs() ?? '',
    async stop() {
      await front?.stop();
      await app.stop();
    },
  };
}
