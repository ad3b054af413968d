import { setImmediate as turn } from 'node:timers/promises';

import { SluiceError } from '../../../src/errors.ts';
import type { ObjectHandle, StorageDriver } from '../../../src/storage/driver.ts';
import { alterHandle, alterRead, piecesOf } from '../alter.ts';
import type { World } from '../world.ts';
import type { Mutant } from './mutant.ts';

/** Faults in keeping to one version. */
export const versionMutants: readonly Mutant[] = [
  [
    'reads what is under the key now',
    unpinned,
    'V-01 V-02 V-03 V-04 V-05 V-06 V-07 V-09 V-10 V-11',
  ],
  ['sees only that the object is gone', failsWhenGone, 'V-06 V-07 W-13'],
  [
    'asks any replica for each window',
    (_driver, { http, flaws }) => {
      flaws.add('sends no If-Match').add('looks at no ETag');
      return http;
    },
    'V-12',
  ],
  ['keeps two former versions', keepsTwo, 'V-13'],
  ['keeps what it has opened once', cachesHandles, 'V-14'],
  ['keeps what it has looked at once', cachesStats, 'S-09 V-14'],
];

function unpinned(driver: StorageDriver, { objects }: World): StorageDriver {
  return alterRead(driver, (read, { key }) => async (window, call) => {
    await read(window, call);
    return (async function* current() {
      for (let start = window.start; start < window.end; start += 16_384) {
        await turn();
        const now = objects.get(key)?.bytes;
        if (!now) throw new SluiceError('SLUICE_IO', 'no such object');
        yield now.slice(start, Math.min(start + 16_384, window.end));
      }
    })();
  });
}

function failsWhenGone(driver: StorageDriver, { objects }: World): StorageDriver {
  return alterRead(driver, (read, { key }) => async (window, call) => {
    const pieces = piecesOf(await read(window, call));
    return (async function* looking() {
      for await (const piece of pieces) {
        if (!objects.has(key)) throw new SluiceError('SLUICE_IO', 'no such object');
        yield piece;
      }
    })();
  });
}

function keepsTwo(driver: StorageDriver, { objects }: World): StorageDriver {
  const set = objects.set.bind(objects);
  const versions = new Map<string, number>();
  objects.set = (key, object) => {
    versions.set(key, (versions.get(key) ?? 0) + 1);
    return set(key, object);
  };
  return alterHandle(driver, (handle) => {
    const opened = versions.get(handle.key) ?? 0;
    return {
      read(window, call) {
        const now = versions.get(handle.key) ?? 0;
        if (now - opened > 1) throw new SluiceError('SLUICE_VERSION_CHANGED', 'too old');
        return handle.read(window, call);
      },
    };
  });
}

function cachesHandles(driver: StorageDriver): StorageDriver {
  const cache = new Map<string, ObjectHandle>();
  return {
    ...driver,
    async open(key, call) {
      const known = cache.get(key);
      if (known) return known;
      const handle = await driver.open(key, call);
      const kept = handle && { ...handle, close: async () => undefined };
      if (kept) cache.set(key, kept);
      return kept;
    },
  };
}

function cachesStats(driver: StorageDriver): StorageDriver {
  const cache = new Map<string, Awaited<ReturnType<StorageDriver['stat']>>>();
  return {
    ...driver,
    async stat(key, call) {
      if (!cache.has(key)) cache.set(key, await driver.stat(key, call));
      return cache.get(key);
    },
  };
}
