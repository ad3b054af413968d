import assert from 'node:assert/strict';

import { OPTIONAL_METHODS } from '../drivers/wrapped.ts';
import type { StorageKey } from '../keys/storage-key.ts';
import { assertBytes, readBytes } from './body.ts';
import type { ContractCheck, ContractFixture } from './check.ts';
import { assertSluiceError, failsWith } from './failure.ts';
import { listKeys } from './listing.ts';
import { sampleBytes, sampleKey, siblingKeys } from './sample.ts';
import { openExisting, openSeeded } from './seeded.ts';

/** C: the driver as a whole. */
export const driverChecks: readonly ContractCheck[] = [
  {
    id: 'C-01',
    title: 'a driver has a name and two methods, and every other method is there or is not',
    async run({ driver }) {
      assert.equal(typeof driver.name, 'string');
      assert.notEqual(driver.name, '', 'the name is empty');
      assert.equal(typeof driver.stat, 'function', 'stat is required');
      assert.equal(typeof driver.open, 'function', 'open is required');
      for (const name of OPTIONAL_METHODS) {
        const type = typeof driver[name];
        assert.ok(type === 'function' || type === 'undefined', `${name} is neither there nor not`);
      }
    },
  },
  {
    id: 'C-03',
    title: 'no call changes the options that it was given',
    async run(fixture) {
      const { driver } = fixture;
      const key = siblingKeys();
      await fixture.seed(key('one'), sampleBytes(10));
      const call = Object.freeze({ signal: new AbortController().signal });
      await driver.stat(key('one'), call);
      await (await driver.open(key('one'), call))?.close();
      await driver.put?.(key('two'), sampleBytes(10), call);
      await driver.move?.(key('two'), key('three'), call);
      await driver.delete?.(key('three'), call);
      await listKeys(driver, key('one'), call);
    },
  },
  {
    id: 'C-04',
    title: 'every failure is a SluiceError whose code is known',
    async run(fixture) {
      for (const error of await provoke(fixture, sampleKey())) {
        assertSluiceError(error);
      }
    },
  },
  {
    id: 'C-05',
    title: 'no text of an error holds a key, a path, a bucket or a credential',
    needs: ['secrets'],
    async run(fixture) {
      const key = sampleKey('private-name');
      const hidden = [...(fixture.secrets ?? []), 'private-name', key];
      for (const error of await provoke(fixture, key)) {
        const text = `${String(error)} ${JSON.stringify(error)}`;
        for (const [index, secret] of hidden.entries()) {
          // The message of this failure must not tell the secret either.
          assert.ok(!text.includes(secret), `an error tells a secret (number ${index})`);
        }
      }
    },
  },
  {
    id: 'C-06',
    title: 'closing a driver twice is closing it once, and every call after it is aborted',
    needs: ['close'],
    async run(fixture) {
      const { driver } = fixture;
      const key = siblingKeys();
      await fixture.seed(key('object'), sampleBytes(10));
      await Promise.all([driver.close?.(), driver.close?.()]);
      await driver.close?.();
      await failsWith('SLUICE_ABORTED', () => driver.stat(key('object')), 'stat');
      await failsWith('SLUICE_ABORTED', () => driver.open(key('object')), 'open');
      if (driver.list) await failsWith('SLUICE_ABORTED', () => listKeys(driver, key('o')), 'list');
      if (driver.put) {
        const write = (): unknown => driver.put?.(key('new'), sampleBytes(1));
        await failsWith('SLUICE_ABORTED', write, 'put');
      }
      if (driver.move) {
        const rename = (): unknown => driver.move?.(key('object'), key('new'));
        await failsWith('SLUICE_ABORTED', rename, 'move');
      }
      if (driver.delete) {
        await failsWith('SLUICE_ABORTED', () => driver.delete?.(key('object')), 'delete');
      }
    },
  },
  {
    id: 'C-07',
    title: 'two drivers on one store see the same objects',
    needs: ['another'],
    async run(fixture) {
      const key = siblingKeys();
      const other = await fixture.another?.();
      assert.ok(other, 'the fixture gives another driver');
      await fixture.seed(key('seeded'), sampleBytes(10));
      const [here, there] = [
        await fixture.driver.stat(key('seeded')),
        await other.stat(key('seeded')),
      ];
      assert.deepEqual({ ...there }, { ...here });
      await fixture.driver.put?.(key('put'), sampleBytes(20));
      const handle = await other.open(key('put'));
      assert.equal(handle?.stat.size, fixture.driver.put && 20);
      if (handle) assertBytes(await readBytes(handle), sampleBytes(20));
      await handle?.close();
    },
  },
];

/** Calls that must fail, and what they failed with. */
async function provoke(fixture: ContractFixture, key: StorageKey): Promise<readonly unknown[]> {
  const { driver } = fixture;
  const handle = await openSeeded(fixture, key, sampleBytes(100));
  const closed = await openExisting(fixture, key);
  await closed.close();
  const call = { signal: AbortSignal.abort() };
  const calls: readonly (() => unknown)[] = [
    () => driver.stat(key, call),
    () => driver.open(key, call),
    () => handle.read({ start: 0, end: 101 }),
    () => readBytes(handle, { start: 0, end: 10 }, call),
    () => readBytes(closed, { start: 0, end: 10 }),
    ...(driver.put
      ? [
          () => driver.put?.(key, sampleBytes(1), { ifAbsent: true }),
          () => driver.put?.(key, sampleBytes(1), call),
        ]
      : []),
    ...(driver.close ? [() => driver.close?.().then(() => driver.stat(key))] : []),
  ];
  const errors: unknown[] = [];
  // One after the other, since the last of them closes the driver.
  for (const provoked of calls) errors.push(await failureOf(provoked));
  await handle.close();
  return errors;
}

async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return assert.fail('a call that must fail did not');
}
