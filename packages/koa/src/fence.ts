import type { ServerResponse } from 'node:http';

import type { Dialect, PlanHeaders } from '@sluice/core';
import { isSendfileHeader } from '@sluice/core/http';

import { cut } from './connection.ts';
import { override } from './override.ts';
import type { DownloadContext } from './request.ts';

/**
 * Stands between a response and the front server: no order to send a file leaves but the one that
 * was planned for this response.
 *
 * The order is written at the very moment the head goes out, and only where the answer is still the
 * one that was planned: status 200 and the empty body that came with the order. With another status
 * the servers differ: some send the file all the same, some show its path to the client. So an
 * answer that somebody above replaced, an error, and a page of an error handler go out without any.
 * A URL of the store that a client is sent to is held back in the same way, under its own status, and
 * stays behind where somebody above sends the client elsewhere.
 *
 * Whoever took the place of `writeHead` before this did can still change the head after it was
 * checked. In HTTP/1.1 that is seen before a byte of it leaves, and the connection is cut.
 */
export function raiseFence(ctx: DownloadContext, dialect: Dialect | undefined): void {
  if (dialect !== undefined) fenceAt(ctx).headers.add(dialect.header);
}

/** What waits for its head: an order to the front server, or the URL that a client is sent to. */
export interface Order {
  readonly headers: PlanHeaders;
  /** Those that hold a signed URL: they go out with the rest, and nobody can read them afterwards. */
  readonly secretHeaders?: PlanHeaders | undefined;
  readonly status: 200 | 302 | 404;
  /** The very body that was set with it; another one, as empty as it may be, is another answer. */
  readonly body: unknown;
}

/** Lets one order through, if the answer stays as it is. A later call takes the place of this one. */
export function placeOrder(ctx: DownloadContext, order: Order | undefined): void {
  const fence = order === undefined ? fenceOf(ctx.res) : fenceAt(ctx);
  if (fence === undefined) return;
  // Another application may have the same response in a context of its own.
  fence.ctx = ctx;
  fence.order = order;
  if (order !== undefined && isBodiless(order)) guardBody(ctx.res, fence);
}

/** Tells whether an order went out with the head. */
export function wasOrdered({ res }: Pick<DownloadContext, 'res'>): boolean {
  return fenceOf(res)?.sent !== undefined;
}

/** Tells whether a header of a response is an order to its front server. */
export function isOrder({ res }: Pick<DownloadContext, 'res'>, name: string): boolean {
  return isSendfileHeader(name) || fenceOf(res)?.headers.has(name.toLowerCase()) === true;
}

interface Fence {
  ctx: DownloadContext;
  /** By which the servers of all sluices in this application are told, in lower case. */
  readonly headers: Set<string>;
  order: Order | undefined;
  /** The order that went into the head. */
  sent: Order | undefined;
  isWatched: boolean;
}

/**
 * A property of the response, which nobody who prints it sees. In a `WeakMap` a fence, which holds the
 * response through its context, would outlive it until the next full collection of garbage, which
 * took more time than all that the fence does.
 */
const FENCE = Symbol('sluice.fence');

function fenceOf(res: ServerResponse & { readonly [FENCE]?: Fence }): Fence | undefined {
  return res[FENCE];
}

function fenceAt(ctx: DownloadContext): Fence {
  const { res } = ctx;
  const raised = fenceOf(res);
  if (raised !== undefined) return raised;
  const fence: Fence = {
    ctx,
    headers: new Set(),
    order: undefined,
    sent: undefined,
    isWatched: false,
  };
  Object.defineProperty(res, FENCE, { value: fence });
  guardHead(res, fence);
  return fence;
}

/** All but the 404 of a probe, which has a text. */
function isBodiless({ status }: Order): boolean {
  return status !== 404;
}

/** Every way to send a head, in HTTP/1.1 and in HTTP/2, goes through `writeHead`. */
function guardHead(res: ServerResponse, fence: Fence): void {
  const writeHead = res.writeHead.bind(res);
  override(res, 'writeHead', (status: number, ...rest: readonly unknown[]): ServerResponse => {
    const isFirst = !res.headersSent;
    if (isFirst) {
      for (const name of ordersIn(res)) res.removeHeader(name);
      if (holds(status, rest, fence)) write(res, fence);
    }
    const checked = rest.map((argument) => withoutOrders(argument, res));
    Reflect.apply(writeHead, undefined, [status, ...checked]);
    if (isFirst && !isAsChecked(res, fence)) refuse(fence, 'changed its head');
    if (isFirst && fence.sent?.secretHeaders !== undefined) conceal(res, fence.sent.secretHeaders);
    return res;
  });
}

