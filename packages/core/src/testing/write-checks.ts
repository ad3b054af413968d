import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import { isSluiceError } from '../errors.ts';
import type { StorageKey } from '../keys/storage-key.ts';
import type { ByteSource } from '../storage/driver.ts';
import { assertBytes, readBytes, readOutcome } from './body.ts';
import type { ContractCheck, ContractFixture } from './check.ts';
import { assertCode, failsWith } from './failure.ts';
import { listKeys } from './listing.ts';
import { sampleBytes, sampleKey, siblingKeys } from './sample.ts';
import { openExisting, openSeeded } from './seeded.ts';

/** W: writing, where a driver does. */
export const writeChecks: readonly ContractCheck[] = [
  {
    id: 'W-01',
    title: 'what was put is there, in whatever form its bytes came',
    needs: ['put'],
    async run(fixture) {
      const bytes = sampleBytes(200_000);
      for (const source of sourcesOf(bytes)) {
        const key = sampleKey('new/folder/object.txt');
        const stat = await fixture.driver.put?.(key, source);
        await assertStored(fixture, key, bytes);
        assert.deepEqual({ ...(await fixture.driver.stat(key)) }, { ...stat });
      }
    },
  },
  {
    id: 'W-02',
    title: 'until a put is done there is the old object, or none, and nothing between',
    needs: ['put'],
    async run(fixture) {
      const { driver } = fixture;
      const key = siblingKeys();
      const [before, after] = [sampleBytes(1000, 1), sampleBytes(300_000, 2)];
      await fixture.seed(key('old'), before);
      const former = await openExisting(fixture, key('old'));
      const halfway = async (): Promise<void> => {
        await assertStored(fixture, key('old'), before);
        assert.equal(await driver.stat(key('new')), undefined, 'half an object is there');
      };
      await driver.put?.(key('new'), withBreak(after, halfway));
      await driver.put?.(
        key('old'),
        withBreak(after, () => assertStored(fixture, key('old'), before)),
      );
      await assertStored(fixture, key('new'), after);
      await assertStored(fixture, key('old'), after);
      const outcome = await readOutcome(former);
      if (outcome.kind === 'ended') assertBytes(outcome.bytes, before, 'what was open before');
      else assertCode(outcome.error, 'SLUICE_VERSION_CHANGED', 'what was open before');
      await former.close();
    },
  },
  {
    id: 'W-03',
    title: 'a put that is aborted leaves the old object, or none',
    needs: ['put'],
    async run(fixture) {
      await assertUndone(fixture, abortsPut);
    },
  },
  {
    id: 'W-04',
    title: 'a put whose source fails leaves the old object, or none',
    needs: ['put'],
    async run(fixture) {
      await assertUndone(fixture, failsSource);
    },
  },
  {
    id: 'W-06',
    title: 'a source of pieces of any size, some empty, is stored whole',
    needs: ['put'],
    async run(fixture) {
      const bytes = sampleBytes(300_000);
      const key = sampleKey();
      await fixture.driver.put?.(key, unevenPieces(bytes));
      await assertStored(fixture, key, bytes);
      const empty = sampleKey();
      await fixture.driver.put?.(empty, unevenPieces(new Uint8Array(0)));
      await assertStored(fixture, empty, new Uint8Array(0));
    },
  },
  {
    id: 'W-07',
    title: 'an object that is stored in parts is read across their edges',
    needs: ['put', 'partSize'],
    async run(fixture) {
      const part = fixture.partSize ?? 0;
      const bytes = sampleBytes(2 * part + 4097);
      const key = sampleKey();
      const stat = await fixture.driver.put?.(key, unevenPieces(bytes));
      const handle = await openExisting(fixture, key);
      assert.deepEqual({ ...handle.stat }, { ...stat });
      for (const edge of [part, 2 * part]) {
        const window = { start: edge - 10, end: edge + 10 };
        assertBytes(await readBytes(handle, window), bytes.subarray(edge - 10, edge + 10));
      }
      assertBytes(await readBytes(handle), bytes);
      await handle.close();
    },
  },
  {
    id: 'W-08',
    title: 'of twenty that create one object at once, one does, and it is the one that is there',
    needs: ['put'],
    async run(fixture) {
      const key = sampleKey();
      const contents = Array.from({ length: 20 }, (_, index) => sampleBytes(5000, index + 1));
      const puts = contents.map(async (bytes, index) => {
        const source = index % 2 === 0 ? bytes : unevenPieces(bytes);
        await fixture.driver.put?.(key, source, { ifAbsent: true });
      });
      const results = await Promise.allSettled(puts);
      const winners = contents.filter((_, index) => results[index]?.status === 'fulfilled');
      for (const result of results) {
        if (result.status === 'rejected') assertCode(result.reason, 'SLUICE_EXISTS', 'a late put');
      }
      const [winner] = winners;
      assert.ok(winner && winners.length === 1, `${winners.length} puts have created the object`);
      await assertStored(fixture, key, winner);
    },
  },
  {
    id: 'W-09',
    title: 'delete removes one object, and what is not there counts as removed',
    needs: ['delete'],
    async run(fixture) {
      const { driver } = fixture;
      const key = siblingKeys();
      await fixture.seed(key('one'), sampleBytes(10));
      await fixture.seed(key('one more'), sampleBytes(10));
      await fixture.seed(key('folder/two'), sampleBytes(10));
      await driver.delete?.(key('one'));
      assert.equal(await driver.stat(key('one')), undefined, 'what was deleted is still there');
      for (const name of ['one', 'never', 'folder', 'folder/two/below']) {
        await driver.delete?.(key(name));
      }
      await assertStored(fixture, key('one more'), sampleBytes(10));
      await assertStored(fixture, key('folder/two'), sampleBytes(10));
    },
  },
  {
    id: 'W-10',
    title: 'move renames an object, onto another and onto itself, and none where there is none',
    needs: ['move'],
    async run(fixture) {
      const { driver } = fixture;
      const key = siblingKeys();
      const bytes = sampleBytes(100_000);
      await fixture.seed(key('one'), bytes);
      assert.equal(await driver.move?.(key('one'), key('new/folder/two')), true);
      assert.equal(
        await driver.stat(key('one')),
        undefined,
        'the object is still under its old key',
      );
      await assertStored(fixture, key('new/folder/two'), bytes);
      assert.equal(await driver.move?.(key('new/folder/two'), key('new/folder/two')), true);
      await assertStored(fixture, key('new/folder/two'), bytes);
      assert.equal(await driver.move?.(key('missing'), key('new/folder/two')), false);
      await assertStored(fixture, key('new/folder/two'), bytes);
      await fixture.seed(key('three'), sampleBytes(10, 3));
      assert.equal(await driver.move?.(key('three'), key('new/folder/two')), true);
      await assertStored(fixture, key('new/folder/two'), sampleBytes(10, 3));
      assert.equal(
        await driver.stat(key('three')),
        undefined,
        'the object is still under its old key',
      );
    },
  },
  {
    id: 'W-13',
    title: 'an object that is open is not disturbed by a delete and a move of the driver',
    needs: ['delete', 'move'],
    async run(fixture) {
      const key = siblingKeys();
      const bytes = sampleBytes(10_000);
      const act = [
        () => fixture.driver.move?.(key('one'), key('two')),
        () => fixture.driver.delete?.(key('one')),
      ];
      for (const change of act) {
        const handle = await openSeeded(fixture, key('one'), bytes);
        await change();
        const outcome = await readOutcome(handle);
        if (outcome.kind === 'ended') assertBytes(outcome.bytes, bytes);
        else assertCode(outcome.error, 'SLUICE_VERSION_CHANGED', 'a read of what is gone');
        await handle.close();
      }
    },
  },
  {
    id: 'W-14',
    title: 'a put that is aborted, or whose source fails, leaves nothing to be listed',
    needs: ['put', 'list'],
    async run(fixture) {
      const { driver } = fixture;
      for (const fails of [abortsPut, failsSource]) {
        const key = siblingKeys();
        await fails(async (source, signal) => driver.put?.(key('new'), source, { signal }));
        assert.deepEqual(await listKeys(driver, key('x').slice(0, -1)), []);
      }
    },
  },
  {
    id: 'W-15',
    title: 'a put that fails leaves no debris in the store, in parts or not',
    needs: ['put', 'debris'],
    async run(fixture) {
      const before = (await fixture.debris?.()) ?? 0;
      for (const size of [300_000, ...(fixture.partSize ? [3 * fixture.partSize] : [])]) {
        for (const fails of [abortsPut, failsSource]) {
          const put: Put = async (source, signal) =>
            fixture.driver.put?.(sampleKey(), source, { signal });
          await fails(put, size);
        }
      }
      assert.equal((await fixture.debris?.()) ?? 0, before, 'unfinished writes are left');
    },
  },
];

