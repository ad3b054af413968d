import test from 'ava';

import { best, median, medianOf, ratio, type Round, spread } from '../src/summary.ts';

const rounds = (...values: readonly (number | undefined)[]): readonly Round[] =>
  values.map((requestsPerSecond) => ({ requestsPerSecond, marks: [] }));

for (const { values, middle, apart } of [
  { values: [], middle: undefined, apart: undefined },
  { values: [7], middle: 7, apart: 0 },
  { values: [10, 9], middle: 9.5, apart: 1 / 9.5 },
  // As text 9 comes after 10.
  { values: [10, 9, 100], middle: 10, apart: 9.1 },
  { values: [4, 1, 3, 2], middle: 2.5, apart: 1.2 },
  { values: [0, 0], middle: 0, apart: undefined },
]) {
  test(`the median of ${JSON.stringify(values)} is ${middle}, and they lie ${apart} apart`, (t) => {
    t.is(median(values), middle);
    t.is(spread(values), apart);
  });
}

test('a median leaves its input as it is', (t) => {
  const values = Object.freeze([3, 1, 2]);
  t.is(median(values), 2);
  t.deepEqual(values, [3, 1, 2]);
});

test('a ratio is the median of the ratios round by round, not the ratio of the medians', (t) => {
  // The second round was disturbed for both alike.
  t.is(ratio(rounds(100, 10, 40), rounds(50, 5, 40), 'requestsPerSecond'), 2);
  t.is(medianOf(rounds(100, 10, 40), 'requestsPerSecond'), 40);
});

test('a round that one of the two lacks has no part in their ratio', (t) => {
  t.is(ratio(rounds(undefined, 10, 30), rounds(5, 5), 'requestsPerSecond'), 2);
  t.is(ratio(rounds(10), rounds(0), 'requestsPerSecond'), undefined);
  t.is(ratio(rounds(10), [], 'requestsPerSecond'), undefined);
});

test('the best has the highest rate, or takes the least memory', (t) => {
  const of = (name: string, value: number): { name: string; rounds: readonly Round[] } => ({
    name,
    rounds: [{ requestsPerSecond: value, memoryPerReader: value, marks: [] }],
  });
  const both = [of('a', 9), of('b', 10), { name: 'c', rounds: [] }];
  t.is(best(both, 'requestsPerSecond'), 'b');
  t.is(best(both, 'memoryPerReader'), 'a');
  t.is(best([], 'memoryPerReader'), undefined);
});
