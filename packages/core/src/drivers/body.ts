import { abortedBy } from './abort.ts';

/** What a body is made of. */
export interface BodySteps {
  /** Gives the next piece, or `undefined` at the end. It is not asked again before it has answered. */
  next(): Promise<Uint8Array | undefined>;
  /**
   * Called once, when the body is over: at its end, after a failure or an abort, or when it was left
   * early. It must let go of all that is held, in the middle of a `next` too.
   */
  release(): void;
}

/**
 * Makes a body that is over the moment its signal is aborted or its reader leaves, also while it
 * waits for a piece: a generator would wait first, for a store that may never answer.
 */
export function createBody(
  steps: BodySteps,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<Uint8Array> {
  let isOver = false;
  let waiting: Waiting | undefined;
  /** An abort that nobody was told of yet. */
  let failure: Error | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  const finish = (): Waiting | undefined => {
    isOver = true;
    signal?.removeEventListener('abort', stop);
    steps.release();
    const left = waiting;
    waiting = undefined;
    return left;
  };
  const stop = (): void => {
    if (isOver || signal === undefined) return;
    const error = abortedBy(signal);
    const left = finish();
    if (left === undefined) failure = error;
    else left.reject(error);
  };
  const ask = async (): Promise<void> => {
    try {
      const piece = await steps.next();
      if (isOver) return;
      const left = piece === undefined ? finish() : waiting;
      waiting = undefined;
      left?.resolve(piece === undefined ? DONE : { done: false, value: piece });
    } catch (error) {
      if (!isOver) finish()?.reject(error);
    }
  };
  const step = async (): Promise<Result> => {
    if (failure !== undefined) {
      const error = failure;
      failure = undefined;
      throw error;
    }
    if (isOver) return DONE;
    return new Promise((resolve, reject) => {
      waiting = { resolve, reject };
      void ask();
    });
  };

  if (signal?.aborted === true) stop();
  else signal?.addEventListener('abort', stop, { once: true });
  return {
    next() {
      const result = turn.then(step);
      turn = result.catch(() => undefined);
      return result;
    },
    async return() {
      failure = undefined;
      if (!isOver) finish()?.resolve(DONE);
      return DONE;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

type Result = IteratorResult<Uint8Array, undefined>;

interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: Result = { done: true, value: undefined };
