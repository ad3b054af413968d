import assert from 'node:assert/strict';

import { assertBytes, piecesOf, readBytes, restOutcome, wholeOf } from './body.ts';
import type { ContractCheck, PlantKind } from './check.ts';
import { failsWith, within } from './failure.ts';
import { assertReleased, resources } from './resources.ts';
import { INHERITED, sampleBytes, sampleKey, siblingKeys } from './sample.ts';
import { openSeeded } from './seeded.ts';

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
];

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
