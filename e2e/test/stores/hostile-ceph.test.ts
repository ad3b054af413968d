import test from 'ava';

import { startCeph, type StoreEngine } from '../../src/stores/index.ts';
import {
  assertUnavailable,
  NOTE,
  openSite,
  PATIENCE,
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
  await assertUnavailable(t, site, ['SLUICE_TIMEOUT']);
  await assertUnavailable(t, site, ['SLUICE_TIMEOUT'], 'nothing/there.txt');
  await Promise.all([engine.startNode(1), engine.startNode(2)]);
  await untilServed(t, site, NOTE);
});
