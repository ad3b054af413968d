import { type ObjectHandle, SluiceError } from '@sluice/core';
import { throwIfAborted } from '@sluice/core/drivers';

import { closedBefore } from './ending.ts';
import type { Connection } from './connection.ts';
import { type PinnedObject, readWindow } from './read-window.ts';
import type { Settings } from './settings.ts';

/** Makes a handle of an object whose version is known. It holds nothing of the store. */
export function createObjectHandle(
  store: { readonly connection: Connection; readonly settings: Settings },
  object: PinnedObject,
): ObjectHandle {
  const { key, stat } = object;
  const release = store.connection.share();
  let isOpen = true;
  return {
    key,
    stat,
    async read({ start, end }, call = {}) {
      requireWindow(start, end, stat.size);
      if (!isOpen) throw closedBefore('object');
      throwIfAborted(call.signal);
      if (start === end) return new Uint8Array(0);
      return readWindow(store, object, { start, end }, call);
    },
    async close() {
      isOpen = false;
      release();
    },
  };
}

/** @throws SluiceError `SLUICE_RANGE` unless 0 ≤ start ≤ end ≤ size, all integers */
function requireWindow(start: number, end: number, size: number): void {
  const isInside = 0 <= start && start <= end && end <= size;
  if (isInside && Number.isSafeInteger(start) && Number.isSafeInteger(end)) return;
  throw new SluiceError('SLUICE_RANGE', 'the window is not inside the object');
}
