import type { Readable } from 'node:stream';

import type { StorageKey } from '../keys/storage-key.ts';

/**
 * A store of objects, as Sluice needs it. Two methods are required; all others are optional, and a
 * driver that cannot do a thing has no method for it, never one that throws.
 *
 * A driver knows nothing of HTTP: no ranges in wire form, no conditions, no statuses. It fails with
 * a {@link SluiceError} whose code names the cause; whatever else it throws is taken for a fault of
 * the medium. No message may hold a key, a path or a credential.
 *
 * What a driver must guarantee stands at the member it belongs to; the contract suite of
 * `@sluice/core/testing` proves it.
 */
export interface StorageDriver {
  /** Names the driver in logs and events: `local`, `memory`. It holds no secret. */
  readonly name: string;

  /** The facts of an object, or `undefined` when there is none under this key. */
  stat(key: StorageKey, call?: Call): Promise<ObjectStat | undefined>;

  /**
   * Opens an object for reading, or gives `undefined` when there is none under this key.
   *
   * What is missing is found out here, not later in a read. `undefined` is also the answer for
   * a folder, a part of a key, a FIFO, a socket, a device, and a link that dangles or leads out of
   * the store. A key that breaks the grammar finds nothing: `undefined`, or a failure with
   * `SLUICE_INVALID_KEY`.
   *
   * A caller that names the stat it knows may be given a handle on that version without I/O. Then
   * a read finds out what is missing or was replaced, and fails with `SLUICE_VERSION_CHANGED`.
   */
  open(key: StorageKey, call?: OpenCall): Promise<ObjectHandle | undefined>;

  /**
   * Where the object lies on a disk that a front server can read; without I/O. `undefined` where the
   * path could lead elsewhere than `open` does, as through a link.
   */
  localPath?(key: StorageKey): LocalPath | undefined;

  /**
   * Signs a URL under which a client itself gets the object from the store, by GET alone.
   *
   * `undefined` where the store cannot sign what was asked: this key, one of the headers. Without
   * I/O on the object: of one that is not there, the URL gives 404.
   */
  signUrl?(key: StorageKey, options: SignOptions): Promise<SignedUrl | undefined>;

  /**
   * As {@link StorageDriver.signUrl}, for a front server that fetches the object on the
   * application's order: the URL never reaches a client, and may name a host that no client can
   * reach.
   */
  internalUrl?(key: StorageKey, options: SignOptions): Promise<SignedUrl | undefined>;

  /**
   * Lists the objects whose keys start with a prefix, textually, in no promised order. A failure
   * comes with the first entry asked for, not from the call.
   */
  list?(prefix: string, call?: Call): AsyncIterable<ListEntry>;

  /**
   * Stores an object, replacing one that is there.
   *
   * Readers see the old object or the new one and nothing between; a source that fails, or the
   * caller's abort, leaves the old one. A failing source fails the call with its own error, or with
   * one whose `cause` it is. A key that cannot lie beside one that is there is
   * `SLUICE_INVALID_KEY`.
   */
  put?(key: StorageKey, source: ByteSource, options?: PutOptions): Promise<ObjectStat>;

  /** Removes an object, and nothing below its key. One that is not there counts as removed. */
  delete?(key: StorageKey, call?: Call): Promise<void>;

  /**
   * Renames an object, replacing what is under the new key. At no time are both absent.
   * Onto itself changes nothing.
   *
   * @returns whether there was an object to rename
   */
  move?(from: StorageKey, to: StorageKey, call?: Call): Promise<boolean>;

  /**
   * Frees what the driver holds for itself; open handles stay usable until they are closed.
   * Idempotent; a call after it fails with `SLUICE_ABORTED`.
   */
  close?(): Promise<void>;
}

/** A driver that has some of the optional methods for certain: `DriverWith<'list' | 'put'>`. */
export type DriverWith<M extends Exclude<keyof StorageDriver, 'name' | 'stat' | 'open'>> =
  StorageDriver & Required<Pick<StorageDriver, M>>;

/** What every call takes. */
export interface Call {
  /**
   * Ends the call. It is honoured before any I/O, while waiting, and until a body that was read
   * under it has ended; the failure is `SLUICE_ABORTED` with the signal's reason as `cause`.
   */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link StorageDriver.open} takes. */
export interface OpenCall extends Call {
  /**
   * What this driver said of the object not long ago. A hint that saves a store on a network the
   * question: a driver may leave it unread, and no read gives bytes of another version for it.
   */
  readonly known?: ObjectStat | undefined;
}

