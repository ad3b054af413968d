import { once } from 'node:events';

import {
  createSluice,
  type Dialect,
  type DownloadEvent,
  type Policy,
  type Sluice,
  type StorageDriver,
} from '@sluice/core';
import { createLocalDriver } from '@sluice/storage-local';

import { createApp } from './app.ts';
import type { Person } from './people.ts';

export interface SiteOptions {
  /** The folder whose files are served, absolute. */
  readonly root: string;
  readonly policy: Policy<Person>;
  /** 0 takes any free port. */
  readonly port: number;
  /** Of the front server that sends the files. Default: the site streams them. */
  readonly dialect?: Dialect | undefined;
  readonly onCompletion?: (event: DownloadEvent<Person>) => void;
}

/** A site that listens. */
export interface Site {
  /** `http://127.0.0.1:3000` */
  readonly origin: string;
  readonly storage: StorageDriver;
  readonly sluice: Sluice<Person>;
  /** Stops to listen and waits for the downloads that run, five seconds at most. */
  close(): Promise<void>;
}

/**
 * Starts the site, for this machine only: it has no passwords.
 *
 * @throws Error of `server.listen`, with `code`, when the port cannot be had
 */
export async function startSite(options: SiteOptions): Promise<Site> {
  const { root, policy, port, dialect, onCompletion } = options;
  const storage = createLocalDriver({ root });
  const sluice = createSluice<Person>({
    storage,
    policy,
    dialect,
    ...(onCompletion !== undefined && { onCompletion }),
  });
  const server = createApp({ sluice, storage }).listen(port, HOST);
  await once(server, 'listening');
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    origin: `http://${HOST}:${bound}`,
    storage,
    sluice,
    async close() {
      const closed = once(server, 'close');
      server.close();
      const late = setTimeout(() => server.closeAllConnections(), PATIENCE);
      await closed;
      clearTimeout(late);
      await sluice.close();
    },
  };
}

const HOST = '127.0.0.1';

/** In milliseconds. */
const PATIENCE = 5000;
