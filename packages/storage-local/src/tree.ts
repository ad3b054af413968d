import { randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import type {
  ByteSource,
  Call,
  MappedPath,
  ObjectStat,
  PutOptions,
  StorageKey,
} from '@sluice/core';
import { isSluiceError, SluiceError } from '@sluice/core';
import fsExtra from 'fs-extra';

import { throwIfAborted } from './abort.ts';
import { piecesOf, takeSource } from './byte-source.ts';
import { createDescriptor, type Descriptor } from './descriptor.ts';
import { codeOf, removedMeanwhile, unwritableName, writeFault } from './errno.ts';
import { type Folder, openFolder } from './folder.ts';
import { type Jail, placeOf } from './jail.ts';
import { openRegular } from './open-regular.ts';
import { readWindow } from './reader.ts';

/** The writing half of a driver. */
export interface Tree {
  put(key: StorageKey, source: ByteSource, options?: PutOptions): Promise<ObjectStat>;
  delete(key: StorageKey, call?: Call): Promise<void>;
  move(from: StorageKey, to: StorageKey, call?: Call): Promise<boolean>;
}

export interface TreeOptions {
  readonly jail: Jail;
  /** The facts of an object, from its key and the file that holds it. */
  readonly describe: (key: StorageKey, stats: BigIntStats) => ObjectStat;
  readonly fsync: boolean;
  /** For tests; by default that of the file system. */
  readonly rename?: (from: string, to: string) => Promise<void>;
}

/**
 * Creates the writing half of a driver.
 *
 * Every change is made in a folder that was opened and proven to lie inside its root, so that no
 * link above it can send a write elsewhere: without a race where descriptors have paths, as a best
 * effort elsewhere. A link at the end of a path is replaced or removed, never written through.
 *
 * Folders are made as they are needed and stay when they are empty.
 */
export function createTree(options: TreeOptions): Tree {
  const { jail, describe } = options;
  return {
    async put(key, source, { ifAbsent = false, signal } = {}) {
      takeSource(source);
      const place = requirePlace(key, jail);
      const folder = await ensureFolder(place.root, dirname(place.path), options);
      try {
        const stats = await store(folder, basename(place.path), source, {
          ...options,
          ifAbsent,
          signal,
        });
        return describe(key, stats);
      } finally {
        folder.close();
      }
    },
    async delete(key) {
      await inFolderOf(key, jail, async (folder, name) => {
        if ((await entryAt(join(folder.at, name), jail)) === undefined) return;
        await removeEntry(folder, name, options);
      });
    },
    async move(from, to, { signal } = {}) {
      const target = requirePlace(to, jail);
      const isMoved = await inFolderOf(from, jail, async (folder, name, place) => {
        const entry = await entryAt(join(folder.at, name), jail);
        if (entry === undefined) return false;
        if (place.path === target.path) return true;
        const route = { place, folder, name, target, signal };
        const renaming = entry === 'file' ? await renameObject(route, options) : 'impossible';
        return renaming === 'impossible' ? copyObject(route, options) : renaming === 'done';
      });
      return isMoved ?? false;
    },
  };
}

/**
 * Where the bytes of an object lie until it is whole. A key holds no control character, so no key
 * names it: it is neither served nor listed. What a crash leaves behind can be told by this name.
 */
export function draftName(): string {
  return `.sluice-${randomBytes(8).toString('hex')}\u007f`;
}

/** Bytes: `PATH_MAX` of Linux without its NUL. Elsewhere it is less, and the system tells. */
const LONGEST_PATH = 4095;

interface StoreOptions extends PutOptions, TreeOptions {
  /** Of the object that this one is a copy of. */
  readonly copyOf?: BigIntStats;
}

interface Route {
  readonly place: MappedPath;
  readonly folder: Folder;
  readonly name: string;
  readonly target: MappedPath;
  readonly signal: AbortSignal | undefined;
}

function requirePlace(key: StorageKey, jail: Jail): MappedPath {
  const place = placeOf(key, jail);
  // Found out now, no folders are made for an object that cannot be.
  if (place === undefined || Buffer.byteLength(place.path) > LONGEST_PATH) throw unwritableName();
  return place;
}

async function inFolderOf<T>(
  key: StorageKey,
  jail: Jail,
  change: (folder: Folder, name: string, place: MappedPath) => Promise<T>,
): Promise<T | undefined> {
  const place = placeOf(key, jail);
  const folder = place && (await openFolder(place.root, dirname(place.path), jail));
  if (place === undefined || folder === undefined) return undefined;
  try {
    return await change(folder, basename(place.path), place);
  } finally {
    folder.close();
  }
}

/**
 * Opens a folder, and makes it and those above it where they are missing. Somebody may be removing
 * empty folders meanwhile, so it is tried a few times.
 */
async function ensureFolder(root: string, path: string, options: TreeOptions): Promise<Folder> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await makeFolders(root, path, options);
    } catch (error) {
      const isGone = isSluiceError(error) && error.code === 'SLUICE_UNAVAILABLE';
      if (!isGone || attempt === ATTEMPTS) throw error;
    }
  }
}

const ATTEMPTS = 5;

