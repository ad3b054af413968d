import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import type { Window } from '../storage/driver.ts';
import { assertBytes, bodyOutcome, piecesOf, readBytes, wholeOf } from './body.ts';
import type { ContractCheck } from './check.ts';
import { failsWith } from './failure.ts';
import { sampleBytes, sampleKey } from './sample.ts';
import { openExisting, openSeeded } from './seeded.ts';

/** R: windows of bytes. */
export const readChecks: readonly ContractCheck[] = [
  readsWindows('R-01', 'the whole object is read', 1000, [{ start: 0, end: 1000 }]),
  readsWindows('R-02', 'the first byte is read alone', 1000, [{ start: 0, end: 1 }]),
  readsWindows('R-03', 'the last byte is read alone', 1000, [{ start: 999, end: 1000 }]),
  readsWindows('R-04', 'windows in the middle, and up to either end, are exact', 1000, [
    { start: 1, end: 999 },
    { start: 499, end: 501 },
    { start: 0, end: 500 },
    { start: 500, end: 1000 },
  ]),
  readsWindows(
    'R-05',
    'windows around the edges of 64 KiB and 256 KiB are exact',
    600_000,
    [65_536, 262_144, 524_288].flatMap((edge) => windowsAround(edge)),
  ),
  {
    id: 'R-07',
    title: 'a window of no bytes is an empty body, at any place',
    async run(fixture) {
      const handle = await openSeeded(fixture, sampleKey(), sampleBytes(100));
      for (const place of [0, 50, 100]) {
        assert.equal((await readBytes(handle, { start: place, end: place })).byteLength, 0);
      }
      await handle.close();
    },
  },
  readsWindows('R-08', 'an empty object is an empty body', 0, [{ start: 0, end: 0 }]),
  {
    id: 'R-09',
    title: 'a window that is not inside the object is refused before any I/O',
    async run(fixture) {
      const key = sampleKey();
      const handle = await openSeeded(fixture, key, sampleBytes(100));
      // What would be looked for in the store is no longer there to be found.
      await fixture.remove(key);
      for (const window of OUTSIDE) {
        const { start, end } = window;
        await failsWith('SLUICE_RANGE', () => handle.read(window), `the window ${start}–${end}`);
      }
      await handle.close();
    },
  },
  {
    id: 'R-10',
    title: 'twelve reads of one handle overlap and do not disturb each other',
    async run(fixture) {
      const bytes = sampleBytes(400_000);
      const handle = await openSeeded(fixture, sampleKey(), bytes);
      const windows = Array.from({ length: 12 }, (_, index) => ({
        start: index * 10_007,
        end: 400_000 - index * 5003,
      }));
      const bodies = await Promise.all(windows.map((window) => readBytes(handle, window)));
      for (const [index, { start, end }] of windows.entries()) {
        assertBytes(bodies[index] ?? Buffer.alloc(0), bytes.subarray(start, end), `read ${index}`);
      }
      await handle.close();
    },
  },
  {
    id: 'R-11',
    title: 'two hundred handles are open at once',
    async run(fixture) {
      const key = sampleKey();
      const bytes = sampleBytes(1000);
      await fixture.seed(key, bytes);
      const opened = Array.from({ length: 200 }, () => openExisting(fixture, key));
      const handles = await Promise.all(opened);
      const bodies = await Promise.all(handles.map((handle) => readBytes(handle)));
      for (const body of bodies) assertBytes(body, bytes);
      await Promise.all(handles.map((handle) => handle.close()));
    },
  },
  {
    id: 'R-12',
    title: 'a handle is read twice, with the same bytes',
    async run(fixture) {
      const bytes = sampleBytes(200_000);
      const handle = await openSeeded(fixture, sampleKey(), bytes);
      assertBytes(await readBytes(handle), bytes, 'the first body');
      assertBytes(await readBytes(handle), bytes, 'the second body');
      await handle.close();
    },
  },
  {
    id: 'R-13',
    title: 'bytes stored under a coding are given as they are stored',
    async run(fixture) {
      const bytes = gzipSync('text '.repeat(1000));
      const meta = { contentType: 'text/plain', contentEncoding: 'gzip' };
      const handle = await openSeeded(fixture, sampleKey('object.txt'), bytes, meta);
      assert.equal(handle.stat.size, bytes.byteLength);
      assertBytes(await readBytes(handle), bytes);
      await handle.close();
    },
  },
  {
    id: 'R-14',
    title: 'a piece that was handed out is not written to again',
    async run(fixture) {
      const handle = await openSeeded(fixture, sampleKey(), sampleBytes(1_048_576));
      const given: Uint8Array[] = [];
      const copies: Uint8Array[] = [];
      const pieces = piecesOf(await handle.read(wholeOf(handle)));
      for (let step = await pieces.next(); step.done !== true; step = await pieces.next()) {
        given.push(step.value);
        copies.push(Uint8Array.from(step.value));
      }
      await readBytes(handle);
      for (const [index, piece] of given.entries()) {
        assertBytes(piece, copies[index] ?? piece, `piece ${index}`);
      }
      await handle.close();
    },
  },
  {
    id: 'R-15',
    title: 'eight megabytes arrive with the hash that they left with',
    async run(fixture) {
      const bytes = sampleBytes(8 * 1_048_576 + 1);
      const handle = await openSeeded(fixture, sampleKey(), bytes);
      assert.equal(sha256(await readBytes(handle)), sha256(bytes));
      await handle.close();
    },
  },
  {
    id: 'R-16',
    title: 'reading changes neither the window nor the options that it was given',
    async run(fixture) {
      const handle = await openSeeded(fixture, sampleKey(), sampleBytes(100_000));
      const window = Object.freeze({ start: 10, end: 90_000 });
      const call = Object.freeze({ signal: new AbortController().signal });
      const outcome = await bodyOutcome(await handle.read(window, call));
      assert.equal(outcome.kind, 'ended');
      assert.equal(outcome.bytes.byteLength, 89_990);
      await handle.close();
    },
  },
];

/** Windows that an object of 100 bytes does not have. */
const OUTSIDE: readonly Window[] = [
  { start: 0, end: 101 },
  { start: 101, end: 101 },
  { start: 60, end: 40 },
  { start: -1, end: 10 },
  { start: 0, end: -1 },
  { start: 0.5, end: 10 },
  { start: 0, end: 10.5 },
  { start: Number.NaN, end: 10 },
  { start: 0, end: Number.NaN },
  { start: 0, end: Infinity },
];

function readsWindows(
  id: string,
  title: string,
  size: number,
  windows: readonly Window[],
): ContractCheck {
  return {
    id,
    title,
    async run(fixture) {
      const bytes = sampleBytes(size);
      const handle = await openSeeded(fixture, sampleKey(), bytes);
      assert.equal(handle.stat.size, size);
      for (const window of windows) {
        const { start, end } = window;
        assertBytes(await readBytes(handle, window), bytes.subarray(start, end), `${start}–${end}`);
      }
      await handle.close();
    },
  };
}

function windowsAround(edge: number): readonly Window[] {
  return [
    { start: edge - 1, end: edge + 1 },
    { start: 0, end: edge - 1 },
    { start: 0, end: edge },
    { start: 0, end: edge + 1 },
    { start: edge - 1, end: edge },
    { start: edge, end: edge + 1 },
    { start: 7, end: edge + 7 },
    { start: edge, end: 600_000 },
  ];
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
