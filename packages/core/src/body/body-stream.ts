import { Readable } from 'node:stream';

import type { ObjectHandle, Window } from '../storage/driver.ts';
import { readWindow } from './read-window.ts';

/** A run of a body: bytes that are there, or a window still to be read. */
export type BodyRun = Uint8Array | Window;

/**
 * Streams the runs of a body in order, reading one piece ahead at the most.
 *
 * It owns the handle, and closes it once: at the end, on a failure, and when it is destroyed, read
 * or not. It has no `path`, by which some middleware would look the object up again.
 */
export function createBodyStream(handle: ObjectHandle, runs: readonly BodyRun[]): Readable {
  const controller = new AbortController();
  const pieces = piecesOf(handle, runs, controller.signal);
  return new Readable({
    highWaterMark: 1,
    read() {
      pieces.next().then(
        ({ value }) => {
          if (!this.destroyed) this.push(value ?? null);
        },
        (error: unknown) => this.destroy(asError(error)),
      );
    },
    destroy(error, done) {
      // A body that was read to its end has nothing left to stop.
      if (!this.readableEnded) controller.abort(error ?? NOT_WANTED);
      release(handle, pieces).then(
        () => done(error),
        (fault: unknown) => done(error ?? asError(fault)),
      );
    },
  });
}

/** A reason of its own: without one, every abort would make a `DOMException` with its stack. */
const NOT_WANTED = new Error('the body is no longer wanted');

async function* piecesOf(
  handle: ObjectHandle,
  runs: readonly BodyRun[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, undefined> {
  for (const run of runs) {
    if (run instanceof Uint8Array) yield run;
    else yield* readWindow(handle, run, { signal });
  }
}

/** Waits for a read under way, which still uses the descriptor, and closes the handle. */
async function release(handle: ObjectHandle, pieces: AsyncGenerator<Uint8Array>): Promise<void> {
  try {
    await pieces.return(undefined);
  } finally {
    await handle.close();
  }
}

function asError(fault: unknown): Error {
  return fault instanceof Error ? fault : new Error('a read failed', { cause: fault });
}
