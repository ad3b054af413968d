import { setImmediate as turn } from 'node:timers/promises';

import { SluiceError } from '../../../src/errors.ts';
import type { Call, ObjectHandle, StorageDriver } from '../../../src/storage/driver.ts';
import { alterHandle } from '../alter.ts';
import type { World } from '../world.ts';
import type { Mutant } from './mutant.ts';

/** Faults in filling memory. */
export const fillMutants: readonly Mutant[] = [
  ['fills nothing', (driver) => alterHandle(driver, () => ({ fill: undefined as never })), 'B-01'],
  [
    'fills from one byte too far',
    (driver) =>
      alterFill(
        driver,
        (fill, size) => (target, start, call) =>
          fill(target, start > 0 && start + target.byteLength < size ? start + 1 : start, call),
      ),
    'B-02 B-04',
  ],
  [
    'leaves the last byte as it was',
    (driver) =>
      alterFill(
        driver,
        (fill) => (target, start, call) =>
          fill(target.subarray(0, Math.max(0, target.byteLength - 1)), start, call),
      ),
    'B-02 B-03 B-04',
  ],
  [
    'fills the memory around the target',
    (driver) =>
      alterFill(driver, (fill) => async (target, start, call) => {
        await fill(target, start, call);
        new Uint8Array(target.buffer).fill(0, target.byteOffset + target.byteLength);
      }),
    'B-02',
  ],
  [
    'fills as much as there is',
    (driver) =>
      alterFill(
        driver,
        (fill, size) => (target, start, call) =>
          start >= 0 && start <= size
            ? fill(target.subarray(0, size - start), start, call)
            : fill(target, start, call),
      ),
    'B-03',
  ],
  ['fills the target before it looks at the place', fillsFirst, 'B-03'],
  ['fills one target at a time', fillsOneAtATime, 'B-04'],
  [
    'fills under an aborted signal',
    (driver) => alterFill(driver, (fill) => (target, start) => fill(target, start)),
    'B-05',
  ],
  ['fills after the close', fillsAfterClose, 'B-05'],
  ['fills what is under the key now', fillsFromNow, 'B-06 B-07'],
];

type Fill = (target: Uint8Array, start: number, call?: Call) => Promise<void>;

function alterFill(
  driver: StorageDriver,
  change: (fill: Fill, size: number) => Fill,
): StorageDriver {
  return alterHandle(driver, (handle) => ({
    fill: change(fillOf(handle), handle.stat.size),
  }));
}

function fillsFirst(driver: StorageDriver): StorageDriver {
  return alterFill(driver, (fill) => async (target, start, call) => {
    target.fill(0);
    await fill(target, start, call);
  });
}

function fillsOneAtATime(driver: StorageDriver): StorageDriver {
  return alterFill(driver, (fill) => {
    let latest: Uint8Array = new Uint8Array(0);
    return async (target, start, call) => {
      latest = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
      await turn();
      await fill(latest, start, call);
    };
  });
}

function fillsAfterClose(driver: StorageDriver): StorageDriver {
  return alterHandle(driver, (handle) => {
    const fill = fillOf(handle);
    let isClosed = false;
    return {
      fill: async (...given: Parameters<Fill>) =>
        isClosed && given[2] === undefined ? undefined : fill(...given),
      close: async () => {
        isClosed = true;
      },
    };
  });
}

function fillsFromNow(driver: StorageDriver, { objects }: World): StorageDriver {
  return alterHandle(driver, (handle) => ({
    async fill(target, start, call) {
      await handle.fill?.(target, start, call);
      const now = objects.get(handle.key)?.bytes;
      if (now === undefined) throw new SluiceError('SLUICE_VERSION_CHANGED', 'gone');
      target.set(now.subarray(start, start + target.byteLength));
    },
  }));
}

function fillOf(handle: ObjectHandle): Fill {
  return async (target, start, call) => handle.fill?.(target, start, call);
}
