import { isNoFolder, readFault } from './errno.ts';
import type { Jail } from './jail.ts';
import { liesWhereWanted, openDirectory, requireRoot } from './open-regular.ts';
import { byteString } from './system.ts';

/** A folder that is proven to lie at or below its root. Whoever gets it must close it. */
export interface Folder {
  /**
   * A path to the folder, to put a name behind. Where descriptors have paths it leads through the
   * open descriptor, so that it stays this folder whatever is swapped above it.
   */
  readonly at: string;
  /** Two equal ones are the same folder. */
  readonly identity: string;
  /** Waits until the entries of the folder are on the disk. */
  sync(): Promise<void>;
  close(): void;
}

/**
 * Opens a folder at or below a root; `undefined` when there is none, or a link leads to it that the
 * rules refuse.
 *
 * @throws SluiceError `SLUICE_CONFIG` when the root is gone, `SLUICE_UNAVAILABLE`, `SLUICE_IO`
 */
export async function openFolder(
  root: string,
  path: string,
  jail: Jail,
): Promise<Folder | undefined> {
  return jail.proof === 'descriptor'
    ? openByDescriptor(root, path, jail)
    : openByRealpath(root, path, jail);
}

async function openByDescriptor(
  root: string,
  path: string,
  jail: Jail,
): Promise<Folder | undefined> {
  const confined = await openDirectory(root, path, jail);
  if (confined === undefined) return undefined;
  const { fd, stats } = confined;
  const { descriptorLinks, io } = jail.system;
  return {
    at: `${descriptorLinks}/${fd}`,
    identity: `${stats.dev}:${stats.ino}`,
    sync: () => io.sync(fd),
    close: () => io.close(fd),
  };
}

/** Not every system opens folders, so the path is looked up instead: somebody may swap it later. */
async function openByRealpath(root: string, path: string, jail: Jail): Promise<Folder | undefined> {
  const { io } = jail.system;
  try {
    const real = await io.realpath(path);
    const isInside = real === path || liesWhereWanted(byteString(real), root, path, jail);
    const stats = await io.stat(real);
    if (isInside && stats.isDirectory()) {
      return {
        at: path,
        identity: `${stats.dev}:${stats.ino}`,
        sync: async () => undefined,
        close: () => undefined,
      };
    }
  } catch (error) {
    if (!isNoFolder(error)) throw readFault(error);
  }
  await requireRoot(root, jail);
  return undefined;
}