async function abortsPut(put: Put, size = 300_000): Promise<void> {
  const controller = new AbortController();
  const source = withBreak(sampleBytes(size, 2), async () => controller.abort());
  await failsWith('SLUICE_ABORTED', () => put(source, controller.signal), 'an aborted put');
}

async function failsSource(put: Put, size = 300_000): Promise<void> {
  const fault = new Error('the source failed');
  const source = withBreak(sampleBytes(size, 2), () => Promise.reject(fault));
  await assert.rejects(put(source), (error) => {
    const told = error === fault || (isSluiceError(error) && error.cause === fault);
    assert.ok(told, 'the failure of the source is neither the error nor its cause');
    return true;
  });
}

type Put = (source: ByteSource, signal?: AbortSignal) => Promise<unknown>;

/** Asserts that a put which fails has had no effect, on an object and where there is none. */
async function assertUndone(
  fixture: ContractFixture,
  fails: (put: Put) => Promise<void>,
): Promise<void> {
  const { driver } = fixture;
  const key = siblingKeys();
  const bytes = sampleBytes(1000);
  await fixture.seed(key('old'), bytes);
  for (const name of ['old', 'new']) {
    await fails(async (source, signal) => driver.put?.(key(name), source, { signal }));
  }
  await assertStored(fixture, key('old'), bytes);
  assert.equal(await driver.stat(key('new')), undefined, 'a failed put has made an object');
}

