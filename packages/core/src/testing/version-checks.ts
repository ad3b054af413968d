import assert from 'node:assert/strict';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';

import type { SluiceErrorCode } from '../errors.ts';
import type { StorageKey } from '../keys/storage-key.ts';
import type { ObjectHandle, Window } from '../storage/driver.ts';
import {
  assertBytes,
  type BodyOutcome,
  piecesOf,
  readBytes,
  readOutcome,
  restOutcome,
  wholeOf,
} from './body.ts';
import type { ContractCheck, ContractFixture } from './check.ts';
import { assertCode } from './failure.ts';
import { sampleBytes, sampleKey } from './sample.ts';
import { openExisting, openSeeded, statSeeded } from './seeded.ts';

/** Bytes: within what a driver may give at once, and well beyond it. */
const SMALL = 40_000;
const LARGE = 4 * 1_048_576;

/** V: an open object is of one version, whatever happens to the store. */
export const versionChecks: readonly ContractCheck[] = [
  changedBeforeRead('V-01', 'an object replaced after open is read as it was, or not at all', {
    change: (fixture, key) => fixture.seed(key, sampleBytes(SMALL, 2)),
  }),
  {
    id: 'V-02',
    title: 'two reads of a handle, with a replace between them, are of one version',
    async run(fixture) {
      const key = sampleKey();
      const bytes = sampleBytes(SMALL);
      const handle = await openSeeded(fixture, key, bytes);
      assertBytes(await readBytes(handle, { start: 0, end: 1000 }), bytes.subarray(0, 1000));
      await fixture.seed(key, sampleBytes(SMALL, 2));
      assertHeld(handle, await readOutcome(handle), bytes);
      await handle.close();
    },
  },
  changedDuringRead('V-03', 'an object replaced while it is read comes as it was, or fails', {
    change: (fixture, key) => fixture.seed(key, sampleBytes(LARGE, 2)),
  }),
  changedBeforeRead('V-04', 'a window beyond the end of a shorter successor is no range fault', {
    change: (fixture, key) => fixture.seed(key, sampleBytes(10, 2)),
    window: { start: 5000, end: SMALL },
  }),
  changedBeforeRead('V-05', 'an object replaced by a longer one keeps its length', {
    change: (fixture, key) => fixture.seed(key, sampleBytes(2 * SMALL, 2)),
  }),
  changedBeforeRead('V-06', 'an object removed after open is read as it was, or is changed', {
    change: (fixture, key) => fixture.remove(key),
  }),
  changedDuringRead('V-07', 'an object removed while it is read comes as it was, or fails', {
    change: (fixture, key) => fixture.remove(key),
  }),
  changedBeforeRead(
    'V-08',
    'an object removed and made again with the same bytes is not mixed up',
    {
      change: async (fixture, key) => {
        await fixture.remove(key);
        await fixture.seed(key, sampleBytes(SMALL));
      },
    },
  ),
  changedInPlace('V-09', 'bytes overwritten in place do not pass for the old ones', {
    change: (fixture, key, size) => fixture.rewriteInPlace?.(key, sampleBytes(size, 2)),
    codes: ['SLUICE_VERSION_CHANGED'],
  }),
  changedInPlace('V-10', 'an object cut short in place does not end short without an error', {
    change: (fixture, key, size) => fixture.rewriteInPlace?.(key, sampleBytes(size / 4)),
    codes: ['SLUICE_VERSION_CHANGED', 'SLUICE_TRUNCATED'],
  }),
  {
    id: 'V-11',
    title: 'fifty reads against a writer that flips two contents are each of one content',
    async run(fixture) {
      const key = sampleKey();
      const contents = [sampleBytes(70_000, 1), sampleBytes(90_000, 2)] as const;
      await fixture.seed(key, contents[0]);
      const reading = Promise.all(
        Array.from({ length: 5 }, () => readUniform(fixture, key, contents, 10)),
      );
      const writing = flipUntil(fixture, key, contents, reading);
      await Promise.all([reading, writing]);
    },
  },
  {
    id: 'V-12',
    title: 'with one stale replica in the store, no download is of two versions',
    needs: ['seedStale'],
    async run(fixture) {
      const key = sampleKey();
      const contents = [sampleBytes(30_000, 1), sampleBytes(30_000, 2)] as const;
      await fixture.seedStale?.(key, ...contents);
      const seen = new Map<string, Uint8Array>();
      for (let round = 0; round < 40; round++) await readInThree(fixture, key, contents, seen);
    },
  },
  {
    id: 'V-13',
    title: 'a version that is held outlives two replaces and a removal',
    async run(fixture) {
      const key = sampleKey();
      const bytes = sampleBytes(SMALL);
      const handle = await openSeeded(fixture, key, bytes);
      await fixture.seed(key, sampleBytes(SMALL, 2));
      await fixture.seed(key, sampleBytes(SMALL, 3));
      await fixture.remove(key);
      assertHeld(handle, await readOutcome(handle), bytes);
      await handle.close();
    },
  },
  {
    id: 'V-14',
    title: 'who opens after a replace, or after a removal, gets what is there now',
    async run(fixture) {
      const key = sampleKey();
      const former = await openSeeded(fixture, key, sampleBytes(100, 1));
      const stat = await statSeeded(fixture, key, sampleBytes(200, 2));
      assert.equal(stat.size, 200);
      const handle = await openExisting(fixture, key);
      assertBytes(await readBytes(handle), sampleBytes(200, 2));
      await fixture.remove(key);
      assert.equal(await fixture.driver.stat(key), undefined);
      assert.equal(await fixture.driver.open(key), undefined);
      await Promise.all([former.close(), handle.close()]);
    },
  },
];

