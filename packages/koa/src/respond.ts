import type { Readable } from 'node:stream';

import type { Download, DownloadPlan, OffloadPlan, PlanHeaders, RedirectPlan } from '@sluice/core';

import { isOrder, placeOrder } from './fence.ts';
import type { DownloadContext } from './request.ts';

/**
 * Sets the answer that was planned. The only writer of the context.
 *
 * Every answer is set, so that middleware above sees it like any other; only a failure of the
 * store is thrown, so that Koa logs it.
 *
 * @throws HttpError for a failed plan: its text is fixed, and what failed is its `cause`
 */
export function respond(
  ctx: DownloadContext,
  { plan, body, secretHeaders, error }: Download,
): void {
  switch (plan.kind) {
    case 'whole':
    case 'range':
    case 'ranges':
      return answer(ctx, plan, body instanceof Uint8Array ? toBuffer(body) : body);
    case 'offload':
      return order(ctx, plan, secretHeaders);
    case 'redirect':
      return redirect(ctx, plan, secretHeaders);
    case 'not-modified':
      return answer(ctx, plan, undefined);
    case 'precondition-failed':
    case 'range-not-satisfiable':
    case 'refused':
      return answer(ctx, plan, plan.text);
    case 'failed':
      return fail(ctx, plan, error);
  }
}

/** Headers that speak of one body. Those of a body that is not sent must not stand by ours. */
const OF_ANOTHER_BODY: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'digest',
  'etag',
  'last-modified',
  'repr-digest',
  'trailer',
  'transfer-encoding',
]);

/**
 * What orders the file to be sent waits behind the fence; the rest is an answer like any other. But a
 * fetch from a store is bound to the version by the entity tag that goes with the order.
 */
function order(
  ctx: DownloadContext,
  { status, headers }: OffloadPlan,
  secretHeaders: PlanHeaders | undefined,
): void {
  const isFetch = secretHeaders !== undefined;
  const all = Object.entries(headers);
  const orders = all.filter(([name]) => isOrder(ctx, name) || (isFetch && name === 'etag'));
  const others = all.filter(([name]) => !isOrder(ctx, name));
  // Koa takes null for 204, and no body at all for the text "OK". No other body is this one, however
  // empty it is.
  const body = Buffer.alloc(0);
  answer(ctx, { status, headers: Object.fromEntries(others) }, body);
  placeOrder(ctx, { status, headers: Object.fromEntries(orders), secretHeaders, body });
}

/**
 * Where the client is sent waits behind the fence, too: whoever has the URL has the object, so it goes
 * to nobody to whom middleware above has denied it, and into no log of what the context holds. With it
 * goes, whatever was set above, that nobody may keep the answer.
 */
function redirect(
  ctx: DownloadContext,
  { status, headers }: RedirectPlan,
  secretHeaders: PlanHeaders | undefined,
): void {
  const body = Buffer.alloc(0);
  answer(ctx, { status, headers }, body);
  // Koa names a type for every body, and this one has nothing in it.
  ctx.res.removeHeader('content-type');
  ctx.res.removeHeader('location');
  placeOrder(ctx, { status, headers, secretHeaders, body });
}

function answer(
  ctx: DownloadContext,
  { status, headers }: Pick<DownloadPlan, 'status' | 'headers'>,
  body: Buffer | Readable | string | undefined,
): void {
  const { res } = ctx;
  // koa-compress would code bytes that the entity tag and the ranges speak of.
  ctx.compress = false;
  clearHeaders(ctx);
  // HEAD and 304 have none, and one left from above must not be hashed or counted for them.
  if (body === undefined && ctx.body !== undefined && ctx.body !== null) ctx.body = null;
  ctx.status = status;
  const type = headers['content-type'];
  // The setter of the body would look for a type of its own.
  if (type !== undefined) res.setHeader('content-type', type);
  if (body !== undefined) ctx.body = body;
  // After the body, whose setter may count another length; and on the response itself, which takes
  // half the time of `ctx.set`.
  setHeaders(res, headers);
}

function setHeaders(res: DownloadContext['res'], headers: PlanHeaders): void {
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value !== undefined && name !== 'content-type') res.setHeader(name, value);
  }
}

function clearHeaders(ctx: DownloadContext): void {
  const { res } = ctx;
  // Of an earlier download that this one takes the place of.
  placeOrder(ctx, undefined);
  for (const name of res.getHeaderNames()) {
    // None but the plan orders a front server to send a file.
    if (OF_ANOTHER_BODY.has(name) || isOrder(ctx, name)) res.removeHeader(name);
  }
}

function fail(
  ctx: DownloadContext,
  { status, headers, text }: Extract<DownloadPlan, { kind: 'failed' }>,
  cause: unknown,
): never {
  clearHeaders(ctx);
  // Koa, or the application's error handler, frames a text of its own.
  const kept = Object.entries(headers).filter(([name]) => !OF_ANOTHER_BODY.has(name));
  try {
    // From 500 on Koa does not expose the text of an error.
    return ctx.throw(status, text, { headers: Object.fromEntries(kept), cause });
  } catch (error) {
    // Koa's own log prints the stack alone, which would say nothing of why.
    if (error instanceof Error && cause instanceof Error) {
      error.stack = `${error.stack}\ncaused by ${cause.stack}`;
    }
    throw error;
  }
}

/** The same memory: Koa takes any other array of bytes for JSON. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
