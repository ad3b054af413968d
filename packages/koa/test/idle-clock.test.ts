import { setTimeout as sleep } from 'node:timers/promises';

import test from 'ava';

import { type Clocked, createIdleClock } from '../src/idle-clock.ts';

interface Member extends Clocked {
  readonly name: string;
}

const member = (name: string): Member => ({ name, place: undefined });

test('each member is looked at again and again, until it leaves', async (t) => {
  const seen: string[] = [];
  const clock = createIdleClock(({ name }: Member) => seen.push(name));
  const [a, b, c, slow] = [member('a'), member('b'), member('c'), member('slow')];
  for (const one of [a, b, c]) clock.join(one, 20);
  clock.join(slow, 1_000_000);
  while (seen.length < 6) await sleep(5);
  t.deepEqual(seen.slice(0, 6), ['a', 'b', 'c', 'a', 'b', 'c']);
  clock.leave(a, 20);
  clock.leave(a, 20);
  seen.length = 0;
  while (seen.length < 4) await sleep(5);
  t.deepEqual(seen.slice(0, 4).toSorted(), ['b', 'b', 'c', 'c']);
  for (const one of [c, b]) clock.leave(one, 20);
  seen.length = 0;
  await sleep(60);
  t.deepEqual(seen, []);
  clock.leave(slow, 1_000_000);
});

test('a clock that everybody has left stops, and starts again for the next one', async (t) => {
  const looks: string[] = [];
  const clock = createIdleClock(({ name }: Member) => looks.push(name));
  const [a, b] = [member('a'), member('b')];
  clock.join(a, 10);
  clock.leave(a, 10);
  await sleep(60);
  t.deepEqual(looks, []);
  clock.join(b, 10);
  while (looks.length < 2) await sleep(5);
  clock.leave(b, 10);
  const before = looks.length;
  await sleep(60);
  t.is(looks.length, before);
});

test('a member may leave while it is looked at, take others along, and let new ones join', async (t) => {
  const seen: string[] = [];
  const [a, b, c, d] = [member('a'), member('b'), member('c'), member('d')];
  const clock = createIdleClock((one: Member) => {
    seen.push(one.name);
    clock.leave(one, 10);
    if (one !== a) return;
    clock.leave(b, 10);
    clock.join(d, 10);
  });
  for (const one of [a, b, c]) clock.join(one, 10);
  while (!seen.includes('d')) await sleep(5);
  await sleep(60);
  t.deepEqual(seen, ['a', 'c', 'd']);
});
