import { type AvaTest, contractWithAva } from '@sluice/core/testing';
import test from 'ava';

import { deviationsOf } from '../../src/stores/deviations.ts';
import type { StoreEngine } from '../../src/stores/index.ts';
import { missingFrom, openContractBucket } from '../../src/stores/s3-fixture.ts';

/** Runs the contract of drivers on two buckets of a store: one that keeps versions, and one that does not. */
export async function testContract(start: () => Promise<StoreEngine>): Promise<void> {
  const engine = await start();
  // All of them before the first test: AVA takes none after a wait for something outside.
  const buckets = await Promise.all(
    [false, true].map(async (versioned) => ({
      versioned,
      bucket: openContractBucket(engine, await engine.createBucket({ versioned })),
    })),
  );
  for (const { versioned, bucket } of buckets) {
    await contractWithAva(COMPLETE, () => bucket.createFixture(), {
      name: `${engine.name}, ${versioned ? 'versioned' : 'plain'}`,
      known: deviationsOf(engine, { versioned }),
      without: missingFrom(engine),
      // A store of ten processes is slow where others are at work.
      timeout: 30_000,
    });
  }
  test.after.always('the store stops', async () => {
    for (const { bucket } of buckets) bucket.close();
    await engine.stop();
  });
}

const register: AvaTest['serial'] = (title, run) => test.serial(title, run);

/** A check that would be skipped fails. */
const skip: AvaTest['skip'] = (title) => {
  test.serial(title, (t) => t.fail('the fixture offers all that is not said to be absent'));
};

const COMPLETE: AvaTest = Object.assign(register, { serial: register, skip });
