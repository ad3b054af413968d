import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

import { createPathMap, type StorageKey } from '@sluice/core';
import {
  type AvaTest,
  type ContractFixture,
  contractWithAva,
  type Plant,
} from '@sluice/core/testing';
import test from 'ava';

import { createDriverOn, createLocalDriver, type LocalDriver } from '../src/local-driver.ts';
import { SECRET, faultySystem, openBelow, makeFifo } from './helpers/temp-root.ts';

const isRoot = process.getuid?.() === 0;

/** One folder for all keys, and how a driver on it is made. */
function createFixture(create: (root: string) => LocalDriver): ContractFixture {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-contract-')));
  const root = join(base, 'root');
  mkdirSync(root);
  const driver = create(root);
  const pathOf = (key: StorageKey): string => {
    const path = join(root, key);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  };
  return {
    driver,
    async seed(key, bytes) {
      const path = pathOf(key);
      const draft = join(base, `draft-${crypto.randomUUID()}`);
      writeFileSync(draft, bytes);
      renameSync(draft, path);
    },
    async remove(key) {
      rmSync(join(root, key));
    },
    async rewriteInPlace(key, bytes) {
      const fd = openSync(join(root, key), 'r+');
      writeSync(fd, bytes);
      ftruncateSync(fd, bytes.byteLength);
      closeSync(fd);
    },
    async touch(key) {
      chmodSync(join(root, key), 0o600);
    },
    async seedSparse(key, size) {
      const fd = openSync(pathOf(key), 'w');
      ftruncateSync(fd, size);
      closeSync(fd);
    },
    fills: true,
    plant: plantWith(pathOf, base),
    another: async () => create(root),
    // What is kept open is no download's.
    openResources: () => openBelow(base).length - (driver.cacheStats?.().objects ?? 0),
    secrets: [base],
    async dispose() {
      await driver.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

function plantWith(pathOf: (key: StorageKey) => string, base: string): Plant {
  return {
    async directory(key) {
      mkdirSync(pathOf(key));
    },
    fifo: async (key) => makeFifo(pathOf(key)),
    async socket(key) {
      // The path of a socket is short: it is made elsewhere and moved there.
      const path = join(base, 's');
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(path, resolve));
      renameSync(path, pathOf(key));
      server.unref();
    },
    ...(isRoot && {
      device: async (key) => void execFileSync('mknod', [pathOf(key), 'c', '1', '5']),
    }),
    async 'link-out'(key) {
      symlinkSync(outside(base, 'secret'), pathOf(key));
    },
    async 'link-dangling'(key) {
      symlinkSync('nowhere', pathOf(key));
    },
    async 'parent-link-out'(key) {
      const [first = '', ...rest] = key.split('/');
      outside(base, join(first, ...rest));
      symlinkSync(join(base, 'outside', first), join(base, 'root', first));
    },
  };
}

/** Makes a file that lies outside the root, and gives its path. */
function outside(base: string, name: string): string {
  const path = join(base, 'outside', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, SECRET);
  return path;
}

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
    without: isRoot ? [] : ['plant.device'],
  });
}
