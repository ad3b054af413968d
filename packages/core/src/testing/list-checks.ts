import assert from 'node:assert/strict';

import type { ContractCheck, ContractFixture } from './check.ts';
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
