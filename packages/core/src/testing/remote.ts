import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import type { SluiceErrorCode } from '../errors.ts';
import type { StorageKey } from '../keys/storage-key.ts';
import type { StorageDriver, Window } from '../storage/driver.ts';
import { assertBytes, type BodyOutcome, readOutcome } from './body.ts';
import type { ContractFixture } from './check.ts';
import { assertCode, failsWith } from './failure.ts';
import { createFaultProxy, type FaultProxy } from './fault-proxy.ts';

/** A driver that reaches its store through a fault proxy. */
export interface FarDriver {
  readonly driver: StorageDriver;
  readonly proxy: FaultProxy;
  /** Milliseconds, as in the fixture. */
  readonly patience: number;
}

/** What a far driver is asked, each at a moment when nothing is under way. */
export type Asking = readonly [name: string, ask: () => Promise<unknown>];

/** Puts a fault proxy between a driver and the store of the fixture, for as long as `run` takes. */
export async function throughProxy(
  { remote }: ContractFixture,
  run: (far: FarDriver) => Promise<void>,
): Promise<void> {
  assert.ok(remote, 'the fixture has no remote store');
  const proxy = await createFaultProxy({ target: remote.target });
  try {
    const driver = await remote.connect(proxy.address);
    try {
      await run({ driver, proxy, patience: remote.patience });
    } finally {
      await driver.close?.();
    }
  } finally {
    await proxy.close();
  }
}

/** Seeds an object, and asks a far driver for its facts, for a handle, and for bytes of one. */
export async function everyAsking(
  fixture: ContractFixture,
  { driver }: FarDriver,
  { key, bytes }: { readonly key: StorageKey; readonly bytes: Uint8Array },
): Promise<readonly Asking[]> {
  await fixture.seed(key, bytes);
  const handle = await driver.open(key);
  assert.ok(handle, 'an object that is there cannot be opened');
  return [
    ['stat', () => driver.stat(key)],
    ['open', async () => (await driver.open(key))?.close()],
    [
      'read',
      async () => {
        const outcome = await readOutcome(handle, { start: 0, end: bytes.byteLength });
        if (outcome.kind === 'failed') throw outcome.error;
      },
    ],
  ];
}

/** Asserts that every asking fails with one of the codes. */
export async function allFail(
  askings: readonly Asking[],
  codes: SluiceErrorCode | readonly SluiceErrorCode[],
  what: string,
): Promise<void> {
  for (const [name, ask] of askings) await failsWith(codes, ask, `${name} ${what}`);
}

/** Asserts that a body has come whole, or that what came of it is right and the rest failed. */
export function assertWholeOrFailed(
  outcome: BodyOutcome,
  bytes: Uint8Array,
  codes: readonly SluiceErrorCode[],
): void {
  if (outcome.kind === 'ended') {
    assertBytes(outcome.bytes, bytes);
    return;
  }
  assertCode(outcome.error, codes, 'a body that broke off');
  assertBytes(outcome.bytes, bytes.subarray(0, outcome.bytes.byteLength), 'what came before');
}

/** Asserts that no more connections than these come to be open, in at most two seconds. */
export async function assertConnections(proxy: FaultProxy, most: number): Promise<void> {
  for (let wait = 1; proxy.connections() > most && wait < 1200; wait *= 2) await delay(wait);
  assert.ok(proxy.connections() <= most, `${proxy.connections()} connections are left open`);
}

/** A window that is neither at the start nor at the end of an object of {@link INNER_SIZE}. */
export const INNER: Window = { start: 1000, end: 2000 };

/** Bytes. */
export const INNER_SIZE = 10_000;
