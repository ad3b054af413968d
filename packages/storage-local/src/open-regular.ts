import type { BigIntStats } from 'node:fs';

import { type MappedPath, SluiceError } from '@sluice/core';

import { isMissing, isNoFolder, readFault } from './errno.ts';
import type { Jail } from './jail.ts';
import { byteString, type FileIo, OPEN_FOLDER, OPEN_OBJECT, refuseLinks } from './system.ts';

/** What tells one version of a file from another. */
export type FileFacts = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs' | 'nlink'>;

/** An open descriptor, and how the file was when it was opened. */
export interface OpenFile {
  readonly fd: number;
  /** Of the descriptor, not of the path. */
  readonly stats: FileFacts;
}

/** An open file that is proven to lie inside its root. Whoever gets it must close it. */
export interface Confined extends OpenFile {
  readonly stats: BigIntStats;
  /** Whether the kernel has said that the descriptor has the very path that was opened. */
  readonly isStraight: boolean;
}

/**
 * Opens the regular file at a place, or gives `undefined` when there is none that may be served.
 *
 * The order is what makes it safe: it opens first, and asks the descriptor what was opened. Whoever
 * can write below the root may swap files, folders and links at any moment; they change what a
 * path means, but not what a descriptor is. From here on nothing looks the path up again.
 *
 * Not covered, as in every jail of this kind: hard links to outside (`hardLinks: 'deny'` refuses
 * them), bind mounts inside the root, and devices whose mere opening has an effect, in the root or
 * behind a link that `symlinks: 'inside'` follows before it is judged. Where strangers can make
 * either, the root should be mounted `nodev,nosymfollow`.
 *
 * @throws SluiceError `SLUICE_CONFIG` when the root is gone, `SLUICE_UNAVAILABLE` when descriptors
 * or memory are used up, `SLUICE_IO`
 */
export function openRegular(place: MappedPath, jail: Jail): Promise<Confined | undefined> {
  return openConfined(place, OBJECT, jail);
}

/** Opens a folder at or below a root, under the same proof. Not for Windows, which opens none. */
export function openDirectory(
  root: string,
  path: string,
  jail: Jail,
): Promise<Confined | undefined> {
  return openConfined({ root, path }, FOLDER, jail);
}

/** Tells whether the rules let a file be an object. */
export function isObject(stats: BigIntStats, jail: Jail): boolean {
  return stats.isFile() && (jail.hardLinks === 'allow' || stats.nlink <= 1n);
}

/**
 * Tells whether the path that a descriptor has is one that the rules let `path` lead to.
 *
 * The kernel marks a file that was replaced or removed after it was opened; it is still the file
 * that was asked for.
 *
 * @param real as {@link byteString}
 */
export function liesWhereWanted(real: string, root: string, path: string, jail: Jail): boolean {
  const wanted = byteString(path);
  if (real === wanted) return true;
  if (jail.symlinks === 'deny') return real === `${wanted}${DELETED}`;
  const inside = `${byteString(root)}${jail.system.platform === 'win32' ? '\\' : '/'}`;
  return real.startsWith(inside) && (jail.proof === 'descriptor' || !isFolded(real, wanted));
}

/**
 * Tells a missing object from a missing root: a volume that was not mounted must not make every
 * object look deleted.
 *
 * @throws SluiceError `SLUICE_CONFIG`
 */
export async function requireRoot(root: string, jail: Jail): Promise<void> {
  let cause: unknown;
  try {
    if ((await jail.system.io.realpath(root)) === root) return;
  } catch (error) {
    if (!isMissing(error)) throw readFault(error);
    cause = error;
  }
  throw new SluiceError('SLUICE_CONFIG', 'the root of the store is gone', { cause });
}

const DELETED = ' (deleted)';

/** A folder above that was renamed in between is honest once; whoever does it again waits. */
const ATTEMPTS = 2;

/** What was opened lies elsewhere than it was looked for: a link, or somebody moved it meanwhile. */
const STRAYED = 'strayed';

