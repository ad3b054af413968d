import { once } from 'node:events';

import { downloadPolicy, type Member } from '@school/policy';
import { createSchoolStorage, type Invoice, type SchoolStorage } from '@school/storage';
import { createSluice, type DownloadEvent } from '@sluice/core';

import { createApp } from './app.ts';
import type { Configuration } from './configuration.ts';

/** The people and the accounts, which a real school has in its database. */
export interface Directory {
  readonly members: readonly Member[];
  readonly invoices: readonly Invoice[];
}

/** A server that listens. */
export interface Server {
  /** `http://127.0.0.1:3000` */
  readonly origin: string;
  readonly storage: SchoolStorage;
  /** Stops to listen, waits for the downloads that run, ten seconds at most, and frees the stores. */
  close(): Promise<void>;
}

/**
 * Puts policy, storage and web together and listens.
 *
 * @throws Error of `server.listen`, with `code`, when the port cannot be had
 */
export async function startServer(
  { port, dialect, proxySecret, ...places }: Configuration,
  { members, invoices }: Directory,
  onCompletion?: (event: DownloadEvent<Member>) => void,
): Promise<Server> {
  const storage = createSchoolStorage(places);
  const sluice = createSluice({
    storage: storage.driver,
    policy: downloadPolicy,
    dialect,
    ...(onCompletion !== undefined && { onCompletion }),
  });
  const app = createApp({
    sluice,
    proxySecret,
    findMember: (id) => members.find((member) => member.id === id),
    findInvoice: (number) => invoices.find((invoice) => invoice.number === number),
  });
  const server = app.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const bound = typeof address === 'object' ? address?.port : port;
  return {
    origin: `http://127.0.0.1:${bound}`,
    storage,
    async close() {
      const closed = once(server, 'close');
      server.close();
      const late = setTimeout(() => server.closeAllConnections(), PATIENCE);
      await closed;
      clearTimeout(late);
      await storage.close();
    },
  };
}

/** Milliseconds. */
const PATIENCE = 10_000;
