import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import type { ContractFixture } from './check.ts';

/** Counts what the driver holds; 0 where the fixture cannot count. */
export async function resources(fixture: ContractFixture): Promise<number> {
  return (await fixture.openResources?.()) ?? 0;
}

/** Asserts that the driver comes to hold no more than before, in at most two seconds. */
export async function assertReleased(fixture: ContractFixture, before: number): Promise<void> {
  let held = await resources(fixture);
  for (let wait = 1; held > before && wait < 1200; wait *= 2) {
    await delay(wait);
    held = await resources(fixture);
  }
  assert.ok(held <= before, `${held - before} handles or sockets are left open`);
}
