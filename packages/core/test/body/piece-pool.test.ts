import test from 'ava';

import { createPiecePool, PIECE } from '../../src/body/piece-pool.ts';

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

test('no more memory is kept than the pool is told', (t) => {
  const pool = createPiecePool(4 * PIECE);
  const first = Array.from({ length: 9 }, () => pool.lend());
  for (const lease of first) lease.giveBack();
  const known = new Set(first.map(({ memory }) => memory));
  const second = Array.from({ length: 9 }, () => pool.lend());
  t.is(second.filter(({ memory }) => known.has(memory)).length, 4);
});
