import { randomUUID } from 'node:crypto';

import { type ContractFixture, contractWithAva } from '@sluice/core/testing';
import test from 'ava';

import { createS3Driver, type S3Driver } from '../src/index.ts';
import { type MemoryStore, startMemoryStore } from './helpers/memory-store.ts';

const SECRET = randomUUID();

// All of them before the first test is declared: AVA takes no test after a wait for something outside.
const stores = {
  'no versions': await startMemoryStore({ isVersioned: false, pageSize: 3 }),
  'versions kept': await startMemoryStore({ isVersioned: true, pageSize: 3 }),
};

function createFixture(store: MemoryStore): ContractFixture {
  const { endpoint, bucket } = store;
  const drivers: S3Driver[] = [];
  const create = (): S3Driver => {
    const credentials = { accessKeyId: 'contract', secretAccessKey: SECRET };
    const driver = createS3Driver({ endpoint, bucket, credentials });
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
    another: async () => create(),
    openResources: () => store.busy(),
    secrets: [endpoint, bucket, SECRET],
    async dispose() {
      await Promise.all(drivers.map((driver) => driver.close()));
    },
  };
}

for (const [name, store] of Object.entries(stores)) {
  await contractWithAva(test, () => createFixture(store), {
    name,
    without: [
      'rewriteInPlace',
      'touch',
      'seedSparse',
      'fills',
      'plant.directory',
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
