import { SluiceError } from '../errors.ts';
import type { ByteSource, Call, ObjectHandle, Window } from '../storage/driver.ts';

/**
 * Reads a window piece by piece, and holds the driver to its promise: exactly as many bytes as
 * the window has, or an error before the last one is let through.
 *
 * @throws SluiceError `SLUICE_TRUNCATED` when the driver gives fewer bytes, or more
 */
export async function* readWindow(
  handle: ObjectHandle,
  window: Window,
  call: Call,
): AsyncGenerator<Uint8Array, undefined> {
  let missing = window.end - window.start;
  if (missing === 0) return;
  for await (const piece of piecesOf(await handle.read(window, call))) {
    missing -= piece.byteLength;
    if (missing < 0) throw mismatch('more');
    if (piece.byteLength > 0) yield piece;
  }
  if (missing > 0) throw mismatch('fewer');
}

/**
 * Takes a small window that the driver can give at once; `undefined` where it has to be waited for.
 *
 * @throws SluiceError `SLUICE_TRUNCATED` when the driver gives fewer bytes, or more
 */
export function takeWindow(handle: ObjectHandle, window: Window): Uint8Array | undefined {
  const length = window.end - window.start;
  if (length === 0) return new Uint8Array(0);
  const bytes = handle.readNow?.(window);
  return bytes && exactly(bytes, length);
}

/** Reads a window whole. For windows that are small enough to lie in memory. */
export async function collectWindow(
  handle: ObjectHandle,
  window: Window,
  call: Call = {},
): Promise<Uint8Array> {
  const length = window.end - window.start;
  if (length === 0) return new Uint8Array(0);
  const source = await handle.read(window, call);
  if (source instanceof Uint8Array) return exactly(source, length);
  const pieces: Uint8Array[] = [];
  let missing = length;
  for await (const piece of piecesOf(source)) {
    missing -= piece.byteLength;
    if (missing < 0) throw mismatch('more');
    pieces.push(piece);
  }
  if (missing > 0) throw mismatch('fewer');
  return Buffer.concat(pieces, length);
}

function exactly(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.byteLength === length) return bytes;
  throw mismatch(bytes.byteLength > length ? 'more' : 'fewer');
}

function piecesOf(source: ByteSource): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  return source instanceof Uint8Array ? [source] : source;
}

function mismatch(amount: 'fewer' | 'more'): SluiceError {
  return new SluiceError('SLUICE_TRUNCATED', `the store gave ${amount} bytes than it announced`);
}
