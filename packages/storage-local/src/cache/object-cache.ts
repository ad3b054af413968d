import { isSluiceError, type StorageKey } from '@sluice/core';

import { closeQuietly } from '../descriptor.ts';
import type { SourceOptions } from '../object-source.ts';
import type { Confined } from '../open-regular.ts';
import { entityTagSettlesAt, isSettled } from '../validators.ts';
import {
  type CachedObject,
  canLookUp,
  createCachedObject,
  isSameFile,
  isStillThere,
  isUntouched,
} from './cached-object.ts';
import type { OpenCacheSettings, OpenCacheStats } from './open-cache.ts';

/** Objects that are kept open between downloads. Whoever gets one must release it, once. */
export interface ObjectCache {
  /** Gives an object that is kept and, as far as the settings ask, proven to be what an opening would give. */
  find(key: StorageKey): CachedObject | undefined;
  /** Gives an object that was not found, by opening it or by waiting for somebody who does. */
  load(key: StorageKey, opening: Opening): Promise<CachedObject | undefined>;
  release(object: CachedObject): Promise<void> | undefined;
  /** Tells whether the bytes of an object should be kept, if they are read now. */
  wantsBytes(object: CachedObject): boolean;
  /** Keeps all bytes of an object, which were read after {@link ObjectCache.wantsBytes} said yes. */
  keepBytes(object: CachedObject, bytes: Uint8Array): void;
  /** To be called after every change that the driver makes, whether it succeeded or not. */
  forget(key: StorageKey): void;
  stats(): OpenCacheStats;
  /** Closes what nobody uses now, and the rest as soon as that is so. */
  close(): void;
}

/** How an object is opened that is not kept. */
interface Opening {
  readonly path: string;
  open(): Promise<Confined | undefined>;
}

export type ObjectCacheOptions = Pick<SourceOptions, 'jail' | 'describe'>;

export function createObjectCache(
  settings: OpenCacheSettings,
  options: ObjectCacheOptions,
): ObjectCache {
  const shelf = createShelf(settings, options);
  return {
    find: (key) => find(key, shelf),
    load: (key, opening) => load(key, opening, shelf),
    release: (object) => release(object, shelf),
    wantsBytes: (object) => wantsBytes(object, shelf),
    keepBytes: (object, bytes) => keepBytes(object, bytes, shelf),
    forget(key) {
      shelf.changes += 1;
      const object = shelf.objects.get(key);
      if (object !== undefined) drop(object, shelf);
    },
    stats: () => ({ ...shelf.counts, objects: shelf.objects.size, bytes: shelf.bytes }),
    close() {
      shelf.keepsNothing = true;
      clearTimeout(shelf.sweeping);
      dropAll(shelf);
    },
  };
}

interface Shelf extends OpenCacheSettings, ObjectCacheOptions {
  /** What was used last comes last. */
  readonly objects: Map<StorageKey, CachedObject>;
  /** Those with bytes; what was used last comes last. */
  readonly withBytes: Set<CachedObject>;
  /** Settled, never rejected, when an opening has ended. */
  readonly openings: Map<StorageKey, Promise<unknown>>;
  readonly counts: Record<'hits' | 'misses' | 'changed' | 'evicted', number>;
  bytes: number;
  /** How many changes the driver has made. Each could have changed what any path leads to. */
  changes: number;
  /** How often everything was given back, because descriptors had run out. */
  clearings: number;
  keepsNothing: boolean;
  sweeping: NodeJS.Timeout | undefined;
}

function createShelf(settings: OpenCacheSettings, options: ObjectCacheOptions): Shelf {
  const { proof, localDevices, system } = options.jail;
  const canLookAnywhere = proof === 'descriptor' && localDevices.size > 0;
  return {
    ...settings,
    ...options,
    objects: new Map(),
    withBytes: new Set(),
    openings: new Map(),
    counts: { hits: 0, misses: 0, changed: 0, evicted: 0 },
    bytes: 0,
    changes: 0,
    clearings: 0,
    // Windows lets nobody rename a folder, or use a name again, below which something is open.
    keepsNothing: system.platform === 'win32' || !(canLookAnywhere || settings.revalidate > 0),
    sweeping: undefined,
  };
}

