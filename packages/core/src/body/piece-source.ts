import type { ObjectHandle, Window } from '../storage/driver.ts';
import { LARGE_PIECE, type Lease, PIECE, type PiecePool } from './piece-pool.ts';
import { readWindow } from './read-window.ts';

/** A run of a body: bytes that are there, or a window still to be read. */
export type BodyRun = Uint8Array | Window;

/** A piece of a body. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** Of the memory that the bytes lie in, where they may be overwritten after their use. */
  readonly lease: Lease | undefined;
  /** The process waited for it, and let nobody else have his turn. */
  readonly isAtOnce: boolean;
}

/** Gives the runs of a body in order, piece by piece. */
export interface PieceSource {
  /** Tells whether pieces may come in memory of the pool. */
  canLend(): boolean;
  /**
   * Reads the next piece; `undefined` at the end. Called anew only when the call before has settled.
   *
   * @param isLent whether the piece may lie in memory of the pool. Once one may not, none does.
   * @param isQuick whether the reader keeps up, so that a large piece will not lie about
   */
  next(isLent: boolean, isQuick?: boolean): Promise<Piece | undefined>;
  /** Waits for a read under way, which still uses the descriptor, and closes the handle. */
  close(): Promise<void>;
}

/** What the pieces of a body are made of. */
export interface PieceOptions {
  readonly pool: PiecePool;
  /** Bytes that a piece has at most, but for runs that are bytes already. */
  readonly most: number;
  /** Ends a read under way. */
  readonly signal: () => AbortSignal;
}

/** Counts the bytes of a body. */
export function lengthOf(runs: readonly BodyRun[]): number {
  return runs.reduce(
    (sum, run) => sum + (run instanceof Uint8Array ? run.byteLength : run.end - run.start),
    0,
  );
}

/** Creates the source of a body. It owns the handle. */
export function createPieceSource(
  handle: ObjectHandle,
  runs: readonly BodyRun[],
  { pool, most, signal }: PieceOptions,
): PieceSource {
  const left = runs.filter((run) => run instanceof Uint8Array || run.start < run.end);
  let ordinary: AsyncGenerator<Uint8Array, undefined> | undefined;
  let underWay: Promise<unknown> = Promise.resolve();

  const canLend = (): boolean => ordinary === undefined && handle.fill !== undefined;
  const read = async (): Promise<Piece | undefined> => {
    ordinary ??= piecesOf(handle, left, { most, signal: signal() });
    const { value } = await ordinary.next();
    return value && { bytes: value, lease: undefined, isAtOnce: false };
  };
  const fill = async (isQuick: boolean): Promise<Piece | undefined> => {
    const run = left.shift();
    if (run === undefined) return undefined;
    if (run instanceof Uint8Array) return { bytes: run, lease: undefined, isAtOnce: false };
    const { start, end } = run;
    const wanted = Math.min(end - start, most, isQuick ? LARGE_PIECE : PIECE);
    const lease = pool.lend(wanted);
    const bytes = lease.memory.subarray(0, wanted);
    const next = start + bytes.byteLength;
    if (next < end) left.unshift({ start: next, end });
    try {
      const isAtOnce = handle.fillNow?.(bytes, start) === true;
      if (!isAtOnce) await handle.fill?.(bytes, start, { signal: signal() });
      return { bytes, lease, isAtOnce };
    } catch (error) {
      lease.drop();
      throw error;
    }
  };

  return {
    canLend,
    next(isLent, isQuick = false) {
      const piece = isLent && canLend() ? fill(isQuick) : read();
      underWay = piece.catch(() => undefined);
      return piece;
    },
    async close() {
      try {
        await underWay;
        await ordinary?.return(undefined);
      } finally {
        await handle.close();
      }
    },
  };
}

async function* piecesOf(
  handle: ObjectHandle,
  runs: readonly BodyRun[],
  { most, signal }: { readonly most: number; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, undefined> {
  const size = Math.min(most, PIECE);
  for (const run of runs) {
    if (run instanceof Uint8Array) yield run;
    else for await (const piece of readWindow(handle, run, { signal })) yield* cut(piece, size);
  }
}

function* cut(piece: Uint8Array, most: number): Generator<Uint8Array, undefined> {
  for (let at = 0; at < piece.byteLength; at += most) yield piece.subarray(at, at + most);
}
