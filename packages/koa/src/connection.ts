import type { IncomingMessage } from 'node:http';
import { constants, type Http2ServerRequest, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';

import type { DownloadContext } from './request.ts';

/** Tells whether nothing can be sent any more, since the client left or we have cut it off. */
export function isGone(ctx: DownloadContext): boolean {
  const { req, res } = ctx;
  const stream = streamOf(req);
  if (stream !== undefined) return stream.destroyed || wasReset(ctx);
  // A pipelined response that waits for its turn has no connection yet; its request has.
  return res.destroyed || req.socket.destroyed;
}

/**
 * Tells of a response that is over whether it was reset before its end. HTTP/2 in Node says
 * 'finish' of every one, however it ended.
 */
export function wasReset({ req }: DownloadContext): boolean {
  const stream = streamOf(req);
  return stream !== undefined && (stream.aborted || stream.rstCode !== 0);
}

/**
 * Tells whether a response still waits for those before it on the same connection (RFC 9112 §9.3.2)
 * or has not begun.
 */
export function isWaiting({ req, res }: DownloadContext): boolean {
  return !res.headersSent || (streamOf(req) === undefined && res.socket === null);
}

/**
 * Waits for the turn of a response that stands behind others on its connection (RFC 9112 §9.3.2).
 * HTTP/2 has no such order.
 *
 * @returns whether there is still somebody to answer; `undefined` when it is its turn already
 */
export function turnOf(ctx: DownloadContext): Promise<boolean> | undefined {
  const { req, res } = ctx;
  if (streamOf(req) !== undefined || res.socket !== null || isGone(ctx)) return undefined;
  return new Promise((resolve) => {
    const forget = onConnectionClose(ctx, () => resolve(false));
    res.once('socket', () => {
      forget();
      resolve(true);
    });
  });
}

/**
 * Ends a response in a way that no client can take for its proper end: HTTP/1.1 by a reset of the
 * connection (RFC 9112 §8), HTTP/2 by a reset of the stream (RFC 9113 §5.4.2).
 *
 * A reset also frees what the kernel still holds for a client that reads nothing.
 */
export function cut({ req }: DownloadContext): void {
  const stream = streamOf(req);
  if (stream !== undefined) {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  } else if (!req.socket.destroyed) {
    reset(req.socket);
  }
}

/**
 * Tells whether an error that Koa reports says only that the client left: a reset or a broken pipe
 * of this very connection, or a response that closed before its end.
 */
export function isAbort(error: unknown, ctx: DownloadContext): boolean {
  if (!(error instanceof Error) || !isGone(ctx)) return false;
  const { errored } = streamOf(ctx.req) ?? ctx.req.socket;
  return error === errored || ('code' in error && PREMATURE.has(error.code));
}

/**
 * Calls a listener when the connection of a request closes. Node tells it to the response that is
 * being sent, but not to the pipelined ones behind it.
 *
 * @returns what takes the listener away again
 */
export function onConnectionClose({ req }: DownloadContext, listener: () => void): () => void {
  const { socket } = req;
  const listeners = listenersOf.get(socket) ?? listenTo(socket);
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What `stream.pipeline` makes of a response that has gone. */
const PREMATURE: ReadonlySet<unknown> = new Set([
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_UNABLE_TO_PIPE',
]);

/** One listener on a socket for any number of requests, of which a client may pipeline hundreds. */
const listenersOf = new WeakMap<Socket, Set<() => void>>();

function listenTo(socket: Socket): Set<() => void> {
  const listeners = new Set<() => void>();
  listenersOf.set(socket, listeners);
  socket.once('close', () => {
    for (const listener of listeners) listener();
  });
  return listeners;
}

/** Koa's types know HTTP/1.1 only, but its callback serves Node's HTTP/2 as well. */
function streamOf(req: IncomingMessage | Http2ServerRequest): ServerHttp2Stream | undefined {
  return 'stream' in req ? req.stream : undefined;
}

function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    // Only TCP can reset; TLS and local sockets are closed short of the announced length.
    socket.destroy();
  }
}
