import { SluiceError } from '../errors.ts';
import { assertKey, parseKey, type StorageKey } from '../keys/storage-key.ts';
import { checkOptions, integerOption, quote } from '../options.ts';
import type {
  ByteSource,
  LocalPath,
  ObjectStat,
  SignedUrl,
  SignOptions,
  StorageDriver,
  Window,
} from '../storage/driver.ts';
import { pullFrom } from './pull.ts';
import { finish } from './reader-call.ts';
import { createLife, type Life } from './reader-life.ts';
import { openReader, type ReaderSource } from './reader-handle.ts';
import { listFrom, type ReaderListing } from './reader-list.ts';
import { checkStat, type ReaderStat } from './reader-stat.ts';
import { takePieces } from './take-pieces.ts';
import { type Copied, OPTIONAL_METHODS, type RequiredMembers } from './wrapped.ts';

/**
 * What {@link driverFromReader} makes a driver of: two functions, and those of the optional ones
 * that the store can do.
 *
 * Every one may answer at once or with a promise, may ignore the signal, and may throw whatever it
 * likes. Keys that reach it are checked. They are the object's own: what it inherits, as an instance
 * of a class does its methods, is not looked at.
 */
export interface Reader {
  /** Names the driver in logs and events. It holds no secret. */
  readonly name: string;

  /** The facts of an object, or `undefined` when there is none under this key. */
  stat(key: StorageKey, call: ReaderCall): MaybePromise<ReaderStat | undefined>;

  /**
   * Gives the bytes of a window of an object from `start` up to, not including, `end`: at least one
   * byte, and all inside the object. `undefined` when they are gone or of another version.
   *
   * How it keeps to the version is told by `stat.version.hold`, which is what `stat` gave. Bytes that
   * it has given it does not write to again.
   */
  read(
    key: StorageKey,
    stat: ObjectStat,
    window: Window,
    call: ReaderCall,
  ): MaybePromise<ByteSource | undefined>;

  /**
   * Bytes of the largest window that `read` is asked for: larger ones are read one part after the
   * other. From 1 to 1,048,576; or `Infinity`, for a reader that gives streams, which is then asked
   * once for each body.
   *
   * @default 262_144
   */
  readonly maxRead?: number | undefined;

  /**
   * Lists the objects whose keys start with a prefix. It may list more: entries that do not match,
   * and keys that are none, are left out.
   */
  list?(prefix: string, call: ReaderCall): MaybePromise<ReaderListing>;

  /**
   * Stores an object once `pieces` has come to its end, and never before, so that readers see the
   * old object or the new one. When `pieces` throws, nothing is stored. What it gives back is not
   * looked at.
   *
   * @throws SluiceError `SLUICE_EXISTS` where `ifAbsent` is set and, in the moment of storing, an
   * object is there
   */
  put?(key: StorageKey, pieces: AsyncIterable<Uint8Array>, options: ReaderPutOptions): unknown;

  /** Removes an object. One that is not there counts as removed. */
  delete?(key: StorageKey, call: ReaderCall): unknown;

  /**
   * Renames an object, replacing what is under the new key, which is never the same. At no time are
   * both absent.
   *
   * @returns whether there was an object to rename
   */
  move?(from: StorageKey, to: StorageKey, call: ReaderCall): MaybePromise<boolean>;

  /** As in the contract of drivers. */
  localPath?(key: StorageKey): LocalPath | undefined;

  /** As in the contract of drivers. */
  signUrl?(key: StorageKey, options: SignOptions): MaybePromise<SignedUrl | undefined>;

  /** As in the contract of drivers. */
  internalUrl?(key: StorageKey, options: SignOptions): MaybePromise<SignedUrl | undefined>;

  /** Frees what the reader holds. Called once, when the last open object was closed. */
  close?(): unknown;
}

/** What every function of a reader is told. */
export interface ReaderCall {
  /**
   * Aborted when nobody waits for the answer any more: the caller has left, the body was destroyed.
   * To be passed on where it can be, as to `fetch`.
   */
  readonly signal: AbortSignal;
}

/** What {@link Reader.put} is told. */
export interface ReaderPutOptions extends ReaderCall {
  readonly ifAbsent: boolean;
  /** The media type, where the caller names one. */
  readonly contentType: string | undefined;
}

/** A driver with the optional methods that its reader has, and `close`. */
export type ReaderDriver<R extends Reader> = RequiredMembers &
  Required<Pick<StorageDriver, 'close'>> &
  Copied<R, Exclude<keyof R & keyof StorageDriver, 'name' | 'stat' | 'open' | 'close'>>;

/**
 * Makes a driver of a function that says what an object is, and one that reads a window of it. It
 * adds what the contract of drivers wants besides: handles that are bound to a version, checks of
 * keys, windows and lengths, pieces of bounded size, an end to every call that is aborted, errors
 * with a code, and a `close`.
 *
 * @example
 * const rows = new Map([['a.txt', { revision: 1, bytes: Buffer.from('hello') }]]);
 * const driver = driverFromReader({
 *   name: 'rows',
 *   stat(key) {
 *     const row = rows.get(key);
 *     if (row === undefined) return undefined;
 *     const version = { token: String(row.revision), hold: 'condition' };
 *     return { size: row.bytes.byteLength, version };
 *   },
 *   read(key, { version }, { start, end }) {
 *     const row = rows.get(key);
 *     return String(row?.revision) === version.token ? row?.bytes.subarray(start, end) : undefined;
 *   },
 * });
 *
 * @throws TypeError on an unknown option, or one of the wrong type
 */
