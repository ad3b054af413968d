import { assertKey, type StorageKey } from '../../../src/keys/storage-key.ts';
import type { StorageDriver } from '../../../src/storage/driver.ts';
import { alterList } from '../alter.ts';
import type { World } from '../world.ts';
import type { Mutant } from './mutant.ts';

/** Faults in listings. */
export const listMutants: readonly Mutant[] = [
  ['lists keys encoded', (driver) => alterList(driver, encodes), 'K-08 L-01'],
  ['lists twice', (driver) => alterList(driver, twice), 'L-01 L-04 L-05 K-08'],
  ['loses the last of a list', (driver) => alterList(driver, butLast), 'L-01 L-04 L-05 K-08'],
  ['counts where it is in a listing', pagesByNumber, 'L-03'],
  ['lists what it finds', listsStrays, 'L-07'],
  ['ends an aborted listing as if it were whole', endsAborted, 'L-08'],
  ['fails to list before it is asked for an entry', listsAtOnce, 'L-09'],
  ['lists by segments', (driver) => alterList(driver, bySegments), 'L-04'],
  ['lists no sizes', (driver) => alterList(driver, sizeless), 'L-05'],
  ['holds a listing that is left', leaksListings, 'L-06'],
];

async function* encodes<T extends { readonly key: StorageKey }>(
  entries: AsyncIterable<T>,
): AsyncIterable<T> {
  for await (const entry of entries) {
    const key = assertKey('mutant', entry.key.split('/').map(encodeURIComponent).join('/'));
    yield { ...entry, key };
  }
}

async function* twice<T>(entries: AsyncIterable<T>): AsyncIterable<T> {
  for await (const entry of entries) {
    yield entry;
    yield entry;
  }
}

async function* butLast<T>(entries: AsyncIterable<T>): AsyncIterable<T> {
  const all: T[] = [];
  for await (const entry of entries) all.push(entry);
  yield* all.slice(0, -1);
}

async function* bySegments<T extends { readonly key: StorageKey }>(
  entries: AsyncIterable<T>,
  prefix: string,
): AsyncIterable<T> {
  for await (const entry of entries) {
    const rest = entry.key.slice(prefix.length);
    if (prefix.endsWith('/') || rest === '' || rest.startsWith('/')) yield entry;
  }
}

/** Pages as many a database is paged: by how many came before. */
function pagesByNumber(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async *list(prefix) {
      for (let index = 0; ; index++) {
        const key = [...objects.keys()].filter((name) => name.startsWith(prefix)).toSorted()[index];
        if (key === undefined) return;
        yield { key: key as StorageKey, size: objects.get(key)!.bytes.byteLength };
      }
    },
  };
}

function listsStrays(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async *list(prefix) {
      for (const [key, { bytes }] of objects) {
        if (key.startsWith(prefix)) yield { key: key as StorageKey, size: bytes.byteLength };
      }
    },
  };
}

function endsAborted(driver: StorageDriver): StorageDriver {
  return {
    ...driver,
    async *list(prefix, call) {
      for await (const entry of driver.list!(prefix)) {
        if (call?.signal?.aborted) return;
        yield entry;
      }
    },
  };
}

function listsAtOnce(driver: StorageDriver): StorageDriver {
  return {
    ...driver,
    list(prefix, call) {
      call?.signal?.throwIfAborted();
      return driver.list!(prefix, call);
    },
  };
}

async function* sizeless<T extends object>(entries: AsyncIterable<T>): AsyncIterable<T> {
  for await (const entry of entries) yield { ...entry, size: 0 };
}

function leaksListings(driver: StorageDriver, world: World): StorageDriver {
  return alterList(driver, async function* leaking(entries) {
    world.leaked++;
    for await (const entry of entries) yield entry;
    world.leaked--;
  });
}
