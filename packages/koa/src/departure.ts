import { isGone } from './connection.ts';
import type { DownloadContext } from './request.ts';

/**
 * Lets whoever waits in place of a client ask for a signal that is aborted when the client leaves. It
 * is made, and the client watched, when it is asked for; the end of an answer counts as a departure, too.
 */
export function departureOf(ctx: DownloadContext): () => AbortSignal {
  return () => {
    const controller = new AbortController();
    const leave = (): void => controller.abort(GONE);
    if (isGone(ctx)) leave();
    else ctx.res.once('close', leave);
    return controller.signal;
  };
}

/** A reason of its own: without one, every abort would make a `DOMException` with its stack. */
const GONE = new Error('the client has left');
