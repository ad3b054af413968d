import { SluiceError } from '../../../src/errors.ts';
import type { StorageDriver } from '../../../src/storage/driver.ts';
import { alterKey, finds } from '../alter.ts';
import type { World } from '../world.ts';
import type { Mutant } from './mutant.ts';

/** Faults in keys. */
export const keyMutants: readonly Mutant[] = [
  [
    'hides dotfiles',
    (driver) => alterKey(driver, (key) => (key.includes('/.') ? undefined : key)),
    'K-01',
  ],
  ['decodes keys', (driver) => alterKey(driver, decoded), 'K-01 K-03'],
  ['repairs paths', (driver) => alterKey(driver, repaired), 'K-02'],
  ['writes keys as UTF-8', (driver) => alterKey(driver, (key) => key.toWellFormed()), 'K-02'],
  ['ends a key at NUL', (driver) => alterKey(driver, (key) => key.split('\0')[0]), 'K-02'],
  ['folds case', (driver, world) => foldsNames(driver, world, lower), 'K-04'],
  ['composes letters', (driver, world) => foldsNames(driver, world, nfc), 'K-06 K-01'],
  ['trims names', (driver, world) => foldsNames(driver, world, trimmed), 'K-09 K-01'],
  ['takes a backslash for a slash', (driver) => alterKey(driver, slashed), 'K-01 K-09'],
  ['takes a key for a pattern', findsPatterns, 'K-09'],
  ['fails on long keys', failsOnLongKeys, 'K-10'],
  ['replaces an object by a folder', replacesByFolder, 'K-05'],
  ['fails as a medium below an object', failsBelowObject, 'K-05'],
];

function decoded(key: string): string | undefined {
  try {
    return decodeURIComponent(key);
  } catch {
    return undefined;
  }
}

function repaired(key: string): string {
  const segments: string[] = [];
  for (const segment of key.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments.join('/');
}

function slashed(key: string): string {
  return repaired(key.replaceAll('\\', '/'));
}

function lower(key: string): string {
  return key.toLowerCase();
}

function nfc(key: string): string {
  return key.normalize('NFC');
}

function trimmed(key: string): string {
  return key.replaceAll(/[ .]+(?=\/|$)|(?<=\/) +/g, '');
}

/** Finds what has the same name once both are folded. */
function foldsNames(
  driver: StorageDriver,
  { objects }: World,
  fold: (key: string) => string,
): StorageDriver {
  return alterKey(driver, (key) => [...objects.keys()].find((name) => fold(name) === fold(key)));
}

function findsPatterns(driver: StorageDriver, { objects }: World): StorageDriver {
  return finds(driver, (key) => {
    const [before, after] = key.split('*');
    if (before === undefined || after === undefined) return false;
    return [...objects.keys()].some((name) => name.startsWith(before) && name.endsWith(after));
  });
}

function failsOnLongKeys(driver: StorageDriver): StorageDriver {
  return {
    ...driver,
    async stat(key, call) {
      if (key.length > 3000) throw new SluiceError('SLUICE_IO', 'ENAMETOOLONG');
      return driver.stat(key, call);
    },
  };
}

function replacesByFolder(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async put(key, source, options) {
      objects.delete(key.slice(0, key.lastIndexOf('/')));
      return driver.put!(key, source, options);
    },
  };
}

function failsBelowObject(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async put(key, source, options) {
      if (objects.has(key.slice(0, key.lastIndexOf('/')))) {
        throw new SluiceError('SLUICE_IO', 'ENOTDIR');
      }
      return driver.put!(key, source, options);
    },
  };
}
