import { randomUUID } from 'node:crypto';

import { assertKey, type StorageKey } from '../keys/storage-key.ts';

/** Makes a key that nobody else has: `sluice-contract/<uuid>/<name>`. */
export function sampleKey(name = 'object'): StorageKey {
  return siblingKeys()(name);
}

/** Makes keys that nobody else has, all below one prefix. */
export function siblingKeys(): (name: string) => StorageKey {
  const prefix = `sluice-contract/${randomUUID()}`;
  return (name) => assertKey('storageContract', `${prefix}/${name}`);
}

/**
 * Makes bytes in which no two places look alike, the same for the same seed: a window that is off by
 * one, or of another version, shows.
 */
export function sampleBytes(size: number, seed = 1): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = seed;
  for (let index = 0; index < words.length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // The low bits of such a sequence repeat soon; the high ones are mixed in.
    words[index] = state ^ (state >>> 15);
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** Keys that a lookup in a plain object would find, though nobody has stored anything under them. */
export const INHERITED: readonly StorageKey[] = ['__proto__', 'constructor', 'toString'].map(
  (name) => assertKey('storageContract', name),
);
