import {
  type ByteSource,
  type Call,
  checkOptions,
  type ListEntry,
  type LocalPath,
  type ObjectStat,
  type PathMap,
  type PutOptions,
  quote,
  SluiceError,
  type StorageDriver,
  type StorageKey,
} from '@sluice/core';
import { takePieces, throwIfAborted } from '@sluice/core/drivers';

import { createCachedSource } from './cache/cached-source.ts';
import { createObjectCache, type ObjectCache } from './cache/object-cache.ts';
import { checkOpenCache, type OpenCacheOptions, type OpenCacheStats } from './cache/open-cache.ts';
import { createContentTypes } from './content-type.ts';
import { createDescriber } from './describe.ts';
import { createJail, type Jail, type JailRules, placeOf } from './jail.ts';
import { listObjects } from './listing.ts';
import { createObjectSource, type ObjectSource } from './object-source.ts';
import { createOpener, type Opener } from './quick-opens.ts';
import { createEarnedReads, createQuickReads } from './quick-reads.ts';
import { hostSystem, type System } from './system.ts';
import { createTree, type Tree } from './write/tree.ts';

/** Where the objects lie: exactly one of `root` and `paths`. */
export type LocalDriverOptions = LocalRoot & {
  /**
   * Whether a symbolic link below a root may lead to an object: never, or as long as the object
   * that is reached lies below the same root. Links in the path of the root itself are resolved
   * when the driver is created.
   *
   * @default 'deny'
   */
  readonly symlinks?: 'deny' | 'inside';
  /**
   * Whether a file with more than one name is an object. Another of its names may lie outside the
   * root, and nobody can tell from the file.
   *
   * @default 'allow'
   */
  readonly hardLinks?: 'allow' | 'deny';
  /**
   * Whether a segment of a key may begin with a dot. The path of the root does not count.
   *
   * @default 'allow'
   */
  readonly dotfiles?: 'allow' | 'deny';
  /**
   * Whether `put` and `move` wait until the object and its folder are on the disk, so that they
   * survive a power failure.
   *
   * @default false
   */
  readonly fsync?: boolean;
  /** Media types by extension, before those of the `mime-types` package: `{ '.md': 'text/x-md' }`. */
  readonly contentTypes?: Readonly<Record<string, string>>;
  /**
   * Keeps objects open between downloads. The policy is asked all the same, before every one of them,
   * and a path that has come to lead elsewhere is judged anew.
   *
   * On Windows nothing is kept. Where the kernel cannot be asked what an open file is called now, as
   * on macOS, and on network disks, something is kept only with `revalidate`.
   *
   * @default undefined, which keeps nothing
   */
  readonly openCache?: OpenCacheOptions;
};

/** Where the objects lie. */
export type LocalRoot =
  | {
      /** An absolute folder that holds all objects. It must exist. */
      readonly root: string;
      readonly paths?: undefined;
    }
  | {
      /** Several folders, each for the keys below a prefix. They must exist. */
      readonly paths: PathMap;
      readonly root?: undefined;
    };

/** A {@link StorageDriver} with everything that a disk can do. */
export interface LocalDriver extends StorageDriver {
  readonly name: 'local';
  localPath(key: StorageKey): LocalPath | undefined;
  list(prefix: string, call?: Call): AsyncIterable<ListEntry>;
  put(key: StorageKey, source: ByteSource, options?: PutOptions): Promise<ObjectStat>;
  delete(key: StorageKey, call?: Call): Promise<void>;
  move(from: StorageKey, to: StorageKey, call?: Call): Promise<boolean>;
  /** What the cache of open objects holds and has done; only with `openCache`. */
  cacheStats?(): OpenCacheStats;
  /** Closes what the cache of open objects holds as soon as nobody reads it. */
  close(): Promise<void>;
}

/**
 * Creates a driver for objects that are files on a local disk.
 *
 * Each object is opened once, is proven to lie inside its root by what was opened, and is read from
 * that descriptor to the end. On Linux with /proc no race with somebody who writes below the root
 * can lead outside; elsewhere it is narrowed, and on macOS the kernel refuses links by itself.
 *
 * The folders are looked at now: a root must exist, and a root that is a link is resolved once, for
 * good. A root that vanishes later makes calls fail with `SLUICE_CONFIG`.
 *
 * @throws TypeError for a mistake in the options, quoting the value
 */
export function createLocalDriver(options: LocalDriverOptions): LocalDriver {
  return createDriverOn(hostSystem(), options);
}

