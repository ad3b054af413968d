import type { BigIntStats } from 'node:fs';

import {
  type ByteSource,
  type Call,
  checkOptions,
  type ListEntry,
  type LocalPath,
  type ObjectHandle,
  type ObjectStat,
  type PathMap,
  type PutOptions,
  quote,
  SluiceError,
  type StorageDriver,
  type StorageKey,
} from '@sluice/core';

import { throwIfAborted } from './abort.ts';
import type { CachedObject } from './cache/cached-object.ts';
import { createObjectCache, type ObjectCache } from './cache/object-cache.ts';
import { checkOpenCache, type OpenCacheOptions, type OpenCacheStats } from './cache/open-cache.ts';
import { createContentTypes } from './content-type.ts';
import {
  closeQuietly,
  createDescriptor,
  type Descriptor,
  type DescriptorOptions,
} from './descriptor.ts';
import { readFault } from './errno.ts';
import { createJail, type Jail, type JailRules, placeOf } from './jail.ts';
import { listObjects } from './listing.ts';
import { createFileHandle, createMemoryHandle } from './object-handle.ts';
import { type Confined, openRegular } from './open-regular.ts';
import { createQuickReads, type QuickReads } from './quick-reads.ts';
import { hostSystem, type System } from './system.ts';
import { createTree, type Tree } from './write/tree.ts';
import { entityTagOf, lastModifiedOf, versionOf } from './validators.ts';
import { witnessTail } from './version-check.ts';

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
  const describe = createDescriber(own, system);
  const settings = own.openCache && checkOpenCache(own.openCache);
  const cache = settings && createObjectCache(settings, { jail, describe });
  const tree = createTree({ jail, describe, fsync: flagOf(own.fsync) });
  return composeDriver({ jail, describe, cache, tree, reads: createQuickReads(system) });
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

type Describe = (key: StorageKey, stats: BigIntStats) => ObjectStat;

interface DriverParts {
  readonly jail: Jail;
  readonly describe: Describe;
  readonly cache: ObjectCache | undefined;
  readonly tree: Tree;
  readonly reads: QuickReads;
}

function composeDriver(parts: DriverParts): LocalDriver {
  const { jail, cache } = parts;
  let isClosed = false;
  const requireOpen = ({ signal }: Call = {}): void => {
    if (isClosed) throw new SluiceError('SLUICE_ABORTED', 'the driver has been closed');
    throwIfAborted(signal);
  };
  return Object.freeze<LocalDriver>({
    name: 'local',
    async stat(key, call) {
      requireOpen(call);
      return cache === undefined ? statFile(key, parts, call) : statCached(key, cache, jail, call);
    },
    async open(key, call) {
      requireOpen(call);
      if (cache === undefined) return openFile(key, parts, call);
      const object = cache.find(key) ?? (await loadCached(key, cache, jail, call));
      return object && handCached(object, cache, parts);
    },
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
    ...createWriting(parts, requireOpen),
    ...(cache !== undefined && { cacheStats: () => cache.stats() }),
    async close() {
      isClosed = true;
      cache?.close();
    },
  });
}

/** What is changed here is not believed to be as it was, from the moment that the caller knows. */
function createWriting(
  { tree, cache }: DriverParts,
  requireOpen: (call?: Call) => void,
): Pick<LocalDriver, 'put' | 'delete' | 'move'> {
  const forgetting = async <T>(keys: readonly StorageKey[], work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } finally {
      for (const key of keys) cache?.forget(key);
    }
  };
  return {
    async put(key, source, options) {
      requireOpen(options);
      return forgetting([key], tree.put(key, source, options));
    },
    async delete(key, call) {
      requireOpen(call);
      await forgetting([key], tree.delete(key, call));
    },
    async move(from, to, call) {
      requireOpen(call);
      return forgetting([from, to], tree.move(from, to, call));
    },
  };
}

async function statFile(
  key: StorageKey,
  { jail, describe }: DriverParts,
  call?: Call,
): Promise<ObjectStat | undefined> {
  const confined = await openKey(key, jail, call);
  if (confined === undefined) return undefined;
  jail.system.io.close(confined.fd);
  return describe(key, confined.stats);
}

