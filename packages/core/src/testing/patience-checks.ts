import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import type { ObjectHandle } from '../storage/driver.ts';
import {
  assertBytes,
  discard,
  piecesOf,
  readBytes,
  readOutcome,
  restOutcome,
  wholeOf,
} from './body.ts';
import type { ContractCheck, ContractFixture } from './check.ts';
import { assertCode, failsWith, within } from './failure.ts';
import { allFail, assertConnections, everyAsking, type FarDriver, throughProxy } from './remote.ts';
import { sampleBytes, sampleKey } from './sample.ts';

/** T: time, where a store is far away. */
export const patienceChecks: readonly ContractCheck[] = [
  {
    id: 'T-08',
    title: 'a reader that pauses for longer than the driver waits is no reason to give up',
    needs: ['remote'],
    run: (fixture) =>
      withFarObject(fixture, LARGE, async ({ patience }, handle, bytes) => {
        const pieces = piecesOf(await handle.read(wholeOf(handle)));
        const first = await pieces.next();
        await delay(2 * patience + 50);
        const rest = await restOutcome(pieces, first.done === true ? [] : [first.value]);
        if (rest.kind === 'failed') throw rest.error;
        assertBytes(rest.bytes, bytes);
      }),
  },
  {
    id: 'T-09',
    title: 'a store that falls silent within a body is given up on in time',
    needs: ['remote'],
    run: (fixture) =>
      withFarObject(fixture, LARGE, async ({ proxy, patience }, handle, bytes) => {
        proxy.mode({ kind: 'stall', after: 100_000 });
        const outcome = await within(patience + PROMPT, readOutcome(handle), 'a silent body');
        assert.ok(outcome.kind === 'failed', 'a body that was not sent came to its end');
        assertCode(outcome.error, 'SLUICE_TIMEOUT', 'a silent body');
        assertBytes(outcome.bytes, bytes.subarray(0, outcome.bytes.byteLength), 'what came before');
      }),
  },
  {
    id: 'T-10',
    title: 'a store that does not answer is given up on in time',
    needs: ['remote'],
    run: (fixture) =>
      throughProxy(fixture, async (far) => {
        const object = { key: sampleKey(), bytes: sampleBytes(100_000) };
        const askings = await everyAsking(fixture, far, object);
        far.proxy.mode({ kind: 'stall' });
        const all = Promise.all(
          askings.map((asking) => allFail([asking], 'SLUICE_TIMEOUT', 'of a silent store')),
        );
        await within(far.patience + PROMPT, all, 'the calls on a silent store');
      }),
  },
  {
    id: 'T-13',
    title: 'a store that gives little by little is not given up on',
    needs: ['remote'],
    run: (fixture) =>
      withFarObject(fixture, SLOW, async ({ proxy, patience }, handle, bytes) => {
        proxy.mode({ kind: 'drip', bytes: SLOW / 8, every: Math.ceil(patience / 5) });
        assertBytes(await readBytes(handle), bytes);
      }),
  },
  {
    id: 'T-14',
    title: 'an abort ends what a silent store keeps waiting',
    needs: ['remote'],
    run: (fixture) =>
      withFarObject(fixture, LARGE, async ({ driver, proxy }, handle) => {
        proxy.mode({ kind: 'stall' });
        for (const method of ['stat', 'open'] as const) {
          const call = { signal: AbortSignal.timeout(20) };
          const ended = failsWith('SLUICE_ABORTED', () => driver[method](handle.key, call), method);
          await within(PROMPT, ended, method);
        }
        const call = { signal: AbortSignal.timeout(20) };
        const outcome = await within(PROMPT, readOutcome(handle, wholeOf(handle), call), 'read');
        assert.ok(outcome.kind === 'failed', 'a body that was not sent came to its end');
        assertCode(outcome.error, 'SLUICE_ABORTED', 'read');
      }),
  },
  {
    id: 'T-15',
    title: 'bodies that are left give their connections back',
    needs: ['remote'],
    run: (fixture) =>
      withFarObject(fixture, LARGE / 2, async ({ proxy }, handle) => {
        for (let round = 0; round < 5; round++) {
          const pieces = piecesOf(await handle.read(wholeOf(handle)));
          await pieces.next();
          await pieces.return?.();
          await discard(await handle.read(wholeOf(handle)));
        }
        await assertConnections(proxy, 3);
      }),
  },
  {
    id: 'T-16',
    title: 'a driver that is closed leaves no connection open',
    needs: ['remote', 'close'],
    run: (fixture) =>
      withFarObject(fixture, 100_000, async ({ driver, proxy }, handle) => {
        await readBytes(handle);
        await handle.close();
        await driver.close?.();
        await assertConnections(proxy, 0);
      }),
  },
];

/** Milliseconds beyond its patience that a driver may need, on a busy machine too. */
const PROMPT = 3000;

/** Bytes: more than lies in the buffers of a connection. */
const LARGE = 4 * 1_048_576;

/** Bytes: more than a driver takes whole before it gives any. */
const SLOW = 480_000;

/** Seeds an object, and opens it on a driver that reaches the store through a proxy. */
async function withFarObject(
  fixture: ContractFixture,
  size: number,
  run: (far: FarDriver, handle: ObjectHandle, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const key = sampleKey();
  const bytes = sampleBytes(size);
  await fixture.seed(key, bytes);
  await throughProxy(fixture, async (far) => {
    const handle = await far.driver.open(key);
    assert.ok(handle, 'an object that is there cannot be opened');
    await run(far, handle, bytes);
    await handle.close();
  });
}
