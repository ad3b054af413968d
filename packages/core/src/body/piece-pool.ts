/** Bytes. Few enough to wait in memory for a slow reader, and no dearer to send than larger ones. */
export const PIECE = 65_536;

/**
 * Memory for pieces of {@link PIECE} bytes, used again and again: fresh memory costs more than all
 * else that is done to a large body, most of it in the garbage collector.
 */
export interface PiecePool {
  lend(): Lease;
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
 * @param most bytes that it keeps while nobody needs them
 */
export function createPiecePool(most = 16_777_216): PiecePool {
  const free: Buffer[] = [];
  return {
    lend() {
      const memory = free.pop() ?? Buffer.allocUnsafeSlow(PIECE);
      let isLent = true;
      return {
        memory,
        giveBack() {
          if (isLent && (free.length + 1) * PIECE <= most) free.push(memory);
          isLent = false;
        },
        drop() {
          isLent = false;
        },
      };
    },
  };
}
