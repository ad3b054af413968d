import test from 'ava';

import { cacheStatBy } from '../../src/drivers/cache-stat.ts';
import {
  driverFromReader,
  limit,
  mount,
  observe,
  prefix,
  readonly,
  retry,
  timeout,
} from '../../src/drivers/index.ts';
import type { StorageDriver } from '../../src/storage/driver.ts';
import {
  type ContractFixture,
  type ContractOptions,
  contractWithAva,
  createMemoryDriver,
} from '../../src/testing/index.ts';
import { createWorldFixture } from '../testing/world.ts';
import { readerFixture, readerOn, streamsOn, WITHOUT } from './reader-fixture.ts';
import { type Wrapping, wrapFixture } from './wrapped-fixture.ts';

const hooks = { onStart: () => undefined, onEnd: () => undefined };

type Wrap = (driver: StorageDriver) => StorageDriver;

/** A cache whose time passes with every change of the store, so that it shows each at once. */
function cached(below: Wrap = (driver) => driver, above: Wrap = (driver) => driver): Wrapping {
  let now = 0;
  return {
    wrap: (driver) => above(cacheStatBy(() => now, below(driver), { ttl: 1000 })),
    changed: () => void (now += 1000),
    far: false,
  };
}

const wrappers: Readonly<Record<string, () => Wrapping & Pick<ContractOptions, 'without'>>> = {
  prefix: () => ({
    wrap: (driver) => prefix(driver, 'tenant-a/files'),
    inside: (key) => `tenant-a/files/${key}`,
  }),
  readonly: () => ({ wrap: readonly, without: ['put', 'delete', 'move'] }),
  'mount of one for all keys': () => ({
    wrap: (driver) => mount({ '': driver, other: createMemoryDriver() }),
  }),
  'mount below a prefix': () => ({
    wrap: (driver) =>
      mount({ '': createMemoryDriver(), 'sluice-contract': driver }, { copy: true }),
    inside: (key) => key.slice('sluice-contract/'.length),
  }),
  cacheStat: () => ({ ...cached(), without: ['remote'] }),
  // A store that recovers at the next attempt shows no fault; with one attempt there is none.
  retry: () => ({ wrap: (driver) => retry(driver), far: false, without: ['remote'] }),
  'retry with one attempt': () => ({ wrap: (driver) => retry(driver, { attempts: 1 }) }),
  'the recommended stack with one attempt and no cache': () => ({
    wrap: (driver) => observe(retry(timeout(limit(driver)), { attempts: 1 }), hooks),
    fills: false,
    without: ['fills'],
  }),
  timeout: () => ({ wrap: (driver) => timeout(driver), fills: false, without: ['fills'] }),
  'limit to one': () => ({ wrap: (driver) => limit(driver, { concurrent: 1, queue: 1000 }) }),
  observe: () => ({ wrap: (driver) => observe(driver, hooks) }),
  'the recommended stack': () => ({
    ...cached(
      (driver) => retry(timeout(limit(driver))),
      (driver) => observe(driver, hooks),
    ),
    fills: false,
    without: ['fills', 'remote'],
  }),
};

for (const [name, create] of Object.entries(wrappers)) {
  const { without = [] } = create();
  await contractWithAva(test, () => wrapFixture(createWorldFixture(), create()), { name, without });
}

for (const [name, on] of Object.entries({ windows: readerOn, streams: streamsOn })) {
  const create = (): ContractFixture =>
    readerFixture((table) => driverFromReader(on(table, 'condition')));
  const wrapping = (): Wrapping =>
    cached(
      (driver) => retry(timeout(limit(driver))),
      (driver) => observe(driver, hooks),
    );
  await contractWithAva(test, () => wrapFixture(create(), wrapping()), {
    name: `the recommended stack around a reader of ${name}, which believes a known stat`,
    without: WITHOUT,
  });
}
