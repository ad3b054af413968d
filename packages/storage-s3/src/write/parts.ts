import { Readable } from 'node:stream';

import { type ByteSource, quote } from '@sluice/core';

import { throwIfAborted, untilAborted } from '../abort.ts';

/** A run of a source's bytes, in memory of its own. */
export interface Part {
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

/**
 * Takes charge of a source before any I/O. A stream that fails before its first read would else
 * end the process, since nobody listens; whoever reads it later still gets the failure.
 *
 * @throws TypeError for what is neither bytes nor a source of them
 */
export function takeSource(source: ByteSource): void {
  if (source instanceof Uint8Array || source instanceof ReadableStream) return;
  if (source instanceof Readable) source.on('error', () => undefined);
  if (Object(source) !== source || !(Symbol.asyncIterator in source)) {
    throw notBytes('a source', source);
  }
}

/** Lets go of a source that nothing was taken from. What fails in it then is not told. */
export function dropSource(source: ByteSource): void {
  if (source instanceof Uint8Array) return;
  pullFrom(source)
    .cancel()
    .catch(() => undefined);
}

/**
 * Divides the bytes of a source into parts of one size, the last one excepted: one part is in memory
 * at a time, and no more of the source is asked for before it has been taken. There is a last part
 * always, if only an empty one.
 *
 * @throws whatever the source throws; TypeError for a piece that is not bytes;
 * SluiceError `SLUICE_ABORTED`
 */
export async function* partsOf(
  source: ByteSource,
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Part, undefined> {
  let part = createGathering(size);
  for await (const piece of piecesOf(source, signal)) {
    for (let at = 0; at < piece.byteLength;) {
      // A full part is known not to be the last one only when more has come.
      if (part.isFull()) {
        yield { bytes: part.bytes(), isLast: false };
        part = createGathering(size);
      }
      at += part.add(piece.subarray(at));
    }
  }
  yield { bytes: part.bytes(), isLast: true };
}

/** Divides bytes that are in memory, without copying them. */
export function* cutBytes(bytes: Uint8Array, size: number): Generator<Part, undefined> {
  for (let at = 0; at < bytes.byteLength; at += size) {
    yield { bytes: bytes.subarray(at, at + size), isLast: at + size >= bytes.byteLength };
  }
}

interface Gathering {
  isFull(): boolean;
  /** Copies as much as there is room for, and tells how many bytes that is. */
  add(piece: Uint8Array): number;
  bytes(): Uint8Array;
}

/** Copies: a source may use the memory of its pieces again. It grows, since most objects are small. */
function createGathering(size: number): Gathering {
  let memory = Buffer.allocUnsafeSlow(Math.min(size, SMALLEST));
  let length = 0;
  const makeRoom = (wanted: number): void => {
    if (wanted <= memory.byteLength) return;
    const larger = Buffer.allocUnsafeSlow(Math.min(size, Math.max(wanted, 2 * memory.byteLength)));
    memory.copy(larger, 0, 0, length);
    memory = larger;
  };
  return {
    isFull: () => length === size,
    add(piece) {
      const taken = piece.subarray(0, size - length);
      makeRoom(length + taken.byteLength);
      memory.set(taken, length);
      length += taken.byteLength;
      return taken.byteLength;
    },
    bytes: () => memory.subarray(0, length),
  };
}

/** Bytes. */
const SMALLEST = 65_536;

/** Lets go of a source that is not read to its end. A signal ends the waiting for its next piece. */
async function* piecesOf(
  source: ByteSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, undefined> {
  if (source instanceof Uint8Array) {
    yield source;
    return;
  }
  const pull = pullFrom(source);
  let isAtEnd = false;
  try {
    for (;;) {
      throwIfAborted(signal);
      const { done, value } = await untilAborted(pull.next(), signal);
      isAtEnd = done === true;
      if (isAtEnd) return;
      if (!(value instanceof Uint8Array)) throw notBytes('a piece of a source', value);
      yield value;
    }
  } finally {
    // Not waited for: a generator that hangs cannot return before it goes on.
    if (!isAtEnd) pull.cancel().catch(() => undefined);
  }
}

interface Pull {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value?: unknown }>;
  cancel(): Promise<unknown>;
}

function pullFrom(source: Exclude<ByteSource, Uint8Array>): Pull {
  if (source instanceof ReadableStream) {
    const reader = source.getReader();
    return { next: () => reader.read(), cancel: () => reader.cancel() };
  }
  const iterator = source[Symbol.asyncIterator]();
  return {
    next: () => iterator.next(),
    async cancel() {
      if (source instanceof Readable) source.destroy();
      else await iterator.return?.();
    },
  };
}

function notBytes(what: string, value: unknown): TypeError {
  return new TypeError(`put: ${what} must be bytes, got ${quote(value)}`);
}
