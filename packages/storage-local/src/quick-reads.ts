import type { System } from './system.ts';

/**
 * Keeps reads that the whole process waits for from costing much of its time.
 *
 * Nobody can ask beforehand whether bytes are in memory. So it is tried, which saves the ten
 * microseconds of a trip through the thread pool, and a read that had to wait for a disk after all
 * forbids further ones for twenty times as long as it took: they cost a twentieth of the time at most.
 */
export interface QuickReads {
  isAllowed(): boolean;
  /** Makes a read, and sees how long it takes. */
  run<T>(read: () => T): T;
  /** Makes a read through the thread pool, and sees what it tells of the next ones. */
  watch<T>(read: () => Promise<T>): Promise<T>;
}

/** For files whose bytes are likely to be in memory. */
export function createQuickReads(system: System): QuickReads {
  return { ...createRest(system, SLOW), watch: (read) => read() };
}

/**
 * For files whose bytes may well lie on the disk alone. They must have earned it: a read through the
 * pool, during which the whole process had nothing read from a disk, allows the next few. However many
 * are allowed, one of so many goes through the pool: where many run at once, it earns anew before
 * nothing is left, and not all of them have to.
 */
export function createEarnedReads(system: System): QuickReads {
  const rest = createRest(system, SLOW_AND_FAR);
  let earned = 0;
  let inARow = 0;
  return {
    isAllowed: () => earned > 0 && inARow < EARNED && rest.isAllowed(),
    run(read) {
      earned -= 1;
      inARow += 1;
      return rest.run(read);
    },
    async watch(read) {
      inARow = 0;
      const before = system.blocksRead();
      const result = await read();
      earned = system.blocksRead() === before ? Math.min(earned + EARNED, MOST_EARNED) : 0;
      return result;
    },
  };
}

/** @param slow milliseconds after which a read has waited for a disk, counted or not */
function createRest(system: System, slow: number): Omit<QuickReads, 'watch'> {
  let allowedFrom = Number.NEGATIVE_INFINITY;
  let blocks = system.blocksRead();
  const hasWaitedForDisk = (duration: number): boolean => {
    if (duration <= QUICK) return false;
    const before = blocks;
    blocks = system.blocksRead();
    return blocks !== before || duration > slow;
  };
  return {
    isAllowed: () => system.ticks() >= allowedFrom,
    run(read) {
      const started = system.ticks();
      try {
        return read();
      } finally {
        const ended = system.ticks();
        const duration = ended - started;
        if (hasWaitedForDisk(duration)) allowedFrom = ended + duration * REST;
      }
    },
  };
}

/** Milliseconds. Memory answers sooner; a disk that does so, too, holds nobody up. */
const QUICK = 1;

/** Milliseconds. Up to here another process may just have had its turn on the processor. */
const SLOW = 20;

/** Milliseconds, as `SLOW`: some file systems count no blocks, and of these files much is on the disk. */
const SLOW_AND_FAR = 5;

const REST = 20;

/** Reads that one through the pool allows. */
const EARNED = 16;

/** Many through the pool at once, of as many downloads, allow more. */
const MOST_EARNED = 128;
