import { type DownloadPlan, type DownloadRequest, quote, type Sluice } from '@sluice/core';

import type { Reports } from './reports.ts';
import type { DownloadContext } from './request.ts';
import { respond } from './respond.ts';
import { watchTransfer } from './transfer.ts';

/**
 * Opens a download, sets it as the answer, and sees to it that it is settled once the answer is
 * over. It resolves when the answer is set; Koa sends it when the middleware has returned.
 */
export async function deliver<S>(
  ctx: DownloadContext,
  sluice: Sluice<S>,
  request: DownloadRequest<S>,
  reports: Reports,
): Promise<DownloadPlan> {
  const download = await sluice.open(request);
  try {
    respond(ctx, download);
  } catch (error) {
    // A failed plan is thrown on purpose; Koa or the application's error handler answers it.
    download.settle({ end: 'failed', bytes: 0, error });
    throw error;
  }
  watchTransfer(ctx, download, reports, sluice.idleTimeout);
  return download.plan;
}

/**
 * Checks that a value is a sluice.
 *
 * @throws TypeError quoting what it is instead
 */
export function checkSluice(owner: string, sluice: unknown): void {
  const isSluice =
    typeof sluice === 'object' &&
    sluice !== null &&
    'open' in sluice &&
    typeof sluice.open === 'function' &&
    'idleTimeout' in sluice;
  if (!isSluice) {
    throw new TypeError(`${owner}: sluice must come from createSluice, got ${quote(sluice)}`);
  }
}
