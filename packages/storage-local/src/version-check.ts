import type { BigIntStats } from 'node:fs';
import { crc32 } from 'node:zlib';

import { SluiceError } from '@sluice/core';

import { type Descriptor, readFully, type Witness } from './descriptor.ts';
import type { Confined } from './open-regular.ts';
import type { System } from './system.ts';

/**
 * Reads the end of a file that somebody is writing to, so that an append can be told from a rewrite
 * even when it comes before the first read. `undefined` for a file at rest, which costs nothing.
 *
 * The read is synchronous: what was written a moment ago is in memory.
 */
export function witnessTail({ fd, stats }: Confined, system: System): Witness | undefined {
  const { io } = system;
  const age = system.now() - Number(stats.mtimeNs / 1_000_000n);
  if (age > ACTIVE) return undefined;
  const size = Number(stats.size);
  const bytes = Buffer.allocUnsafe(Math.min(size, TAIL));
  const start = size - bytes.byteLength;
  const count = io.readNow(fd, bytes, start);
  const isProven = count === bytes.byteLength && isSameVersion(io.fstat(fd), stats);
  return isProven ? { start, length: count, sum: crc32(bytes), isProven } : undefined;
}

/** Remembers bytes that were read at `start`, by their CRC-32, and whether they are proven. */
export function witnessBytes(bytes: Uint8Array, start: number, isProven: boolean): Witness {
  return { start, length: bytes.byteLength, sum: crc32(bytes), isProven };
}

/**
 * Looks whether a file is still the opened version. A change of the inode alone, by `chmod`,
 * `rename` or `unlink`, does not touch the bytes and is not compared; the inode behind a descriptor
 * is always the same.
 *
 * @returns whether it has grown, which may be an append: see {@link requireAppend}
 * @throws SluiceError `SLUICE_VERSION_CHANGED` for every other change
 */
export function hasGrown({ fd, io, stats }: Descriptor): boolean {
  const now = io.fstat(fd);
  if (isSameVersion(now, stats)) return false;
  if (now.size > stats.size) return true;
  throw changed();
}

/**
 * Tells an append, as to a log, from a rewrite of a file that has grown. All witnesses must hold:
 * the first piece of the window, and the end of the file where it was active. One of them must be
 * proven, or nothing is known of the time before the change. What this cannot see is a rewrite that
 * leaves the first piece and the old end as they were.
 *
 * @throws SluiceError `SLUICE_VERSION_CHANGED` unless it is an append
 */
export async function requireAppend(file: Descriptor, first: Witness): Promise<void> {
  const witnesses = file.tail === undefined ? [first] : [first, file.tail];
  if (!witnesses.some(({ isProven }) => isProven)) throw changed();
  const held = await Promise.all(witnesses.map((witness) => stillHolds(file, witness)));
  if (!held.every(Boolean)) throw changed();
}

/** Milliseconds since its last change for which a file counts as active. */
const ACTIVE = 10_000;

/** Bytes. */
const TAIL = 4096;

function isSameVersion(now: BigIntStats, opened: BigIntStats): boolean {
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
