import type { ByteSource, PutOptions } from '../storage/driver.ts';
import { createBody } from './body.ts';
import { pullFrom } from './pull.ts';
import type { RetryCall } from './retry-call.ts';

/** What is to be stored, and how. */
export interface RetriedPut {
  readonly source: ByteSource;
  readonly options: PutOptions;
}

/**
 * Puts an object, and again as long as no attempt has taken anything of its source, which is let go
 * of at the end. Never again where the object must not be there: the first attempt may have made it.
 */
export async function retriedPut<T>(
  put: (bytes: ByteSource) => Promise<T>,
  retryCall: RetryCall,
  { source, options: { ifAbsent = false, signal } }: RetriedPut,
): Promise<T> {
  const isRepeatable = (): boolean => !ifAbsent;
  if (source instanceof Uint8Array) return retryCall(() => put(source), signal, isRepeatable);
  const pull = pullFrom(source);
  let isTaken = false;
  const untouched = (): AsyncIterable<Uint8Array> =>
    createBody(
      {
        next() {
          isTaken = true;
          return pull.next();
        },
        release() {
          if (isTaken) pull.cancel();
        },
      },
      undefined,
    );
  try {
    return await retryCall(
      () => put(untouched()),
      signal,
      () => isRepeatable() && !isTaken,
    );
  } finally {
    pull.cancel();
  }
}
