import { SluiceError } from '../errors.ts';

/**
 * Ends a call whose signal has been aborted.
 *
 * @throws SluiceError `SLUICE_ABORTED` with the reason of the signal as `cause`
 */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedBy(signal);
}

/** The failure of a call that was ended by its signal. */
export function abortedBy(signal: AbortSignal): SluiceError {
  return new SluiceError('SLUICE_ABORTED', 'the caller ended the call', { cause: signal.reason });
}

/** Somebody who waits for work, and may be told not to. */
export interface Wait<T> {
  readonly result: Promise<T>;
  /** Ends the waiting with a failure; too late once the work has settled. */
  readonly giveUp: (error: Error) => void;
}

/**
 * Waits for work that may be given up. Its result goes to whoever waits or, after that, to `late`,
 * never to both and never to nobody. That `late` fails is nobody's concern any more.
 */
export function waitFor<T>(work: Promise<T>, late: (value: T) => void): Wait<T> {
  let giveUp: (error: Error) => void = () => undefined;
  const result = new Promise<T>((resolve, reject) => {
    let isOver = false;
    giveUp = (error) => {
      isOver = true;
      reject(error);
    };
    const settled = work.then((value) => {
      if (isOver) return late(value);
      isOver = true;
      resolve(value);
    }, reject);
    // Unheard, a failure of `late` would end the process.
    settled.catch(() => undefined);
  });
  return { result, giveUp };
}

/**
 * Waits for a result, but no longer than until the signal is aborted.
 *
 * @param late takes what comes after the abort, since nobody else will: a handle to be closed. What
 * it throws is not heard of
 * @throws SluiceError `SLUICE_ABORTED`; whatever the work fails with before
 */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  late: (value: T) => void,
): Promise<T> {
  if (signal === undefined) return work;
  const { result, giveUp } = waitFor(work, late);
  const stop = (): void => giveUp(abortedBy(signal));
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    return await result;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
