import { setTimeout as sleep } from 'node:timers/promises';

import test from 'ava';

import { createIdleClock } from '../src/idle-clock.ts';

test('each member is looked at again and again, until it leaves', async (t) => {
  const seen: string[] = [];
  const clock = createIdleClock((name: string) => seen.push(name));
  clock.join('a', 20);
  clock.join('b', 20);
  clock.join('slow', 1_000_000);
  while (seen.length < 6) await sleep(5);
  t.deepEqual(seen.slice(0, 6), ['a', 'b', 'a', 'b', 'a', 'b']);
  clock.leave('a', 20);
  clock.leave('a', 20);
  seen.length = 0;
  while (seen.length < 3) await sleep(5);
  t.deepEqual(new Set(seen), new Set(['b']));
  clock.leave('b', 20);
  clock.leave('slow', 1_000_000);
});

test('a clock that everybody has left stops, and starts again for the next one', async (t) => {
  const looks: string[] = [];
  const clock = createIdleClock((name: string) => looks.push(name));
  clock.join('a', 10);
  clock.leave('a', 10);
  await sleep(60);
  t.deepEqual(looks, []);
  clock.join('b', 10);
  while (looks.length < 2) await sleep(5);
  clock.leave('b', 10);
  const before = looks.length;
  await sleep(60);
  t.is(looks.length, before);
});

test('a member may leave while it is looked at, and another join', async (t) => {
  const seen: string[] = [];
  const clock = createIdleClock((name: string) => {
    seen.push(name);
    clock.leave(name, 10);
    if (name === 'a') clock.join('b', 10);
  });
  clock.join('a', 10);
  while (!seen.includes('b')) await sleep(5);
  await sleep(60);
  t.deepEqual(seen, ['a', 'b']);
});
