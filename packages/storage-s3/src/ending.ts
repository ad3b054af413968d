import { SluiceError } from '@sluice/core';
import { abortedBy, onSilence } from '@sluice/core/drivers';

/** The failure of a call that found the driver, or its handle, closed. */
export function closedBefore(what: 'driver' | 'object'): SluiceError {
  return new SluiceError('SLUICE_ABORTED', `the ${what} has been closed`);
}

/** The failure of a call to which the store gave nothing for too long. */
export function timedOut(): SluiceError {
  return new SluiceError('SLUICE_TIMEOUT', 'the store gave nothing in the time that it had');
}

/** A limit on a call: the caller's signal, and a time. */
export interface Ending {
  /** Aborted when either has come. */
  readonly signal: AbortSignal;
  /** Rejects when either has come, and never resolves. */
  readonly ended: Promise<never>;
  /** Why the call had to end; `undefined` while it need not. */
  fault(): SluiceError | undefined;
  /** Lets go of the timer and of the caller's signal. */
  release(): void;
}

/**
 * Watches over a call.
 *
 * @param limit milliseconds
 */
export function createEnding(signal: AbortSignal | undefined, limit: number): Ending {
  const controller = new AbortController();
  let fault: SluiceError | undefined;
  let reject: (error: SluiceError) => void;
  const ended = new Promise<never>((_resolve, rejectIt) => {
    reject = rejectIt;
  });
  // Whoever did not wait for it does not want to know either.
  ended.catch(() => undefined);
  const end = (why: SluiceError): void => {
    if (fault !== undefined) return;
    fault = why;
    release();
    reject(why);
    controller.abort(why);
  };
  const onAbort = (): void => signal && end(abortedBy(signal));
  const stop = onSilence(limit, () => end(timedOut()));
  const release = (): void => {
    stop();
    signal?.removeEventListener('abort', onAbort);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  return { signal: controller.signal, ended, fault: () => fault, release };
}
