import { randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

import { type PutOptions, SluiceError } from '@sluice/core';
import { throwIfAborted } from '@sluice/core/drivers';
import fsExtra from 'fs-extra';

import { codeOf, onDisk, writeFault } from '../errno.ts';
import type { Folder } from '../folder.ts';
import type { Jail } from '../jail.ts';

/** Renames a file, replacing what has the new name. */
export type Rename = (from: string, to: string) => Promise<void>;

export interface StoreOptions extends PutOptions {
  readonly jail: Jail;
  readonly fsync: boolean;
  /** For tests; by default that of the file system. */
  readonly rename?: Rename | undefined;
  /** Of the object that this one is a copy of. */
  readonly copyOf?: BigIntStats;
}

/**
 * Where the bytes of an object lie until it is whole. A key holds no control character, so no key
 * names it: it is neither served nor listed. What a crash leaves behind can be told by this name.
 */
export function draftName(): string {
  return `.sluice-${randomBytes(8).toString('hex')}\u007f`;
}

/**
 * Stores pieces of bytes under a name in a folder: beside it first, and when they are whole
 * under the name, as one step.
 *
 * @returns the facts of the file as readers will see it
 */
export async function store(
  folder: Folder,
  name: string,
  pieces: AsyncIterable<Uint8Array>,
  options: StoreOptions,
): Promise<BigIntStats> {
  const draft = join(folder.at, draftName());
  const handle = await onDisk(open(draft, 'wx'));
  try {
    await writeDraft(handle, pieces, options);
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
  pieces: AsyncIterable<Uint8Array>,
  { jail, fsync, copyOf }: StoreOptions,
): Promise<void> {
  for await (const piece of pieces) await onDisk(handle.writeFile(piece));
  if (copyOf !== undefined) await onDisk(handle.utimes(copyOf.atime, copyOf.mtime));
  if (fsync) await onDisk(jail.system.io.sync(handle.fd));
}

/** Linking fails where a name is taken, as one step; renaming replaces what is there, as one step. */
async function publish(draft: string, path: string, options: StoreOptions): Promise<void> {
  if (options.ifAbsent !== true) return onDisk((options.rename ?? fsExtra.rename)(draft, path));
  try {
    await fsExtra.link(draft, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw writeFault(error);
    throw new SluiceError('SLUICE_EXISTS', 'an object of that key exists', { cause: error });
  }
  await onDisk(fsExtra.unlink(draft));
}
