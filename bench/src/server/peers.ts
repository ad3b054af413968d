// Every peer as its own documentation sets it up. They are imported when they start: each runs in a
// process of its own, which must not carry the others.
import type { RequestListener } from 'node:http';
import { join } from 'node:path';

import Koa from 'koa';

import type { Stage } from '../stage.ts';
import { koaListener } from './koa-listener.ts';

export async function koaSend({ root }: Stage): Promise<RequestListener> {
  const { default: send } = await import('koa-send');
  return koaApp(async (ctx) => void (await send(ctx, ctx.path, { root })));
}

export async function newKoaSend({ root }: Stage): Promise<RequestListener> {
  const { send } = await import('@koa/send');
  return koaApp(async (ctx) => void (await send(ctx, ctx.path, { root })));
}

export async function koaStatic({ root }: Stage): Promise<RequestListener> {
  const { default: serve } = await import('koa-static');
  return koaApp(serve(root));
}

export async function koaConditional({ root }: Stage): Promise<RequestListener> {
  const { default: conditional } = await import('koa-conditional-get');
  const { default: etag } = await import('koa-etag');
  const { default: serve } = await import('koa-static');
  return koaApp(conditional(), etag(), serve(root));
}

export async function koaSendfile({ root }: Stage): Promise<RequestListener> {
  const { default: sendfile } = await import('koa-sendfile');
  return koaApp(async (ctx) => void (await sendfile(ctx, join(root, ctx.path))));
}

export async function sendAlone({ root }: Stage): Promise<RequestListener> {
  const { default: send } = await import('send');
  return (request, response) => {
    send(request, request.url ?? '/', { root }).pipe(response);
  };
}

export async function expressStatic({ root }: Stage): Promise<RequestListener> {
  const { default: express } = await import('express');
  const app = express();
  app.use(express.static(root));
  return app;
}

export async function fastifyStatic({ root }: Stage): Promise<RequestListener> {
  const { default: fastify } = await import('fastify');
  const { default: serve } = await import('@fastify/static');
  const app = fastify();
  await app.register(serve, { root });
  await app.ready();
  return (request, response) => app.routing(request, response);
}

/** Lists the folder once and never looks again, which is what makes it fast. */
export async function sirvAlone({ root }: Stage): Promise<RequestListener> {
  const { default: sirv } = await import('sirv');
  const serve = sirv(root, { etag: true });
  return (request, response) => serve(request, response);
}

function koaApp(...middleware: readonly Koa.Middleware[]): RequestListener {
  const app = new Koa();
  for (const one of middleware) app.use(one);
  return koaListener(app);
}
