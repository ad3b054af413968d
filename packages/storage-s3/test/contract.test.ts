import { randomUUID } from 'node:crypto';

import { type ContractFixture, contractWithAva } from '@sluice/core/testing';
import test from 'ava';

import { createS3Driver, type S3Driver, type S3DriverOptions } from '../src/index.ts';
import { type MemoryStore, REFUSED_KEY_ID, startMemoryStore } from './helpers/memory-store.ts';

const PAGE_SIZE = 50;

/** Bytes: the least that S3 takes for a part. */
const PART_SIZE = 5 * 1_048_576;

/** Milliseconds. */
const PATIENCE = 800;

/** What the store of these tests does not do, and those of the end-to-end tests do. */
const UNSIGNED = 'this store checks no signature';
const SIMPLE = 'this store knows no response overrides and no suffix ranges';

// All of them before the first test is declared: AVA takes no test after a wait for something outside.
const stores = {
  'no versions': await startMemoryStore({ isVersioned: false, pageSize: PAGE_SIZE }),
  'versions kept': await startMemoryStore({ isVersioned: true, pageSize: PAGE_SIZE }),
};

const CREDENTIALS = { accessKeyId: 'contract', secretAccessKey: randomUUID() } as const;

function createFixture(store: MemoryStore): ContractFixture {
  const { endpoint, bucket } = store;
  const drivers: S3Driver[] = [];
  const create = (more: Partial<S3DriverOptions> = {}): S3Driver => {
    const options = { endpoint, bucket, credentials: CREDENTIALS, partSize: PART_SIZE, ...more };
    const driver = createS3Driver(options);
    drivers.push(driver);
    return driver;
  };
  return {
    driver: create(),
    async seed(key, bytes, { contentType, contentEncoding } = {}) {
      store.put(key, Uint8Array.from(bytes), {
        ...(contentType !== undefined && { 'content-type': contentType }),
        ...(contentEncoding !== undefined && { 'content-encoding': contentEncoding }),
      });
    },
    async remove(key) {
      store.remove(key);
    },
    // As consoles make a folder: an object of no bytes, which no key of ours can name.
    plant: { directory: async (key) => store.put(`${key}/`, new Uint8Array(0)) },
    another: async () => create(),
    openResources: () => store.busy(),
    secrets: [new URL(endpoint).host, bucket, CREDENTIALS.secretAccessKey],
    credentials: [CREDENTIALS.secretAccessKey],
    remote: {
      target: { host: '127.0.0.1', port: Number(new URL(endpoint).port) },
      connect: ({ host, port }) =>
        create({
          endpoint: `http://${host}:${port}`,
          timeouts: { answer: PATIENCE, idle: PATIENCE, write: PATIENCE },
        }),
      patience: PATIENCE,
      http: true,
    },
    refused: () => create({ credentials: { ...CREDENTIALS, accessKeyId: REFUSED_KEY_ID } }),
    misplaced: () => create({ bucket: 'none-of-that-name' }),
    async stray(prefix) {
      for (const name of STRAYS) store.put(`${prefix}${name}`, Buffer.from('astray'));
    },
    pageSize: PAGE_SIZE,
    partSize: PART_SIZE,
    debris: () => store.uploads(),
    async dispose() {
      await Promise.all(drivers.map((driver) => driver.close()));
    },
  };
}

/** Names of objects that break the grammar of keys. */
const STRAYS = ['a//b', 'folder/', '/./dot', '/../dots', 'line\nbreak', 'control\u0001'];

for (const [name, store] of Object.entries(stores)) {
  await contractWithAva(test, () => createFixture(store), {
    name,
    known: {
      'U-02': SIMPLE,
      'U-04': UNSIGNED,
      'U-05': UNSIGNED,
      'U-08': UNSIGNED,
      'U-13': SIMPLE,
      'U-14': UNSIGNED,
    },
    without: [
      'rewriteInPlace',
      'touch',
      'seedSparse',
      'fills',
      'localPath',
      'readPath',
      'seedStale',
      'plant.fifo',
      'plant.socket',
      'plant.device',
      'plant.link-out',
      'plant.link-dangling',
      'plant.parent-link-out',
    ],
  });
}

test.after.always('the stores end', async () => {
  for (const store of Object.values(stores)) await store.close();
});
