import assert from 'node:assert/strict';

import type { StorageKey } from '../keys/storage-key.ts';
import type { ObjectHandle, ObjectStat } from '../storage/driver.ts';
import type { ContractFixture, SeedMeta } from './check.ts';

/** Seeds an object, which the driver must then find. */
export async function statSeeded(
  fixture: ContractFixture,
  key: StorageKey,
  bytes: Uint8Array,
  meta?: SeedMeta,
): Promise<ObjectStat> {
  await fixture.seed(key, bytes, meta);
  const stat = await fixture.driver.stat(key);
  assert.ok(stat, 'the object that was seeded is not there');
  return stat;
}

/** Seeds an object, which the driver must then open. */
export async function openSeeded(
  fixture: ContractFixture,
  key: StorageKey,
  bytes: Uint8Array,
  meta?: SeedMeta,
): Promise<ObjectHandle> {
  await fixture.seed(key, bytes, meta);
  return openExisting(fixture, key);
}

/** Opens an object that is there. */
export async function openExisting(
  fixture: ContractFixture,
  key: StorageKey,
): Promise<ObjectHandle> {
  const handle = await fixture.driver.open(key);
  assert.ok(handle, 'an object that is there cannot be opened');
  return handle;
}
