import { basename, dirname, join } from 'node:path';

import type { Call, MappedPath, ObjectStat, PutOptions, StorageKey } from '@sluice/core';
import { takePieces } from '@sluice/core/drivers';
import fsExtra from 'fs-extra';

import { closeQuietly, createDescriptor, type Descriptor } from '../descriptor.ts';
import { codeOf, onDisk, unwritableName, writeFault } from '../errno.ts';
import { type Folder, openFolder } from '../folder.ts';
import { type Jail, placeOf } from '../jail.ts';
import { type FileFacts, openRegular } from '../open-regular.ts';
import { readWindow } from '../reader.ts';
import { type Rename, store } from './draft.ts';
import { ensureFolder } from './ensure-folder.ts';

/** The writing half of a driver. */
export interface Tree {
  put(
    key: StorageKey,
    pieces: AsyncIterable<Uint8Array>,
    options?: PutOptions,
  ): Promise<ObjectStat>;
  delete(key: StorageKey, call?: Call): Promise<void>;
  move(from: StorageKey, to: StorageKey, call?: Call): Promise<boolean>;
}

export interface TreeOptions {
  readonly jail: Jail;
  /** The facts of an object, from its key and the file that holds it. */
  readonly describe: (key: StorageKey, stats: FileFacts) => ObjectStat;
  readonly fsync: boolean;
  /** For tests; by default that of the file system. */
  readonly rename?: Rename;
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
    async put(key, pieces, { ifAbsent = false, signal } = {}) {
      const place = requirePlace(key, jail);
      const folder = await ensureFolder(place.root, dirname(place.path), options);
      try {
        const stats = await store(folder, basename(place.path), pieces, {
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

/** Bytes: `PATH_MAX` of Linux without its NUL. Elsewhere it is less, and the system tells. */
const LONGEST_PATH = 4095;

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
    await renameOf(options)(join(folder.at, name), join(into.at, basename(target.path)));
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
    const { jail } = options;
    const dispose = (): Promise<void> => closeQuietly(confined, jail);
    const file = createDescriptor(confined, jail.system.io, { dispose });
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
  yield* takePieces(await readWindow(file, window, { signal }), signal);
}

async function removeEntry(folder: Folder, name: string, { fsync }: TreeOptions): Promise<void> {
  try {
    await fsExtra.unlink(join(folder.at, name));
    if (fsync) await folder.sync();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw writeFault(error);
  }
}

function renameOf({ rename }: TreeOptions): Rename {
  return rename ?? fsExtra.rename;
}
