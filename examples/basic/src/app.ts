import { randomBytes } from 'node:crypto';

import { Router } from '@koa/router';
import { parseKey, type Sluice, type StorageDriver, type StorageKey } from '@sluice/core';
import { downloads, sendDownload } from '@sluice/koa';
import Koa, { type Context, type Next } from 'koa';

import { createAssets } from './assets.ts';
import { readCatalog } from './catalog.ts';
import { createChecksums } from './checksums.ts';
import { refuseForeignHosts } from './hosts.ts';
import { renderPage } from './page.ts';
import type { Person } from './people.ts';
import { identify, signIn, signOut, type SiteContext, type SiteState } from './session.ts';

export interface AppOptions {
  readonly sluice: Sluice<Person>;
  /** The store of the sluice, for the listing. */
  readonly storage: StorageDriver;
}

/** Creates the site: a page that lists the store, sign-in, and the downloads. */
export function createApp({ sluice, storage }: AppOptions): Koa<SiteState> {
  const app = new Koa<SiteState>();
  // A new key at every start: who was signed in before is signed out.
  app.keys = [randomBytes(32).toString('base64url')];
  app.use(hardened);
  app.use(refuseForeignHosts);
  app.use(createAssets());
  app.use(identify);
  app.use(
    downloads(sluice, { prefix: '/files/', subject: ({ state }: SiteContext) => state.user }),
  );
  const router = createRouter({ sluice, storage });
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

function createRouter({ sluice, storage }: AppOptions): Router<SiteState> {
  const router = new Router<SiteState>();
  const checksums = createChecksums(storage);

  router.get('/', async (ctx) => {
    const { user } = ctx.state;
    ctx.set('Content-Security-Policy', PAGE_POLICY);
    ctx.set('Cache-Control', 'no-store');
    ctx.type = 'html';
    ctx.body = renderPage(user, await readCatalog(storage, sluice, user));
  });

  router.post('/sign-in', signIn);
  router.post('/sign-out', signOut);

  // The other way to send: a handler of one's own chooses the object and how it is saved.
  router.get('/save', async (ctx) => {
    await sendDownload(ctx, sluice, keyOf(ctx), { subject: ctx.state.user, attachment: true });
  });

  // The same policy guards what else could tell of an object.
  router.get('/checksum', async (ctx) => {
    const key = keyOf(ctx);
    const { effect } = await sluice.explain({ subject: ctx.state.user, key });
    const sha256 = effect === 'allow' ? await checksums.sha256(key) : undefined;
    if (sha256 === undefined) ctx.throw(404);
    ctx.set('Cache-Control', 'no-store');
    ctx.type = 'text/plain';
    ctx.body = sha256;
  });

  return router;
}

/** Nothing inline and nothing from elsewhere: a name that got into the page as HTML would do nothing. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "media-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

function hardened(ctx: Context, next: Next): Promise<void> {
  ctx.set('X-Content-Type-Options', 'nosniff');
  ctx.set('Referrer-Policy', 'no-referrer');
  return next();
}

function keyOf(ctx: Context): StorageKey {
  const key = parseKey(ctx.query['key']);
  if (key === undefined) ctx.throw(404);
  return key;
}
