import { isSluiceError, SluiceError } from '../errors.ts';
import type { StorageKey } from '../keys/storage-key.ts';
import type { ByteSource, ObjectHandle, ObjectStat, Window } from '../storage/driver.ts';
import { throwIfAborted } from './abort.ts';
import { createBody } from './body.ts';
import { type Pull, pullFrom } from './pull.ts';
import { ask, faultOf } from './reader-call.ts';
import { requireWindow } from './window.ts';

/** What the handles of one driver are made from. */
export interface ReaderSource {
  /** Bytes that are read at once at most; `Infinity` where the reader gives streams. */
  readonly maxRead: number;
  read(
    key: StorageKey,
    stat: ObjectStat,
    window: Window,
    signal: AbortSignal,
  ): Promise<ByteSource | undefined>;
  stat(key: StorageKey, signal: AbortSignal): Promise<ObjectStat | undefined>;
  /** Keeps the driver from being closed for good; the answer lets go of it, once. */
  hold(): () => void;
}

/** Makes a handle on the version that a stat describes, without I/O. */
export function openReader(key: StorageKey, stat: ObjectStat, source: ReaderSource): ObjectHandle {
  const letGo = source.hold();
  let isOpen = true;
  return {
    key,
    stat,
    async read({ start, end }, call) {
      requireWindow(start, end, stat.size);
      if (!isOpen) throw new SluiceError('SLUICE_ABORTED', 'the object is closed');
      throwIfAborted(call?.signal);
      if (start === end) return new Uint8Array(0);
      const version: PinnedObject = { key, stat, source };
      const signal = call?.signal;
      if (end - start > Math.min(source.maxRead, COLLECTED)) {
        return streamWindow(version, { start, end }, signal);
      }
      return collectWindow(version, { start, end }, signal ?? new AbortController().signal);
    },
    async close() {
      isOpen = false;
      letGo();
    },
  };
}

/** Bytes: windows up to this size come at once, whatever the reader gives. */
const COLLECTED = 262_144;

/** Bytes: the contract's bound for a piece. */
const PIECE = 1_048_576;

interface PinnedObject {
  readonly key: StorageKey;
  readonly stat: ObjectStat;
  readonly source: ReaderSource;
}

/** Reads a window whole. Nothing is handed out before all of it is known to be of the version. */
async function collectWindow(
  object: PinnedObject,
  { start, end }: Window,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return checked(object, signal, async () => {
    const pull = await openWindow(object, { start, end }, signal);
    try {
      return await collect(pull, end - start, signal);
    } catch (error) {
      pull.cancel();
      throw error;
    }
  });
}

async function collect(pull: Pull, length: number, signal: AbortSignal): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let missing = length;
  for (;;) {
    const piece = await nextPiece(pull, missing, signal);
    if (piece === undefined) break;
    missing -= piece.byteLength;
    pieces.push(piece);
  }
  const [first] = pieces;
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
}

/** Reads a window piece by piece, each when it is asked for. */
function streamWindow(
  object: PinnedObject,
  { start, end }: Window,
  caller: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  const { source } = object;
  const stopping = new AbortController();
  const { signal } = stopping;
  const letGo = source.hold();
  const next = Number.isFinite(source.maxRead)
    ? nextWindow(object, { start, end }, signal)
    : nextOfStream(object, { start, end }, signal);
  return createBody(
    {
      next,
      release() {
        stopping.abort(caller?.aborted === true ? caller.reason : NOT_WANTED);
        letGo();
      },
    },
    caller,
  );
}

/** A reason of its own: without one, every abort would make a `DOMException` with its stack. */
const NOT_WANTED = new Error('the body is over');

function nextWindow(
  object: PinnedObject,
  { start, end }: Window,
  signal: AbortSignal,
): () => Promise<Uint8Array | undefined> {
  let at = start;
  return async () => {
    if (at === end) return undefined;
    const until = Math.min(at + object.source.maxRead, end);
    const bytes = await collectWindow(object, { start: at, end: until }, signal);
    at = until;
    return bytes;
  };
}

function nextOfStream(
  object: PinnedObject,
  window: Window,
  signal: AbortSignal,
): () => Promise<Uint8Array | undefined> {
  let missing = window.end - window.start;
  let pull: Pull | undefined;
  let rest: Uint8Array | undefined;
  signal.addEventListener('abort', () => pull?.cancel(), { once: true });
  return async () => {
    if (rest === undefined) {
      rest = await checked(object, signal, async () => {
        pull ??= await openWindow(object, window, signal);
        // Between the answer and here nobody could have let go of it.
        if (signal.aborted) pull.cancel();
        return nextPiece(pull, missing, signal);
      });
      missing -= rest?.byteLength ?? 0;
    }
    const piece = rest?.subarray(0, PIECE);
    rest = rest !== undefined && rest.byteLength > PIECE ? rest.subarray(PIECE) : undefined;
    return piece;
  };
}

/** Asks the reader for a window of the version. */
async function openWindow(
  { key, stat, source }: PinnedObject,
  window: Window,
  signal: AbortSignal,
): Promise<Pull> {
  const bytes = await source.read(key, stat, window, signal);
  if (bytes === undefined) throw changed();
  try {
    return pullFrom(bytes);
  } catch (error) {
    throw faultOf(error, signal);
  }
}

/** Takes a piece, and holds the reader to the length of its window. */
async function nextPiece(
  pull: Pull,
  missing: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const piece = await ask(() => pull.next(), signal);
  if (piece === undefined && missing > 0) throw truncated('fewer');
  if (piece !== undefined && piece.byteLength > missing) throw truncated('more');
  return piece;
}

/**
 * Does a read and, where it knows nothing of versions, looks whether the object is still the same
 * afterwards: before what was read is handed out, and before a failure is taken for one of the
 * store.
 */
async function checked<T>(
  object: PinnedObject,
  signal: AbortSignal,
  read: () => Promise<T>,
): Promise<T> {
  if (object.stat.version.hold !== 'detect') return read();
  let result: T;
  try {
    result = await read();
  } catch (error) {
    if (isSluiceError(error) && FAULTS.includes(error.code)) await requireSame(object, signal);
    throw error;
  }
  await requireSame(object, signal);
  return result;
}

const FAULTS: readonly string[] = ['SLUICE_IO', 'SLUICE_TRUNCATED', 'SLUICE_RANGE'];

async function requireSame(
  { key, stat, source }: PinnedObject,
  signal: AbortSignal,
): Promise<void> {
  const now = await source.stat(key, signal);
  if (now?.version.token !== stat.version.token || now.size !== stat.size) throw changed();
}

function changed(): SluiceError {
  return new SluiceError('SLUICE_VERSION_CHANGED', 'the object is no longer what was opened');
}

function truncated(amount: 'fewer' | 'more'): SluiceError {
  return new SluiceError('SLUICE_TRUNCATED', `the reader gave ${amount} bytes than the window has`);
}
