import type { System } from './system.ts';

/**
 * Keeps reads that the whole process waits for from costing much of its time.
 *
 * Nobody can ask beforehand whether bytes are in memory. So it is tried, at a tenth of the price of
 * a read through the thread pool, and a read that had to wait after all, for a disk, forbids further
 * ones for twenty times as long as it took: they cost the process a twentieth of its time at most.
 */
export interface QuickReads {
  isAllowed(): boolean;
  /** Makes a read, and sees how long it takes. */
  run<T>(read: () => T): T;
}

export function createQuickReads({ ticks }: System): QuickReads {
  let allowedFrom = Number.NEGATIVE_INFINITY;
  return {
    isAllowed: () => ticks() >= allowedFrom,
    run(read) {
      const started = ticks();
      try {
        return read();
      } finally {
        const ended = ticks();
        if (ended - started > QUICK) allowedFrom = ended + (ended - started) * REST;
      }
    },
  };
}

/** Milliseconds. Memory answers sooner; a disk that does so, too, holds nobody up. */
const QUICK = 1;

const REST = 20;
