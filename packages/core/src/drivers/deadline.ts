import { SluiceError } from '../errors.ts';
import { throwIfAborted, untilAborted, waitFor } from './abort.ts';
import { createCallSignal } from './call-signal.ts';
import { onSilence } from './silence.ts';

/** What a deadline is set to. */
export interface Deadline<T> {
  /** Milliseconds. */
  readonly limit: number;
  /** The caller's. */
  readonly signal: AbortSignal | undefined;
  /** Takes a result that comes too late for whoever asked: a handle to be closed. */
  readonly late: (value: T) => void;
}

/**
 * Does something under a signal that is aborted when it takes too long, and nothing where the
 * caller's is aborted already. Whoever waits is told at once, whatever becomes of the work.
 *
 * @throws SluiceError `SLUICE_TIMEOUT`, `SLUICE_ABORTED`; whatever the work fails with before
 */
export async function withinLimit<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { limit, signal, late }: Deadline<T>,
): Promise<T> {
  throwIfAborted(signal);
  const call = createCallSignal(signal);
  try {
    return await endLate(untilAborted(work(call.signal), signal, late), limit, {
      late,
      expire: (error) => call.abort(error),
    });
  } finally {
    call.done();
  }
}

/**
 * Waits for something for no longer than a limit.
 *
 * @throws SluiceError `SLUICE_TIMEOUT`; whatever it fails with before
 */
export async function endLate<T>(
  work: Promise<T>,
  limit: number,
  on: { readonly late: (value: T) => void; readonly expire: (error: SluiceError) => void },
): Promise<T> {
  const { result, giveUp } = waitFor(work, on.late);
  const stop = onSilence(limit, () => {
    const error = new SluiceError('SLUICE_TIMEOUT', `the store gave nothing for ${limit} ms`);
    // First: what is aborted next fails, and not for a reason that anybody should hear of.
    giveUp(error);
    on.expire(error);
  });
  try {
    return await result;
  } finally {
    stop();
  }
}
