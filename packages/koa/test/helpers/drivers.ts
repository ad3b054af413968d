import { Readable } from 'node:stream';

import type { ByteSource, ObjectHandle, ObjectStat, StorageDriver, Window } from '@sluice/core';

/** An object of the test, and how it misbehaves. */
export interface TestObject {
  readonly bytes: string | Uint8Array;
  /** Default: what `bytes` has. */
  readonly size?: number;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly entityTag?: string;
  readonly lastModified?: number;
  /** Replaces the reading of a window. */
  readonly read?: (window: Window) => ByteSource | Iterable<Uint8Array>;
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
        read(window) {
          const source = object.read?.(window) ?? bytes.subarray(window.start, window.end);
          return source instanceof Uint8Array || !(Symbol.iterator in source)
            ? source
            : Readable.from(source);
        },
        async close() {
          if (!closed) opened -= 1;
          closed = true;
        },
      };
    },
  };
}

function statOf({ bytes, size, ...object }: TestObject): ObjectStat {
  const { contentType, contentEncoding, entityTag, lastModified } = object;
  return {
    size: size ?? toBytes(bytes).length,
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