/** Creates a driver on a given machine. For tests, which put faults into it. */
export function createDriverOn(system: System, options: LocalDriverOptions): LocalDriver {
  const own = checkOptions('createLocalDriver', options, OPTIONS);
  const jail = createJail(rootsOf(own), rulesOf(own), system);
  const describe = createDescriber(createContentTypes(own.contentTypes), system);
  const settings = own.openCache === undefined ? undefined : checkOpenCache(own.openCache);
  const cache = settings && createObjectCache(settings, { jail, describe });
  const reads = { near: createQuickReads(system), far: createEarnedReads(system) };
  const opener = createOpener(jail);
  const given = { jail, opener, describe, reads };
  const source = cache ? createCachedSource(cache, given) : createObjectSource(given);
  const tree = createTree({ jail, describe, fsync: flagOf(own.fsync) });
  return composeDriver({ jail, opener, source, tree, cache });
}

const OPTIONS = [
  'root',
  'paths',
  'symlinks',
  'hardLinks',
  'dotfiles',
  'fsync',
  'contentTypes',
  'openCache',
];

interface DriverParts {
  readonly jail: Jail;
  readonly opener: Opener;
  readonly source: ObjectSource;
  readonly tree: Tree;
  readonly cache: ObjectCache | undefined;
}

function composeDriver({ jail, opener, source, tree, cache }: DriverParts): LocalDriver {
  let isClosed = false;
  const requireOpen = ({ signal }: Call = {}): void => {
    if (isClosed) throw driverClosed();
    throwIfAborted(signal);
  };
  return Object.freeze<LocalDriver>({
    name: 'local',
    // Not asynchronous by themselves, which would cost every download some turns of the queue.
    stat: (key, call) => (isClosed ? Promise.reject(driverClosed()) : source.stat(key, call)),
    open: (key, call) => (isClosed ? Promise.reject(driverClosed()) : source.open(key, call)),
    localPath(key) {
      // A server that refuses links would refuse it, and one that follows them can be led outside.
      if (jail.symlinks === 'inside') return undefined;
      const place = placeOf(key, jail);
      return place && { root: place.root, prefix: place.prefix, path: place.path };
    },
    async *list(prefix, call) {
      requireOpen(call);
      yield* listObjects(prefix, jail, call);
    },
    async put(key, source, options) {
      const pieces = takePieces(source, options?.signal);
      try {
        requireOpen(options);
        return await forgetting([key], tree.put(key, pieces, options), cache);
      } finally {
        await pieces.return?.();
      }
    },
    async delete(key, call) {
      requireOpen(call);
      await forgetting([key], tree.delete(key, call), cache);
    },
    async move(from, to, call) {
      requireOpen(call);
      return forgetting([from, to], tree.move(from, to, call), cache);
    },
    ...(cache !== undefined && { cacheStats: () => cache.stats() }),
    async close() {
      isClosed = true;
      cache?.close();
      await opener.close();
    },
  });
}

/** What is changed is not believed to be as it was, from the moment that the caller knows of it. */
async function forgetting<T>(
  keys: readonly StorageKey[],
  change: Promise<T>,
  cache: ObjectCache | undefined,
): Promise<T> {
  try {
    return await change;
  } finally {
    for (const key of keys) cache?.forget(key);
  }
}

function driverClosed(): SluiceError {
  return new SluiceError('SLUICE_ABORTED', 'the driver has been closed');
}

function rootsOf({ root, paths }: LocalDriverOptions): Readonly<Record<string, string>> {
  if ((root === undefined) === (paths === undefined)) {
    throw new TypeError(
      `createLocalDriver: give either root or paths, got ${root === undefined ? 'neither' : 'both'}`,
    );
  }
  if (root !== undefined) return { '': root };
  if (!isPathMap(paths)) {
    throw new TypeError(`createLocalDriver: paths must be a path map, got ${quote(paths)}`);
  }
  return Object.fromEntries(paths.roots.map((entry) => [entry.prefix, entry.root]));
}

function isPathMap(value: unknown): value is PathMap {
  return (
    typeof value === 'object' && value !== null && 'roots' in value && Array.isArray(value.roots)
  );
}

function rulesOf({ symlinks, hardLinks, dotfiles }: LocalDriverOptions): JailRules {
  return {
    symlinks: choice('symlinks', symlinks, ['deny', 'inside']),
    hardLinks: choice('hardLinks', hardLinks, ['allow', 'deny']),
    dotfiles: choice('dotfiles', dotfiles, ['allow', 'deny']),
  };
}

/** The first choice is the default. */
function choice<T extends string>(
  name: string,
  value: T | undefined,
  [fallback, other]: readonly [T, T],
): T {
  if (value === undefined || value === fallback) return fallback;
  if (value === other) return other;
  throw new TypeError(
    `createLocalDriver: ${name} must be "${fallback}" or "${other}", got ${quote(value)}`,
  );
}

function flagOf(value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw new TypeError(`createLocalDriver: fsync must be true or false, got ${quote(value)}`);
}