async function statCached(
  key: StorageKey,
  cache: ObjectCache,
  jail: Jail,
  call?: Call,
): Promise<ObjectStat | undefined> {
  const object = cache.find(key) ?? (await loadCached(key, cache, jail, call));
  if (object === undefined) return undefined;
  void cache.release(object);
  return object.stat;
}

async function openFile(
  key: StorageKey,
  { jail, describe, reads }: DriverParts,
  call?: Call,
): Promise<ObjectHandle | undefined> {
  const confined = await openKey(key, jail, call);
  if (confined === undefined) return undefined;
  const { stats } = confined;
  const file = holdVersion(confined, jail, () => closeQuietly(confined, jail.system.io));
  // Of a file that is not small, the first bytes to be read may well lie on the disk only.
  const isNear = stats.size <= SMALL_FILE && jail.localDevices.has(stats.dev);
  return createFileHandle(key, describe(key, stats), file, isNear ? reads : undefined);
}

/** Bytes. */
const SMALL_FILE = 1_048_576n;

async function loadCached(
  key: StorageKey,
  cache: ObjectCache,
  jail: Jail,
  { signal }: Call = {},
): Promise<CachedObject | undefined> {
  const place = placeOf(key, jail);
  if (place === undefined) return undefined;
  const opening = { path: place.path, open: () => openRegular(place, jail) };
  const object = await cache.load(key, opening);
  if (signal?.aborted === true && object !== undefined) void cache.release(object);
  throwIfAborted(signal);
  return object;
}

function handCached(object: CachedObject, cache: ObjectCache, parts: DriverParts): ObjectHandle {
  const { key, stat, bytes } = object;
  if (bytes !== undefined) {
    void cache.release(object);
    return createMemoryHandle(key, stat, bytes);
  }
  const { jail, reads } = parts;
  const file = holdVersion(object, jail, () => cache.release(object));
  const isNear = jail.localDevices.has(object.stats.dev);
  const handle = createFileHandle(key, stat, file, isNear ? reads : undefined);
  return cache.wantsBytes(object) ? keepingBytes(handle, object, cache) : handle;
}

/** Lets the first one who reads an object whole, at once, fill the cache. */
function keepingBytes(
  handle: ObjectHandle,
  object: CachedObject,
  cache: ObjectCache,
): ObjectHandle {
  return {
    ...handle,
    readNow(window) {
      // Asked now: before it is read, and after whatever was done since it was opened.
      const isWanted = cache.wantsBytes(object);
      const bytes = handle.readNow?.(window);
      if (isWanted && bytes?.byteLength === handle.stat.size) cache.keepBytes(object, bytes);
      return bytes;
    },
  };
}

async function openKey(
  key: StorageKey,
  jail: Jail,
  { signal }: Call = {},
): Promise<Confined | undefined> {
  const place = placeOf(key, jail);
  const confined = place && (await openRegular(place, jail));
  if (signal?.aborted === true && confined !== undefined) jail.system.io.close(confined.fd);
  throwIfAborted(signal);
  return confined;
}

function holdVersion(
  confined: Confined,
  { system }: Jail,
  dispose: NonNullable<DescriptorOptions['dispose']>,
): Descriptor {
  try {
    return createDescriptor(confined, system.io, { tail: witnessTail(confined, system), dispose });
  } catch (error) {
    void dispose();
    throw readFault(error);
  }
}

function createDescriber({ contentTypes }: LocalDriverOptions, system: System): Describe {
  const contentTypeOf = createContentTypes(contentTypes);
  return (key, stats) => {
    const lastModified = lastModifiedOf(stats);
    const contentType = contentTypeOf(key);
    return Object.freeze<ObjectStat>({
      size: Number(stats.size),
      version: versionOf(stats),
      entityTag: entityTagOf(stats, system.now()),
      ...(lastModified !== undefined && { lastModified }),
      ...(contentType !== undefined && { contentType }),
    });
  };
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
