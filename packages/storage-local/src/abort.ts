import { SluiceError } from '@sluice/core';

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
