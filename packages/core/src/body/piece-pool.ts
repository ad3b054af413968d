/** Bytes. Few of them wait in memory for a slow reader. */
export const SMALL_PIECE = 65_536;

/** Bytes. Above this the processor's cache no longer holds a piece until it is sent. */
export const LARGE_PIECE = 262_144;

/**
 * Memory for pieces, used again and again: fresh memory costs more than all else that is done to
 * a large body, most of it in the garbage collector.
 */
export interface PiecePool {
  /** Lends 64 KiB, or 256 KiB where they are wanted and the pool has not lent too many already. */
  lend(wanted: 'small' | 'large'): Lease;
}

/** Memory that is lent. Whoever has it ends the lease in one of two ways; only the first call counts. */
export interface Lease {
  readonly memory: Buffer;
  /** Lets the next one have the memory: for who knows that nothing reads or writes it any more. */
  readonly giveBack: () => void;
  /** Leaves the memory to the garbage collector: for who cannot know. */
  readonly drop: () => void;
}

/**
 * Creates a pool.
 *
 * @param budget bytes that it keeps at the most while nobody needs them, and that it lends at the
 * most in large pieces, so that many readers who all stopped reading do not hold many of those
 */
export function createPiecePool(budget = 16_777_216): PiecePool {
  const free: Readonly<Record<'small' | 'large', Buffer[]>> = { small: [], large: [] };
  let kept = 0;
  let lentLarge = 0;
  return {
    lend(wanted) {
      const kind = wanted === 'large' && lentLarge + LARGE_PIECE <= budget ? 'large' : 'small';
      const size = kind === 'large' ? LARGE_PIECE : SMALL_PIECE;
      const known = free[kind].pop();
      if (known !== undefined) kept -= size;
      if (kind === 'large') lentLarge += size;
      const memory = known ?? Buffer.allocUnsafeSlow(size);
      let isLent = true;
      const end = (isFree: boolean): void => {
        if (!isLent) return;
        isLent = false;
        if (kind === 'large') lentLarge -= size;
        if (!isFree || kept + size > budget) return;
        kept += size;
        free[kind].push(memory);
      };
      return { memory, giveBack: () => end(true), drop: () => end(false) };
    },
  };
}
