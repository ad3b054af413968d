import type { Canary } from './catalogue.ts';

/**
 * Gives the bytes of a canary, in pieces of up to 64 KiB. They differ in each canary and each run,
 * and compress well, so that a front server that compresses is seen to.
 */
export function* contentOf(run: string, { id, size }: Canary): Generator<Uint8Array, undefined> {
  for (let start = 0; start < size; start += PIECE) {
    yield piece(`${run} ${id}`, start, Math.min(start + PIECE, size));
  }
}

/** A whole number of lines. */
const PIECE = 64 * 1024;

const LINE = 128;

/** Lines that tell of which canary and from what offset they are. */
function piece(name: string, start: number, end: number): Uint8Array {
  const lines: string[] = [];
  for (let offset = start; offset < end; offset += LINE) {
    lines.push(`${`canary ${name} at ${offset}`.slice(0, LINE - 1).padEnd(LINE - 1)}\n`);
  }
  return Buffer.from(lines.join('')).subarray(0, end - start);
}
