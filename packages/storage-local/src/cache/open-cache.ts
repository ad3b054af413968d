import { checkOptions, integerOption, quote } from '@sluice/core';

/**
 * How many objects a driver keeps open between downloads, and for how long. Kept are an object's
 * descriptor and facts; its bytes only where `maxBytes` allows it.
 */
export interface OpenCacheOptions {
  /**
   * How many objects are kept at most, from 1 to 1,000,000; those that were not used for the longest
   * time go first. Each takes one descriptor, so stay well below `ulimit -n`.
   *
   * @default 1000
   */
  readonly maxObjects?: number;
  /**
   * Bytes of objects that are kept in memory at most. 0 keeps none.
   *
   * @default 0
   */
  readonly maxBytes?: number;
  /**
   * Bytes. Of larger objects no bytes are kept. At most 131,072, the largest window that is read at
   * once.
   *
   * @default 65536
   */
  readonly maxObjectBytes?: number;
  /**
   * Milliseconds for which a path is taken to lead to what it led to; 0 looks each time. In between a
   * change of the file itself is seen, also its removal, and what this driver changes; what is done
   * to the folders above it is not.
   *
   * @default 0
   */
  readonly revalidate?: number;
  /**
   * Milliseconds without use after which an object is closed, at most one and a half times as long.
   * Until then a file that was removed keeps its place on the disk.
   *
   * @default 60000
   */
  readonly idle?: number;
}

/** What a cache of open objects holds and has done, for metrics. */
export interface OpenCacheStats {
  /** Objects that are kept now; each has one descriptor. */
  readonly objects: number;
  /** Bytes that are kept in memory now. */
  readonly bytes: number;
  /** Calls of `open` and `stat` that were answered without opening anything. */
  readonly hits: number;
  /** Calls that had to open, also in vain. */
  readonly misses: number;
  /** Objects that were given up because they were found changed. */
  readonly changed: number;
  /** Objects that were given up to make room. */
  readonly evicted: number;
}

export type OpenCacheSettings = Required<OpenCacheOptions>;

/** Takes the option `openCache` of a driver. @throws TypeError quoting what is out of bounds */
export function checkOpenCache(options: OpenCacheOptions): OpenCacheSettings {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`createLocalDriver: openCache must be an object, got ${quote(options)}`);
  }
  const own = checkOptions('createLocalDriver: openCache', options, Object.keys(BOUNDS));
  const take = (name: keyof OpenCacheOptions): number =>
    integerOption('createLocalDriver', `openCache.${name}`, own[name], BOUNDS[name]);
  return {
    maxObjects: take('maxObjects'),
    maxBytes: take('maxBytes'),
    maxObjectBytes: take('maxObjectBytes'),
    revalidate: take('revalidate'),
    idle: take('idle'),
  };
}

/** The most milliseconds that a timer of Node takes. */
const MAX_MILLISECONDS = 2 ** 31 - 1;

const BOUNDS = {
  maxObjects: { least: 1, most: 1_000_000, fallback: 1000 },
  maxBytes: { least: 0, fallback: 0 },
  maxObjectBytes: { least: 0, most: 131_072, fallback: 65_536 },
  revalidate: { least: 0, most: MAX_MILLISECONDS, fallback: 0 },
  idle: { least: 1, most: MAX_MILLISECONDS, fallback: 60_000 },
} as const satisfies Record<keyof OpenCacheOptions, object>;
