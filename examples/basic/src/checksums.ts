import { createHash } from 'node:crypto';

import type { ObjectHandle, StorageDriver, StorageKey } from '@sluice/core';

/** Tells the SHA-256 of objects. */
export interface Checksums {
  /** In hexadecimal; `undefined` when there is no such object. */
  sha256(key: StorageKey): Promise<string | undefined>;
}

/** Creates checksums of a store. Each version of an object is read once. */
export function createChecksums(storage: StorageDriver): Checksums {
  const known = new Map<StorageKey, { readonly token: string; readonly sum: Promise<string> }>();
  return {
    async sha256(key) {
      const handle = await storage.open(key);
      if (handle === undefined) return undefined;
      try {
        const { token } = handle.stat.version;
        const entry = known.get(key);
        if (entry?.token === token) return await entry.sum;
        const sum = hash(handle);
        if (known.size >= MOST_KNOWN) known.clear();
        known.set(key, { token, sum });
        sum.catch(() => known.delete(key));
        return await sum;
      } finally {
        await handle.close();
      }
    },
  };
}

const MOST_KNOWN = 1000;

async function hash(handle: ObjectHandle): Promise<string> {
  const sum = createHash('sha256');
  const bytes = await handle.read({ start: 0, end: handle.stat.size });
  if (bytes instanceof Uint8Array) return sum.update(bytes).digest('hex');
  const pieces: AsyncIterable<Uint8Array> = bytes;
  for await (const piece of pieces) sum.update(piece);
  return sum.digest('hex');
}