/** One by one, each inside one that is proven. */
async function makeFolders(root: string, path: string, options: TreeOptions): Promise<Folder> {
  const found = await openFolder(root, path, options.jail);
  if (found !== undefined) return found;
  if (path === root) throw unwritableName();
  const parent = await makeFolders(root, dirname(path), options);
  const entry = join(parent.at, basename(path));
  try {
    await makeFolder(entry);
    if (options.fsync) await onDisk(parent.sync());
    const made = await openFolder(root, path, options.jail);
    if (made !== undefined) return made;
    // Something else has the name: a file, or a link that leads nowhere good.
    throw (await isFolder(entry)) ? removedMeanwhile() : unwritableName();
  } finally {
    parent.close();
  }
}

/**
 * Not `ensureDir`: asked for a folder inside one that was removed and is still open, Node's
 * recursive `mkdir` goes on trying for ever.
 */
async function makeFolder(path: string): Promise<void> {
  try {
    await fsExtra.mkdir(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw writeFault(error);
  }
}

/** @throws SluiceError `SLUICE_UNAVAILABLE` when nothing is there, or no longer */
async function isFolder(path: string): Promise<boolean> {
  return (await onDisk(fsExtra.lstat(path))).isDirectory();
}

async function store(
  folder: Folder,
  name: string,
  source: ByteSource,
  options: StoreOptions,
): Promise<BigIntStats> {
  const draft = join(folder.at, draftName());
  const handle = await onDisk(open(draft, 'wx'));
  try {
    await writeDraft(handle, source, options);
    throwIfAborted(options.signal);
    await publish(draft, join(folder.at, name), options);
    if (options.fsync) await onDisk(folder.sync());
    // After the renaming, which changes the inode: so it is the version that readers will see.
    return await onDisk(handle.stat({ bigint: true }));
  } catch (error) {
    await fsExtra.unlink(draft).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
}

async function writeDraft(
  handle: FileHandle,
  source: ByteSource,
  { jail, signal, fsync, copyOf }: StoreOptions,
): Promise<void> {
  for await (const piece of piecesOf(source, signal)) await onDisk(handle.writeFile(piece));
  if (copyOf !== undefined) await onDisk(handle.utimes(copyOf.atime, copyOf.mtime));
  if (fsync) await onDisk(jail.system.io.sync(handle.fd));
}

/** Linking fails where a name is taken, as one step; renaming replaces what is there, as one step. */
async function publish(draft: string, path: string, options: StoreOptions): Promise<void> {
  if (options.ifAbsent !== true) return onDisk(renameWith(options)(draft, path));
  try {
    await fsExtra.link(draft, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw writeFault(error);
    throw new SluiceError('SLUICE_EXISTS', 'an object of that key exists', { cause: error });
  }
  await onDisk(fsExtra.unlink(draft));
}

/** What the rules take for an object, or for a link that may lead to one. */
async function entryAt(path: string, { symlinks }: Jail): Promise<'file' | 'link' | undefined> {
  try {
    const stats = await fsExtra.lstat(path);
    if (stats.isFile()) return 'file';
    return stats.isSymbolicLink() && symlinks === 'inside' ? 'link' : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENAMETOOLONG') return undefined;
    throw writeFault(error);
  }
}

/** Two names on different devices cannot be one renaming. */
async function renameObject(
  { folder, name, target }: Route,
  options: TreeOptions,
): Promise<'done' | 'missing' | 'impossible'> {
  const into = await ensureFolder(target.root, dirname(target.path), options);
  try {
    await renameWith(options)(join(folder.at, name), join(into.at, basename(target.path)));
    if (options.fsync) await onDisk(Promise.all([into.sync(), folder.sync()]));
    return 'done';
  } catch (error) {
    if (codeOf(error) === 'EXDEV') return 'impossible';
    // Somebody else was quicker to move or to remove it.
    if (codeOf(error) === 'ENOENT') return 'missing';
    throw writeFault(error);
  } finally {
    into.close();
  }
}

/**
 * Copies the bytes and removes the name that they had: across devices, and for a link, which would
 * lead elsewhere from another folder. In between both keys have the object, never none.
 *
 * @returns false when a link leads to nothing that is served
 */
async function copyObject(route: Route, options: TreeOptions): Promise<boolean> {
  const { place, folder, name, target, signal } = route;
  const into = await ensureFolder(target.root, dirname(target.path), options);
  try {
    const confined = await openRegular(place, options.jail);
    if (confined === undefined) return false;
    // Through a link to the folder, both keys can be one name, which must not be removed.
    const isSame = folder.identity === into.identity && name === basename(target.path);
    if (isSame) {
      options.jail.system.io.close(confined.fd);
      return true;
    }
    const storing = { ...options, signal, copyOf: confined.stats };
    const file = createDescriptor(confined, options.jail.system.io);
    try {
      await store(into, basename(target.path), contentOf(file, signal), storing);
    } finally {
      await file.close();
    }
  } finally {
    into.close();
  }
  await removeEntry(folder, name, options);
  return true;
}

async function* contentOf(
  file: Descriptor,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, undefined> {
  const window = { start: 0, end: Number(file.stats.size) };
  yield* piecesOf(await readWindow(file, window, { signal }), signal);
}

async function removeEntry(folder: Folder, name: string, { fsync }: TreeOptions): Promise<void> {
  try {
    await fsExtra.unlink(join(folder.at, name));
    if (fsync) await folder.sync();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw writeFault(error);
  }
}

function renameWith({ rename }: TreeOptions): (from: string, to: string) => Promise<void> {
  return rename ?? fsExtra.rename;
}

/** Names the cause of a failed write. What a source throws is not touched. */
async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw writeFault(error);
  }
}
