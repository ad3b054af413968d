import test, { type ExecutionContext } from 'ava';

import { startCeph, type StoreEngine } from '../../src/stores/index.ts';
import { targetOf } from '../helpers.ts';
import {
  assertUnavailable,
  NOTE,
  openSite,
  PATIENCE,
  type Site,
  testHostile,
  untilServed,
} from './hostile.ts';

let engine: StoreEngine;
test.before('the store starts', async () => {
  engine = await startCeph();
});
test.after.always('the store stops', () => engine.stop());

testHostile(() => engine);

test.serial('too few nodes make Ceph wait, and clients are told to come again', async (t) => {
  const site = await openSite(t, engine, { driver: { timeouts: { answer: PATIENCE } } });
  await untilServed(t, site);
  // Not the one that is left: what was killed has lost its memory, and gets it from the others.
  await Promise.all([engine.killNode(1), engine.killNode(2)]);
  for (const key of [NOTE.key, 'nothing/there.txt']) {
    // Until the one that is left has noticed, it answers what it would have answered before.
    await untilNot(key === NOTE.key ? 200 : 404, t, site, key);
    await assertUnavailable(t, site, ['SLUICE_TIMEOUT'], key);
  }
  await Promise.all([engine.startNode(1), engine.startNode(2)]);
  await untilServed(t, site, NOTE);
});

async function untilNot(
  status: number,
  t: ExecutionContext,
  { sender }: Site,
  key: string,
): Promise<void> {
  const giveUp = performance.now() + 60_000;
  while (performance.now() < giveUp) {
    const answer = await sender.ask({ target: targetOf(key) });
    if (answer.status !== status) return;
    if (status === 200) t.true(answer.body.equals(NOTE.bytes));
  }
  t.fail(`still ${status}`);
}
