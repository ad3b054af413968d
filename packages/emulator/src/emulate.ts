import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

import type { ServerName } from '@sluice/core/offload';
import type { Middleware } from 'koa';

import { answer } from './front.ts';
import type { FrontServer } from './model.ts';
import { type EmulatorOptions, frontServerOf } from './options.ts';
import { hasTurn } from './turn.ts';
import { createUpstream, isAskedByFront, type Upstream } from './upstream.ts';

/**
 * Makes a middleware that stands for a front server: the application behind it is answered for as
 * the real server, with the configuration of `sluice config`, would answer. For development and
 * tests, not for production.
 *
 * It must be the first middleware. The rest of the application gets a request of its own, on a
 * connection in memory, whose answer never reaches the client by itself.
 *
 * @example
 * if (process.env.NODE_ENV === 'test') app.use(emulate('nginx', { roots: '/srv/private' }));
 *
 * @throws TypeError for an unknown server or a mistake in the options, quoting the value
 */
export function emulate(server: ServerName, options: EmulatorOptions): Middleware {
  const front = frontServerOf(server, options);
  const upstreams = new WeakMap<object, Upstream>();
  return async function frontServer(ctx, next) {
    if (isAskedByFront(ctx.req.socket)) {
      await next();
      return;
    }
    const { app } = ctx;
    // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers its own rejections
    const upstream = upstreams.get(app) ?? createUpstream(app.callback());
    upstreams.set(app, upstream);
    if (ctx.req.httpVersionMajor !== 1) ctx.throw(505, 'an emulated server speaks HTTP/1.1 only');
    // Koa would answer when this function has returned.
    ctx.respond = false;
    await answerOrCut(ctx.req, ctx.res, front, upstream);
  };
}

/**
 * Puts a front server before any listener of `node:http`, with the same promises as {@link emulate}.
 *
 * @example
 * const server = http.createServer(frontListener('nginx', { roots: '/srv/private' }, app.callback()));
 *
 * @throws TypeError for an unknown server or a mistake in the options, quoting the value
 */
export function frontListener(
  server: ServerName,
  options: EmulatorOptions,
  listener: RequestListener,
): RequestListener {
  const front = frontServerOf(server, options);
  const upstream = createUpstream(listener);
  return function frontServer(req, res) {
    answerOrCut(req, res, front, upstream).catch(() => {
      if (!res.headersSent) res.writeHead(500).end();
    });
  };
}

/** Of a disk that fails there is nothing to be said to a client that has the head already. */
async function answerOrCut(
  req: IncomingMessage,
  res: ServerResponse,
  front: FrontServer,
  upstream: Upstream,
): Promise<void> {
  if (!(await hasTurn(req, res))) return;
  try {
    await answer(req, res, front, upstream);
  } catch (error) {
    if (res.headersSent) res.destroy();
    throw error;
  }
}
