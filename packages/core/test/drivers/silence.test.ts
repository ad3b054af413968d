import { stat } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import test from 'ava';

import { onSilence } from '../../src/drivers/silence.ts';

/** Milliseconds. */
const LIMIT = 40;

/** Lets nothing else have its turn. */
function holdUp(duration: number): void {
  const until = performance.now() + duration;
  while (performance.now() < until);
}

test.serial('silence is told once, and not before its time', async (t) => {
  const began = performance.now();
  const told: number[] = [];
  onSilence(LIMIT, () => told.push(performance.now() - began));
  await delay(5 * LIMIT);
  t.is(told.length, 1);
  // Timers of Node may come a millisecond early, and there are two.
  t.true((told[0] ?? 0) >= LIMIT - 2, `told after ${told[0]} ms`);
});

test.serial('who is heard in time stops it', async (t) => {
  const stop = onSilence(LIMIT, () => t.fail());
  stop();
  stop();
  await delay(3 * LIMIT);
  t.pass();
});

for (const [when, wait] of [
  ['from the start', 0],
  ['in the second half', 0.75 * LIMIT],
] as const) {
  test.serial(`what came while the process was held up ${when} is heard first`, async (t) => {
    const seen: string[] = [];
    const stop = onSilence(LIMIT, () => seen.push('silence'));
    if (wait > 0) await delay(wait);
    // It has its answer long before the process has its turn again, as a connection has its bytes.
    stat('/', () => {
      seen.push('answer');
      stop();
    });
    holdUp(3 * LIMIT);
    await delay(2 * LIMIT);
    t.deepEqual(seen, ['answer']);
  });
}
