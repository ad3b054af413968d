import type { ServerResponse } from 'node:http';

import type { Dialect, PlanHeaders } from '@sluice/core';
import { isSendfileHeader } from '@sluice/core/http';

import type { DownloadContext } from './request.ts';

/**
 * Stands between a response and the front server: no order to send a file leaves but the one that
 * was planned for this response.
 *
 * The order is written at the very moment the head goes out, and only where the answer is still the
 * one that was planned: status 200 and an empty body. With another status the servers differ: some
 * send the file all the same, some show its path to the client. So an answer that somebody above
 * replaced, an error, and a page of an error handler go out without any.
 */
export function raiseFence(ctx: DownloadContext, dialect: Dialect | undefined): void {
  if (dialect === undefined) return;
  const { res } = ctx;
  const raised = fences.get(res);
  if (raised !== undefined) {
    raised.headers.add(dialect.header);
    return;
  }
  const fence: Fence = { ctx, headers: new Set([dialect.header]), order: undefined };
  fences.set(res, fence);
  guard(res, fence);
}

/** Lets one order through, if the answer stays as it is: an empty body with status 200. */
export function placeOrder({ res }: DownloadContext, order: PlanHeaders | undefined): void {
  const fence = fences.get(res);
  if (fence !== undefined) fence.order = order;
}

/** Tells whether a header of a response is an order to its front server. */
export function isOrder({ res }: DownloadContext, name: string): boolean {
  return isSendfileHeader(name) || fences.get(res)?.headers.has(name.toLowerCase()) === true;
}

interface Fence {
  readonly ctx: DownloadContext;
  /** By which the servers of all sluices in this application are told, in lower case. */
  readonly headers: Set<string>;
  order: PlanHeaders | undefined;
}

const fences: WeakMap<ServerResponse, Fence> = new WeakMap();

/** What would make the file part of another message than the one planned. */
const NOT_OF_A_FILE = ['content-range', 'trailer', 'transfer-encoding'];

/** Every way to send a head, in HTTP/1.1 and in HTTP/2, goes through `writeHead`. */
function guard(res: ServerResponse, fence: Fence): void {
  const writeHead = res.writeHead.bind(res);
  res.writeHead = (status: number, ...rest: readonly unknown[]): ServerResponse => {
    if (!res.headersSent) {
      for (const name of res.getHeaderNames()) {
        if (isOrder(fence.ctx, name)) res.removeHeader(name);
      }
      if (holds(status, fence)) write(res, fence.order);
    }
    const checked = rest.map((argument) => withoutOrders(argument, fence));
    Reflect.apply(writeHead, undefined, [status, ...checked]);
    return res;
  };
}

/** Tells whether what goes out is what was planned with the order. */
function holds(status: number, { ctx, order }: Fence): boolean {
  if (order === undefined || status !== 200 || ctx.body !== '') return false;
  const length = ctx.res.getHeader('content-length');
  return length === undefined || String(length) === '0';
}

function write(res: ServerResponse, order: PlanHeaders | undefined): void {
  if (order === undefined) return;
  for (const name of NOT_OF_A_FILE) res.removeHeader(name);
  // Without it Node may send chunks, after which some servers give up their connection.
  res.setHeader('content-length', '0');
  for (const [name, value] of Object.entries(order)) res.setHeader(name, value);
}

/** Headers that are given along with the status: an object, pairs, or names and values in turn. */
function withoutOrders(given: unknown, { ctx }: Fence): unknown {
  if (typeof given !== 'object' || given === null) return given;
  if (!isList(given)) {
    return Object.fromEntries(Object.entries(given).filter(([name]) => !isOrder(ctx, name)));
  }
  return given.filter((item, at) => {
    const name: unknown = isList(item) ? item[0] : given[at - (at % 2)];
    return typeof name !== 'string' || !isOrder(ctx, name);
  });
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
