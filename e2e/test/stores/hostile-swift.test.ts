import { HeadObjectCommand } from '@aws-sdk/client-s3';
import test, { type ExecutionContext } from 'ava';

import { field } from '../../src/client.ts';
import { bytesOf } from '../../src/fixture.ts';
import { startSwift, type StoreEngine } from '../../src/stores/index.ts';
import { targetOf } from '../helpers.ts';
import { assertUnavailable, openSite, type Site, testHostile, untilServed } from './hostile.ts';

let engine: StoreEngine;
test.before('the store starts', async () => {
  engine = await startSwift();
});
test.after.always('the store stops', () => engine.stop());

testHostile(() => engine);

/** Bytes of an object that is downloaded in three ranges, each of more than is read at once. */
const SIZE = 600_000;
const DOWNLOADS = 200;

test.serial(`of a stale replica, ${DOWNLOADS} downloads in three ranges mix nothing`, async (t) => {
  const site = await openSite(t, engine);
  const key = 'stale/object.zip';
  const contents = await seedStale(site, key);
  await assertStale(t, site, key);
  const outcomes = { older: 0, newer: 0, anew: 0 };
  const queue = Array.from({ length: DOWNLOADS }, (_, index) => index);
  const download = async (): Promise<void> => {
    while (queue.pop() !== undefined) {
      const { bytes, anew } = await inThreeRanges(t, site, key);
      outcomes.anew += anew;
      if (bytes.equals(contents.older)) outcomes.older += 1;
      else if (bytes.equals(contents.newer)) outcomes.newer += 1;
      else t.fail('a download is of neither version');
    }
  };
  await Promise.all(Array.from({ length: 4 }, download));
  t.is(outcomes.older + outcomes.newer, DOWNLOADS);
  t.log(outcomes);
});

test.serial('of a stale replica, the parts of one answer are of one version', async (t) => {
  const site = await openSite(t, engine);
  const key = 'stale/parts.zip';
  const contents = await seedStale(site, key);
  await assertStale(t, site, key);
  const headers = { range: 'bytes=0-99999,200000-399999,400100-599999' };
  for (let count = 0; count < 40; count += 1) {
    const answer = await site.sender.ask({ target: targetOf(key), headers });
    t.is(answer.status, 206);
    t.true(answer.complete);
    const isOf = (bytes: Buffer): boolean =>
      [bytes.subarray(0, 100_000), bytes.subarray(200_000, 400_000), bytes.subarray(400_100)].every(
        (part) => answer.body.includes(part),
      );
    t.true(isOf(contents.older) || isOf(contents.newer));
  }
});

test.serial(
  'with one node of three, Swift gives what is there, and does not deny the rest',
  async (t) => {
    const site = await openSite(t, engine);
    t.teardown(() => startAll());
    await Promise.all([engine.killNode(1), engine.killNode(2)]);
    await untilServed(t, site);
    await assertUnavailable(t, site, ['SLUICE_UNAVAILABLE'], 'nothing/there.txt');
    await engine.killNode(0);
    await assertUnavailable(t, site, ['SLUICE_UNAVAILABLE']);
    await startAll();
    await untilServed(t, site);
    const missing = await site.sender.ask({ target: targetOf('nothing/there.txt') });
    t.is(missing.status, 404);
  },
);

async function startAll(): Promise<void> {
  await Promise.all([0, 1, 2].map((node) => engine.startNode(node)));
}

interface Contents {
  readonly older: Buffer;
  readonly newer: Buffer;
}

/** Leaves the older object on one node of three: no replicator runs. */
async function seedStale({ fixture }: Site, key: string): Promise<Contents> {
  const contents = { older: bytesOf(`${key} 1`, SIZE), newer: bytesOf(`${key} 2`, SIZE) };
  await fixture.put(key, contents.older);
  await engine.killNode(0);
  await fixture.put(key, contents.newer);
  await engine.startNode(0);
  return contents;
}

/** Proves that the store gives now the one and now the other; else the rest would prove nothing. */
async function assertStale(t: ExecutionContext, { fixture }: Site, key: string): Promise<void> {
  const seen = new Set<string | undefined>();
  for (let count = 0; count < 300 && seen.size < 2; count += 1) {
    const asked = new HeadObjectCommand({ Bucket: fixture.bucket, Key: key });
    seen.add((await fixture.client.send(asked)).ETag);
  }
  t.is(seen.size, 2);
}

/** Downloads as a program does that goes on where it was cut, and begins anew where it must. */
async function inThreeRanges(
  t: ExecutionContext,
  { sender }: Site,
  key: string,
): Promise<{ readonly bytes: Buffer; readonly anew: number }> {
  const target = targetOf(key);
  const first = await sender.ask({ target, headers: { range: `bytes=0-${SIZE / 3 - 1}` } });
  t.is(first.status, 206);
  t.true(first.complete);
  let bytes = first.body;
  while (bytes.length < SIZE) {
    const range = `bytes=${bytes.length}-${bytes.length + SIZE / 3 - 1}`;
    const headers = { range, 'if-range': field(first, 'etag') ?? '' };
    const next = await sender.ask({ target, headers });
    t.true(next.complete);
    if (next.status === 200) return { bytes: next.body, anew: 1 };
    t.is(next.status, 206);
    t.is(field(next, 'etag'), field(first, 'etag'));
    bytes = Buffer.concat([bytes, next.body]);
  }
  return { bytes, anew: 0 };
}