async function assertStored(
  fixture: ContractFixture,
  key: StorageKey,
  bytes: Uint8Array,
): Promise<void> {
  const handle = await openExisting(fixture, key);
  assert.equal(handle.stat.size, bytes.byteLength);
  assertBytes(await readBytes(handle), bytes, 'the object');
  await handle.close();
}

/** The same bytes in each form that a source may have. */
function sourcesOf(bytes: Uint8Array): readonly ByteSource[] {
  return [
    bytes,
    Readable.from([bytes.subarray(0, 70_000), bytes.subarray(70_000)]),
    ReadableStream.from([bytes.subarray(0, 70_000), bytes.subarray(70_000)]),
    unevenPieces(bytes),
  ];
}

/** Gives half of the bytes, waits for something to happen, and gives the rest. */
async function* withBreak(
  bytes: Uint8Array,
  happen: () => Promise<void>,
): AsyncGenerator<Uint8Array, undefined> {
  const half = Math.floor(bytes.byteLength / 2);
  yield bytes.subarray(0, half);
  // By now a driver that writes as it reads has written.
  for (let count = 0; count < 5; count++) await turn();
  await happen();
  for (let count = 0; count < 5; count++) await turn();
  yield bytes.subarray(half);
}

async function* unevenPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, undefined> {
  for (let start = 0, length = 0; start < bytes.byteLength; start += length) {
    length = (length * 3 + 1) % 50_000;
    yield new Uint8Array(0);
    await turn();
    yield bytes.subarray(start, start + length);
  }
}
