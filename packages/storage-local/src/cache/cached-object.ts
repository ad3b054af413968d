import type { ObjectStat, StorageKey } from '@sluice/core';

import type { Jail } from '../jail.ts';
import type { Confined, FileFacts, OpenFile } from '../open-regular.ts';
import { byteString } from '../system.ts';

/** An object that is open for several downloads, one after the other or at once. */
export interface CachedObject extends OpenFile {
  /** As {@link Confined}. */
  readonly isStraight: boolean;
  readonly key: StorageKey;
  /** Where it was opened. */
  readonly path: string;
  /** The same, as `byteString`. */
  readonly pathBytes: string;
  /** The name of a link to the path that the descriptor has. */
  readonly link: string;
  /** The same one for the whole version, so that others can keep what they make of it. */
  stat: ObjectStat;
  /** Milliseconds since 1970, when `stat` has to be made anew. */
  describedUntil: number;
  /** All of it, where it is kept in memory. Others hold this memory, too: nobody writes to it. */
  bytes: Uint8Array | undefined;
  /** How many have it. */
  users: number;
  /** Whether it is in the cache; one that no longer is goes with its last user. */
  isKept: boolean;
  /** Whether it was asked for again. */
  isHot: boolean;
  /** By the clock of the system that nobody sets: when the path was last looked up. */
  seenAt: number;
  /** By the same clock. */
  usedAt: number;
  /** How many changes the driver had made when the path was last looked up. */
  seenBefore: number;
}

/** Makes an object of what was opened, for the first who uses it. Many are kept: they are slim. */
export function createCachedObject(
  { fd, stats, isStraight }: Confined,
  from: Pick<
    CachedObject,
    'key' | 'path' | 'link' | 'stat' | 'describedUntil' | 'seenAt' | 'seenBefore' | 'usedAt'
  >,
): CachedObject {
  const { dev, ino, size, mtimeNs, ctimeNs, nlink } = stats;
  return {
    fd,
    stats: { dev, ino, size, mtimeNs, ctimeNs, nlink },
    isStraight,
    key: from.key,
    path: from.path,
    pathBytes: byteString(from.path),
    link: from.link,
    stat: from.stat,
    describedUntil: from.describedUntil,
    bytes: undefined,
    users: 1,
    isKept: false,
    isHot: false,
    seenAt: from.seenAt,
    usedAt: from.usedAt,
    seenBefore: from.seenBefore,
  };
}

/**
 * Tells whether the kernel can be asked, without waiting, if a path still leads to an object.
 *
 * It can where the object lies on a local disk, under its own name: nobody else changes such a disk,
 * and entries that are in use stay in memory.
 */
export function canLookUp({ isStraight, stats }: CachedObject, { localDevices }: Jail): boolean {
  return isStraight && localDevices.has(stats.dev);
}

/**
 * Tells whether opening the path now would give this very object, unchanged, and the jail would let
 * it pass. Both questions are needed, and the object must be one of {@link canLookUp}:
 *
 * - What path has the descriptor now? It has the wanted one only while every folder of it is the real
 *   one, in its place, and this name is still the file's. It comes first, so that no link that was
 *   put above is followed, to wherever that may hang.
 * - What has the path now? The answer gives away a file that was written to since, a mount over a
 *   folder above, and a folder that may no longer be entered. But a folder that was moved out of the
 *   root, with a link left in its place, would still lead to the same file.
 */
export function isStillThere(object: CachedObject, { system: { io } }: Jail): boolean {
  try {
    if (io.readlink(object.link) !== object.pathBytes) return false;
    const now = io.lookUp(object.path);
    return now !== undefined && isSameFile(now, object.stats);
  } catch {
    return false;
  }
}

/** Tells whether an open file is as it was: not written to, renamed, removed or given other rights. */
export function isUntouched({ fd, stats }: OpenFile, { system }: Jail): boolean {
  try {
    return isSameFile(system.io.fstat(fd), stats);
  } catch {
    return false;
  }
}

/**
 * Tells whether two looks saw one file in one version. The number of an inode is not given away
 * again while the file is open. The count of names gives away a removal within one tick of the clock.
 */
export function isSameFile(now: FileFacts, then: FileFacts): boolean {
  return (
    now.ino === then.ino &&
    now.dev === then.dev &&
    now.size === then.size &&
    now.mtimeNs === then.mtimeNs &&
    now.ctimeNs === then.ctimeNs &&
    now.nlink === then.nlink
  );
}
