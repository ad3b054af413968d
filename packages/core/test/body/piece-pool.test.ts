import { setTimeout as delay } from 'node:timers/promises';

import test from 'ava';

import { createPiecePool, LARGE_PIECE, PIECE, type PiecePool } from '../../src/body/piece-pool.ts';

test('memory that is given back is lent again, and what is dropped is not', (t) => {
  const pool = createPiecePool();
  const first = pool.lend();
  t.is(first.memory.byteLength, PIECE);
  t.not(pool.lend().memory, first.memory);
  first.giveBack();
  const second = pool.lend();
  t.is(second.memory, first.memory);
  second.drop();
  t.not(pool.lend().memory, first.memory);
});

test('a lease ends once, in the way that comes first', (t) => {
  const pool = createPiecePool();
  const twice = pool.lend();
  twice.giveBack();
  twice.giveBack();
  const [again, other] = [pool.lend(), pool.lend()];
  t.is(again.memory, twice.memory);
  t.not(other.memory, twice.memory);
  again.drop();
  again.giveBack();
  t.not(pool.lend().memory, again.memory);
});

/** Milliseconds. */
const PATIENCE = 20;

/** Lends so many pieces, and gives all of them back together. */
function cycle(pool: PiecePool, count: number): ReadonlySet<Buffer> {
  const leases = Array.from({ length: count }, () => pool.lend());
  for (const lease of leases) lease.giveBack();
  return new Set(leases.map(({ memory }) => memory));
}

function countKnown(pool: PiecePool, count: number, known: ReadonlySet<Buffer>): number {
  const leases = Array.from({ length: count }, () => pool.lend());
  return leases.filter(({ memory }) => known.has(memory)).length;
}

test('no more memory is kept than the pool is told once nobody has needed it for a while', async (t) => {
  const pool = createPiecePool(4 * PIECE, PATIENCE);
  const known = cycle(pool, 9);
  await delay(10 * PATIENCE);
  t.is(countKnown(pool, 9, known), 4);
});

test('what many readers give back together is there when they want it again', (t) => {
  const pool = createPiecePool(4 * PIECE, PATIENCE);
  const known = cycle(pool, 9);
  t.is(countKnown(pool, 9, known), 9);
});

test('what is needed again and again is kept, and the rest is let go of', async (t) => {
  const pool = createPiecePool(PIECE, PATIENCE);
  const known = cycle(pool, 9);
  const until = performance.now() + 20 * PATIENCE;
  while (performance.now() < until) {
    cycle(pool, 5);
    await delay(1);
  }
  t.is(countKnown(pool, 9, known), 5);
});

test('large pieces are lent where they are wanted, and kept apart from the others', (t) => {
  const pool = createPiecePool();
  const large = pool.lend(PIECE + 1);
  t.is(large.memory.byteLength, LARGE_PIECE);
  large.giveBack();
  t.is(pool.lend(PIECE).memory.byteLength, PIECE);
  t.is(pool.lend(LARGE_PIECE).memory, large.memory);
});

test('large pieces have so much memory together, and no more; whoever comes then gets a small one', (t) => {
  const pool = createPiecePool(2 * LARGE_PIECE + PIECE);
  const sizes = (): number[] =>
    [1, 2, 3].map(() => pool.lend(LARGE_PIECE)).map(({ memory }) => memory.byteLength);
  const [first, second] = [pool.lend(LARGE_PIECE), pool.lend(LARGE_PIECE)];
  t.is(pool.lend(LARGE_PIECE).memory.byteLength, PIECE);
  first.giveBack();
  first.drop();
  second.drop();
  second.giveBack();
  t.deepEqual(sizes(), [LARGE_PIECE, LARGE_PIECE, PIECE]);
});

test('small and large pieces that nobody needs share what may be kept', async (t) => {
  const pool = createPiecePool(LARGE_PIECE, PATIENCE);
  const small = pool.lend();
  const large = pool.lend(LARGE_PIECE);
  small.giveBack();
  large.giveBack();
  await delay(10 * PATIENCE);
  t.not(pool.lend(LARGE_PIECE).memory, large.memory);
  t.is(pool.lend().memory, small.memory);
});
