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
import { closeServer, originOf } from './server.ts';

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
  const server = createApp({ sluice, storage }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: originOf(server),
    storage,
    sluice,
    async close() {
      await closeServer(server);
      await sluice.close();
    },
  };
}
