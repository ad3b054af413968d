import { isAbort } from './connection.ts';
import { placeOrder } from './fence.ts';
import { override } from './override.ts';
import type { DownloadContext } from './request.ts';

/** What of a response reaches the application's `error` event. */
export interface Reports {
  /** Reports a fault of ours once, however often Koa comes upon it later. */
  tell(fault: Error): void;
  /** Reports a fault of the application that the answer does not show. */
  log(fault: unknown): void;
}

/**
 * Keeps the departure of a client out of the application's `error` event, for one response alone:
 * it is the common end of a download, and no fault.
 *
 * Koa tells of it twice, from the callback of its pipeline and from on-finished, and each time
 * looks `onerror` up on the context; so one in front of the application's own sees both. Whatever
 * is not the end of this very connection passes on.
 */
export function quietAborts(ctx: DownloadContext): Reports {
  const report = ctx.onerror.bind(ctx);
  let told: Error | undefined;
  const onerror = (error: Error): void => {
    if (told !== undefined && error === told) return;
    // What answers from here on is an error, whatever status it has.
    placeOrder(ctx, undefined);
    if (!isAbort(error, ctx)) report(error);
  };
  override(ctx, 'onerror', onerror);
  return {
    tell(fault) {
      told = fault;
      report(fault);
    },
    log(fault) {
      const error = fault instanceof Error ? fault : new Error('a policy failed', { cause: fault });
      ctx.app.emit('error', error, ctx);
    },
  };
}