/** Bytes in place of the empty body are another answer: before the head they take the order back. */
function guardBody(res: ServerResponse, fence: Fence): void {
  if (fence.isWatched) return;
  fence.isWatched = true;
  const take = (chunk: unknown): boolean => {
    const isEmpty =
      !(typeof chunk === 'string' || chunk instanceof Uint8Array) || chunk.length === 0;
    if (isEmpty || fence.order === undefined) return true;
    if (fence.sent !== undefined) {
      refuse(fence, 'wrote a body to it');
      return false;
    }
    fence.order = undefined;
    if (!res.headersSent && String(res.getHeader('content-length')) === '0') {
      res.removeHeader('content-length');
    }
    return true;
  };
  const send = res.write.bind(res);
  const end = res.end.bind(res);
  override(res, 'write', (...rest: readonly unknown[]): boolean => {
    const isRoomy: unknown = take(rest[0]) && Reflect.apply(send, undefined, rest);
    return isRoomy === true;
  });
  override(res, 'end', (...rest: readonly unknown[]): ServerResponse => {
    if (take(rest[0])) Reflect.apply(end, undefined, rest);
    return res;
  });
}

function ordersIn(res: ServerResponse): readonly string[] {
  return res.getHeaderNames().filter((name) => isOrder({ res }, name));
}

/** Tells whether what goes out is what was planned with the order. */
function holds(status: number, rest: readonly unknown[], { ctx, order }: Fence): boolean {
  if (order === undefined || status !== order.status || ctx.body !== order.body) return false;
  // Koa gives no headers along with the status: this is somebody else's answer.
  if (rest.some((argument) => typeof argument === 'object' && argument !== null)) return false;
  // Taken away when the order was placed: whoever has set it since sends the client elsewhere.
  if (order.status === 302 && ctx.res.hasHeader('location')) return false;
  const length = ctx.res.getHeader('content-length');
  return !isBodiless(order) || length === undefined || String(length) === '0';
}

/** What would make the file part of another message than the one planned. */
const NOT_OF_A_FILE = ['content-range', 'trailer', 'transfer-encoding'];

function write(res: ServerResponse, fence: Fence): void {
  const { order } = fence;
  if (order === undefined) return;
  fence.sent = order;
  if (isBodiless(order)) {
    for (const name of NOT_OF_A_FILE) res.removeHeader(name);
    // Without it Node may send chunks, after which some servers give up their connection.
    res.setHeader('content-length', '0');
  }
  for (const [name, value] of Object.entries(allOf(order))) res.setHeader(name, value);
}

function allOf({ headers, secretHeaders }: Order): PlanHeaders {
  return { ...headers, ...secretHeaders };
}

function isAsChecked(res: ServerResponse, { sent }: Fence): boolean {
  const orders = ordersIn(res);
  if (sent === undefined) return orders.length === 0;
  const planned = allOf(sent);
  return (
    res.statusCode === sent.status && orders.every((name) => res.getHeader(name) === planned[name])
  );
}

/** Loggers print the headers of a response once it is over. */
function conceal(res: ServerResponse, secrets: PlanHeaders): void {
  const isShown = (name: string): boolean => !Object.hasOwn(secrets, name.toLowerCase());
  const getHeader = res.getHeader.bind(res);
  const getHeaders = res.getHeaders.bind(res);
  override(res, 'getHeader', (name) => (isShown(name) ? getHeader(name) : undefined));
  override(res, 'getHeaders', () =>
    Object.fromEntries(Object.entries(getHeaders()).filter(([name]) => isShown(name))),
  );
}

/** Nothing of the response may leave any more, or not the rest of it; the application must know why. */
function refuse({ ctx }: Fence, did: string): void {
  cut(ctx);
  const error = new Error(
    `the response was cut: another middleware ${did}, which has a file sent by another server`,
  );
  ctx.app.emit('error', error, ctx);
}

/** Headers that are given along with the status: an object, pairs, or names and values in turn. */
function withoutOrders(given: unknown, res: ServerResponse): unknown {
  if (typeof given !== 'object' || given === null) return given;
  const isForeign = (name: unknown): boolean => typeof name === 'string' && isOrder({ res }, name);
  if (!isList(given)) {
    return Object.fromEntries(Object.entries(given).filter(([name]) => !isForeign(name)));
  }
  if (given.every(isList)) return given.filter(([name]) => !isForeign(name));
  return given.filter((_, at) => !isForeign(given[at - (at % 2)]));
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
