import assert from 'node:assert/strict';
import { Readable } from 'node:stream';

import type { ByteSource, Call, ObjectHandle, Window } from '../storage/driver.ts';

/** How a body ended, and what came before. */
export type BodyOutcome =
  | { readonly kind: 'ended'; readonly bytes: Buffer }
  | { readonly kind: 'failed'; readonly bytes: Buffer; readonly error: unknown };

/** Goes through a body piece by piece, whatever its form. */
export function piecesOf(source: ByteSource): AsyncIterator<Uint8Array, unknown> {
  return iterate(source);
}

/** Reads a window to its end, or to its failure. The pieces are kept as they came and joined at last. */
export async function readOutcome(
  handle: ObjectHandle,
  window: Window = wholeOf(handle),
  call?: Call,
): Promise<BodyOutcome> {
  try {
    return await bodyOutcome(await handle.read(window, call));
  } catch (error) {
    return { kind: 'failed', bytes: Buffer.alloc(0), error };
  }
}

/** Takes a body to its end, or to its failure. */
export async function bodyOutcome(source: ByteSource): Promise<BodyOutcome> {
  return restOutcome(piecesOf(source), []);
}

/** Takes what is left of a body, after the pieces that were taken already. */
export async function restOutcome(
  pieces: AsyncIterator<Uint8Array, unknown>,
  taken: readonly Uint8Array[],
): Promise<BodyOutcome> {
  const all = [...taken];
  try {
    for (let step = await pieces.next(); step.done !== true; step = await pieces.next()) {
      all.push(step.value);
    }
  } catch (error) {
    return { kind: 'failed', bytes: Buffer.concat(all), error };
  }
  return { kind: 'ended', bytes: Buffer.concat(all) };
}

/** Reads a window that must come to its end. */
export async function readBytes(
  handle: ObjectHandle,
  window: Window = wholeOf(handle),
  call?: Call,
): Promise<Buffer> {
  const outcome = await readOutcome(handle, window, call);
  if (outcome.kind === 'failed') throw outcome.error;
  return outcome.bytes;
}

/** Gives up a body that nobody has read from, in the way of its form. */
export async function discard(source: ByteSource): Promise<void> {
  if (source instanceof Uint8Array) return;
  if (source instanceof Readable) source.destroy();
  else if (source instanceof ReadableStream) await source.cancel();
  else await source[Symbol.asyncIterator]().return?.();
}

/** The window that is the whole object. */
export function wholeOf(handle: ObjectHandle): Window {
  return { start: 0, end: handle.stat.size };
}

/** Asserts that bytes are those expected, and says where they first are not. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, what = 'the body'): void {
  if (Buffer.compare(actual, expected) === 0) return;
  const length = Math.min(actual.byteLength, expected.byteLength);
  let offset = 0;
  while (offset < length && actual[offset] === expected[offset]) offset++;
  assert.fail(
    `${what} has ${actual.byteLength} bytes for ${expected.byteLength}, and differs from byte ${offset} on`,
  );
}

async function* iterate(source: ByteSource): AsyncGenerator<Uint8Array, undefined> {
  if (source instanceof Uint8Array) {
    yield source;
    return;
  }
  for await (const piece of source) {
    assert.ok(piece instanceof Uint8Array, 'a piece of a body is bytes, not text');
    yield piece;
  }
}
