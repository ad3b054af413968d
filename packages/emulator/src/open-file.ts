import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, stat } from 'node:fs/promises';

import type { FileFault, FilePlace, FrontServer, OpenFile } from './model.ts';

/** Opens a regular file for reading; the caller closes it. */
export async function openFile(
  { folder, path }: FilePlace,
  links: FrontServer['links'],
): Promise<OpenFile | FileFault> {
  try {
    const link = links === 'refused' ? await linkIn(folder, path) : undefined;
    if (link !== undefined) return link;
    const name = bytes(path);
    const fault = faultOf(await stat(name, { bigint: true }));
    if (fault !== undefined) return fault;
    // Without O_NONBLOCK, a FIFO that took the place of the file would hold the thread.
    const handle = await open(name, constants.O_RDONLY | constants.O_NONBLOCK);
    return await opened(handle);
  } catch (error) {
    return faultFromError(error);
  }
}

async function opened(handle: FileHandle): Promise<OpenFile | FileFault> {
  const stats = await handle.stat({ bigint: true }).catch(async (error: unknown) => {
    await handle.close();
    throw error;
  });
  const fault = faultOf(stats);
  if (fault !== undefined) {
    await handle.close();
    return fault;
  }
  return {
    handle,
    size: Number(stats.size),
    lastModified: Number(stats.mtimeMs),
    modifiedNs: stats.mtimeNs,
    inode: stats.ino,
  };
}

function faultOf(stats: BigIntStats): FileFault | undefined {
  if (stats.isFile()) return undefined;
  return stats.isDirectory() ? 'folder' : 'special';
}

async function linkIn(folder: string, path: string): Promise<FileFault | undefined> {
  const names = path.slice(folder.length).split('/').filter(Boolean);
  let above = folder;
  for (const [index, name] of names.entries()) {
    above = `${above}/${name}`;
    const stats = await lstat(bytes(above));
    if (stats.isSymbolicLink()) return index === names.length - 1 ? 'link' : 'link-above';
  }
  return undefined;
}

function faultFromError(error: unknown): FileFault {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return 'denied';
    case 'ENAMETOOLONG':
      return 'name-too-long';
    case 'ENOTDIR':
      return 'no-folder';
    case 'ELOOP':
      return 'link';
    default:
      return 'missing';
  }
}

/** Names need not be UTF-8. */
function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}
