import { type ByteSource, type Call, SluiceError, type Window } from '@sluice/core';
import { abortedBy, throwIfAborted } from '@sluice/core/drivers';

import type { Descriptor } from './descriptor.ts';
import { readFault } from './errno.ts';
import type { QuickReads } from './quick-reads.ts';
import { readVersion, readVersionNow } from './version-check.ts';

/** What a read through the thread pool takes. */
export interface WatchedCall extends Call {
  /** Learns from it whether the process may wait for the next ones. */
  readonly reads?: QuickReads | undefined;
}

/**
 * Reads a window of an open file: all at once up to 128 KiB, in pieces above.
 *
 * Reads are positional and their lengths come from the opened version, so that reads of one
 * descriptor do not disturb each other and never go beyond the announced size. Each piece is memory
 * of its own. Before one is handed out the file is compared with the version that was opened: a
 * body is whole only if its bytes belong together.
 *
 * A body of pieces holds the descriptor from this call on, until it ends, fails, is returned, or
 * the signal is aborted.
 *
 * @throws SluiceError `SLUICE_RANGE` and `SLUICE_ABORTED` before any I/O; `SLUICE_TRUNCATED`,
 * `SLUICE_VERSION_CHANGED`, `SLUICE_IO`
 */
export async function readWindow(
  file: Descriptor,
  { start, end }: Window,
  { signal, reads }: WatchedCall,
): Promise<ByteSource> {
  requireWindow(start, end, Number(file.stats.size));
  throwIfAborted(signal);
  const release = file.share();
  if (end - start > READ_AT_ONCE) return createBody({ file, start, end, signal, release });
  try {
    const read = (): Promise<Uint8Array> => readWhole(file, start, end, signal);
    return await (reads === undefined ? read() : reads.watch(read));
  } catch (error) {
    throw readFault(error);
  } finally {
    release();
  }
}

/**
 * Reads a window of up to 128 KiB while the process waits, under the guarantees of
 * {@link readWindow}; `undefined` where that must not be, or where the file has grown.
 *
 * @throws SluiceError as `readWindow`
 */
export function readWindowNow(
  file: Descriptor,
  { start, end }: Window,
  reads: QuickReads,
): Uint8Array | undefined {
  requireWindow(start, end, Number(file.stats.size));
  file.requireOpen();
  if (end - start > READ_AT_ONCE || !reads.isAllowed()) return undefined;
  const bytes = Buffer.allocUnsafe(end - start);
  try {
    return reads.run(() => readVersionNow(file, bytes, start, false)) ? bytes : undefined;
  } catch (error) {
    throw readFault(error);
  }
}

/**
 * Fills memory with the bytes of an open file from `start` on, under the guarantees of
 * {@link readWindow}. It settles when nothing writes to `target` any more.
 *
 * @throws SluiceError as `readWindow`
 */
export async function fillWindow(
  file: Descriptor,
  target: Uint8Array,
  start: number,
  { signal, reads }: WatchedCall,
): Promise<void> {
  requireWindow(start, start + target.byteLength, Number(file.stats.size));
  throwIfAborted(signal);
  const release = file.share();
  try {
    if (target.byteLength === 0) return;
    const beginsWindow = file.evidence.filledTo !== start;
    file.evidence.filledTo = start + target.byteLength;
    const read = (): Promise<void> => readVersion(file, target, start, beginsWindow);
    await (reads === undefined ? read() : reads.watch(read));
    throwIfAborted(signal);
  } catch (error) {
    throw readFault(error);
  } finally {
    release();
  }
}

/**
 * Fills memory while the process waits, under the guarantees of {@link readWindow}; false where that
 * must not be, or where the file has grown.
 *
 * @throws SluiceError as `readWindow`
 */
export function fillWindowNow(
  file: Descriptor,
  target: Uint8Array,
  start: number,
  reads: QuickReads,
): boolean {
  const end = start + target.byteLength;
  requireWindow(start, end, Number(file.stats.size));
  file.requireOpen();
  if (target.byteLength > LARGEST_PIECE || !reads.isAllowed()) return false;
  try {
    const beginsWindow = file.evidence.filledTo !== start;
    const isFilled = reads.run(() => readVersionNow(file, target, start, beginsWindow));
    if (isFilled) file.evidence.filledTo = end;
    return isFilled;
  } catch (error) {
    throw readFault(error);
  }
}