/** What {@link StorageDriver.signUrl} takes. */
export interface SignOptions extends Call {
  /**
   * Seconds for which a request may begin; one that has begun is not cut off. An integer of at least
   * 1. A longer term than the store signs is `SLUICE_CONFIG`.
   */
  readonly expiresIn: number;
  /** The version to be bound to, where the store can address one. */
  readonly version?: Version | undefined;
  /**
   * Headers that the store is to answer with, names in lower case, in place of its own. Where it
   * cannot give one of them, with this very value, there is no URL.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A URL that lets whoever has it read one object: as secret as the object, never to be logged. */
export interface SignedUrl {
  /** Absolute, in the form that `URL` leaves as it is. */
  readonly url: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
  /** Whether it gives the bytes of the version that was asked for, or none. */
  readonly pinned: boolean;
}

/** What {@link StorageDriver.put} takes. */
export interface PutOptions extends Call {
  /** Fails with `SLUICE_EXISTS` when an object is there; of several such calls at once one wins. */
  readonly ifAbsent?: boolean;
  /**
   * The media type of the object: `application/pdf`. A store that keeps none, as a disk, leaves it
   * unread, and its objects have the type that their keys name.
   */
  readonly contentType?: string | undefined;
}

/** An object in a listing. */
export interface ListEntry {
  readonly key: StorageKey;
  /** Bytes. */
  readonly size: number;
}

/** The facts of one version of an object. */
export interface ObjectStat {
  /** Bytes, exact. */
  readonly size: number;
  readonly version: Version;
  /**
   * For the wire, in its own form with quotes: `"5f-3e8"`, `W/"5f-3e8"`. Two contents of one key
   * never share a strong one. Without one there is no resume.
   */
  readonly entityTag?: string;
  /** Milliseconds since 1970. */
  readonly lastModified?: number;
  /** The media type that the store knows, or that the key's extension names; never sniffed. */
  readonly contentType?: string;
  /** The coding of the stored bytes, only where the store was told so; never guessed by name. */
  readonly contentEncoding?: string;
}

/** Which bytes a stat speaks of. */
export interface Version {
  /** Opaque, 1 to 256 visible ASCII characters. Two equal tokens of one key mean the same bytes. */
  readonly token: string;
  /**
   * How reads are bound to it, strongest first: `immutable`, the token addresses those bytes for
   * ever; `handle`, an open handle keeps them; `condition`, the store refuses other bytes;
   * `detect`, the driver notices other bytes and fails. After a replace or a removal, a read under
   * the first two gives the old bytes; under the others it may fail with `SLUICE_VERSION_CHANGED`,
   * and after an overwrite in place it may do so under every one.
   */
  readonly hold: 'immutable' | 'handle' | 'condition' | 'detect';
}

/**
 * An open object, bound to the one version that `stat` describes.
 *
 * A read gives bytes of that version or fails with `SLUICE_VERSION_CHANGED`, never new bytes
 * under an old length. Reads are independent of each other and may overlap in time.
 */
export interface ObjectHandle {
  readonly key: StorageKey;
  readonly stat: ObjectStat;

  /**
   * Reads the bytes from `start` up to, not including, `end`.
   *
   * The body has exactly `end - start` bytes, or it fails; it never ends short without an
   * error. A piece that was handed out is not written to again. A window of more than 1 MiB comes
   * in pieces of at most that, each read when it is asked for.
   *
   * A failure may be thrown or be a rejection. The window is checked before anything else.
   *
   * @throws SluiceError `SLUICE_RANGE`, before any I/O, unless 0 ≤ start ≤ end ≤ size, all integers
   */
  read(window: Window, call?: Call): ByteSource | Promise<ByteSource>;

  /**
   * Gives the bytes of a small window at once, without waiting, where the driver has them or can
   * get them cheaply; `undefined` where it would have to wait, as for a disk. All that `read`
   * promises holds here, too: exactly the bytes of the version, or it throws with the same codes.
   *
   * It is asked before `read`, for windows of up to 128 KiB. Who wraps a handle and changes what
   * `read` gives must change this as well, or leave it out.
   *
   * @throws SluiceError `SLUICE_RANGE`, before any I/O, unless 0 ≤ start ≤ end ≤ size, all integers
   */
  readNow?(window: Window): Uint8Array | undefined;

  /**
   * Fills `target` with the bytes from `start` on, for a caller that brings its own memory and uses
   * it again. All that `read` promises holds here, too: every byte is of the version, or it fails.
   *
   * Once the call has settled, well or not, `target` is no longer written to; nothing beside it ever
   * is. After a failure its content is undefined. Who wraps a handle and changes what `read` gives
   * must change this as well, or leave it out.
   *
   * @throws SluiceError `SLUICE_RANGE`, before any I/O, unless the bytes lie inside the object
   */
  fill?(target: Uint8Array, start: number, call?: Call): Promise<void>;

  /**
   * As `fill`, at once and without waiting, where the driver has the bytes or can get them cheaply;
   * `false` where it would have to wait, as for a disk. Then `target` is undefined, and `fill` is to
   * be asked. Only a handle that has `fill` has it.
   *
   * It is asked before each `fill`, for up to 256 KiB. Who wraps a handle and changes what `read`
   * gives must change this as well, or leave it out.
   *
   * @throws SluiceError with the codes of `fill`
   */
  fillNow?(target: Uint8Array, start: number): boolean;

  /** Idempotent. Reads that are under way come to their end; a new one fails with `SLUICE_ABORTED`. */
  close(): Promise<void>;
}

/** A half-open window of an object: the bytes from `start` up to, not including, `end`. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/** Bytes in any of the forms that drivers have them in; all at once where they are few. */
export type ByteSource =
  | Uint8Array
  | Readable
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** Where an object lies on a disk. */
export interface LocalPath {
  /** The root folder, absolute, with its links resolved. */
  readonly root: string;
  /**
   * The prefix of keys that is mapped to this root, `''` for all others; a driver has one root for
   * each, since a front server finds the root by it.
   */
  readonly prefix: string;
  /** The absolute path. */
  readonly path: string;
}
