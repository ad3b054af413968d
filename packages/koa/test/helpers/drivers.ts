import { open } from 'node:fs/promises';
import { join } from 'node:path';

import type { ByteSource, ObjectHandle, ObjectStat, StorageDriver, Window } from '@sluice/core';

/** An object of the test, and how it misbehaves. */
export interface TestObject {
  readonly bytes: string | Uint8Array;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly entityTag?: string;
  readonly lastModified?: number;
  /** Replaces the reading of a window. */
  readonly read?: (window: Window, bytes: Uint8Array) => ByteSource;
}

/** A driver in memory, with what it has open. */
export interface TestDriver extends StorageDriver {
  /** How many handles are open now. */
  openHandles(): number;
}

/** Keeps objects in memory, and counts open handles. */
export function createMemoryDriver(objects: Readonly<Record<string, TestObject>>): TestDriver {
  const map = new Map(Object.entries(objects));
  let opened = 0;
  return {
    name: 'test',
    openHandles: () => opened,
    async stat(key) {
      const object = map.get(key);
      return object && statOf(object);
    },
    async open(key): Promise<ObjectHandle | undefined> {
      const object = map.get(key);
      if (object === undefined) return undefined;
      opened += 1;
      let closed = false;
      const bytes = toBytes(object.bytes);
      return {
        key,
        stat: statOf(object),
        read: (window) =>
          object.read?.(window, bytes) ?? piecesOf(bytes.subarray(window.start, window.end)),
        async close() {
          if (!closed) opened -= 1;
          closed = true;
        },
      };
    },
  };
}

/** The least that reads a file: for tests that need descriptors and files that change. */
export function createFileDriver(root: string): StorageDriver {
  return {
    name: 'file',
    async stat(key) {
      const handle = await this.open(key);
      await handle?.close();
      return handle?.stat;
    },
    async open(key): Promise<ObjectHandle | undefined> {
      const file = await open(join(root, key));
      const { size, mtimeMs } = await file.stat();
      return {
        key,
        stat: { size, lastModified: mtimeMs, version: { token: String(mtimeMs), hold: 'detect' } },
        async *read({ start, end }: Window) {
          for (let position = start; position < end;) {
            const piece = Buffer.allocUnsafe(Math.min(65_536, end - position));
            const { bytesRead } = await file.read(piece, 0, piece.length, position);
            if (bytesRead === 0) return;
            yield piece.subarray(0, bytesRead);
            position += bytesRead;
          }
        },
        close: () => file.close(),
      };
    },
  };
}

function statOf({ bytes, ...object }: TestObject): ObjectStat {
  const { contentType, contentEncoding, entityTag, lastModified } = object;
  return {
    size: toBytes(bytes).length,
    version: { token: 'v1', hold: 'immutable' },
    ...(contentType !== undefined && { contentType }),
    ...(contentEncoding !== undefined && { contentEncoding }),
    ...(entityTag !== undefined && { entityTag }),
    ...(lastModified !== undefined && { lastModified }),
  };
}

function toBytes(bytes: string | Uint8Array): Uint8Array {
  return typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 65_536) {
    await Promise.resolve();
    yield bytes.subarray(start, start + 65_536);
  }
}
