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
}

export function createQuickReads(system: System): QuickReads {
  let allowedFrom = Number.NEGATIVE_INFINITY;
  let blocks = system.blocksRead();
  const hasWaitedForDisk = (duration: number): boolean => {
    if (duration <= QUICK) return false;
    const before = blocks;
    blocks = system.blocksRead();
    return blocks !== before || duration > SLOW;
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

const REST = 20;
