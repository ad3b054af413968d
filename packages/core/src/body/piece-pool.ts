/** Bytes. Few enough to wait in memory for a slow reader. */
export const PIECE = 65_536;

/**
 * Bytes of a piece for a reader that keeps up: a quarter of the trips to the disk and to the
 * connection. Still larger ones fall out of the processor's cache before they are sent.
 */
export const LARGE_PIECE = 262_144;

/**
 * Memory for pieces, used again and again: fresh memory costs more than all else that is done to a
 * large body, most of it in the garbage collector.
 */
export interface PiecePool {
  /**
   * Lends {@link PIECE} bytes; {@link LARGE_PIECE} where more are wanted, as long as large pieces do
   * not hold all the memory that they may have together.
   *
   * @param wanted bytes
   */
  lend(wanted?: number): Lease;
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
 * @param most bytes that it keeps while nobody needs them, and that large pieces have at once
 */
export function createPiecePool(most = 16_777_216): PiecePool {
  const free: Record<typeof PIECE | typeof LARGE_PIECE, Buffer[]> = { 65_536: [], 262_144: [] };
  let kept = 0;
  let largeOut = 0;

  const take = (size: typeof PIECE | typeof LARGE_PIECE): Buffer => {
    const memory = free[size].pop();
    if (memory === undefined) return Buffer.allocUnsafeSlow(size);
    kept -= size;
    return memory;
  };

  return {
    lend(wanted = PIECE) {
      const isLarge = wanted > PIECE && largeOut + LARGE_PIECE <= most;
      const size = isLarge ? LARGE_PIECE : PIECE;
      const memory = take(size);
      if (isLarge) largeOut += size;
      let isLent = true;
      const end = (): boolean => {
        const wasLent = isLent;
        if (isLent && isLarge) largeOut -= size;
        isLent = false;
        return wasLent;
      };
      return {
        memory,
        giveBack() {
          if (!end() || kept + size > most) return;
          kept += size;
          free[size].push(memory);
        },
        drop: () => void end(),
      };
    },
  };
}
