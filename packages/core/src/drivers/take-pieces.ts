import type { ByteSource } from '../storage/driver.ts';
import { createBody } from './body.ts';
import { pullFrom } from './pull.ts';

/**
 * Takes charge of a source of bytes, for the `put` of a driver: to be called before anything that may
 * fail, and left by `return` whatever comes of it.
 *
 * The pieces are those of the source, but for empty ones, each asked for when it is wanted. With the
 * end of the signal the next one fails with `SLUICE_ABORTED`, also one that is waited for. A source
 * that is not read to its end is let go of: a stream is destroyed, others are cancelled or returned,
 * for which nobody waits. Its failure is heard from now on, so that it does not end the process, and
 * comes with the piece that is asked for.
 *
 * @throws TypeError for what is neither bytes nor a source of them, and for a stream that was read to
 * its end already; with the piece, for one that is not bytes
 */
export function takePieces(
  source: ByteSource,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<Uint8Array> {
  const pull = pullFrom(source);
  return createBody({ next: () => pull.next(), release: () => pull.cancel() }, signal);
}
