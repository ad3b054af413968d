import { type AvaTest, contractWithAva } from '@sluice/core/testing';
import test from 'ava';

import type { StoreEngine } from '../../src/stores/index.ts';
import { type ContractBucket, openContractBucket, S3_HAS_NO } from '../../src/stores/s3-fixture.ts';

/** Runs the contract of drivers on two buckets of a store: one that keeps versions, and one that does not. */
export async function testContract(
  start: () => Promise<StoreEngine>,
  known: Readonly<Record<string, string>>,
): Promise<void> {
  const engine = await start();
  const buckets: (readonly [name: string, bucket: ContractBucket])[] = [];
  for (const versioned of [false, true]) {
    const name = `${engine.name}, ${versioned ? 'versioned' : 'plain'}`;
    const bucket = await engine.createBucket({ versioned });
    buckets.push([name, openContractBucket(engine, bucket)]);
  }
  // AVA takes no test once it has turned to those that it has.
  for (const [name, { createFixture }] of buckets) {
    await contractWithAva(complete, createFixture, {
      name,
      known,
      without: S3_HAS_NO,
      // A store of ten processes is slow where others are at work.
      timeout: 30_000,
    });
  }
  test.after.always('the store stops', async () => {
    for (const [, bucket] of buckets) bucket.close();
    await engine.stop();
  });
}

/** A check that is skipped fails. */
const skip: AvaTest['skip'] = (title) => {
  test.serial(title, (t) => t.fail('the fixture offers everything'));
};
const register: AvaTest['serial'] = (title, run) => test.serial(title, run);
const complete: AvaTest = Object.assign(register, { serial: register, skip });
