import { SluiceError } from '@sluice/core';

import type { FileFacts, OpenFile } from './open-regular.ts';
import type { FileIo, System } from './system.ts';

/**
 * A descriptor that several reads share. It is closed exactly once, when its owner has closed it
 * and the last read has given back its share: a number that is closed under a read would be the
 * number of the next file that is opened.
 */
export interface Descriptor extends OpenFile {
  readonly io: FileIo;
  /** All reads of a descriptor are of one version, and share what they know of it. */
  readonly evidence: Evidence;
  /**
   * Takes a share, and gives the function that gives it back, which may be called again.
   *
   * @throws SluiceError `SLUICE_ABORTED` after `close`
   */
  share(): () => void;
  /** For what needs no share, since it never waits. @throws SluiceError `SLUICE_ABORTED` after `close` */
  requireOpen(): void;
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
  appended: FileFacts | undefined;
}

/** What some bytes of a file are in the opened version. */
export interface Witness {
  readonly start: number;
  readonly length: number;
  /** CRC-32: it finds changes, and is no defence against somebody who makes them fit. */
  readonly sum: number;
}

/** What is known of the disks that files lie on. */
export interface Disks {
  readonly system: System;
  /** Numbers of those that are in this machine. */
  readonly localDevices: ReadonlySet<bigint>;
}

/** What {@link createDescriptor} may be told. */
export interface DescriptorOptions {
  /** What the file ended with when it was opened. */
  readonly tail?: Witness | undefined;
  /** Called when nobody has a share any more. */
  readonly dispose: () => Promise<void> | undefined;
}

/** Makes a descriptor shareable. From now on only the result may close it, or have it disposed of. */
export function createDescriptor(
  { fd, stats }: OpenFile,
  io: FileIo,
  { tail, dispose }: DescriptorOptions,
): Descriptor {
  let isOpen = true;
  // The owner has a share, too: the descriptor is closed when nobody has one.
  let shares = 1;
  const giveBack = (): Promise<void> | undefined => {
    shares -= 1;
    return shares === 0 ? dispose() : undefined;
  };
  const requireOpen = (): void => {
    if (!isOpen) throw closed();
  };
  return {
    fd,
    stats,
    io,
    evidence: { tail, heads: [], filledTo: undefined, appended: undefined },
    requireOpen,
    share() {
      requireOpen();
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

/** The failure of a call on what has been closed. */
export function closed(): SluiceError {
  return new SluiceError('SLUICE_ABORTED', 'the object has been closed');
}

/** A descriptor that was only read from has nothing left to lose: a failure tells nobody anything. */
export async function closeQuietly(file: OpenFile, place: Disks): Promise<void> {
  const { io } = place.system;
  try {
    if (isQuicklyClosed(file, place)) io.close(file.fd);
    else await io.closeLater(file.fd);
  } catch {
    // Closed all the same, by POSIX as Linux has it; trying again could close another file.
  }
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
  for (let filled = 0; filled < buffer.byteLength;) {
    filled += requireSome(await io.read(fd, buffer, filled, position + filled));
  }
}

/** As {@link readFully}, while the process waits. */
export function readFullyNow(
  { fd, io }: Pick<Descriptor, 'fd' | 'io'>,
  buffer: Uint8Array,
  position: number,
): void {
  for (let filled = 0; filled < buffer.byteLength;) {
    filled += requireSome(io.readNow(fd, buffer, filled, position + filled));
  }
}

function requireSome(count: number): number {
  if (count === 0) throw new SluiceError('SLUICE_TRUNCATED', 'the object was cut short');
  return count;
}

/** Bytes. */
const QUICKLY_CLOSED = 1_048_576n;

/** The last one to close a large file that was removed waits until its blocks are freed. */
function isQuicklyClosed({ fd, stats }: OpenFile, { system, localDevices }: Disks): boolean {
  if (stats.size <= QUICKLY_CLOSED) return true;
  if (!localDevices.has(stats.dev)) return false;
  try {
    return system.io.fstat(fd).nlink > 0n;
  } catch {
    return false;
  }
}
