import { Readable } from 'node:stream';

import { type ByteSource, quote } from '@sluice/core';

import { abortedBy, throwIfAborted } from './abort.ts';

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

/**
 * Gives the bytes of a source piece by piece, and lets go of a source that is not read to its end:
 * streams are destroyed or cancelled, iterators returned. A signal ends the waiting for a source
 * that gives nothing.
 *
 * @throws whatever the source throws; TypeError for a piece that is not bytes;
 * SluiceError `SLUICE_ABORTED`
 */
export async function* piecesOf(
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

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(abortedBy(signal));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}
