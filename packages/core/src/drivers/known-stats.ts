import type { StorageKey } from '../keys/storage-key.ts';
import type { ObjectStat } from '../storage/driver.ts';

/** The stats that are known, each for some time. */
export interface KnownStats {
  get(key: StorageKey): ObjectStat | undefined;
  /** Forgets what is known of an object; only that version, where one is named. */
  forget(key: StorageKey, only?: ObjectStat): void;
  /** To be begun before an object is looked at, so that what is forgotten meanwhile stays so. */
  watch(key: StorageKey): Watch;
  close(): void;
}

/** How long stats are kept, and how many. */
export interface KnownStatsOptions {
  /** Milliseconds. */
  readonly ttl: number;
  readonly max: number;
}

/** @param now the clock, in milliseconds */
export function createKnownStats(now: () => number, { ttl, max }: KnownStatsOptions): KnownStats {
  const kept = new Map<string, Kept>();
  /** The looks under way, by key: an object that is forgotten is taken from here, too. */
  const watches = new Map<string, Set<Watch>>();
  let isClosed = false;

  const keep = (key: string, stat: ObjectStat): void => {
    kept.delete(key);
    kept.set(key, { stat, until: now() + ttl });
    for (const oldest of kept.keys()) {
      if (kept.size <= max) break;
      kept.delete(oldest);
    }
  };
  return {
    get(key) {
      const found = kept.get(key);
      if (found === undefined) return undefined;
      kept.delete(key);
      if (found.until <= now()) return undefined;
      // Back in, as the last one that was asked for.
      kept.set(key, found);
      return found.stat;
    },
    forget(key, only) {
      // Whoever is looking now may have seen what was there before.
      watches.delete(key);
      const token = kept.get(key)?.stat.version.token;
      if (only === undefined || only.version.token === token) kept.delete(key);
    },
    watch(key) {
      const others = watches.get(key) ?? new Set();
      const watch: Watch = {
        keep(stat) {
          if (isClosed || watches.get(key)?.has(watch) !== true) return;
          if (stat === undefined) kept.delete(key);
          else keep(key, stat);
        },
        done() {
          others.delete(watch);
          if (others.size === 0 && watches.get(key) === others) watches.delete(key);
        },
      };
      others.add(watch);
      watches.set(key, others);
      return watch;
    },
    close() {
      isClosed = true;
      kept.clear();
    },
  };
}

/** A look at an object, from before it until it is over. */
interface Watch {
  /** Keeps what was seen; not where the object was forgotten since the look began. */
  keep(stat: ObjectStat | undefined): void;
  done(): void;
}

interface Kept {
  readonly stat: ObjectStat;
  readonly until: number;
}
