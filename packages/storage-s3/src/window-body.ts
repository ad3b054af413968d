import type { Readable } from 'node:stream';

import { SluiceError } from '@sluice/core';
import { abortedBy, onSilence } from '@sluice/core/drivers';

import { timedOut } from './ending.ts';
import { brokenOff } from './store-fault.ts';

/** What a body is made of. */
export interface WindowBodyOptions {
  /** Exactly as many bytes must come. */
  readonly length: number;
  /** Milliseconds for which the store may give nothing while somebody waits. */
  readonly idle: number;
  readonly signal: AbortSignal | undefined;
  /** Told once when the body is over, however it ended. */
  readonly release: () => void;
}

/** The bytes of a window, in pieces; who leaves it early must `return` it. */
export type WindowBody = AsyncIterableIterator<Uint8Array, undefined>;

/**
 * Gives the bytes of an answer piece by piece, and holds the store to their number: the last piece
 * is let through when the answer has ended and was neither short nor long.
 *
 * An iterator by hand on the events of the stream: nothing is copied, and the time that a reader
 * takes is told from the time that the store takes. What the reader does not ask for stays in the
 * network, but for a little.
 */
export function createWindowBody(
  source: Readable,
  { length, idle, signal, release }: WindowBodyOptions,
): WindowBody {
  const pieces: Uint8Array[] = [];
  const waiting: Waiting[] = [];
  let missing = length;
  let buffered = 0;
  let last: Uint8Array | undefined;
  let outcome: 'done' | SluiceError | undefined;
  let stopWaiting = (): void => undefined;

  const settle = (how: 'done' | SluiceError): void => {
    if (outcome !== undefined) return;
    outcome = how;
    stopWaiting();
    signal?.removeEventListener('abort', onAbort);
    if (how !== 'done' || !source.readableEnded) source.destroy();
    release();
  };
  /** What can be told by now: a piece, the end or a failure. */
  const told = (): Told | undefined => {
    const piece = pieces.shift();
    if (piece === undefined) return outcome === 'done' ? END : outcome;
    buffered -= piece.byteLength;
    return { done: false, value: piece };
  };
  const answerWaiting = (): void => {
    for (let one = waiting[0]; one !== undefined; one = waiting[0]) {
      const what = told();
      if (what === undefined) break;
      waiting.shift();
      if (what instanceof Error) one.reject(what);
      else one.resolve(what);
    }
    stopWaiting();
    if (outcome !== undefined) return;
    if (waiting.length > 0) stopWaiting = onSilence(idle, () => fail(timedOut()));
    if (buffered < READ_AHEAD) source.resume();
  };
  const fail = (fault: SluiceError): void => {
    settle(fault);
    answerWaiting();
  };
  const add = (piece: Uint8Array): void => {
    pieces.push(piece);
    buffered += piece.byteLength;
  };
  const onData = (chunk: Uint8Array): void => {
    if (outcome !== undefined) return;
    missing -= chunk.byteLength;
    if (missing < 0) return fail(miscounted('more'));
    if (missing === 0) {
      // The end must be seen first, so nothing is held up.
      last = chunk;
      return;
    }
    add(chunk);
    if (waiting.length > 0) answerWaiting();
    else if (buffered >= READ_AHEAD) source.pause();
  };
  const onEnd = (): void => {
    if (outcome !== undefined) return;
    if (missing > 0) return fail(miscounted('fewer'));
    if (last !== undefined) add(last);
    settle('done');
    answerWaiting();
  };
  const onAbort = (): void => {
    if (signal === undefined) return;
    pieces.length = 0;
    fail(abortedBy(signal));
  };

  source.on('error', (error) => fail(brokenOff(error)));
  source.on('close', () => {
    // Every body ends so; only an error that is needed is worth its stack.
    if (outcome === undefined) fail(brokenOff());
  });
  source.on('end', onEnd);
  source.on('data', onData);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  // What broke off before anybody listened does not say so again.
  if (source.destroyed) fail(brokenOff(source.errored));

  return {
    next() {
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        answerWaiting();
      });
    },
    return() {
      pieces.length = 0;
      settle('done');
      answerWaiting();
      return Promise.resolve(END);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Gathers a body that is small enough to lie in memory. */
export async function collectBody(body: WindowBody, length: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces, length);
}

interface Waiting {
  readonly resolve: (result: IteratorResult<Uint8Array, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

type Told = IteratorResult<Uint8Array, undefined> | SluiceError;

/** Bytes that lie ready for a reader who is at work on the ones before. */
const READ_AHEAD = 131_072;

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

function miscounted(amount: 'fewer' | 'more'): SluiceError {
  return new SluiceError('SLUICE_TRUNCATED', `the store gave ${amount} bytes than it announced`);
}
