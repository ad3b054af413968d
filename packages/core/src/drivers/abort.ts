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

/**
 * Waits for a result, but no longer than until the signal is aborted.
 *
 * @param late takes what comes after the abort, since nobody else will: a handle to be closed
 * @throws SluiceError `SLUICE_ABORTED`; whatever the work fails with before
 */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  late: (value: T) => void,
): Promise<T> {
  if (signal === undefined) return work;
  let stop: (() => void) | undefined;
  let isOver = false;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      isOver = true;
      reject(abortedBy(signal));
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  work.then(
    (value) => isOver && late(value),
    () => undefined,
  );
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}