function find(key: StorageKey, shelf: Shelf): CachedObject | undefined {
  const object = shelf.objects.get(key);
  if (object === undefined) return undefined;
  const verdict = judge(object, shelf);
  if (verdict === 'current') {
    shelf.counts.hits += 1;
    object.isHot = true;
    return use(object, shelf);
  }
  if (verdict === 'changed') giveUp(object, shelf);
  return undefined;
}

/** What is unknown may be found unchanged when it is opened anew. */
function judge(object: CachedObject, shelf: Shelf): 'current' | 'changed' | 'unknown' {
  const { jail, revalidate, changes } = shelf;
  const now = jail.system.ticks();
  if (object.seenBefore === changes && now - object.seenAt < revalidate) {
    return isUntouched(object, jail) ? 'current' : 'changed';
  }
  if (!canLookUp(object, jail)) return 'unknown';
  if (!isStillThere(object, jail)) return 'changed';
  object.seenAt = now;
  object.seenBefore = changes;
  return 'current';
}

function use(object: CachedObject, shelf: Shelf): CachedObject {
  const { objects, withBytes, jail } = shelf;
  object.users += 1;
  object.usedAt = jail.system.ticks();
  objects.delete(object.key);
  objects.set(object.key, object);
  if (withBytes.delete(object)) withBytes.add(object);
  if (jail.system.now() >= object.describedUntil) Object.assign(object, describe(object, shelf));
  return object;
}

function describe(
  { key, stats }: Pick<CachedObject, 'key' | 'stats'>,
  shelf: Shelf,
): Pick<CachedObject, 'stat' | 'describedUntil'> {
  // Before it is described: a tag that settles in between is made anew once too often, not never.
  const describedUntil = entityTagSettlesAt(stats, shelf.jail.system.now());
  return { stat: shelf.describe(key, stats), describedUntil };
}

/**
 * Many who miss one object at once wait for one opening. It began before they asked, so what it
 * found may be past: they take what it opened only after a look, and open for themselves otherwise.
 */
async function load(
  key: StorageKey,
  opening: Opening,
  shelf: Shelf,
): Promise<CachedObject | undefined> {
  const running = shelf.openings.get(key);
  if (running !== undefined) {
    await running;
    const found = find(key, shelf);
    if (found !== undefined) return found;
  }
  const work = openAndKeep(key, opening, shelf);
  if (shelf.keepsNothing) return work;
  const ended = work.then(ignore, ignore);
  shelf.openings.set(key, ended);
  try {
    return await work;
  } finally {
    if (shelf.openings.get(key) === ended) shelf.openings.delete(key);
  }
}

function ignore(): void {
  // Who began it is told.
}

async function openAndKeep(
  key: StorageKey,
  opening: Opening,
  shelf: Shelf,
): Promise<CachedObject | undefined> {
  shelf.counts.misses += 1;
  // Of before the opening: what is changed while it runs is not believed later.
  const seen = { seenAt: shelf.jail.system.ticks(), seenBefore: shelf.changes };
  const confined = await openWithRoom(opening, shelf);
  const kept = shelf.objects.get(key);
  if (kept !== undefined) {
    if (confined !== undefined && isSameFile(confined.stats, kept.stats)) {
      void closeQuietly(confined, shelf.jail);
      return use(Object.assign(kept, seen), shelf);
    }
    giveUp(kept, shelf);
  }
  if (confined === undefined) return undefined;
  const { system } = shelf.jail;
  const object = createCachedObject(confined, {
    ...seen,
    ...describe({ key, stats: confined.stats }, shelf),
    key,
    path: opening.path,
    link: `${system.descriptorLinks}/${confined.fd}`,
    usedAt: system.ticks(),
  });
  if (isWorthKeeping(object, shelf)) keep(object, shelf);
  return object;
}

/**
 * When descriptors run out, those that are only kept are given back first. Of many openings that fail
 * at the same moment one makes the room, and all of them try again.
 */
