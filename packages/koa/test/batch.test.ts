import test from 'ava';

import { nextBatch } from '../src/batch.ts';

/** Answers that leave at a time. */
const MOST = 32;

test.serial('answers of one turn of the event loop leave together, at its end', async (t) => {
  const seen: string[] = [];
  const answers = ['one', 'two'].map((name) => nextBatch().then(() => seen.push(name)));
  setImmediate(() => seen.push('end of the turn'));
  await Promise.resolve();
  t.deepEqual(seen, []);
  await Promise.all(answers);
  t.deepEqual(seen, ['one', 'two']);
});

test.serial('many do not wait for the end, and those behind them are another batch', async (t) => {
  let left = 0;
  let isTurnOver = false;
  const answers = Array.from({ length: MOST + 1 }, () => nextBatch().then(() => (left += 1)));
  setImmediate(() => (isTurnOver = true));
  await answers[MOST - 1];
  t.is(left, MOST);
  t.false(isTurnOver);
  await answers[MOST];
  t.is(left, MOST + 1);
});

test.serial('a later turn begins anew', async (t) => {
  for (let turn = 0; turn < 3; turn += 1) await nextBatch();
  t.pass();
});
