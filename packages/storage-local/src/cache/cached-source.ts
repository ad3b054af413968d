import type { Call, ObjectHandle, StorageKey } from '@sluice/core';
import { throwIfAborted } from '@sluice/core/drivers';

import { placeOf } from '../jail.ts';
import { createFileHandle, createMemoryHandle } from '../object-handle.ts';
import { isSmall, type ObjectSource, readsOf, type SourceOptions } from '../object-source.ts';
import type { Confined } from '../open-regular.ts';
import type { CachedObject } from './cached-object.ts';
import type { ObjectCache } from './object-cache.ts';

/** Creates a source of objects that stay open, in a cache, for those who ask next. */
export function createCachedSource(cache: ObjectCache, options: SourceOptions): ObjectSource {
  return {
    async stat(key, call) {
      throwIfAborted(call?.signal);
      const object = cache.find(key) ?? (await load(key, cache, options, call));
      if (object === undefined) return undefined;
      void cache.release(object);
      return object.stat;
    },
    async open(key, call) {
      throwIfAborted(call?.signal);
      const object = cache.find(key) ?? (await load(key, cache, options, call));
      return object && createHandle(object, cache, options);
    },
  };
}

async function load(
  key: StorageKey,
  cache: ObjectCache,
  { jail, opener }: SourceOptions,
  { signal }: Call = {},
): Promise<CachedObject | undefined> {
  const place = placeOf(key, jail);
  if (place === undefined) return undefined;
  const open = async (): Promise<Confined | undefined> =>
    opener.openNow(place) ?? opener.open(place);
  const opening = { path: place.path, open };
  const object = await cache.load(key, opening);
  if (signal?.aborted === true && object !== undefined) void cache.release(object);
  throwIfAborted(signal);
  return object;
}

function createHandle(
  object: CachedObject,
  cache: ObjectCache,
  options: SourceOptions,
): ObjectHandle {
  const { key, stat, stats, bytes } = object;
  if (bytes !== undefined) {
    void cache.release(object);
    return createMemoryHandle(key, stat, bytes);
  }
  const isNear = object.isHot || isSmall(object);
  const handle = createFileHandle(key, stat, object, {
    system: options.jail.system,
    reads: readsOf({ isNear, stats }, options),
    dispose: () => cache.release(object),
  });
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
