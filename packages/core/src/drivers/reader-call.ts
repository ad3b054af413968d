import { isSluiceError, SluiceError } from '../errors.ts';
import { abortedBy, throwIfAborted, untilAborted } from './abort.ts';

/**
 * Calls what an author wrote, who need not know of aborts: the caller is answered at once, and what
 * comes later is given to `late`.
 *
 * @throws SluiceError always: what is none becomes the `cause` of `SLUICE_IO`, or of an abort
 */
export async function ask<T>(
  work: () => T | PromiseLike<T>,
  signal: AbortSignal,
  late: (value: T) => void = () => undefined,
): Promise<T> {
  throwIfAborted(signal);
  try {
    return await untilAborted(begin(work), signal, late);
  } catch (error) {
    throw faultOf(error, signal);
  }
}

/** As {@link ask}, but waits for the end whatever the signal says. */
export async function finish<T>(work: () => T | PromiseLike<T>, signal: AbortSignal): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw faultOf(error, signal);
  }
}

/** Gives an author's failure the form that the contract wants. */
export function faultOf(error: unknown, signal: AbortSignal): SluiceError {
  if (isSluiceError(error) && error.code === 'SLUICE_ABORTED') return error;
  if (signal.aborted) return abortedBy(signal);
  if (isSluiceError(error)) return error;
  return new SluiceError('SLUICE_IO', 'the reader failed', { cause: error });
}

/** A failure that is thrown and one that is a rejection are the same. */
async function begin<T>(work: () => T | PromiseLike<T>): Promise<T> {
  return work();
}