/** What is opened, and which failures mean that it is not there. */
interface Wanted {
  readonly flags: number;
  readonly isAbsent: (error: unknown) => boolean;
  readonly isServed: (stats: BigIntStats, jail: Jail) => boolean;
}

const OBJECT: Wanted = { flags: OPEN_OBJECT, isAbsent: isMissing, isServed: isObject };

const FOLDER: Wanted = { flags: OPEN_FOLDER, isAbsent: isNoFolder, isServed: () => true };

async function openConfined(
  { root, path }: Pick<MappedPath, 'root' | 'path'>,
  { flags, isAbsent, isServed }: Wanted,
  jail: Jail,
): Promise<Confined | undefined> {
  const openOnce = jail.proof === 'descriptor' ? openByDescriptor : openByRealpath;
  const { platform, io } = jail.system;
  const all = jail.symlinks === 'deny' ? flags | refuseLinks(platform) : flags;
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const confined = await openOnce(root, path, all, jail);
      if (confined === undefined) break;
      if (confined === STRAYED) continue;
      if (isServed(confined.stats, jail)) return confined;
      io.close(confined.fd);
      return undefined;
    }
  } catch (error) {
    if (!isAbsent(error)) throw readFault(error);
  }
  await requireRoot(root, jail);
  return undefined;
}

async function openByDescriptor(
  root: string,
  path: string,
  flags: number,
  jail: Jail,
): Promise<Confined | typeof STRAYED> {
  const { io, descriptorLinks } = jail.system;
  const fd = await io.open(path, flags);
  let confined: Confined | undefined;
  try {
    const stats = io.fstat(fd);
    const real = io.readlink(`${descriptorLinks}/${fd}`);
    const isStraight = real === byteString(path);
    if (isStraight || (liesWhereWanted(real, root, path, jail) && !isNamedElse(fd, real, jail))) {
      confined = { fd, stats, isStraight };
    }
  } finally {
    if (confined === undefined) io.close(fd);
  }
  return confined ?? STRAYED;
}

/**
 * Tells whether a file that has lost its name has another one. It had two when it was opened, which
 * the count of names no longer shows where this one went before it was asked for.
 */
function isNamedElse(fd: number, real: string, { hardLinks, system }: Jail): boolean {
  return hardLinks === 'deny' && real.endsWith(DELETED) && system.io.fstat(fd).nlink > 0n;
}

/**
 * Looks the path up before and after it is opened. Both must give the same allowed path, which
 * must still be the file that was opened. This also refuses other spellings of a name: 8.3 names,
 * other case, composed accents, on file systems that fold them.
 */
async function openByRealpath(
  root: string,
  path: string,
  flags: number,
  jail: Jail,
): Promise<Confined | typeof STRAYED | undefined> {
  const { io } = jail.system;
  const before = await io.realpath(path);
  if (!liesWhereWanted(byteString(before), root, path, jail)) return undefined;
  const fd = await io.open(path, flags);
  let confined: Confined | undefined;
  try {
    const stats = io.fstat(fd);
    const after = await io.realpath(path);
    if (after === before && (await isNamed(fd, stats, after, io))) {
      confined = { fd, stats, isStraight: false };
    }
  } finally {
    if (confined === undefined) io.close(fd);
  }
  return confined ?? STRAYED;
}

/**
 * Tells whether a descriptor is of the file that a path names, or of one that has just lost its
 * last name. An object that is replaced all the time is seen so; a file outside keeps its name.
 */
async function isNamed(
  fd: number,
  opened: BigIntStats,
  path: string,
  io: FileIo,
): Promise<boolean> {
  const named = await io.stat(path);
  if (named.dev === opened.dev && named.ino === opened.ino) return true;
  return io.fstat(fd).nlink === 0n;
}

/**
 * Where links are followed, a path that differs only in case or accents came from no link but from
 * a file system that takes both for one name.
 */
function isFolded(real: string, wanted: string): boolean {
  return fold(real) === fold(wanted);
}

function fold(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString().normalize('NFC').toLowerCase();
}
