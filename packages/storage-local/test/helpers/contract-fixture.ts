import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import type { StorageKey } from '@sluice/core';
import type { ContractFixture, ContractNeed, Plant } from '@sluice/core/testing';

import type { LocalDriver } from '../../src/local-driver.ts';
import { makeFifo, openBelow, SECRET } from './temp-root.ts';

const isRoot = process.getuid?.() === 0;

/** What a disk is not, and what only a privileged process can put into a folder. */
export const WITHOUT: readonly ContractNeed[] = [
  'signUrl',
  'internalUrl',
  'credentials',
  'remote',
  'refused',
  'seedStale',
  'partSize',
  ...(isRoot ? [] : (['plant.device'] as const)),
];

/** One folder for all keys, and how a driver on it is made. */
export function createFixture(create: (root: string) => LocalDriver): ContractFixture {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-contract-')));
  const root = join(base, 'root');
  mkdirSync(root);
  const driver = create(root);
  const others: LocalDriver[] = [];
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
    async misplaced() {
      // Without a root no driver is made; this one loses it afterwards.
      const gone = join(base, 'gone');
      mkdirSync(gone);
      const driver = create(gone);
      others.push(driver);
      rmSync(gone, { recursive: true });
      return driver;
    },
    async stray(prefix) {
      for (const name of ['line\nbreak', 'cr\rname', 'folder\n/below']) {
        writeFileSync(pathOf((prefix + name) as StorageKey), 'stray');
      }
      mkdirSync(pathOf(`${prefix}empty` as StorageKey));
    },
    // So the drafts of the driver end.
    debris: () =>
      readdirSync(root, { recursive: true }).filter((name) => String(name).endsWith('\u007f'))
        .length,
    readPath: async (path) => readFileSync(path),
    async dispose() {
      await Promise.all([driver, ...others].map((one) => one.close()));
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
