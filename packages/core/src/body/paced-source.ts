import { setTimeout as sleep } from 'node:timers/promises';

import { LARGE_PIECE } from './piece-pool.ts';
import type { PieceSource } from './piece-source.ts';

/**
 * Bounds how many bytes a second a source gives. What a slow client did not take is not made up for:
 * the next second has no more than any other.
 *
 * @param rate bytes a second, at least 1
 * @param signal ends a wait; whoever destroys the body aborts it
 */
export function createPacedSource(
  source: PieceSource,
  rate: number,
  signal: () => AbortSignal,
): PieceSource {
  let due = 0;
  return {
    canLend: () => source.canLend(),
    async next(isLent, isQuick) {
      const piece = await source.next(isLent, isQuick);
      // The end is told when it is known: a client that has everything may be gone a moment later.
      if (piece === undefined) return undefined;
      try {
        const now = performance.now();
        if (due > now) await sleep(due - now, undefined, { signal: signal() });
      } catch (error) {
        piece.lease?.drop();
        throw error;
      }
      due = Math.max(due, performance.now()) + (piece.bytes.byteLength * 1000) / rate;
      return piece;
    },
    close: () => source.close(),
  };
}

/** Gives how many bytes a piece may have, so that a rate is kept in quarters of a second. */
export function pieceAtRate(rate: number | undefined): number {
  return rate === undefined ? LARGE_PIECE : Math.min(LARGE_PIECE, Math.ceil(rate / 4));
}
