import { createHash } from 'node:crypto';

import { throwIfAborted } from '../drivers/abort.ts';
import { takePieces } from '../drivers/take-pieces.ts';
import { requireWindow } from '../drivers/window.ts';
import { SluiceError } from '../errors.ts';
import { assertKey, parseKey, type StorageKey } from '../keys/storage-key.ts';
import { checkOptions, quote } from '../options.ts';
import type {
  ByteSource,
  Call,
  ListEntry,
  ObjectHandle,
  ObjectStat,
  PutOptions,
  StorageDriver,
  Window,
} from '../storage/driver.ts';

/** An object as it lies in memory. It is replaced, never written to. */
export interface MemoryObject {
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970. Absent: the object has no such date. */
  readonly lastModified?: number;
  readonly contentType?: string;
  readonly contentEncoding?: string;
}

export interface MemoryDriverOptions {
  /**
   * The store itself, by key; a new one by default. What is set or deleted in it is seen by the
   * driver at once, and two drivers given the same map are two drivers on one store.
   */
  readonly objects?: Map<string, MemoryObject>;
}

/** A driver that has every method but `localPath`, and tells what was left open. */
export interface MemoryDriver extends StorageDriver {
  list(prefix: string, call?: Call): AsyncIterable<ListEntry>;
  put(key: StorageKey, source: ByteSource, options?: PutOptions): Promise<ObjectStat>;
  delete(key: StorageKey, call?: Call): Promise<void>;
  move(from: StorageKey, to: StorageKey, call?: Call): Promise<boolean>;
  close(): Promise<void>;
  /** Counts the handles that are not closed, and the bodies that are under way. */
  openHandles(): number;
}

/**
 * Creates a driver whose store is a `Map`: for tests, for examples, and as the measure of the
 * contract.
 *
 * The entity tag is a SHA-256 of the bytes, so it is strong, and equal bytes have an equal tag under
 * every key. A handle keeps the bytes that it was opened on, whatever happens to the store. Windows
 * up to 64 KiB come at once, larger ones in pieces of that size; all are copies.
 *
 * @throws TypeError on an unknown option, or when `objects` is no Map
 */
export function createMemoryDriver(options: MemoryDriverOptions = {}): MemoryDriver {
  checkOptions('createMemoryDriver', options, ['objects']);
  const { objects = new Map<string, MemoryObject>() } = options;
  if (!(objects instanceof Map)) {
    throw new TypeError(`createMemoryDriver: objects must be a Map, got ${quote(objects)}`);
  }
  const lookup = (key: StorageKey): MemoryObject | undefined =>
    parseKey(key) === undefined ? undefined : objects.get(key);
  let closed = false;
  let resources = 0;
  const hold = (amount: 1 | -1): void => {
    resources += amount;
  };
  const enter = (call: Call | undefined): void => {
    if (closed) throw new SluiceError('SLUICE_ABORTED', 'the driver is closed');
    throwIfAborted(call?.signal);
  };

  return {
    name: 'memory',

    async stat(key, call) {
      enter(call);
      const object = lookup(key);
      return object && statOf(object);
    },

    async open(key, call) {
      enter(call);
      const object = lookup(key);
      return object && openHandle(key, object, hold);
    },

    async *list(prefix, call) {
      enter(call);
      for (const [name, object] of Array.from(objects)) {
        const key = parseKey(name);
        if (key === undefined || !key.startsWith(prefix)) continue;
        throwIfAborted(call?.signal);
        yield { key, size: object.bytes.byteLength };
      }
    },

    async put(key, source, options = {}) {
      const { ifAbsent = false, contentType, signal } = options;
      const pieces = takePieces(source, signal);
      try {
        enter(options);
        assertKey('put', key);
        if (ifAbsent && objects.has(key)) throw exists();
        const object: MemoryObject = {
          bytes: await (source instanceof Uint8Array ? copyOf(source) : collect(pieces)),
          lastModified: Date.now(),
          ...(contentType !== undefined && { contentType }),
        };
        // From here on nothing waits, so that of several calls at once exactly one finds no object.
        enter(options);
        if (ifAbsent && objects.has(key)) throw exists();
        objects.set(key, object);
        return statOf(object);
      } finally {
        await pieces.return?.();
      }
    },

    async delete(key, call) {
      enter(call);
      objects.delete(key);
    },

    async move(from, to, call) {
      enter(call);
      assertKey('move', to);
      const object = lookup(from);
      if (object === undefined) return false;
      objects.set(to, object);
      if (from !== to) objects.delete(from);
      return true;
    },

    async close() {
      closed = true;
    },

    openHandles: () => resources,
  };
}

/** Bytes. */
const PIECE = 65_536;

/** The stat of an object, kept for as long as the object is: hashing is the only work here. */
const stats = new WeakMap<MemoryObject, ObjectStat>();

function statOf(object: MemoryObject): ObjectStat {
  const known = stats.get(object);
  if (known !== undefined) return known;
  const { bytes, lastModified, contentType, contentEncoding } = object;
  const token = createHash('sha256').update(bytes).digest('base64url');
  const stat: ObjectStat = Object.freeze({
    size: bytes.byteLength,
    version: Object.freeze({ token, hold: 'handle' }),
    entityTag: `"${token}"`,
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
  });
  stats.set(object, stat);
  return stat;
}

function openHandle(
  key: StorageKey,
  object: MemoryObject,
  hold: (amount: 1 | -1) => void,
): ObjectHandle {
  const { bytes } = object;
  let closed = false;
  hold(1);
  const enter = ({ start, end }: Window, call: Call | undefined): Uint8Array => {
    requireWindow(start, end, bytes.byteLength);
    if (closed) throw new SluiceError('SLUICE_ABORTED', 'the object is closed');
    throwIfAborted(call?.signal);
    return bytes.subarray(start, end);
  };
  return {
    key,
    stat: statOf(object),

    async read(window, call) {
      const wanted = enter(window, call);
      return wanted.byteLength <= PIECE
        ? Uint8Array.from(wanted)
        : piecesOf(wanted, call?.signal, hold);
    },

    async fill(target, start, call) {
      target.set(enter({ start, end: start + target.byteLength }, call));
    },

    async close() {
      if (closed) return;
      closed = true;
      hold(-1);
    },
  };
}

async function* piecesOf(
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
  hold: (amount: 1 | -1) => void,
): AsyncGenerator<Uint8Array, undefined> {
  hold(1);
  try {
    for (let start = 0; start < bytes.byteLength; start += PIECE) {
      throwIfAborted(signal);
      yield bytes.slice(start, start + PIECE);
    }
  } finally {
    hold(-1);
  }
}

/** Not at once, as no store does it: a driver around this one must not count on that. */
async function copyOf(bytes: Uint8Array): Promise<Uint8Array> {
  return Uint8Array.from(bytes);
}

/** Takes a source whole, in copies, since its owner may use its buffers again. */
async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

function exists(): SluiceError {
  return new SluiceError('SLUICE_EXISTS', 'there is an object under this key');
}
