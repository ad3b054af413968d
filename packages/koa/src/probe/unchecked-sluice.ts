import {
  allow,
  createSluice,
  type ObjectHandle,
  type ObjectStat,
  type Sluice,
  SluiceError,
  type StorageDriver,
  type StorageKey,
} from '@sluice/core';

/**
 * Creates a sluice that orders files without having looked at them, for the one key of a run under
 * which nothing is stored. What a file turned into after the application has looked can only be seen
 * so: the front server gets to it with no check before.
 *
 * @returns `undefined` where nothing is ordered
 */
export function createUncheckedSluice<S>({ storage, dialect }: Sluice<S>): Sluice | undefined {
  if (dialect === undefined || storage.localPath === undefined) return undefined;
  return createSluice({ storage: pretend(storage), policy: () => allow(), dialect });
}

/** Old enough to be offloaded. */
const STAT: ObjectStat = Object.freeze({
  size: 2048,
  version: Object.freeze({ token: 'unchecked', hold: 'immutable' }),
  entityTag: '"unchecked"',
  lastModified: Date.UTC(2020, 0, 1),
  contentType: 'text/plain; charset=utf-8',
});

function pretend(storage: StorageDriver): StorageDriver {
  return {
    name: storage.name,
    stat: async () => STAT,
    open: async (key) => openNothing(key),
    localPath: (key) => storage.localPath?.(key),
  };
}

function openNothing(key: StorageKey): ObjectHandle {
  return {
    key,
    stat: STAT,
    async read() {
      throw new SluiceError('SLUICE_IO', 'there is nothing to read');
    },
    close: async () => undefined,
  };
}
