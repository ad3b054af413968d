import type { Download, Transfer } from '@sluice/core';

import { cut, isGone, isWaiting, onConnectionClose, wasReset } from './connection.ts';
import { type Clocked, createIdleClock } from './idle-clock.ts';
import { wasOrdered } from './fence.ts';
import type { Reports } from './reports.ts';
import type { DownloadContext } from './request.ts';
import { sendQueueOf } from './send-queue.ts';

/**
 * Watches how the answer to a download is taken, and settles the download exactly once: when the
 * last byte was handed to the connection, or when it is known that this will not happen.
 *
 * - `finished`: the announced bytes are out.
 * - `aborted`: the client left, or took nothing for `idleTimeout` milliseconds, and was cut off.
 * - `failed`: the object came up short, the store stood still for `idleTimeout`, or another
 *   middleware answered in place of the download. In the first two cases the connection is reset,
 *   so that the client cannot take what it has for the whole, and Koa is told of the fault.
 *
 * @param idleTimeout milliseconds
 */
export function watchTransfer(
  ctx: DownloadContext,
  download: Download,
  reports: Reports,
  idleTimeout: number,
): void {
  const { res } = ctx;
  const { body } = download;
  const watch: Watch = {
    ctx,
    download,
    offered: ctx.body,
    stream: body instanceof Uint8Array ? undefined : body,
    idleTimeout,
    reports,
    forget: undefined,
    seen: '',
    isAsking: false,
    place: undefined,
    wasQuiet: false,
    over: false,
  };
  watch.stream?.on('error', (error) => {
    // Koa's pipeline destroys the stream with an error when the client leaves.
    if (isGone(ctx)) end(watch, 'aborted');
    else fail(watch, error);
  });
  if (isGone(ctx)) {
    end(watch, 'aborted');
    return;
  }
  // Each comes once.
  res.on('finish', () => onFinish(watch));
  res.on('close', () => end(watch, 'aborted'));
  clock.join(watch, idleTimeout / 2);
  if (res.socket === null) watch.forget = onConnectionClose(ctx, () => end(watch, 'aborted'));
}

interface Watch extends Clocked {
  readonly ctx: DownloadContext;
  readonly download: Download;
  /** The body as it was set, to see whether it still is. */
  readonly offered: unknown;
  readonly stream: Exclude<Download['body'], Uint8Array>;
  /** Milliseconds. */
  readonly idleTimeout: number;
  readonly reports: Reports;
  /** Stops listening to a connection that other requests share. */
  forget: (() => void) | undefined;
  /** How far the transfer had come when it was last looked at. */
  seen: string;
  /** The kernel is being asked. */
  isAsking: boolean;
  /** Nothing moved for half of the idle timeout. */
  wasQuiet: boolean;
  over: boolean;
}

function onFinish(watch: Watch): void {
  const { ctx, download, stream } = watch;
  if (wasReset(ctx)) return end(watch, 'aborted');
  const complete =
    ctx.res.statusCode === download.plan.status &&
    !isDisplaced(watch) &&
    !isUnordered(watch) &&
    (stream === undefined || stream.readableEnded);
  return complete ? end(watch, 'finished') : end(watch, 'failed', displacement());
}

/**
 * Looks at each half of the idle timeout whether anything has moved since, in Node or in the kernel: a
 * slow client is not a stalled one. One half in which nothing has is not enough: where the process
 * itself was held up, its timers run before it learns what the clients have taken.
 */
async function onTick(watch: Watch): Promise<void> {
  if (watch.isAsking) return;
  // A stream of HTTP/2 that has ended has no connection to be asked.
  if (isGone(watch.ctx)) return end(watch, 'aborted');
  const progress = progressOf(watch);
  watch.isAsking = true;
  const queue = await sendQueueOf(watch.ctx.req.socket);
  watch.isAsking = false;
  if (watch.over) return;
  const now = `${progress} ${queue}`;
  const isQuiet = now === watch.seen && !isWaiting(watch.ctx);
  watch.seen = now;
  if (isQuiet && watch.wasQuiet) onIdle(watch);
  else watch.wasQuiet = isQuiet;
}

const clock = createIdleClock((watch: Watch) => void onTick(watch));

/** What changes with every piece that is read from the store or taken by the connection. */
function progressOf({ ctx: { res }, stream }: Watch): string {
  return `${stream?.bytesTaken} ${res.writableLength} ${res.socket?.writableLength}`;
}

function onIdle(watch: Watch): void {
  const { ctx, stream, idleTimeout } = watch;
  if (isDisplaced(watch)) return end(watch, 'failed', displacement());
  const isDrained = ctx.res.writableLength === 0;
  if (isDrained && stream !== undefined && !stream.readableEnded) {
    return fail(watch, new Error(`the store gave no bytes for ${idleTimeout} ms`));
  }
  end(watch, 'aborted', new Error(`stalled: the client took no bytes for ${idleTimeout} ms`));
  cut(ctx);
}

/** Tells whether another middleware set a body of its own, rather than to code or to watch ours. */
function isDisplaced({ ctx, offered, stream }: Watch): boolean {
  return offered !== undefined && ctx.body !== offered && (stream?.bytesTaken ?? 0) === 0;
}

/** Tells whether what somebody else was to send was not asked for, under whatever status. */
function isUnordered({ ctx, download: { plan } }: Watch): boolean {
  return (plan.kind === 'offload' || plan.kind === 'redirect') && !wasOrdered(ctx);
}

function displacement(): Error {
  return new Error('another middleware answered in place of the download');
}

/** Ends what our side cannot go on with. */
function fail(watch: Watch, fault: Error): void {
  if (watch.over) return;
  end(watch, 'failed', fault);
  cut(watch.ctx);
  watch.reports.tell(fault);
}

function end(watch: Watch, how: Transfer['end'], error?: Error): void {
  if (watch.over) return;
  watch.over = true;
  clock.leave(watch, watch.idleTimeout / 2);
  watch.forget?.();
  watch.download.settle({
    end: how,
    bytes: bytesOf(watch),
    ...(error !== undefined && { error }),
  });
}

/** Koa writes what lies in memory together with the headers. */
function bytesOf({ ctx, download: { body } }: Watch): number {
  if (!(body instanceof Uint8Array)) return body?.bytesTaken ?? 0;
  return ctx.res.headersSent ? body.byteLength : 0;
}
