import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
  allow,
  createSluice,
  type DownloadEvent,
  type Sluice,
  type SluiceOptions,
} from '@sluice/core';
import type { ExecutionContext } from 'ava';
import type Koa from 'koa';

import { createMemoryDriver } from './drivers.ts';

/** An application that listens, with what it reported. */
export interface TestServer {
  readonly port: number;
  readonly server: Server;
  /** What reached the application's `error` event. */
  readonly errors: readonly Error[];
}

/** A sluice with what it published. */
export interface TestSluice {
  readonly sluice: Sluice;
  readonly events: readonly DownloadEvent[];
  /** Waits for so many events. */
  readonly settled: (count: number) => Promise<readonly DownloadEvent[]>;
}

/**
 * Starts an application on a free port, or on a local socket; the test's end closes it with all its
 * connections.
 */
export async function startServer(
  t: ExecutionContext,
  app: Koa,
  path?: string,
): Promise<TestServer> {
  const errors: Error[] = [];
  app.on('error', (error: Error) => errors.push(error));
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers its own rejections
  const server = createServer(app.callback());
  if (path === undefined) server.listen(0, '127.0.0.1');
  else server.listen(path);
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: path === undefined ? portOf(server) : 0, server, errors };
}

/** Makes a sluice that allows everything, but for what the test sets otherwise. */
export function makeSluice(options: Partial<SluiceOptions> = {}): TestSluice {
  const events: DownloadEvent[] = [];
  const sluice = createSluice({
    storage: createMemoryDriver({ 'a.txt': { bytes: 'hello' } }),
    policy: () => allow(),
    onCompletion: (event) => void events.push(event),
    ...options,
  });
  return {
    sluice,
    events,
    async settled(count) {
      await until(() => events.length >= count);
      return events;
    },
  };
}

/** Waits for a condition, for as long as the test may take. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

export function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return address.port;
}
