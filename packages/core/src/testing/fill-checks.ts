import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import type { StorageKey } from '../keys/storage-key.ts';
import type { Call, ObjectHandle, Window } from '../storage/driver.ts';
import { assertBytes } from './body.ts';
import type { ContractCheck, ContractFixture } from './check.ts';
import { assertCode, failsWith } from './failure.ts';
import { sampleBytes, sampleKey } from './sample.ts';
import { openSeeded } from './seeded.ts';

/** B: bytes into memory of the caller. */
export const fillChecks: readonly ContractCheck[] = [
  {
    id: 'B-01',
    title: 'handles have `fill` where the fixture says so, and only there',
    async run(fixture) {
      const handle = await openSeeded(fixture, sampleKey(), sampleBytes(100));
      assert.equal(typeof handle.fill === 'function', fixture.fills ?? false);
      await handle.close();
    },
  },
  {
    id: 'B-02',
    title: 'what is filled has the bytes of its place, and nothing beside it is written to',
    needs: ['fills'],
    async run(fixture) {
      const bytes = sampleBytes(600_000);
      const handle = await openSeeded(fixture, sampleKey(), bytes);
      for (const way of [fill, fillNow]) {
        for (const { start, end } of PLACES) {
          const memory = new Uint8Array(end - start + 2 * MARGIN).fill(UNTOUCHED);
          await way(handle, memory.subarray(MARGIN, -MARGIN), start);
          const expected = new Uint8Array(memory.byteLength).fill(UNTOUCHED);
          expected.set(bytes.subarray(start, end), MARGIN);
          assertBytes(memory, expected, `the memory filled from ${start} to ${end}`);
        }
      }
      await handle.close();
    },
  },
  {
    id: 'B-03',
    title: 'what is not inside the object is refused before any I/O, and nothing is filled',
    needs: ['fills'],
    async run(fixture) {
      const key = sampleKey();
      const handle = await openSeeded(fixture, key, sampleBytes(100));
      // What would be looked for in the store is no longer there to be found.
      await fixture.remove(key);
      for (const [length, start] of OUTSIDE) {
        const target = new Uint8Array(length).fill(UNTOUCHED);
        const what = `${length} bytes from ${start} on`;
        await failsWith('SLUICE_RANGE', () => fill(handle, target, start), what);
        await failsWith('SLUICE_RANGE', () => fillNow(handle, target, start), what);
        assertBytes(target, new Uint8Array(length).fill(UNTOUCHED), what);
      }
      await handle.close();
    },
  },
  {
    id: 'B-04',
    title: 'twelve fills of one handle overlap and do not disturb each other',
    needs: ['fills'],
    async run(fixture) {
      const bytes = sampleBytes(400_000);
      const handle = await openSeeded(fixture, sampleKey(), bytes);
      const places = Array.from({ length: 12 }, (_, index) => index * 20_011);
      const targets = places.map(() => new Uint8Array(150_000));
      await Promise.all(targets.map((target, index) => fill(handle, target, places[index] ?? 0)));
      for (const [index, target] of targets.entries()) {
        const start = places[index] ?? 0;
        assertBytes(target, bytes.subarray(start, start + target.byteLength), `fill ${index}`);
      }
      await handle.close();
    },
  },
  {
    id: 'B-05',
    title: 'a fill under an aborted signal, or after the close, fails',
    needs: ['fills'],
    async run(fixture) {
      const handle = await openSeeded(fixture, sampleKey(), sampleBytes(100));
      const reason = new Error('the client has left');
      const call = { signal: AbortSignal.abort(reason) };
      const under = (): unknown => fill(handle, new Uint8Array(10), 0, call);
      const error = await failsWith('SLUICE_ABORTED', under, 'under an aborted signal');
      assert.equal(error.cause, reason);
      await handle.close();
      const after = (): unknown => fill(handle, new Uint8Array(10), 0);
      await failsWith('SLUICE_ABORTED', after, 'after the close');
      const afterNow = (): unknown => fillNow(handle, new Uint8Array(10), 0);
      await failsWith('SLUICE_ABORTED', afterNow, 'at once, after the close');
    },
  },
  {
    id: 'B-06',
    title: 'an object replaced between two fills comes as it was, or fails',
    needs: ['fills'],
    run: (fixture) => fillAcross(fixture, (key, bytes) => fixture.seed(key, bytes)),
  },
  {
    id: 'B-07',
    title: 'an object overwritten or cut short between two fills comes as it was, or fails',
    needs: ['fills', 'rewriteInPlace'],
    run: (fixture) =>
      fillAcross(fixture, async (key, bytes) => fixture.rewriteInPlace?.(key, bytes)),
  },
];

/** Bytes on either side of a target. */
const MARGIN = 64;
const UNTOUCHED = 0xdb;

/** Milliseconds after which a store's clock must tell two writes apart, if it is the clock that tells. */
const CLOCK_STEP = 50;

/** Windows of 600,000 bytes, those without a byte among them. */
const PLACES: readonly Window[] = [
  { start: 0, end: 600_000 },
  { start: 0, end: 1 },
  { start: 599_999, end: 600_000 },
  { start: 65_535, end: 65_537 },
  { start: 7, end: 262_144 },
  { start: 262_144, end: 524_289 },
  { start: 0, end: 0 },
  { start: 600_000, end: 600_000 },
];

/** Lengths and starts that an object of 100 bytes does not have. */
const OUTSIDE: readonly (readonly [length: number, start: number])[] = [
  [101, 0],
  [10, 91],
  [0, 101],
  [10, -1],
  [10, 0.5],
  [10, Number.NaN],
  [10, Infinity],
];

/** Fills a half, lets the object become another of the same, a lesser or a greater size, and fills the other. */
async function fillAcross(
  fixture: ContractFixture,
  change: (key: StorageKey, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const bytes = sampleBytes(SIZE);
  const all = [SIZE, SIZE / 4, SIZE * 2].map(async (size) => {
    const key = sampleKey();
    const handle = await openSeeded(fixture, key, bytes);
    const target = new Uint8Array(SIZE / 2);
    await fill(handle, target, 0);
    assertBytes(target, bytes.subarray(0, SIZE / 2), 'the first half');
    return { key, size, handle, target };
  });
  const begun = await Promise.all(all);
  // Once for all of them: it is nothing but time.
  await delay(CLOCK_STEP);
  for (const { key, size, handle, target } of begun) {
    await change(key, sampleBytes(size, 2));
    try {
      await fill(handle, target, SIZE / 2);
      assertBytes(target, bytes.subarray(SIZE / 2), 'the second half');
    } catch (error) {
      assertChanged(error);
    }
    await handle.close();
  }
}

/** Bytes. */
const SIZE = 400_000;

function assertChanged(error: unknown): void {
  if (error instanceof assert.AssertionError) throw error;
  assertCode(error, ['SLUICE_VERSION_CHANGED', 'SLUICE_TRUNCATED'], 'a fill from changed bytes');
}

async function fill(
  handle: ObjectHandle,
  target: Uint8Array,
  start: number,
  call?: Call,
): Promise<void> {
  await handle.fill?.(target, start, call);
}

/** As the body of a download does it: at once where that can be, else with a wait. */
async function fillNow(handle: ObjectHandle, target: Uint8Array, start: number): Promise<void> {
  if (handle.fillNow?.(target, start) !== true) await fill(handle, target, start);
}
