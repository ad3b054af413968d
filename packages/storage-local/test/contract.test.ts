import { basename, dirname } from 'node:path';

import { createPathMap } from '@sluice/core';
import { type AvaTest, contractWithAva } from '@sluice/core/testing';
import test from 'ava';

import { createDriverOn, createLocalDriver, type LocalDriver } from '../src/local-driver.ts';
import { createFixture, WITHOUT } from './helpers/contract-fixture.ts';
import { faultySystem } from './helpers/temp-root.ts';

const drivers: Readonly<Record<string, (root: string) => LocalDriver>> = {
  'one root': (root) => createLocalDriver({ root }),
  'several roots': (root) => {
    const paths = createPathMap({ '': root, [`${basename(root)}-other`]: dirname(root) });
    return createLocalDriver({ paths });
  },
  'links inside': (root) => createLocalDriver({ root, symlinks: 'inside' }),
  'without /proc': (root) =>
    createDriverOn(faultySystem({}, { descriptorLinks: undefined }), { root }),
  'open cache': (root) => createLocalDriver({ root, openCache: { maxBytes: 1_000_000 } }),
  'open cache that looks up no path': (root) =>
    createLocalDriver({ root, openCache: { revalidate: 60_000 } }),
  'open cache without /proc': (root) =>
    createDriverOn(faultySystem({}, { descriptorLinks: undefined }), {
      root,
      openCache: { revalidate: 60_000 },
    }),
  'small open cache, links inside': (root) =>
    createLocalDriver({ root, symlinks: 'inside', openCache: { maxObjects: 2 } }),
};

for (const [name, create] of Object.entries(drivers)) {
  // One after the other: the checks wait for answers by the clock, and all at once are slow.
  const register = (title: string, run: Parameters<AvaTest>[1]): void => {
    test.serial(`${name}: ${title}`, run);
  };
  const skip = (title: string): void => {
    test.serial(`${name}: ${title}`, (t) => t.fail('the fixture offers everything'));
  };
  const named: AvaTest = Object.assign(register, { serial: register, skip });
  await contractWithAva(named, () => createFixture(create), {
    without: WITHOUT,
  });
}
