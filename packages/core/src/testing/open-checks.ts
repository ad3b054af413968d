import assert from 'node:assert/strict';

import type { StorageKey } from '../keys/storage-key.ts';
import type { ObjectStat } from '../storage/driver.ts';
import { assertBytes, piecesOf, readBytes, readOutcome, restOutcome, wholeOf } from './body.ts';
import type { ContractCheck, ContractFixture, PlantKind } from './check.ts';
import { assertCode, failsWith, within } from './failure.ts';
import { assertReleased, resources } from './resources.ts';
import { INHERITED, sampleBytes, sampleKey, siblingKeys } from './sample.ts';
import { openSeeded, statSeeded } from './seeded.ts';

/** O: from a key to a handle. */
export const openChecks: readonly ContractCheck[] = [
  {
    id: 'O-01',
    title: 'open of a missing object is undefined, and no handle whose read fails later',
    async run({ driver }) {
      const key = siblingKeys();
      for (const missing of [key('missing'), key('missing/below'), ...INHERITED]) {
        assert.equal(await driver.open(missing), undefined);
      }
    },
  },
  refusesPlant('O-02', 'fifo', 'a FIFO is no object, and does not block'),
  refusesPlant('O-03', 'link-out', 'a link out of the store is not followed'),
  {
    id: 'O-05',
    title: 'opening and closing a hundred times leaves nothing open',
    needs: ['openResources'],
    alone: true,
    async run(fixture) {
      const key = sampleKey();
      await fixture.seed(key, sampleBytes(100));
      const before = await resources(fixture);
      for (let round = 0; round < 100; round++) await (await fixture.driver.open(key))?.close();
      await assertReleased(fixture, before);
    },
  },
  {
    id: 'O-06',
    title: 'closing a handle lets a read that is under way come to its end',
    async run(fixture) {
      const bytes = sampleBytes(1_048_576);
      const handle = await openSeeded(fixture, sampleKey(), bytes);
      const pieces = piecesOf(await handle.read(wholeOf(handle)));
      const first = await pieces.next();
      const closing = handle.close();
      const rest = await restOutcome(pieces, first.done === true ? [] : [first.value]);
      if (rest.kind === 'failed') throw rest.error;
      assertBytes(rest.bytes, bytes);
      await closing;
    },
  },
  {
    id: 'O-07',
    title: 'closing a handle twice is closing it once, and a read after it is aborted',
    async run(fixture) {
      const handle = await openSeeded(fixture, sampleKey(), sampleBytes(100));
      await Promise.all([handle.close(), handle.close()]);
      await handle.close();
      const read = (): Promise<unknown> => readBytes(handle, { start: 0, end: 10 });
      await failsWith('SLUICE_ABORTED', read, 'a read after close');
    },
  },
  refusesPlant('O-08', 'directory', 'an empty folder is no object'),
  refusesPlant('O-09', 'socket', 'a socket is no object'),
  refusesPlant('O-10', 'device', 'a device is no object'),
  refusesPlant('O-11', 'link-dangling', 'a link to nothing is no object'),
  refusesPlant('O-12', 'parent-link-out', 'a link out of the store is not followed on the way'),
  {
    id: 'O-13',
    title: 'a handle names the key that it was opened by',
    async run(fixture) {
      const key = sampleKey('A name.txt');
      const handle = await openSeeded(fixture, key, sampleBytes(1));
      assert.equal(handle.key, key);
      await handle.close();
    },
  },
  {
    id: 'O-14',
    title: 'a stat that is known, and still true, opens the object that it is of',
    async run(fixture) {
      const key = sampleKey('object.txt');
      const bytes = sampleBytes(50_000);
      const known = await statSeeded(fixture, key, bytes);
      const handle = await fixture.driver.open(key, { known });
      assert.ok(handle, 'an object that is there cannot be opened');
      assert.deepEqual({ ...handle.stat }, { ...known });
      assertBytes(await readBytes(handle), bytes);
      assertBytes(await readBytes(handle, { start: 10, end: 20 }), bytes.subarray(10, 20));
      await handle.close();
    },
  },
  {
    id: 'O-15',
    title: 'a stat that is known, and no longer true, lets no other bytes pass for its own',
    async run(fixture) {
      for (const size of [SIZE, SIZE / 4, SIZE * 2]) {
        const key = sampleKey();
        const known = await statSeeded(fixture, key, sampleBytes(SIZE));
        await fixture.seed(key, sampleBytes(size, 2));
        await assertKnown(fixture, key, known, sampleBytes(size, 2));
        await fixture.remove(key);
        await assertKnown(fixture, key, known, undefined);
      }
    },
  },
];

/** Bytes: too many to be given at once without a look at the store. */
const SIZE = 200_000;

/** Opens with a stat that was true of the first content, and reads from whatever is given. */
async function assertKnown(
  { driver }: ContractFixture,
  key: StorageKey,
  known: ObjectStat,
  current: Uint8Array | undefined,
): Promise<void> {
  const handle = await driver.open(key, { known });
  if (handle === undefined) {
    // Node 22 and later would write down all bytes to compare them, in gigabytes of memory.
    assert.ok(current === undefined, 'an object that is there cannot be opened');
    return;
  }
  const isOld = handle.stat.version.token === known.version.token;
  const bytes = isOld ? sampleBytes(SIZE) : current;
  assert.ok(bytes, 'there is a handle on nothing');
  assert.equal(handle.stat.size, bytes.byteLength);
  const outcome = await readOutcome(handle);
  await handle.close();
  if (outcome.kind === 'ended') assertBytes(outcome.bytes, bytes);
  else assertCode(outcome.error, 'SLUICE_VERSION_CHANGED', 'a read of what was known');
}

/** Milliseconds after which a call is taken to hang: much more than any needs, on a busy machine too. */
const PROMPT = 5000;

function refusesPlant(id: string, kind: PlantKind, title: string): ContractCheck {
  return {
    id,
    title,
    needs: [`plant.${kind}`],
    async run({ driver, plant }) {
      // Of two segments, so that the first can be a link.
      const key = sampleKey('folder/thing');
      await plant?.[kind]?.(key);
      const found = await within(PROMPT, Promise.all([driver.stat(key), driver.open(key)]), kind);
      await found[1]?.close();
      assert.deepEqual(found, [undefined, undefined], `a ${kind} is taken for an object`);
    },
  };
}
