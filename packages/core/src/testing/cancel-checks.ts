import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import type { ObjectHandle } from '../storage/driver.ts';
import {
  assertBytes,
  bodyOutcome,
  discard,
  piecesOf,
  readBytes,
  readOutcome,
  restOutcome,
  wholeOf,
} from './body.ts';
import type { ContractCheck } from './check.ts';
import { assertCode, failsWith, within } from './failure.ts';
import { collectGarbage } from './garbage.ts';
import { listKeys } from './listing.ts';
import { assertReleased, resources } from './resources.ts';
import { sampleBytes, sampleKey, siblingKeys } from './sample.ts';
import { openExisting, openSeeded } from './seeded.ts';

/** T: cancellation, and what is left behind by those who stop early. */
export const cancelChecks: readonly ContractCheck[] = [
  {
    id: 'T-01',
    title: 'a call under a signal that is aborted already does nothing',
    async run(fixture) {
      const { driver } = fixture;
      const key = siblingKeys();
      const call = { signal: AbortSignal.abort() };
      const handle = await openSeeded(fixture, key('one'), sampleBytes(100));
      const read = (): unknown => readBytes(handle, { start: 0, end: 10 }, call);
      const calls: readonly (readonly [string, boolean, () => unknown])[] = [
        ['stat', true, () => driver.stat(key('one'), call)],
        ['stat of nothing', true, () => driver.stat(key('none'), call)],
        ['open', true, () => driver.open(key('one'), call)],
        ['open of nothing', true, () => driver.open(key('none'), call)],
        ['read', true, read],
        ['list', driver.list !== undefined, () => listKeys(driver, key('o'), call)],
        ['put', driver.put !== undefined, () => driver.put?.(key('two'), sampleBytes(1), call)],
        ['move', driver.move !== undefined, () => driver.move?.(key('one'), key('two'), call)],
        ['delete', driver.delete !== undefined, () => driver.delete?.(key('one'), call)],
      ];
      for (const [name, offered, act] of calls) {
        if (offered) await failsWith('SLUICE_ABORTED', act, name);
      }
      assert.equal((await driver.stat(key('one')))?.size, 100, 'an aborted call has changed it');
      assert.equal(await driver.stat(key('two')), undefined, 'an aborted call has made an object');
      await handle.close();
    },
  },
  {
    id: 'T-02',
    title: 'stat and open that are aborted on the way come to an end soon',
    async run(fixture) {
      const { driver } = fixture;
      const key = sampleKey();
      await fixture.seed(key, sampleBytes(100));
      for (const method of ['stat', 'open'] as const) {
        const controller = new AbortController();
        const call = driver[method](key, { signal: controller.signal });
        controller.abort();
        const ended = call.then(
          async (result) => result && 'close' in result && result.close(),
          (error: unknown) => assertCode(error, 'SLUICE_ABORTED', method),
        );
        await within(PROMPT, ended, method);
      }
    },
  },
  {
    id: 'T-03',
    title: 'a body that is aborted on the way fails soon',
    async run(fixture) {
      const handle = await openSeeded(fixture, sampleKey(), sampleBytes(LARGE));
      await abortHalfway(handle);
      await handle.close();
    },
  },
  {
    id: 'T-04',
    title: 'the reason of the signal is the cause of the failure',
    async run(fixture) {
      const key = sampleKey();
      const handle = await openSeeded(fixture, key, sampleBytes(LARGE));
      const reason = new Error('the client has left');
      const call = { signal: AbortSignal.abort(reason) };
      const stat = (): unknown => fixture.driver.stat(key, call);
      assert.equal((await failsWith('SLUICE_ABORTED', stat, 'stat')).cause, reason);
      const open = (): unknown => fixture.driver.open(key, call);
      assert.equal((await failsWith('SLUICE_ABORTED', open, 'open')).cause, reason);
      const outcome = await readOutcome(handle, { start: 0, end: 1 }, call);
      assert.ok(outcome.kind === 'failed', 'a read under an aborted signal came to its end');
      assert.equal(assertCode(outcome.error, 'SLUICE_ABORTED', 'read').cause, reason);
      await handle.close();
    },
  },
  {
    id: 'T-05',
    title: 'an abort after the end of a body changes nothing',
    async run(fixture) {
      const key = sampleKey();
      const bytes = sampleBytes(200_000);
      const controller = new AbortController();
      const call = { signal: controller.signal };
      await fixture.seed(key, bytes);
      const handle = await fixture.driver.open(key, call);
      assert.ok(handle, 'an object that is there cannot be opened');
      const body = await handle.read(wholeOf(handle), call);
      assert.equal((await bodyOutcome(body)).kind, 'ended');
      controller.abort();
      // A failure that nobody waits for would come up here, as an unhandled one.
      await delay(5);
      assertBytes(await readBytes(handle), bytes);
      await handle.close();
    },
  },
  {
    id: 'T-06',
    title: 'a hundred bodies left half-way, and a hundred left unread, leave nothing open',
    needs: ['openResources'],
    alone: true,
    async run(fixture) {
      const before = await resources(fixture);
      const handle = await openSeeded(fixture, sampleKey(), sampleBytes(1_048_576));
      for (let round = 0; round < 100; round++) {
        const pieces = piecesOf(await handle.read(wholeOf(handle)));
        await pieces.next();
        await pieces.return?.();
        await discard(await handle.read(wholeOf(handle)));
      }
      await handle.close();
      await assertReleased(fixture, before);
    },
  },
  {
    id: 'T-07',
    title: 'a hundred bodies left unread do not keep the next one waiting',
    async run(fixture) {
      const key = sampleKey();
      const bytes = sampleBytes(1_048_576);
      await fixture.seed(key, bytes);
      for (let round = 0; round < 100; round++) {
        const handle = await openExisting(fixture, key);
        await discard(await handle.read(wholeOf(handle)));
        await handle.close();
      }
      const handle = await openExisting(fixture, key);
      assertBytes(await readBytes(handle), bytes);
      await handle.close();
    },
  },
  {
    id: 'T-11',
    title: 'a reader that pauses makes the driver pause: it reads less than 8 MiB ahead',
    alone: true,
    async run(fixture) {
      const bytes = sampleBytes(32 * 1_048_576);
      const handle = await openSeeded(fixture, sampleKey(), bytes);
      // What earlier checks left behind must not be let go of meanwhile, and hide what is read.
      collectGarbage();
      const before = process.memoryUsage().arrayBuffers;
      const pieces = piecesOf(await handle.read(wholeOf(handle)));
      const first = await pieces.next();
      await delay(100);
      const ahead = process.memoryUsage().arrayBuffers - before;
      const rest = await restOutcome(pieces, first.done === true ? [] : [first.value]);
      await handle.close();
      assert.ok(ahead < 8 * 1_048_576, `${ahead} bytes were read ahead`);
      assert.equal(rest.bytes.byteLength, bytes.byteLength);
    },
  },
  {
    id: 'T-12',
    title: 'a body that is aborted on the way lets go of what it held',
    needs: ['openResources'],
    alone: true,
    async run(fixture) {
      const before = await resources(fixture);
      const handle = await openSeeded(fixture, sampleKey(), sampleBytes(LARGE));
      for (let round = 0; round < 10; round++) await abortHalfway(handle);
      await handle.close();
      await assertReleased(fixture, before);
    },
  },
];

/** Milliseconds after which a call is taken to hang: much more than any needs, on a busy machine too. */
const PROMPT = 5000;

/** Bytes: more than any stream buffers. */
const LARGE = 8 * 1_048_576;

async function abortHalfway(handle: ObjectHandle): Promise<void> {
  const controller = new AbortController();
  const pieces = piecesOf(await handle.read(wholeOf(handle), { signal: controller.signal }));
  await pieces.next();
  controller.abort();
  const rest = await within(PROMPT, restOutcome(pieces, []), 'the end of an aborted body');
  assert.ok(rest.kind === 'failed', 'an aborted body came to its end');
  assertCode(rest.error, 'SLUICE_ABORTED', 'an aborted body');
}
