import { buffer } from 'node:stream/consumers';

import { isSluiceError, type ObjectHandle, type SluiceError, type Window } from '@sluice/core';
import type { ExecutionContext } from 'ava';

/** Waits for a call to fail, and gives its failure. */
export async function fails(t: ExecutionContext, call: Promise<unknown>): Promise<SluiceError> {
  const error = await t.throwsAsync(call);
  if (!isSluiceError(error)) throw error ?? new Error('no failure');
  return error;
}

/** Reads a window, or all of an object, to its end. */
export async function read(
  handle: ObjectHandle,
  window: Window = { start: 0, end: handle.stat.size },
  call: { readonly signal?: AbortSignal } = {},
): Promise<Uint8Array> {
  const source = await handle.read(window, call);
  return source instanceof Uint8Array ? source : buffer(source);
}
