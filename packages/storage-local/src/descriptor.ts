import type { BigIntStats } from 'node:fs';

import { SluiceError } from '@sluice/core';

import type { Confined } from './open-regular.ts';
import type { FileIo } from './system.ts';

/**
 * A descriptor that several reads share. It is closed exactly once, when its owner has closed it
 * and the last read has given back its share: a number that is closed under a read would be the
 * number of the next file that is opened.
 */
export interface Descriptor extends Confined {
  readonly io: FileIo;
  /** All reads of a descriptor are of one version, and share what they know of it. */
  readonly evidence: Evidence;
  /**
   * Takes a share, and gives the function that gives it back, which may be called again.
   *
   * @throws SluiceError `SLUICE_ABORTED` after `close`
   */
  share(): () => void;
  /** Idempotent. Waits for the descriptor to be closed, but not for reads to give back shares. */
  close(): Promise<void>;
}

/** What was seen of the opened version, to tell an append from a rewrite when the file grows. */
interface Evidence {
  /** The end of the file. */
  tail: Witness | undefined;
  /** First pieces of windows. */
  readonly heads: Witness[];
  /** Where a fill that goes on with a window starts; any other begins one. */
  filledTo: number | undefined;
  /** How the file was when it had grown, last, by an append. */
  appended: BigIntStats | undefined;
}

/** What some bytes of a file are in the opened version. */
export interface Witness {
  readonly start: number;
  readonly length: number;
  /** CRC-32: it finds changes, and is no defence against somebody who makes them fit. */
  readonly sum: number;
}

/** Makes a descriptor shareable. From now on only the result may close it. */
export function createDescriptor({ fd, stats }: Confined, io: FileIo, tail?: Witness): Descriptor {
  let isOpen = true;
  // The owner has a share, too: the descriptor is closed when nobody has one.
  let shares = 1;
  const giveBack = async (): Promise<void> => {
    shares -= 1;
    if (shares === 0) await closeQuietly(fd, stats.size, io);
  };
  return {
    fd,
    stats,
    io,
    evidence: { tail, heads: [], filledTo: undefined, appended: undefined },
    share() {
      if (!isOpen) throw new SluiceError('SLUICE_ABORTED', 'the object has been closed');
      shares += 1;
      let isHeld = true;
      return () => {
        if (isHeld) void giveBack();
        isHeld = false;
      };
    },
    async close() {
      if (isOpen) {
        isOpen = false;
        await giveBack();
      }
    },
  };
}

/**
 * Reads exactly as many bytes as the buffer has.
 *
 * @throws SluiceError `SLUICE_TRUNCATED` when the file ends before, `SLUICE_IO`
 */
export async function readFully(
  { fd, io }: Pick<Descriptor, 'fd' | 'io'>,
  buffer: Uint8Array,
  position: number,
): Promise<void> {
  let filled = 0;
  while (filled < buffer.byteLength) {
    const count = await io.read(fd, buffer, filled, position + filled);
    if (count === 0) throw new SluiceError('SLUICE_TRUNCATED', 'the object was cut short');
    filled += count;
  }
}

/** Bytes. The last one to close a large file that was removed waits until its blocks are freed. */
const QUICKLY_CLOSED = 1_048_576n;

/** A descriptor that was only read from has nothing left to lose: a failure tells nobody anything. */
async function closeQuietly(fd: number, size: bigint, io: FileIo): Promise<void> {
  try {
    if (size <= QUICKLY_CLOSED) io.close(fd);
    else await io.closeLater(fd);
  } catch {
    // Closed all the same, by POSIX as Linux has it; trying again could close another file.
  }
}
