import { SluiceError } from '../../../src/errors.ts';
import type { StorageDriver } from '../../../src/storage/driver.ts';
import { alterErrors } from '../alter.ts';
import { SECRET, type World } from '../world.ts';
import type { Mutant } from './mutant.ts';

/** Faults of a driver as a whole. */
export const driverMutants: readonly Mutant[] = [
  ['has no name', (driver) => ({ ...driver, name: '' }), 'C-01'],
  ['has null for a method', (driver) => ({ ...driver, localPath: null as never }), 'C-01'],
  [
    'changes its options',
    (driver) => ({
      ...driver,
      stat(key, call) {
        if (call) Object.assign(call, { signal: undefined });
        return driver.stat(key, call);
      },
    }),
    'C-03',
  ],
  [
    'fails with plain errors',
    (driver) => alterErrors(driver, () => new Error('something went wrong')),
    'C-04 C-06 T-01 T-04 R-09 O-07 W-03 W-08',
  ],
  [
    'fails with a code of its own',
    (driver) => alterErrors(driver, (error) => Object.assign(error as Error, { code: 'SLUICE_X' })),
    'C-04 T-01 R-09',
  ],
  [
    'tells the key in its messages',
    (driver) => alterErrors(driver, (error, key) => retold(error, `cannot read ${key}`)),
    'C-05',
  ],
  [
    'tells the root in its messages',
    (driver) => alterErrors(driver, (error) => retold(error, `cannot read below ${SECRET}`)),
    'C-05',
  ],
  [
    'tells the key in a field of its errors',
    (driver) => alterErrors(driver, (error, key) => Object.assign(error as Error, { key })),
    'C-05',
  ],
  ['works after close', (driver) => ({ ...driver, close: async () => undefined }), 'C-06'],
  ['cannot be closed twice', closesOnce, 'C-06'],
  ['puts where only it looks', putsApart, 'C-07'],
];

function retold(error: unknown, message: string): unknown {
  return error instanceof SluiceError ? new SluiceError(error.code, message) : error;
}

function closesOnce(driver: StorageDriver): StorageDriver {
  let closed = false;
  return {
    ...driver,
    async close() {
      if (closed) throw new Error('closed already');
      closed = true;
      await driver.close!();
    },
  };
}

function putsApart(driver: StorageDriver, { objects, memory }: World): StorageDriver {
  return {
    ...driver,
    async put(key, source, options) {
      const stat = await driver.put!(key, source, options);
      await memory.delete(key);
      return objects.has(key) ? stat : { ...stat };
    },
  };
}
