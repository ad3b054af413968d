import { basename, dirname, join } from 'node:path';

import { isSluiceError } from '@sluice/core';
import fsExtra from 'fs-extra';

import { codeOf, onDisk, removedMeanwhile, unwritableName, writeFault } from '../errno.ts';
import { type Folder, openFolder } from '../folder.ts';
import type { Jail } from '../jail.ts';

export interface EnsureFolderOptions {
  readonly jail: Jail;
  /** Whether a new folder must be on the disk before it counts as made. */
  readonly fsync: boolean;
}

/**
 * Opens a folder, and makes it and those above it where they are missing. Somebody may be removing
 * empty folders meanwhile, so it is tried a few times.
 */
export async function ensureFolder(
  root: string,
  path: string,
  options: EnsureFolderOptions,
): Promise<Folder> {
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
async function makeFolders(
  root: string,
  path: string,
  options: EnsureFolderOptions,
): Promise<Folder> {
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
