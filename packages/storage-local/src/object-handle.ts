import type { ObjectHandle, ObjectStat, StorageKey, Window } from '@sluice/core';
import { throwIfAborted } from '@sluice/core/drivers';

import { closed, createDescriptor, type Descriptor, type DescriptorOptions } from './descriptor.ts';
import { readFault } from './errno.ts';
import type { OpenFile } from './open-regular.ts';
import type { QuickReads } from './quick-reads.ts';
import { fillWindow, fillWindowNow, readWindow, readWindowNow, requireWindow } from './reader.ts';
import type { System } from './system.ts';
import { witnessTail } from './version-check.ts';

/** What {@link createFileHandle} needs besides the file. */
export interface FileHandleOptions extends Pick<DescriptorOptions, 'dispose'> {
  readonly system: System;
  /** Absent where the process must not wait for reads. */
  readonly reads: QuickReads | undefined;
}

/**
 * Makes a handle of an open file, which is disposed of when the handle is closed, or at once when
 * this fails.
 */
export function createFileHandle(
  key: StorageKey,
  stat: ObjectStat,
  file: OpenFile,
  { system, reads, dispose }: FileHandleOptions,
): ObjectHandle {
  const held = holdVersion(file, system, dispose);
  const read: ObjectHandle['read'] = (window, call) =>
    readWindow(held, window, { signal: call?.signal, reads });
  const fill: ObjectHandle['fill'] = (target, start, call) =>
    fillWindow(held, target, start, { signal: call?.signal, reads });
  const close = (): Promise<void> => held.close();
  if (reads === undefined) return { key, stat, read, fill, close };
  const readNow = (window: Window): Uint8Array | undefined => readWindowNow(held, window, reads);
  const fillNow = (target: Uint8Array, start: number): boolean =>
    fillWindowNow(held, target, start, reads);
  return { key, stat, read, readNow, fill, fillNow, close };
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

function holdVersion(
  file: OpenFile,
  system: System,
  dispose: DescriptorOptions['dispose'],
): Descriptor {
  try {
    return createDescriptor(file, system.io, { tail: witnessTail(file, system), dispose });
  } catch (error) {
    void dispose();
    throw readFault(error);
  }
}
