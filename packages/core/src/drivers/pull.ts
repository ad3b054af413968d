import { Readable } from 'node:stream';

import { quote } from '../options.ts';
import type { ByteSource } from '../storage/driver.ts';

/** A source of bytes, whatever its form, that is asked for one piece after the other. */
export interface Pull {
  /**
   * The next piece, never an empty one; `undefined` at the end.
   *
   * @throws TypeError for a piece that is not bytes; whatever the source throws
   */
  next(): Promise<Uint8Array | undefined>;
  /**
   * Lets go of a source that is not read to its end: destroys a stream, cancels or returns others.
   * It is not waited for, since a generator that hangs cannot return before it goes on.
   */
  cancel(): void;
}

/**
 * Takes charge of a source. A stream that fails before its first read would else end the process,
 * since nobody listens; whoever reads it later still gets the failure.
 *
 * @throws TypeError for what is neither bytes nor a source of them, and for a stream that was read to
 * its end already
 */
export function pullFrom(source: ByteSource): Pull {
  if (source instanceof Uint8Array) return pullOnce(source);
  const { step, release } = stepsOf(source);
  let isOver = false;
  return {
    async next() {
      if (isOver) return undefined;
      const piece = await nextPiece(step);
      if (piece === undefined) isOver = true;
      return piece;
    },
    cancel() {
      if (isOver) return;
      isOver = true;
      letGo(release);
    },
  };
}

/** Does what comes before a put. Where that fails, the source is let go of: nobody else would. */
export function orDrop<T>(source: ByteSource, check: () => T): T {
  try {
    return check();
  } catch (error) {
    letGo(() => pullFrom(source).cancel());
    throw error;
  }
}

/**
 * Does what nobody waits for, and whose failure nobody is told of. What an author wrote may throw at
 * once, or give no promise.
 */
export function letGo(release: () => unknown): void {
  const released = async (): Promise<unknown> => release();
  released().catch(() => undefined);
}

interface Steps {
  readonly step: () => Promise<{ readonly done?: boolean | undefined; readonly value?: unknown }>;
  readonly release: () => unknown;
}

function stepsOf(source: Exclude<ByteSource, Uint8Array>): Steps {
  if (source instanceof ReadableStream) {
    const reader = source.getReader();
    return { step: () => reader.read(), release: () => reader.cancel() };
  }
  if (Object(source) !== source || !(Symbol.asyncIterator in source)) {
    throw new TypeError(`a source must be bytes, or give them, got ${quote(source)}`);
  }
  const iterator = source[Symbol.asyncIterator]();
  if (!(source instanceof Readable)) {
    return { step: () => iterator.next(), release: () => iterator.return?.() };
  }
  // It would pass for an empty one: a request, say, whose body a parser has had.
  if (source.readableEnded) throw new TypeError('a source was read to its end already');
  source.on('error', () => undefined);
  return {
    step: () => iterator.next(),
    release: () => source.destroy(),
  };
}

async function nextPiece(step: Steps['step']): Promise<Uint8Array | undefined> {
  for (;;) {
    const { done, value } = await step();
    if (done === true) return undefined;
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(`a piece must be bytes, got ${quote(value)}`);
    }
    if (value.byteLength > 0) return value;
  }
}

function pullOnce(bytes: Uint8Array): Pull {
  let rest: Uint8Array | undefined = bytes.byteLength > 0 ? bytes : undefined;
  return {
    async next() {
      const piece = rest;
      rest = undefined;
      return piece;
    },
    cancel() {
      rest = undefined;
    },
  };
}