/** Milliseconds after which a store's clock must tell two writes apart, if it is the clock that tells. */
const CLOCK_STEP = 50;

interface Change {
  readonly change: (fixture: ContractFixture, key: StorageKey) => Promise<void>;
  readonly window?: Window;
}

interface ChangeInPlace {
  readonly change: (
    fixture: ContractFixture,
    key: StorageKey,
    size: number,
  ) => Promise<void> | undefined;
  readonly codes: readonly SluiceErrorCode[];
}

function changedBeforeRead(id: string, title: string, { change, window }: Change): ContractCheck {
  return {
    id,
    title,
    async run(fixture) {
      const key = sampleKey();
      const bytes = sampleBytes(SMALL);
      const handle = await openSeeded(fixture, key, bytes);
      await change(fixture, key);
      const { start, end } = window ?? wholeOf(handle);
      const outcome = await readOutcome(handle, { start, end });
      assertHeld(handle, outcome, bytes.subarray(start, end));
      await handle.close();
    },
  };
}

function changedDuringRead(id: string, title: string, { change }: Change): ContractCheck {
  return {
    id,
    title,
    async run(fixture) {
      const key = sampleKey();
      const bytes = sampleBytes(LARGE);
      const handle = await openSeeded(fixture, key, bytes);
      const outcome = await readAcross(handle, () => change(fixture, key));
      assertHeld(handle, outcome, bytes);
      await handle.close();
    },
  };
}

function changedInPlace(
  id: string,
  title: string,
  { change, codes }: ChangeInPlace,
): ContractCheck {
  return {
    id,
    title,
    needs: ['rewriteInPlace'],
    async run(fixture) {
      const all = [SMALL, LARGE].flatMap((size) =>
        [readAfter, readAcross].map(async (read) => {
          const key = sampleKey();
          return { key, size, read, handle: await openSeeded(fixture, key, sampleBytes(size)) };
        }),
      );
      const opened = await Promise.all(all);
      // Once for all of them: it is nothing but time.
      await delay(CLOCK_STEP);
      for (const { key, size, read, handle } of opened) {
        const outcome = await read(handle, async () => change(fixture, key, size));
        if (outcome.kind === 'ended') assertBytes(outcome.bytes, sampleBytes(size));
        else assertCode(outcome.error, codes, 'a read of changed bytes');
        await handle.close();
      }
    },
  };
}

async function readAfter(handle: ObjectHandle, change: () => Promise<void>): Promise<BodyOutcome> {
  await change();
  return readOutcome(handle);
}

/** Reads the first piece, lets the change happen, and reads the rest. */
async function readAcross(handle: ObjectHandle, change: () => Promise<void>): Promise<BodyOutcome> {
  const pieces = piecesOf(await handle.read(wholeOf(handle)));
  const first = await pieces.next();
  await change();
  return restOutcome(pieces, first.done === true ? [] : [first.value]);
}

/** Asserts that a read gave the bytes of the version it is bound to, or refused to give others. */
function assertHeld(handle: ObjectHandle, outcome: BodyOutcome, bytes: Uint8Array): void {
  if (outcome.kind === 'ended') {
    assertBytes(outcome.bytes, bytes);
    return;
  }
  assertCode(outcome.error, 'SLUICE_VERSION_CHANGED', 'a read of a changed object');
  assertBytes(outcome.bytes, bytes.subarray(0, outcome.bytes.byteLength), 'what came before');
  const { hold } = handle.stat.version;
  const keeps = hold === 'handle' || hold === 'immutable';
  assert.ok(!keeps, `a version of hold "${hold}" is read to its end`);
}

async function readUniform(
  fixture: ContractFixture,
  key: StorageKey,
  contents: readonly [Uint8Array, Uint8Array],
  rounds: number,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await turn();
    const handle = await openExisting(fixture, key);
    const expected = contents.find(({ byteLength }) => byteLength === handle.stat.size);
    assert.ok(expected, `no content has ${handle.stat.size} bytes`);
    const start = round * 5000;
    const outcome = await readOutcome(handle, { start, end: expected.byteLength });
    assertHeld(handle, outcome, expected.subarray(start));
    await handle.close();
  }
}

/** Downloads an object in three windows, each of them of the version that was opened, or refused. */
async function readInThree(
  fixture: ContractFixture,
  key: StorageKey,
  contents: readonly Uint8Array[],
  seen: Map<string, Uint8Array>,
): Promise<void> {
  const handle = await openExisting(fixture, key);
  const { token } = handle.stat.version;
  for (const start of [0, 10_000, 20_000]) {
    const window = { start, end: start + 10_000 };
    const outcome = await readOutcome(handle, window);
    if (outcome.kind === 'failed') {
      assertCode(outcome.error, 'SLUICE_VERSION_CHANGED', 'a read from a stale replica');
      continue;
    }
    const content = contents.find((bytes) => isWindowOf(bytes, window, outcome.bytes));
    assert.ok(content, 'a window is of neither version');
    assert.ok((seen.get(token) ?? content) === content, 'two versions pass for one');
    seen.set(token, content);
  }
  await handle.close();
}

function isWindowOf(bytes: Uint8Array, { start, end }: Window, window: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(start, end), window) === 0;
}

async function flipUntil(
  fixture: ContractFixture,
  key: StorageKey,
  contents: readonly [Uint8Array, Uint8Array],
  reading: Promise<unknown>,
): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  reading.then(stop, stop);
  for (let round = 0; !stopping.signal.aborted; round++) {
    await fixture.seed(key, contents[round % 2 === 0 ? 1 : 0]);
    await turn();
  }
}
