import type { Dialect } from '@sluice/core';
import { PROBE_MEDIA_TYPE } from '@sluice/core/probe';

import { placeOrder, raiseFence } from '../fence.ts';
import type { DownloadContext } from '../request.ts';

/** Answers a question of a doctor. */
export function tell(ctx: DownloadContext, value: object): void {
  ctx.compress = false;
  ctx.status = 200;
  ctx.body = JSON.stringify(value);
  ctx.res.setHeader('content-type', PROBE_MEDIA_TYPE);
  ctx.res.setHeader('cache-control', 'no-store');
  ctx.res.setHeader('x-content-type-options', 'nosniff');
}

/**
 * Answers 404 with an order to send a canary, as an application without a fence might: the doctor
 * sees what the front server makes of it.
 *
 * @returns false where nothing can be ordered
 */
export function tellStray(
  ctx: DownloadContext,
  dialect: Dialect | undefined,
  value: string | undefined,
): boolean {
  if (dialect === undefined || value === undefined) return false;
  raiseFence(ctx, dialect);
  ctx.compress = false;
  ctx.status = 404;
  ctx.body = 'Not Found';
  ctx.res.setHeader('content-type', 'text/plain; charset=utf-8');
  ctx.res.setHeader('cache-control', 'no-store');
  placeOrder(ctx, { status: 404, headers: { [dialect.header]: value }, body: ctx.body });
  return true;
}
