import type { ObjectHandle, ObjectStat, StorageKey } from '@sluice/core';

import { throwIfAborted } from './abort.ts';
import { closed, type Descriptor } from './descriptor.ts';
import type { QuickReads } from './quick-reads.ts';
import { fillWindow, readWindow, readWindowNow, requireWindow } from './reader.ts';

/** Makes a handle of an open file; with `reads`, one that can read at once. */
export function createFileHandle(
  key: StorageKey,
  stat: ObjectStat,
  file: Descriptor,
  reads: QuickReads | undefined,
): ObjectHandle {
  const handle: ObjectHandle = {
    key,
    stat,
    read: (window, call) => readWindow(file, window, call),
    fill: (target, start, call) => fillWindow(file, target, start, call),
    close: () => file.close(),
  };
  if (reads === undefined) return handle;
  return { ...handle, readNow: (window) => readWindowNow(file, window, reads) };
}

/** Makes a handle of an object whose bytes are all in memory, which nobody writes to. */
export function createMemoryHandle(
  key: StorageKey,
  stat: ObjectStat,
  bytes: Uint8Array,
): ObjectHandle {
  let isOpen = true;
  const require = (start: number, end: number): void => {
    requireWindow(start, end, stat.size);
    if (!isOpen) throw closed();
  };
  return {
    key,
    stat,
    read({ start, end }, { signal } = {}) {
      require(start, end);
      throwIfAborted(signal);
      return Buffer.from(bytes.subarray(start, end));
    },
    readNow({ start, end }) {
      require(start, end);
      return bytes.subarray(start, end);
    },
    async fill(target, start, { signal } = {}) {
      require(start, start + target.byteLength);
      throwIfAborted(signal);
      target.set(bytes.subarray(start, start + target.byteLength));
    },
    async close() {
      isOpen = false;
    },
  };
}
