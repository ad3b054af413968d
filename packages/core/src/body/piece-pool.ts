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
 * Many slow readers give their pieces back together and want them again a moment later. So what is
 * above `most` is kept until it was needed by nobody for a while: thrown away at once, it was allocated
 * anew, and lay about until the garbage was collected. Under 500 readers of 64 KiB a second this held
 * 330 KB for each, and holds 200.
 *
 * @param most bytes that it keeps when nobody has needed them for a while, and that large pieces have at
 * once
 * @param patience milliseconds that are a while
 */
export function createPiecePool(most = 16_777_216, patience = 1000): PiecePool {
  const free: Record<Size, Buffer[]> = { 65_536: [], 262_144: [] };
  let kept = 0;
  let leastKept = 0;
  let largeOut = 0;
  let timer: NodeJS.Timeout | undefined;

  const take = (size: Size): Buffer => {
    const memory = free[size].pop();
    if (memory === undefined) return Buffer.allocUnsafeSlow(size);
    kept -= size;
    leastKept = Math.min(leastKept, kept);
    return memory;
  };

  const keep = (memory: Buffer, size: Size): void => {
    free[size].push(memory);
    kept += size;
    if (kept > most) timer ??= watch();
  };

  const watch = (): NodeJS.Timeout => {
    leastKept = kept;
    return setTimeout(trim, patience).unref();
  };

  /** Lets go of what lay free all the time, as far as it is too much. */
  const trim = (): void => {
    const bound = Math.max(most, kept - leastKept);
    for (const size of SIZES) {
      // Those that were lent last are still in the processor's cache.
      while (kept > bound && free[size].shift() !== undefined) kept -= size;
    }
    timer = kept > most ? watch() : undefined;
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
          if (end()) keep(memory, size);
        },
        drop: () => void end(),
      };
    },
  };
}

type Size = typeof PIECE | typeof LARGE_PIECE;

const SIZES: readonly Size[] = [LARGE_PIECE, PIECE];
