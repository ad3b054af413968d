import type { ObjectHandle, Window } from '../storage/driver.ts';
import { type Lease, LARGE_PIECE, type PiecePool, SMALL_PIECE } from './piece-pool.ts';
import { readWindow } from './read-window.ts';

/** A run of a body: bytes that are there, or a window still to be read. */
export type BodyRun = Uint8Array | Window;

/** A piece of a body. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** Of the memory that the bytes lie in, where they may be overwritten after their use. */
  readonly lease: Lease | undefined;
}

/** Gives the runs of a body in order, piece by piece. */
export interface PieceSource {
  /** Whether it can fill memory of the pool. */
  readonly canLend: boolean;
  /**
   * Reads the next piece; `undefined` at the end. Called anew only when the call before has settled.
   *
   * @param isLent whether the piece may lie in memory of the pool, if the handle can do that
   */
  next(isLent: boolean): Promise<Piece | undefined>;
  /** Waits for a read under way, which still uses the descriptor, and closes the handle. */
  close(): Promise<void>;
}

/** Creates the source of a body. It owns the handle. */
export function createPieceSource(
  handle: ObjectHandle,
  runs: readonly BodyRun[],
  pool: PiecePool,
  signal: AbortSignal,
): PieceSource {
  return handle.fill === undefined
    ? createReadingSource(handle, runs, signal)
    : createFillingSource(handle, runs, pool, signal);
}

/** Milliseconds. Who is back sooner for the next piece takes more than 3 MB a second. */
const QUICK = 20;

function createReadingSource(
  handle: ObjectHandle,
  runs: readonly BodyRun[],
  signal: AbortSignal,
): PieceSource {
  const pieces = piecesOf(handle, runs, signal);
  return {
    canLend: false,
    async next() {
      const { value } = await pieces.next();
      return value && { bytes: value, lease: undefined };
    },
    async close() {
      try {
        await pieces.return(undefined);
      } finally {
        await handle.close();
      }
    },
  };
}

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

function createFillingSource(
  handle: ObjectHandle,
  runs: readonly BodyRun[],
  pool: PiecePool,
  signal: AbortSignal,
): PieceSource {
  const left = runs.filter((run) => run instanceof Uint8Array || run.start < run.end);
  let handedOutAt = Number.NEGATIVE_INFINITY;
  let underWay: Promise<unknown> = Promise.resolve();

  const fill = async ({ start, end }: Window, isLent: boolean): Promise<Piece> => {
    const isQuick = performance.now() - handedOutAt < QUICK;
    const lease = isLent ? pool.lend(isQuick ? 'large' : 'small') : undefined;
    const size = lease?.memory.byteLength ?? (isQuick ? LARGE_PIECE : SMALL_PIECE);
    const length = Math.min(size, end - start);
    const bytes = lease?.memory.subarray(0, length) ?? Buffer.allocUnsafeSlow(length);
    try {
      await handle.fill?.(bytes, start, { signal });
    } catch (error) {
      lease?.drop();
      throw error;
    }
    if (start + length === end) left.shift();
    else left[0] = { start: start + length, end };
    handedOutAt = performance.now();
    return { bytes, lease };
  };

  return {
    canLend: true,
    async next(isLent) {
      const [run] = left;
      if (run === undefined) return undefined;
      if (run instanceof Uint8Array) {
        left.shift();
        return { bytes: run, lease: undefined };
      }
      const filling = fill(run, isLent);
      underWay = filling.catch(() => undefined);
      return filling;
    },
    async close() {
      await underWay;
      await handle.close();
    },
  };
}
