import { once } from 'node:events';
import { createServer } from 'node:http';

import {
  allow,
  createSluice,
  deny,
  type DownloadEvent,
  firstApplicable,
  forPrefix,
  type Sluice,
  type SluiceOptions,
} from '@sluice/core';
import type { Dialect } from '@sluice/core/offload';
import { downloads, sendDownload } from '@sluice/koa';
import Koa from 'koa';

import type { Fixture } from './fixture.ts';

/** The application behind a front server, and what can be known of it only from within. */
export interface RunningApp {
  readonly port: number;
  /** How many connections it was opened. */
  connections(): number;
  /** The event of the download that a request led to; waits for it. */
  event(request: string): Promise<DownloadEvent<Asker>>;
  /** Does something between the decision over a request and its answer. */
  meanwhile(request: string, act: () => unknown): void;
  stop(): Promise<void>;
}

/** Who asks: the request itself, by the name that its client gave it. */
export interface Asker {
  readonly request: string;
}

/** What {@link startApp} takes. */
export interface AppOptions {
  readonly fixture: Fixture;
  /** Absent: the application streams. */
  readonly dialect?: Dialect | undefined;
  /** Absent: no client is sent to the store. */
  readonly redirect?: SluiceOptions['redirect'];
  /** In front of everything else, as an emulator is. */
  readonly front?: Koa.Middleware | undefined;
}

/** The header by which a client names its request. */
export const REQUEST_NAME = 'sluice-e2e-request';

/** What answers `/hello`, and says that this is the application. */
export const HELLO = 'hello from the application';

/** The name under which a client is to save what lies below `named/`. */
export const NAMED = 'Übersicht "1"; x=y\\ 日本 🎉 100%.pdf';

/** Bytes a second of every download below `slow/`. */
export const RATE: number = 256 * 1024;

/** Starts the application on a port of its own. */
export async function startApp({
  fixture,
  dialect,
  redirect,
  front,
}: AppOptions): Promise<RunningApp> {
  const events = new Map<string, DownloadEvent<Asker>>();
  const acts = new Map<string, () => unknown>();
  const waiting = new Map<string, (event: DownloadEvent<Asker>) => void>();
  const sluice = createSluice<Asker>({
    storage: fixture.createDriver(),
    policy: POLICY,
    dialect,
    redirect,
    onCompletion(event) {
      const name = event.subject?.request ?? '';
      events.set(name, event);
      waiting.get(name)?.(event);
    },
  });

  const app = createApp(sluice, front, async (request) => {
    const act = acts.get(request);
    acts.delete(request);
    await act?.();
  });
  let connections = 0;
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers its own rejections
  const server = createServer(app.callback());
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return {
    port: address.port,
    connections: () => connections,
    event(request) {
      const event = events.get(request);
      if (event !== undefined) return Promise.resolve(event);
      return new Promise((resolve) => waiting.set(request, resolve));
    },
    meanwhile: (request, act) => void acts.set(request, act),
    async stop() {
      server.close();
      server.closeAllConnections();
      await sluice.close();
    },
  };
}

/** @param decided is told of each request once the application has decided, before it answers */
function createApp(
  sluice: Sluice<Asker>,
  front: Koa.Middleware | undefined,
  decided: (request: string) => Promise<void>,
): Koa {
  const app = new Koa();
  // Faults that tests cause on purpose; those of the application's show in its answers.
  app.silent = true;
  if (front !== undefined) app.use(front);
  app.use(async (ctx, next) => {
    const request = ctx.get(REQUEST_NAME);
    ctx.state['user'] = { request } satisfies Asker;
    await next();
    await decided(request);
  });
  app.use(changeAfterwards);
  app.use(forgeAbove);
  app.use(dress);
  app.use(downloads(sluice, { prefix: '/files/' }));
  app.use(forgeBelow);
  app.use(async (ctx, next) => {
    const key = KEY_QUERY.exec(ctx.url)?.[1];
    if (key === undefined) return next();
    await sendDownload(ctx, sluice, Buffer.from(key, 'hex').toString());
  });
  app.use((ctx) => {
    if (ctx.url === '/hello') ctx.body = HELLO;
  });
  return app;
}

const KEY_QUERY = /^\/by-key\?([\da-f]+)$/;

const POLICY = firstApplicable<Asker>(
  forPrefix('denied', () => deny('nobody may')),
  forPrefix('inline', () => allow({ disposition: 'inline' })),
  forPrefix('varied', () => allow({ headers: { Vary: 'Cookie' } })),
  forPrefix('headers', () =>
    allow({ headers: { 'Content-Language': 'en', 'Referrer-Policy': 'no-referrer' } }),
  ),
  forPrefix('custom', () => allow({ headers: { 'X-Custom': 'one, "two"; three=%41&?#' } })),
  forPrefix('named', () =>
    allow({ filename: NAMED, disposition: 'attachment', cacheControl: 'public, max-age=60' }),
  ),
  forPrefix('typed', () => allow({ contentType: 'application/vnd.sluice.e2e+json; v="1;2"' })),
  forPrefix('tagged', () => allow({ entityTag: '"chosen-by-the-policy"' })),
  forPrefix('encoded', () => allow({ contentEncoding: 'gzip' })),
  forPrefix('slow', () => allow({ rate: RATE })),
  () => allow(),
);

/** `/after/404/files/a.txt`: another middleware that answers otherwise once the download is set. */
const changeAfterwards: Koa.Middleware = async (ctx, next) => {
  const [, how, url] = /^\/after\/(\w+)(\/.*)$/.exec(ctx.url) ?? [];
  if (how === undefined || url === undefined) return next();
  ctx.req.url = url;
  await next();
  switch (how) {
    case 'throw':
      throw new Error('an accident after the download');
    case 'body':
      ctx.body = 'another body';
      return;
    case 'status':
      ctx.status = 403;
      return;
    default:
      ctx.status = Number(how);
      ctx.body = `changed to ${how}`;
  }
};

/** `/dressed/files/a.txt`: a middleware that adds headers of its own to every answer. */
const dress: Koa.Middleware = async (ctx, next) => {
  const [, url] = /^\/dressed(\/.*)$/.exec(ctx.url) ?? [];
  if (url === undefined) return next();
  ctx.req.url = url;
  ctx.cookies.set('first', '1');
  ctx.set('Strict-Transport-Security', 'max-age=60');
  await next();
  ctx.cookies.set('second', '2');
  ctx.set('X-Request-Id', 'a1');
};

/** `/above/x-sendfile?value`: a middleware that orders a front server itself, around all others. */
const forgeAbove: Koa.Middleware = async (ctx, next) => {
  const [, name, value] = /^\/above\/([\w-]+)\?(.*)$/.exec(ctx.url) ?? [];
  if (name === undefined || value === undefined) return next();
  ctx.req.url = '/hello';
  ctx.set(name, decodeURIComponent(value));
  await next();
  ctx.set(name, decodeURIComponent(value));
};

/** `/below/x-sendfile?value`: a handler that answers what a download answers, with its own order. */
const forgeBelow: Koa.Middleware = async (ctx, next) => {
  const [, name, value] = /^\/below\/([\w-]+)\?(.*)$/.exec(ctx.url) ?? [];
  if (name === undefined || value === undefined) return next();
  ctx.set(name, decodeURIComponent(value));
  ctx.type = 'text/plain';
  ctx.body = '';
};
