import { once } from 'node:events';
import { createServer } from 'node:http';

import { createSluice, deny, type StorageDriver } from '@sluice/core';
import type { Dialect } from '@sluice/core/offload';
import { createMemoryDriver, type MemoryObject } from '@sluice/core/testing';
import { downloads } from '@sluice/koa';
import type { ExecutionContext } from 'ava';
import Koa from 'koa';

/** What doctor and application share in tests. */
export const SECRET = 'a secret of the tests, long enough';

/** An application with a probe. */
export interface Site {
  /** The address of its downloads. */
  readonly url: string;
  readonly objects: ReadonlyMap<string, MemoryObject>;
}

/** What {@link startSite} takes. */
export interface SiteOptions {
  readonly dialect?: Dialect | undefined;
  readonly store?: ((driver: StorageDriver) => StorageDriver) | undefined;
  /** Sees requests below the folder of the probe that are no questions. */
  readonly change?: Koa.Middleware | undefined;
  /** Stands above everything. */
  readonly above?: Koa.Middleware | undefined;
}

/** Starts an application whose store is in memory, and would lie in `/srv/private`. */
export async function startSite(t: ExecutionContext, options: SiteOptions = {}): Promise<Site> {
  const { dialect, store = (driver) => driver, change, above } = options;
  const objects = new Map<string, MemoryObject>();
  const sluice = createSluice({
    storage: store({
      ...createMemoryDriver({ objects }),
      localPath: (key) => ({ root: '/srv/private', prefix: '', path: `/srv/private/${key}` }),
    }),
    policy: () => deny('nobody may'),
    dialect,
  });
  const app = new Koa();
  app.silent = true;
  if (above !== undefined) app.use(above);
  if (change !== undefined) {
    app.use((ctx, next) => (ctx.method === 'POST' ? next() : change(ctx, next)));
  }
  app.use(downloads(sluice, { prefix: '/files/', probe: { secret: SECRET } }));
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers its own rejections
  const server = createServer(app.callback());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return { url: `http://127.0.0.1:${address.port}/files/`, objects };
}
