import test from 'ava';

import { createPiecePool, LARGE_PIECE, SMALL_PIECE } from '../../src/body/piece-pool.ts';

test('memory that is given back is lent again, and what is dropped is not', (t) => {
  const pool = createPiecePool();
  for (const kind of ['small', 'large'] as const) {
    const first = pool.lend(kind);
    t.is(first.memory.byteLength, kind === 'small' ? SMALL_PIECE : LARGE_PIECE);
    t.not(pool.lend(kind).memory, first.memory);
    first.giveBack();
    const second = pool.lend(kind);
    t.is(second.memory, first.memory);
    second.drop();
    t.not(pool.lend(kind).memory, first.memory);
  }
});

test('a lease ends once, in the way that comes first', (t) => {
  const pool = createPiecePool();
  const twice = pool.lend('small');
  twice.giveBack();
  twice.giveBack();
  const dropped = pool.lend('large');
  dropped.drop();
  dropped.giveBack();
  const lent = [pool.lend('small'), pool.lend('small'), pool.lend('large')];
  t.is(new Set(lent.map(({ memory }) => memory)).size, 3);
  t.is(lent[0]?.memory, twice.memory);
  t.not(lent[2]?.memory, dropped.memory);
});

test('no more large pieces are lent at once than the budget allows, dropped ones not counted', (t) => {
  const pool = createPiecePool(2 * LARGE_PIECE);
  const sizes = (): readonly number[] => [1, 2, 3].map(() => pool.lend('large').memory.byteLength);
  const [one, two] = [pool.lend('large'), pool.lend('large')];
  t.is(pool.lend('large').memory.byteLength, SMALL_PIECE);
  one.drop();
  two.giveBack();
  t.deepEqual(sizes(), [LARGE_PIECE, LARGE_PIECE, SMALL_PIECE]);
});

test('no more memory is kept than the budget allows', (t) => {
  const pool = createPiecePool(LARGE_PIECE);
  const lend = (): readonly ReturnType<typeof pool.lend>[] =>
    Array.from({ length: 9 }, () => pool.lend('small'));
  const first = lend();
  for (const { giveBack } of first) giveBack();
  const known = new Set(first.map(({ memory }) => memory));
  t.is(lend().filter(({ memory }) => known.has(memory)).length, LARGE_PIECE / SMALL_PIECE);
});
