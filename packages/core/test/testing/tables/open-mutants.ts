import { SluiceError } from '../../../src/errors.ts';
import type { StorageKey } from '../../../src/keys/storage-key.ts';
import type { ObjectHandle, StorageDriver } from '../../../src/storage/driver.ts';
import { alterHandle, bytesOf, finds, piecesOf } from '../alter.ts';
import type { World } from '../world.ts';
import type { Mutant } from './mutant.ts';

/** Faults in what is taken for an object, and in handles. */
export const openMutants: readonly Mutant[] = [
  ['throws for what is missing', throwsForMissing, 'S-03 S-04 S-05 O-01 V-14 K-02 K-09'],
  ['looks in a plain object', (driver) => finds(driver, isInherited), 'S-03 O-01'],
  ['opens what is missing, and fails in the read', opensLazily, 'O-01 S-04 V-14'],
  ['takes a prefix for an object', findsPrefixes, 'S-04'],
  ['finds an object above the key', findsParents, 'S-05'],
  [
    'takes what it meets for an object',
    (driver, { planted }) => finds(driver, (key) => planted.has(key)),
    'O-02 O-03 O-08 O-09 O-10 O-11 O-12',
  ],
  ['waits for the writer of a FIFO', hangsOnPlants, 'O-02'],
  ['fails on what is no object', failsOnPlants, 'O-03 O-08 O-09 O-10 O-11 O-12'],
  [
    'leaks handles',
    (driver) => alterHandle(driver, () => ({ close: async () => undefined })),
    'O-05 O-07 T-12 T-06',
  ],
  ['cuts a read by closing', cutsByClosing, 'O-06'],
  ['reads after close', readsAfterClose, 'O-07'],
  ['fails to close twice', closesHandleOnce, 'O-07'],
  [
    'names another key',
    (driver) => alterHandle(driver, ({ key }) => ({ key: key.toLowerCase() as StorageKey })),
    'O-13',
  ],
  [
    'cannot open what it knows',
    (driver) => ({
      ...driver,
      open: async (key, call) => (call?.known ? undefined : driver.open(key, call)),
    }),
    'O-14 O-15',
  ],
  ['believes what it is told, and reads what is there', believesKnown, 'O-15'],
];

function throwsForMissing(driver: StorageDriver): StorageDriver {
  const found = <T>(result: T | undefined): T => {
    if (result === undefined) throw new SluiceError('SLUICE_IO', 'no such object');
    return result;
  };
  return {
    ...driver,
    stat: async (key, call) => found(await driver.stat(key, call)),
    open: async (key, call) => found(await driver.open(key, call)),
  };
}

function believesKnown(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async open(key, call) {
      const handle = await driver.open(key, call);
      const stat = call?.known;
      if (!handle || !stat) return handle;
      const read: ObjectHandle['read'] = ({ start, end }) => {
        const now = objects.get(key)?.bytes ?? new Uint8Array(0);
        return Buffer.concat([now, new Uint8Array(end)]).subarray(start, end);
      };
      return { ...handle, stat, read };
    },
  };
}

function isInherited(key: string): boolean {
  return key in {};
}

function opensLazily(driver: StorageDriver): StorageDriver {
  return {
    ...driver,
    async open(key, call) {
      const handle = await driver.open(key, call);
      return (
        handle ?? {
          key,
          stat: { size: 0, version: { token: 'none', hold: 'detect' } },
          read: () => Promise.reject(new SluiceError('SLUICE_IO', 'no such object')),
          close: async () => undefined,
        }
      );
    },
  };
}

function findsPrefixes(driver: StorageDriver, { objects }: World): StorageDriver {
  return finds(driver, (key) => [...objects.keys()].some((name) => name.startsWith(`${key}/`)));
}

function findsParents(driver: StorageDriver, { objects }: World): StorageDriver {
  return finds(driver, (key) => [...objects.keys()].some((name) => key.startsWith(`${name}/`)));
}

function hangsOnPlants(driver: StorageDriver, { planted }: World): StorageDriver {
  return {
    ...driver,
    open: (key, call) =>
      planted.has(key) ? new Promise<undefined>(() => undefined) : driver.open(key, call),
  };
}

function failsOnPlants(driver: StorageDriver, { planted }: World): StorageDriver {
  return {
    ...driver,
    async open(key, call) {
      if (planted.has(key)) throw new SluiceError('SLUICE_IO', 'no regular file');
      return driver.open(key, call);
    },
  };
}

function cutsByClosing(driver: StorageDriver): StorageDriver {
  return alterHandle(driver, (handle) => {
    let closed = false;
    return {
      async read(window, call) {
        const pieces = piecesOf(await handle.read(window, call));
        return (async function* cutting() {
          for await (const piece of pieces) {
            if (closed) throw new SluiceError('SLUICE_ABORTED', 'closed');
            yield piece;
          }
        })();
      },
      close() {
        closed = true;
        return handle.close();
      },
    };
  });
}

function readsAfterClose(driver: StorageDriver): StorageDriver {
  return alterHandle(driver, (handle) => {
    const all = handle.read({ start: 0, end: handle.stat.size });
    return {
      async read({ start, end }) {
        return (await bytesOf(await all)).subarray(start, end);
      },
    };
  });
}

function closesHandleOnce(driver: StorageDriver): StorageDriver {
  return alterHandle(driver, (handle) => {
    let closed = false;
    return {
      async close() {
        if (closed) throw new SluiceError('SLUICE_IO', 'closed already');
        closed = true;
        await handle.close();
      },
    };
  });
}
