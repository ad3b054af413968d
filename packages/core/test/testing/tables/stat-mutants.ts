import { SluiceError } from '../../../src/errors.ts';
import type { StorageDriver } from '../../../src/storage/driver.ts';
import { alterHandle, alterStat, piecesOf } from '../alter.ts';
import type { World } from '../world.ts';
import type { Mutant } from './mutant.ts';

/** Faults in the facts of an object. */
export const statMutants: readonly Mutant[] = [
  ['counts blocks', (driver) => alterStat(driver, rounded), 'S-01 R-01 V-14'],
  [
    'takes no object for empty',
    (driver) => alterStat(driver, (stat) => ({ ...stat, size: Math.max(1, stat.size) })),
    'S-06 W-06',
  ],
  [
    'keeps sizes in 32 bits',
    (driver) => alterStat(driver, (stat) => ({ ...stat, size: stat.size % 2 ** 32 })),
    'S-07',
  ],
  [
    'knows less of what is open',
    (driver) => alterHandle(driver, ({ stat }) => ({ stat: { ...stat, lastModified: 1 } })),
    'S-02',
  ],
  ['makes a new version for every stat', (driver) => alterStat(driver, renewed), 'S-08 S-02 C-07'],
  ['takes the version from the size', (driver) => alterStat(driver, versionBySize), 'S-09'],
  ['takes a strong tag from the size', (driver) => alterStat(driver, tagBySize), 'S-09'],
  ['ties a handle to all that the store keeps', boundToEntry, 'S-10 V-01 V-02 V-03 V-05 V-08'],
  [
    'tells seconds for milliseconds',
    (driver) => alterStat(driver, (stat) => ({ ...stat, lastModified: Date.now() / 1000 })),
    'S-11',
  ],
  [
    'tells of the future',
    (driver) => alterStat(driver, (stat) => ({ ...stat, lastModified: Date.now() + 1e9 })),
    'S-11',
  ],
  ['sniffs the type', (driver, world) => sniffs(driver, world, 'contentType'), 'S-12'],
  ['sniffs the coding', (driver, world) => sniffs(driver, world, 'contentEncoding'), 'S-12'],
  [
    'gives a tag without quotes',
    (driver) => alterStat(driver, (stat) => ({ ...stat, entityTag: stat.version.token })),
    'S-14',
  ],
  [
    'gives a token of many words',
    (driver) =>
      alterStat(driver, (stat) => ({ ...stat, version: { ...stat.version, token: 'a b\n' } })),
    'S-14 S-09',
  ],
];

function rounded<T extends { readonly size: number }>(stat: T): T {
  return { ...stat, size: Math.ceil(stat.size / 512) * 512 };
}

let renewals = 0;

function renewed<T extends object>(stat: T): T {
  return { ...stat, version: { token: `v${renewals++}`, hold: 'handle' } };
}

function versionBySize<T extends { readonly size: number }>(stat: T): T {
  return { ...stat, version: { token: String(stat.size), hold: 'handle' } };
}

function tagBySize<T extends { readonly size: number }>(stat: T): T {
  return { ...stat, entityTag: `"${stat.size}"` };
}

function boundToEntry(driver: StorageDriver, { objects }: World): StorageDriver {
  return alterHandle(driver, (handle) => {
    const entry = objects.get(handle.key);
    const check = (): void => {
      if (objects.get(handle.key) !== entry) {
        throw new SluiceError('SLUICE_VERSION_CHANGED', 'changed');
      }
    };
    return {
      async read(window, call) {
        check();
        const pieces = piecesOf(await handle.read(window, call));
        return (async function* checking() {
          for await (const piece of pieces) {
            check();
            yield piece;
          }
        })();
      },
    };
  });
}

function sniffs(
  driver: StorageDriver,
  { objects }: World,
  fact: 'contentType' | 'contentEncoding',
): StorageDriver {
  const value = fact === 'contentType' ? 'text/html' : 'gzip';
  const magic = fact === 'contentType' ? 0x3c : 0x1f;
  return alterStat(driver, (stat, key) =>
    objects.get(key)?.bytes[0] === magic ? { ...stat, [fact]: value } : stat,
  );
}
