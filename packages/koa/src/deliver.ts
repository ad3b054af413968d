import {
  type Download,
  type DownloadPlan,
  type DownloadRequest,
  isSluiceError,
  type Sluice,
} from '@sluice/core';

import { nextBatch } from './batch.ts';
import { isGone, turnOf } from './connection.ts';
import { raiseFence } from './fence.ts';
import type { Reports } from './reports.ts';
import type { DownloadContext } from './request.ts';
import { respond } from './respond.ts';
import { watchTransfer } from './transfer.ts';

/**
 * Opens a download, sets it as the answer, and sees to it that it is settled once the answer is
 * over. It resolves when the answer is set; Koa sends it when the middleware has returned.
 *
 * A client may send hundreds of requests on one connection without reading an answer. None is
 * opened before its turn, so that a connection holds one object and one place at a time.
 *
 * @returns the plan; `undefined` when the client left before its turn, or another middleware answered
 * meanwhile, and nothing was decided
 */
export async function deliver<S>(
  ctx: DownloadContext,
  sluice: Sluice<S>,
  request: DownloadRequest<S>,
  reports: Reports,
): Promise<DownloadPlan | undefined> {
  raiseFence(ctx, sluice.dialect);
  const turn = turnOf(ctx);
  if (turn !== undefined && (!(await turn) || ctx.headerSent)) return undefined;
  const download = await sluice.open(request);
  await nextBatch();
  const { plan } = download;
  if (ctx.headerSent) {
    tooLate(download, reports);
    return plan;
  }
  if (isGivenUp(ctx, download)) {
    download.settle({ end: 'aborted', bytes: 0 });
    return plan;
  }
  try {
    respond(ctx, download);
  } catch (error) {
    // A failed plan is thrown on purpose; Koa or the application's error handler answers it.
    download.settle({ end: 'failed', bytes: 0, error });
    throw error;
  }
  watchTransfer(ctx, download, reports, sluice.idleTimeout);
  // The client sees what it sees of a missing object; the application must learn of its fault.
  if (plan.kind === 'refused' && download.error !== undefined) reports.log(download.error);
  return plan;
}

/** Tells whether the store was not waited for to the end, since the client left. That is no fault. */
function isGivenUp(ctx: DownloadContext, { plan, error }: Download): boolean {
  const isEnded = isSluiceError(error) && error.code === 'SLUICE_ABORTED';
  return plan.kind === 'failed' && isEnded && isGone(ctx);
}

/** Nothing can be sent any more, and nobody may be there to catch what is thrown. */
function tooLate(download: Download, reports: Reports): void {
  const error = new Error(
    'the response was sent before the download was ready; is an await missing?',
  );
  download.settle({ end: 'failed', bytes: 0, error });
  reports.log(error);
}
