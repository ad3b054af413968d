import assert from 'node:assert/strict';

import type { StorageKey } from '../keys/storage-key.ts';
import type { ContractCheck, ContractFixture } from './check.ts';
import { failsWith } from './failure.ts';
import { listEntries, listKeys } from './listing.ts';
import { assertReleased, resources } from './resources.ts';
import { sampleBytes, siblingKeys } from './sample.ts';

/** L: listings. */
export const listChecks: readonly ContractCheck[] = [
  {
    id: 'L-01',
    title: 'every object under a prefix is listed, once',
    needs: ['list'],
    async run(fixture) {
      const { key, keys } = await seedSome(fixture);
      assert.deepEqual(await listKeys(fixture.driver, `${key('tree')}/`), keys);
    },
  },
  {
    id: 'L-03',
    title:
      'what changes while a listing goes on takes nothing else from it, and adds nothing twice',
    needs: ['list'],
    async run(fixture) {
      const key = siblingKeys();
      const name = (index: number): StorageKey => key(`many/${String(index).padStart(4, '0')}`);
      const count = Math.max(20, 2 * (fixture.pageSize ?? 0) + 5);
      const indexes = Array.from({ length: count }, (_, index) => 2 * index);
      await Promise.all(indexes.map((index) => fixture.seed(name(index), sampleBytes(1))));
      const listed: string[] = [];
      for await (const entry of fixture.driver.list?.(`${key('many')}/`) ?? []) {
        listed.push(String(entry.key));
        if (listed.length !== 3) continue;
        // Before, among and behind what has come; and the last two go.
        const added = [1, count | 1, 2 * count + 1].map(name);
        await Promise.all(added.map((one) => fixture.seed(one, sampleBytes(1))));
        await Promise.all(indexes.slice(-2).map((index) => fixture.remove(name(index))));
      }
      assert.equal(new Set(listed).size, listed.length, 'an object is listed twice');
      for (const index of indexes.slice(0, -2)) {
        assert.ok(listed.includes(name(index)), `object ${index} of ${2 * count} is lost`);
      }
    },
  },
  {
    id: 'L-04',
    title: 'a prefix is text, and need not end with a segment',
    needs: ['list'],
    async run(fixture) {
      const { driver } = fixture;
      const { key, keys } = await seedSome(fixture);
      const named = (...names: readonly string[]): readonly string[] => names.map(key).toSorted();
      assert.deepEqual(await listKeys(driver, key('tree')), keys);
      assert.deepEqual(
        await listKeys(driver, key('tree/ab')),
        named('tree/ab', 'tree/abc', 'tree/abd/e'),
      );
      assert.deepEqual(await listKeys(driver, key('tree/abd')), named('tree/abd/e'));
      assert.deepEqual(await listKeys(driver, key('tree/abc')), named('tree/abc'));
      assert.deepEqual(await listKeys(driver, key('tree/abcd')), []);
      assert.deepEqual(await listKeys(driver, `${key('tree/abc')}/`), []);
      assert.deepEqual(await listKeys(driver, key('tree/b*')), []);
    },
  },
  {
    id: 'L-05',
    title: 'a listing tells the sizes that stat tells',
    needs: ['list'],
    async run(fixture) {
      const { key, keys } = await seedSome(fixture);
      const entries = await listEntries(fixture.driver, `${key('tree')}/`);
      assert.equal(entries.length, keys.length);
      for (const entry of entries) {
        assert.equal(entry.size, (await fixture.driver.stat(entry.key))?.size);
      }
    },
  },
  {
    id: 'L-06',
    title: 'a listing that is left early leaves nothing open',
    needs: ['list', 'openResources'],
    alone: true,
    async run(fixture) {
      const { key } = await seedSome(fixture);
      const before = await resources(fixture);
      for (let round = 0; round < 100; round++) {
        for await (const entry of fixture.driver.list?.(`${key('tree')}/`) ?? []) {
          assert.ok(entry.key, 'an entry has a key');
          break;
        }
      }
      await assertReleased(fixture, before);
    },
  },
  {
    id: 'L-07',
    title: 'names that are no keys are left out of a listing, and take nothing else from it',
    needs: ['list', 'stray'],
    async run(fixture) {
      const { key, keys } = await seedSome(fixture);
      await fixture.stray?.(`${key('tree')}/`);
      assert.deepEqual(await listKeys(fixture.driver, `${key('tree')}/`), keys);
    },
  },
  {
    id: 'L-08',
    title: 'a listing that is aborted on the way fails, and does not pass for a whole one',
    needs: ['list'],
    async run(fixture) {
      const { key } = await seedSome(fixture);
      const controller = new AbortController();
      const reason = new Error('nobody wants the rest');
      const call = { signal: controller.signal };
      const listing = async (): Promise<void> => {
        for await (const entry of fixture.driver.list?.(`${key('tree')}/`, call) ?? []) {
          assert.ok(entry.key, 'an entry has a key');
          controller.abort(reason);
        }
      };
      assert.equal((await failsWith('SLUICE_ABORTED', listing, 'list')).cause, reason);
    },
  },
  {
    id: 'L-09',
    title: 'a listing that cannot be had fails with its first entry, not with the call',
    needs: ['list'],
    async run({ driver }) {
      const listing = driver.list?.('a', { signal: AbortSignal.abort() });
      const entries = listing?.[Symbol.asyncIterator]();
      await failsWith('SLUICE_ABORTED', async () => entries?.next(), 'the first entry');
    },
  },
];

interface Seeded {
  readonly key: ReturnType<typeof siblingKeys>;
  /** What lies under `tree/`, in the order of {@link listKeys}. */
  readonly keys: readonly string[];
}

async function seedSome(fixture: ContractFixture): Promise<Seeded> {
  const key = siblingKeys();
  const names = ['tree/ab', 'tree/abc', 'tree/abd/e', 'tree/b/c/d/e', 'tree/.hidden', 'tree/ü %2F'];
  for (const [index, name] of names.entries()) {
    await fixture.seed(key(name), sampleBytes(index * 11));
  }
  await fixture.seed(key('other/ab'), sampleBytes(1));
  return { key, keys: names.map(key).toSorted() };
}