/** @throws SluiceError `SLUICE_RANGE` unless 0 ≤ start ≤ end ≤ size, all integers */
export function requireWindow(start: number, end: number, size: number): void {
  const isInside = 0 <= start && start <= end && end <= size;
  if (isInside && Number.isSafeInteger(start) && Number.isSafeInteger(end)) return;
  throw new SluiceError('SLUICE_RANGE', 'the window is not inside the object');
}

/** Bytes. Up to here one read costs less than the machinery of a body in pieces. */
const READ_AT_ONCE = 131_072;

/** Bytes. Few of them wait in memory for a slow reader. */
const SMALLEST_PIECE = 65_536;

/** Bytes. Above this the processor's cache no longer holds a piece until it is sent. */
const LARGEST_PIECE = 262_144;

/** Milliseconds. A reader that is back sooner takes more than 3 MB a second. */
const QUICK = 20;

interface BodyOptions {
  readonly file: Descriptor;
  readonly start: number;
  readonly end: number;
  readonly signal: AbortSignal | undefined;
  readonly release: () => void;
}

/** Where the reading of a body stands. */
interface Progress extends BodyOptions {
  position: number;
  pieceSize: number;
  handedOutAt: number;
  /** How it ended; a failure is told again to whoever asks again. */
  outcome: 'done' | SluiceError | undefined;
  readonly onAbort: () => void;
}

async function readWhole(
  file: Descriptor,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (start === end) return new Uint8Array(0);
  const bytes = Buffer.allocUnsafeSlow(end - start);
  await readVersion(file, bytes, start, false);
  throwIfAborted(signal);
  return bytes;
}

/**
 * An iterator by hand: a Node stream costs more than all reads of a small file. Calls are answered
 * one after the other, as a generator would, so that none runs while the descriptor is given back.
 */
function createBody(options: BodyOptions): AsyncIterableIterator<Uint8Array, undefined> {
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(step: () => Promise<T> | T): Promise<T> => {
    const result = turn.then(step);
    turn = result.catch(() => undefined);
    return result;
  };
  const { signal } = options;
  const progress: Progress = {
    ...options,
    position: options.start,
    pieceSize: SMALLEST_PIECE,
    handedOutAt: Number.NEGATIVE_INFINITY,
    outcome: undefined,
    onAbort: () => void inTurn(() => settle(progress, signal ? abortedBy(signal) : 'done')),
  };
  signal?.addEventListener('abort', progress.onAbort, { once: true });
  return {
    next: () => inTurn(() => nextPiece(progress)),
    return: () =>
      inTurn(() => {
        settle(progress, 'done');
        return END;
      }),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

async function nextPiece(progress: Progress): Promise<IteratorResult<Uint8Array, undefined>> {
  const { outcome, signal } = progress;
  if (outcome === 'done') return END;
  if (outcome !== undefined) throw outcome;
  try {
    const value = await readPiece(progress);
    throwIfAborted(signal);
    if (progress.position === progress.end) settle(progress, 'done');
    return { done: false, value };
  } catch (error) {
    const fault = readFault(error);
    settle(progress, fault);
    throw fault;
  }
}

async function readPiece(progress: Progress): Promise<Uint8Array> {
  const { file, start, position, end } = progress;
  progress.pieceSize = nextPieceSize(progress);
  const bytes = Buffer.allocUnsafeSlow(Math.min(progress.pieceSize, end - position));
  await readVersion(file, bytes, position, position === start);
  progress.position += bytes.byteLength;
  progress.handedOutAt = performance.now();
  return bytes;
}

function nextPieceSize({ pieceSize, handedOutAt }: Progress): number {
  const isQuick = performance.now() - handedOutAt < QUICK;
  return isQuick ? Math.min(pieceSize * 2, LARGEST_PIECE) : SMALLEST_PIECE;
}

/** Ends a body, once, and gives its share of the descriptor back. */
function settle(progress: Progress, outcome: 'done' | SluiceError): void {
  if (progress.outcome !== undefined) return;
  progress.outcome = outcome;
  progress.signal?.removeEventListener('abort', progress.onAbort);
  progress.release();
}
