import { openSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, parse } from 'node:path';

import {
  createPathMap,
  type MappedPath,
  parseKey,
  type PathMap,
  quote,
  type StorageKey,
} from '@sluice/core';

import { codeOf } from './errno.ts';
import { byteString, OPEN_FOLDER, type System } from './system.ts';
import { isWindowsAlias } from './windows-names.ts';

/** What may be served below the roots. */
export interface JailRules {
  readonly symlinks: 'deny' | 'inside';
  readonly hardLinks: 'allow' | 'deny';
  readonly dotfiles: 'allow' | 'deny';
}

/** The roots of a driver, what it serves below them, and how it makes sure of that. */
export interface Jail extends JailRules {
  /** All roots with their symbolic links resolved, once, when the driver was created. */
  readonly paths: PathMap;
  readonly system: System;
  /**
   * How an open descriptor is proven to lie where it was looked for. `descriptor` reads its path
   * back from the kernel and leaves no race; `realpath` looks the path up before and after, which
   * narrows a race with somebody who can write below the root, but does not close it.
   */
  readonly proof: 'descriptor' | 'realpath';
  /**
   * The devices of those roots that lie on a disk of this machine: there this kernel knows of every
   * change, and what was read lately is in memory.
   */
  readonly localDevices: ReadonlySet<bigint>;
}

/** Resolves and checks the roots. @throws TypeError quoting the root that cannot be one */
export function createJail(
  roots: Readonly<Record<string, string>>,
  rules: JailRules,
  system: System,
): Jail {
  const resolved = Object.entries(roots).map(([prefix, root]) =>
    resolveEntry(prefix, root, system),
  );
  const paths = createPathMap(Object.fromEntries<string>(resolved));
  const proof = proofOf(paths, system);
  return Object.freeze({ ...rules, paths, system, proof, localDevices: localOf(paths, system) });
}

/**
 * Says where the object of a key lies, without I/O. `undefined` is a key that no object of this
 * driver can have: not a key at all, outside all roots, or refused by its spelling.
 */
export function placeOf(key: StorageKey, jail: Jail): MappedPath | undefined {
  if (parseKey(key) === undefined) return undefined;
  if (jail.system.platform === 'win32' && isWindowsAlias(key)) return undefined;
  const place = jail.paths.toPath(key);
  if (place === undefined) return undefined;
  return jail.dotfiles === 'deny' && hasDotSegment(place.rest) ? undefined : place;
}

function hasDotSegment(rest: string): boolean {
  return rest.startsWith('.') || rest.includes('/.');
}

/** Below these the kernel invents the files: a "regular file" there may be memory or a device. */
const KERNEL_FOLDERS = /^\/(?:proc|sys|dev)(?:\/|$)/;

/** The file system types of procfs and sysfs in `linux/magic.h`, wherever they are mounted. */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x9fa0, 0x6265_6572]);

/**
 * Of `linux/magic.h`: ext2 to ext4, XFS, Btrfs, F2FS, tmpfs, ramfs, overlayfs, SquashFS, EROFS, ZFS,
 * bcachefs. What is not among them may be a network's, or have times too coarse to go by.
 */
const LOCAL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994, 0x8584_58f6, 0x794c_7630, 0x7371_7368,
  0xe0f5_e1e2, 0x2fc1_2fc1, 0xca45_1a4e,
]);

function localOf({ roots }: PathMap, system: System): ReadonlySet<bigint> {
  // The numbers mean this on Linux only.
  if (system.platform !== 'linux') return new Set();
  const local = roots.filter(({ root }) => LOCAL_FILE_SYSTEMS.has(system.fileSystemOf(root) >>> 0));
  return new Set(local.map(({ root }) => statSync(root, { bigint: true }).dev));
}

function resolveEntry(prefix: string, root: unknown, system: System): [string, string] {
  return [prefix, resolveRoot(root, system)];
}

function resolveRoot(root: unknown, system: System): string {
  if (typeof root !== 'string') throw badRoot('must be a string', root);
  if (!isAbsolute(root)) throw badRoot('must be an absolute path', root);
  const real = realRoot(root);
  if (real === parse(real).root) throw badRoot('is a whole file system', root);
  if (!statSync(real).isDirectory()) throw badRoot('is not a folder', root);
  if (KERNEL_FOLDERS.test(real) || KERNEL_FILE_SYSTEMS.has(system.fileSystemOf(real))) {
    throw badRoot('lies in a file system of the kernel', root);
  }
  return real;
}

function realRoot(root: string): string {
  let real: Buffer;
  try {
    real = realpathSync.native(root, 'buffer');
  } catch (error) {
    const code = codeOf(error);
    const fault = code === 'ENOENT' ? 'does not exist' : `cannot be used: ${code}`;
    throw badRoot(fault, root, error);
  }
  const text = real.toString();
  if (!real.equals(Buffer.from(text))) throw badRoot('resolves to a name that is not UTF-8', root);
  return text;
}

function badRoot(fault: string, root: unknown, cause?: unknown): TypeError {
  return new TypeError(`createLocalDriver: the root ${quote(root)} ${fault}`, { cause });
}

/** A container or a chroot may have no /proc, or one of another process: so it is tried. */
function proofOf(paths: PathMap, { descriptorLinks, io }: System): 'descriptor' | 'realpath' {
  const [first] = paths.roots;
  if (descriptorLinks === undefined || first === undefined) return 'realpath';
  const fd = openSync(first.root, OPEN_FOLDER);
  try {
    const link = io.readlink(`${descriptorLinks}/${fd}`);
    return link === byteString(first.root) ? 'descriptor' : 'realpath';
  } catch {
    return 'realpath';
  } finally {
    io.close(fd);
  }
}
