import {
  allow,
  createSluice,
  deny,
  firstApplicable,
  forPattern,
  isSluiceError,
  keyFromUrlPath,
  type Policy,
  type Sluice,
  type StorageKey,
  type Subject,
} from '@sluice/core';
import { downloads } from '@sluice/koa';
import Koa, { type Next } from 'koa';

import { type AppContext, type AppState, askWho, identify } from './identify.ts';
import type { SqliteDriver } from './sqlite-driver.ts';

/** Everybody reads `public/`; a folder below `people/` is its owner's alone. */
const policy: Policy = firstApplicable(
  forPattern('public/*path', () => allow()),
  forPattern('people/:owner/*path', ({ subject, params: { owner } }) =>
    subject?.id === owner ? allow() : deny(`only ${owner} reads this folder`),
  ),
);

/** Creates the app: downloads, uploads and removals below `/files/`, and a listing at `/`. */
export function createApp(storage: SqliteDriver): Koa<AppState> {
  const sluice = createSluice({ storage, policy });
  const app = new Koa<AppState>();
  app.use(identify);
  app.use(createWriter(storage));
  app.use(downloads(sluice, { prefix: PREFIX }));
  app.use(createListing(storage, sluice));
  return app;
}

const PREFIX = '/files/';

/** Takes PUT and DELETE: reading is the policy's business, writing is the application's. */
function createWriter(storage: SqliteDriver): (ctx: AppContext, next: Next) => Promise<void> {
  return async function write(ctx: AppContext, next) {
    const { method, url } = ctx;
    if (!url.startsWith(PREFIX) || (method !== 'PUT' && method !== 'DELETE')) return next();
    const { user } = ctx.state;
    if (user === undefined) askWho(ctx);
    const key = keyFromUrlPath(url.slice(PREFIX.length));
    if (key === undefined) ctx.throw(400, 'This is no name of an object.');
    if (!mayWrite(user, key)) ctx.throw(403, 'You write to public/ and to your own folder only.');
    if (method === 'PUT') await store(ctx, storage, key);
    else await storage.delete(key);
    ctx.status = method === 'PUT' ? 201 : 204;
  };
}

/** A body that breaks off fails the put, and what was there before stays. */
async function store(ctx: AppContext, storage: SqliteDriver, key: StorageKey): Promise<void> {
  // RFC 9110 §13.1.2: with this nothing is written where something is.
  const ifAbsent = ctx.get('If-None-Match') === '*';
  // A put lets go of its source when it fails; the request still has to be answered.
  const body: AsyncIterable<Uint8Array> = ctx.req.iterator({ destroyOnReturn: false });
  try {
    await storage.put(key, body, { ifAbsent });
  } catch (error) {
    if (isSluiceError(error) && error.code === 'SLUICE_EXISTS') ctx.throw(412);
    throw error;
  }
}

function mayWrite({ id }: Subject, key: StorageKey): boolean {
  return key.startsWith('public/') || key.startsWith(`people/${id}/`);
}

/** Lists what the person who asks may download, with its size. */
function createListing(
  storage: SqliteDriver,
  sluice: Sluice,
): (ctx: AppContext, next: Next) => Promise<void> {
  return async function list(ctx, next) {
    if (ctx.path !== '/') return next();
    const { user: subject } = ctx.state;
    const lines: string[] = [];
    for await (const { key, size } of storage.list('')) {
      const { effect } = await sluice.explain({ subject, key });
      if (effect === 'allow') lines.push(`${String(size).padStart(12)}  ${key}\n`);
    }
    ctx.set('Cache-Control', 'no-store');
    ctx.type = 'text/plain';
    ctx.body = lines.join('');
  };
}