async function openWithRoom(opening: Opening, shelf: Shelf): Promise<Confined | undefined> {
  const before = shelf.clearings;
  try {
    return await opening.open();
  } catch (error) {
    const isOutOfRoom = isSluiceError(error) && error.code === 'SLUICE_UNAVAILABLE';
    const isCleared = shelf.clearings !== before;
    if (!isOutOfRoom || (shelf.objects.size === 0 && !isCleared)) throw error;
  }
  if (shelf.objects.size > 0) {
    shelf.clearings += 1;
    dropAll(shelf);
  }
  return opening.open();
}

function isWorthKeeping(object: CachedObject, shelf: Shelf): boolean {
  if (shelf.keepsNothing || object.stats.nlink === 0n) return false;
  return shelf.revalidate > 0 || canLookUp(object, shelf.jail);
}

function keep(object: CachedObject, shelf: Shelf): void {
  object.isKept = true;
  shelf.objects.set(object.key, object);
  for (const oldest of shelf.objects.values()) {
    if (shelf.objects.size <= shelf.maxObjects) break;
    shelf.counts.evicted += 1;
    drop(oldest, shelf);
  }
  sweepLater(shelf);
}

function wantsBytes(object: CachedObject, shelf: Shelf): boolean {
  const { jail, maxBytes, maxObjectBytes } = shelf;
  const { isHot, isKept, stats } = object;
  return (
    isHot &&
    isKept &&
    object.bytes === undefined &&
    stats.size <= Math.min(maxBytes, maxObjectBytes) &&
    canLookUp(object, jail) &&
    isSettled(stats, jail.system.now())
  );
}

function keepBytes(object: CachedObject, bytes: Uint8Array, shelf: Shelf): void {
  const { withBytes, maxBytes, jail } = shelf;
  // The reader saw size and time of writing unchanged, but that time can be set; the other cannot.
  if (!object.isKept || object.bytes !== undefined || !isUntouched(object, jail)) return;
  // Memory of its own: small buffers of Node are parts of larger ones, which would be kept as well.
  object.bytes = Buffer.allocUnsafeSlow(bytes.byteLength);
  object.bytes.set(bytes);
  withBytes.add(object);
  shelf.bytes += bytes.byteLength;
  for (const oldest of withBytes) {
    if (shelf.bytes <= maxBytes) break;
    dropBytes(oldest, shelf);
  }
}

function dropBytes(object: CachedObject, shelf: Shelf): void {
  if (!shelf.withBytes.delete(object)) return;
  shelf.bytes -= object.bytes?.byteLength ?? 0;
  object.bytes = undefined;
}

function giveUp(object: CachedObject, shelf: Shelf): void {
  shelf.counts.changed += 1;
  drop(object, shelf);
}

function dropAll(shelf: Shelf): void {
  for (const object of shelf.objects.values()) drop(object, shelf);
}

/** Takes an object out of the cache. Whoever reads it goes on; the last one closes it. */
function drop(object: CachedObject, shelf: Shelf): void {
  shelf.objects.delete(object.key);
  dropBytes(object, shelf);
  object.isKept = false;
  if (object.users === 0) void closeQuietly(object, shelf.jail);
}

function release(object: CachedObject, { jail }: Shelf): Promise<void> | undefined {
  object.users -= 1;
  const isLast = object.users === 0 && !object.isKept;
  return isLast ? closeQuietly(object, jail) : undefined;
}

/** The timer keeps no process alive. */
function sweepLater(shelf: Shelf): void {
  if (shelf.sweeping !== undefined || shelf.objects.size === 0) return;
  shelf.sweeping = setTimeout(() => sweep(shelf), Math.ceil(shelf.idle / 2));
  shelf.sweeping.unref();
}

function sweep(shelf: Shelf): void {
  shelf.sweeping = undefined;
  const until = shelf.jail.system.ticks() - shelf.idle;
  for (const object of shelf.objects.values()) {
    if (object.usedAt > until) break;
    drop(object, shelf);
  }
  sweepLater(shelf);
}
