import { crc32 } from 'node:zlib';

import { SluiceError } from '@sluice/core';

import { type Descriptor, readFully, readFullyNow, type Witness } from './descriptor.ts';
import type { FileFacts, OpenFile } from './open-regular.ts';
import type { System } from './system.ts';

/**
 * Reads the end of a file that somebody is writing to, so that an append can be told from a rewrite
 * even when it comes before the first read. `undefined` for a file at rest, which costs nothing.
 *
 * The read is synchronous: what was written a moment ago is in memory.
 */
export function witnessTail({ fd, stats }: OpenFile, system: System): Witness | undefined {
  const { io } = system;
  const age = system.now() - Number(stats.mtimeNs / 1_000_000n);
  if (age > ACTIVE) return undefined;
  const { bytes, start } = tailOf(stats);
  const count = io.readNow(fd, bytes, 0, start);
  const isProven = count === bytes.byteLength && isSameVersion(io.fstat(fd), stats);
  return isProven ? witnessOf(bytes, start) : undefined;
}

/**
 * Reads bytes of the opened version, or fails. Where a window begins, they and the end of the file
 * become the measure of what is read later.
 *
 * @throws SluiceError `SLUICE_VERSION_CHANGED`, `SLUICE_TRUNCATED`, `SLUICE_IO`
 */
export async function readVersion(
  file: Descriptor,
  buffer: Uint8Array,
  position: number,
  beginsWindow: boolean,
): Promise<void> {
  const { evidence, stats } = file;
  await readFully(file, buffer, position);
  const tail = beginsWindow && evidence.tail === undefined ? tailOf(stats) : undefined;
  // After the piece, not beside it: a read that fails must leave none that still uses the descriptor.
  if (tail !== undefined) await readFully(file, tail.bytes, tail.start);
  const grown = growthOf(file);
  if (grown !== undefined) await requireAppend(file, grown);
  else if (tail !== undefined) evidence.tail ??= witnessOf(tail.bytes, tail.start);
  if (beginsWindow) witnessHead(file, buffer, position);
}

/**
 * As {@link readVersion}, while the process waits.
 *
 * @returns false when only a closer look, which takes reads, can tell an append from a rewrite
 */
export function readVersionNow(
  file: Descriptor,
  buffer: Uint8Array,
  position: number,
  beginsWindow: boolean,
): boolean {
  const { evidence, stats } = file;
  readFullyNow(file, buffer, position);
  const tail = beginsWindow && evidence.tail === undefined ? tailOf(stats) : undefined;
  if (tail !== undefined) readFullyNow(file, tail.bytes, tail.start);
  if (growthOf(file) !== undefined) return false;
  if (tail !== undefined) evidence.tail ??= witnessOf(tail.bytes, tail.start);
  if (beginsWindow) witnessHead(file, buffer, position);
  return true;
}

/** Milliseconds since its last change for which a file counts as active. */
const ACTIVE = 10_000;

/** Bytes at an end of what is kept in mind. Sums over more would cost as much as their reading. */
const EDGE = 4096;

/** Beyond as many, of two to a window, the first ones, and the tail, speak for the others. */
const MOST_HEADS = 32;

/**
 * Looks whether a file is still the opened version. A change of the inode alone, by `chmod`,
 * `rename` or `unlink`, does not touch the bytes and is not compared; the inode behind a descriptor
 * is always the same.
 *
 * @returns how it is now, where it has grown in a way that is not known yet to be an append
 * @throws SluiceError `SLUICE_VERSION_CHANGED` for every other change
 */
function growthOf({ fd, io, stats, evidence }: Descriptor): FileFacts | undefined {
  const now = io.fstat(fd);
  if (isSameVersion(now, stats)) return undefined;
  if (now.size <= stats.size) throw changed();
  const { appended } = evidence;
  return appended !== undefined && isSameVersion(now, appended) ? undefined : now;
}

/**
 * Tells an append, as to a log, from a rewrite of a file that has grown. All evidence must hold, and
 * there must be some, or nothing is known of the time before the change. What this cannot see is a
 * rewrite that leaves both ends of the first piece and the old end as they were.
 *
 * @throws SluiceError `SLUICE_VERSION_CHANGED` unless it is an append
 */
async function requireAppend(file: Descriptor, grown: FileFacts): Promise<void> {
  const { evidence } = file;
  const witnesses = [...evidence.heads, evidence.tail].filter((witness) => witness !== undefined);
  if (witnesses.length === 0) throw changed();
  for (const witness of witnesses) {
    // One by one: a read that fails must leave none that still uses the descriptor.
    if (!(await stillHolds(file, witness))) throw changed();
  }
  evidence.appended = grown;
}

function tailOf({ size }: FileFacts): { readonly bytes: Buffer; readonly start: number } {
  const length = Math.min(Number(size), EDGE);
  return { bytes: Buffer.allocUnsafe(length), start: Number(size) - length };
}

/** Keeps both ends of a first piece in mind: who writes over all of it changes one of them. */
function witnessHead({ evidence }: Descriptor, piece: Uint8Array, start: number): void {
  if (evidence.heads.length >= MOST_HEADS) return;
  evidence.heads.push(witnessOf(piece.subarray(0, EDGE), start));
  if (piece.byteLength <= EDGE) return;
  const from = Math.max(EDGE, piece.byteLength - EDGE);
  evidence.heads.push(witnessOf(piece.subarray(from), start + from));
}

function witnessOf(bytes: Uint8Array, start: number): Witness {
  return { start, length: bytes.byteLength, sum: crc32(bytes) };
}

function isSameVersion(now: FileFacts, opened: FileFacts): boolean {
  return now.size === opened.size && now.mtimeNs === opened.mtimeNs;
}

function changed(): SluiceError {
  return new SluiceError('SLUICE_VERSION_CHANGED', 'the object was rewritten while it was read');
}

async function stillHolds(file: Descriptor, witness: Witness): Promise<boolean> {
  const bytes = Buffer.allocUnsafe(witness.length);
  await readFully(file, bytes, witness.start);
  return crc32(bytes) === witness.sum;
}