export function driverFromReader<R extends Reader>(reader: R): ReaderDriver<R>;
export function driverFromReader(given: Reader): StorageDriver {
  const reader = checkReader(given);
  const life = createLife(() => reader.close?.());
  const source = sourceOf(reader, life);
  return {
    name: reader.name,
    async stat(key, call) {
      const signal = life.enter(call);
      return parseKey(key) && source.stat(key, signal);
    },
    async open(key, call) {
      const signal = life.enter(call);
      return life.during(async () => {
        const stat = parseKey(key) && (call?.known ?? (await source.stat(key, signal)));
        return stat && openReader(key, stat, source);
      });
    },
    ...(reader.list && {
      list: (prefix, call) =>
        listFrom((signal) => reader.list?.(prefix, { signal }) ?? [], life, { prefix, call }),
    }),
    ...writersOf(reader, life, source),
    ...(reader.localPath && {
      localPath: (key) => (parseKey(key) === undefined ? undefined : reader.localPath?.(key)),
    }),
    ...(reader.signUrl && {
      async signUrl(key, options) {
        const signal = life.enter(options);
        if (parseKey(key) === undefined) return undefined;
        return life.ask(() => reader.signUrl?.(key, options), signal);
      },
    }),
    ...(reader.internalUrl && {
      async internalUrl(key, options) {
        const signal = life.enter(options);
        if (parseKey(key) === undefined) return undefined;
        return life.ask(() => reader.internalUrl?.(key, options), signal);
      },
    }),
    close: () => life.close(),
  };
}

type MaybePromise<T> = T | PromiseLike<T>;

type Writers = Pick<StorageDriver, 'put' | 'delete' | 'move'>;

/** Bytes: the contract's bound for a piece. */
const PIECE = 1_048_576;

function checkReader(given: Reader): Reader {
  const owner = 'driverFromReader';
  const reader = checkOptions(owner, given, [
    'name',
    'stat',
    'read',
    'maxRead',
    ...OPTIONAL_METHODS,
  ]);
  if (typeof reader.name !== 'string' || reader.name === '') {
    throw new TypeError(`${owner}: name must be a text, got ${quote(reader.name)}`);
  }
  for (const name of ['stat', 'read', ...OPTIONAL_METHODS] as const) {
    const isNeeded = name === 'stat' || name === 'read';
    if (typeof reader[name] !== 'function' && (isNeeded || reader[name] !== undefined)) {
      throw new TypeError(`${owner}: ${name} must be a function, got ${quote(reader[name])}`);
    }
  }
  if (reader.maxRead !== Infinity) {
    integerOption(owner, 'maxRead', reader.maxRead, { least: 1, most: PIECE, fallback: 1 });
  }
  return reader;
}

function sourceOf(reader: Reader, life: Life): ReaderSource {
  const { maxRead = 262_144 } = reader;
  return {
    maxRead,
    hold: () => life.hold(),
    async stat(key, signal) {
      const stat = await life.ask(() => reader.stat(key, { signal }), signal);
      return stat && checkStat(stat);
    },
    read: (key, stat, window, signal) =>
      life.ask(() => reader.read(key, stat, window, { signal }), signal, discard),
  };
}

/** Lets go of bytes that came too late for whoever had asked. */
function discard(source: ByteSource | undefined): void {
  if (source !== undefined) pullFrom(source).cancel();
}

const NEVER = new AbortController().signal;

function writersOf(reader: Reader, life: Life, source: ReaderSource): Writers {
  return {
    ...(reader.put && {
      async put(key, bytes, { ifAbsent = false, contentType, signal } = {}) {
        const pieces = takePieces(bytes, signal);
        try {
          assertKey('put', key);
          const told: ReaderPutOptions = { ifAbsent, contentType, signal: life.enter({ signal }) };
          return await life.during(async () => {
            // Waited for, whatever the signal says: a write has happened, or it has not.
            await finish(() => reader.put?.(key, pieces, told), told.signal);
            return requireStored(await source.stat(key, NEVER));
          });
        } finally {
          await pieces.return?.();
        }
      },
    }),
    ...(reader.delete && {
      async delete(key, call) {
        const signal = life.enter(call);
        if (parseKey(key) === undefined) return;
        await life.ask(() => reader.delete?.(key, { signal }), signal);
      },
    }),
    ...(reader.move && {
      async move(from, to, call) {
        assertKey('move', to);
        const signal = life.enter(call);
        if (parseKey(from) === undefined) return false;
        if (from === to) return (await source.stat(from, signal)) !== undefined;
        return (await life.ask(() => reader.move?.(from, to, { signal }), signal)) === true;
      },
    }),
  };
}

function requireStored(stat: ObjectStat | undefined): ObjectStat {
  if (stat !== undefined) return stat;
  throw new SluiceError('SLUICE_VERSION_CHANGED', 'the object was removed again at once');
}
