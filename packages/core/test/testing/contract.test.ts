import test from 'ava';

import { contractWithAva, runContract, storageContract } from '../../src/testing/index.ts';
import { mutants } from './tables/mutants.ts';
import { createWorldFixture } from './world.ts';

await contractWithAva(test, createWorldFixture);

/**
 * Runs of the suite at a time. AVA starts all tests of a file at once, and then each driver waits for
 * the others so long that every store seems silent.
 */
const inTurn = createTurns(8);

/** Checks that wait for a far store, or for the clock. */
const FAR = /F-|U-|V-12|T-(08|09|1[03456])/;

for (const [fault, mutate, caughtBy] of mutants) {
  const only = caughtBy.split(' ');
  // What others allocate, or free, would blur the one check that measures memory.
  const declare = only.includes('T-11') ? test.serial : test;
  declare(`a driver that ${fault} is caught by ${caughtBy}`, async (t) => {
    const report = await inTurn(() =>
      runContract(() => createWorldFixture(mutate), {
        only,
        timeout: FAR.test(caughtBy) ? 5000 : 1000,
        concurrency: only.length,
      }),
    );
    const passed = report.results.filter(({ kind }) => kind !== 'failed');
    t.deepEqual(
      passed.map(({ check }) => check.id),
      [],
    );
    t.is(report.failed, only.length);
  });
}

test('every check is proved by a driver that it catches', (t) => {
  const proved = new Set(mutants.flatMap(([, , caughtBy]) => caughtBy.split(' ')));
  const unproved = storageContract.map(({ id }) => id).filter((id) => !proved.has(id));
  t.deepEqual(unproved, []);
});

test('ids are unique and of their form, and titles are unique', (t) => {
  const ids = storageContract.map(({ id }) => id);
  t.is(new Set(ids).size, ids.length);
  t.is(new Set(storageContract.map(({ title }) => title)).size, ids.length);
  for (const id of ids) t.regex(id, /^[BCFKLORSTUVW]-\d\d$/);
});

test('two runs on one store do not meet, and neither needs it to be empty', async (t) => {
  const shared = createWorldFixture();
  const create = () => ({ ...shared, dispose: async () => undefined });
  const seen = ['R-01', 'V-01', 'K-01', 'L-01', 'L-05', 'W-08', 'W-10'];
  const runs = [1, 2].map(() => runContract(create, { only: seen, concurrency: 4 }));
  for (const report of await Promise.all(runs)) t.is(report.passed, seen.length);
  await shared.dispose();
});

/** Lets so many work at a time, the others in the order in which they came. */
function createTurns(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let working = 0;
  return async (work) => {
    if (working < most) working += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) working -= 1;
      else next();
    }
  };
}
