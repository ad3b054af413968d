import type { MappedPath } from '@sluice/core';

import type { Jail } from './jail.ts';
import { type Confined, isObject, openDirectory, openRegular } from './open-regular.ts';
import { createQuickReads, type QuickReads } from './quick-reads.ts';
import { byteString, OPEN_OBJECT, refuseLinks } from './system.ts';

/** Opens objects, each under the proof of {@link openRegular}. */
export interface Opener {
  /**
   * Opens an object while the process waits, in a folder that has earned it. `undefined` says nothing
   * of the object: whatever is not plainly the one that was asked for is left to `open`.
   */
  openNow(place: MappedPath): Confined | undefined;
  /** Opens an object through the thread pool. */
  open(place: MappedPath): Promise<Confined | undefined>;
  /** Closes the folders that are held; nothing is opened at once any more. */
  close(): Promise<void>;
}

/**
 * Creates the opener of a driver. A trip through the thread pool costs many times what the kernel
 * needs to open a file whose name it has in memory; but a process must not wait for a disk, and much
 * less for a network that a link or a mount leads to.
 *
 * So a name is looked up in an open folder, and nowhere else: a folder from which several objects
 * were opened within a moment, on the disk of a root, is opened itself, under the same proof, and is
 * believed in for a moment. Whatever is swapped above it meanwhile, no call waits for it; what was
 * opened is only taken if its descriptor still has the path that was asked for. A link is refused,
 * and an opening that did wait for the disk forbids more of them for twenty times as long.
 *
 * What a moment hides from it is a mount over a folder above, and a right to enter one that was
 * taken away.
 */
export function createOpener(jail: Jail): Opener {
  const { proof, localDevices, system } = jail;
  const shelf: Shelf = {
    jail,
    folders: new Map(),
    flags: OPEN_OBJECT | refuseLinks(system.platform),
    rest: createQuickReads(system),
    isOff: proof !== 'descriptor' || localDevices.size === 0,
    openings: new Set(),
    sweeping: undefined,
  };
  return {
    openNow: (place) => (shelf.folders.size === 0 ? undefined : openNow(place, shelf)),
    async open(place) {
      const confined = await openRegular(place, jail);
      if (confined !== undefined && !shelf.isOff) learn(place, confined, shelf);
      return confined;
    },
    async close() {
      shelf.isOff = true;
      for (const path of shelf.folders.keys()) forget(path, shelf);
      await Promise.all(shelf.openings);
    },
  };
}

interface Shelf {
  readonly jail: Jail;
  /** By path; those that were met last come last. */
  readonly folders: Map<string, WatchedFolder>;
  readonly flags: number;
  readonly rest: QuickReads;
  isOff: boolean;
  /** Of folders, in the background. None of them rejects. */
  readonly openings: Set<Promise<void>>;
  sweeping: NodeJS.Timeout | undefined;
}

/** A folder that objects were opened from lately. Times are in ticks of the system. */
interface WatchedFolder {
  readonly root: string;
  /** How many were opened from it since `metAt`. */
  met: number;
  metAt: number;
  fd: number | undefined;
  /** What leads to a name in the open folder when it is put in front of it. */
  before: string;
  trustedUntil: number;
  /** When it may be opened next, after it could not be. */
  triedAgainAt: number;
  isOpening: boolean;
}

/** Milliseconds: a moment. */
const MOMENT = 50;

/** Objects that must be opened from a folder within a moment before it is opened itself. */
const EARNED = 4;

/** Milliseconds for which a folder that could not be opened is left alone: one that may not be read, say. */
const REST = 1000;

/** Folders that are watched at once. */
const MOST = 16;

function openNow({ root, path }: MappedPath, shelf: Shelf): Confined | undefined {
  const slash = path.lastIndexOf('/');
  const folderPath = path.slice(0, slash);
  const folder = shelf.folders.get(folderPath);
  if (folder?.fd === undefined) return undefined;
  const left = folder.trustedUntil - shelf.jail.system.ticks();
  // Before it is too late: those who come meanwhile need not go the long way.
  if (left < MOMENT / 2) openFolder({ root, path: folderPath }, folder, shelf);
  if (left <= 0 || !shelf.rest.isAllowed()) return undefined;
  return shelf.rest.run(() => openIn(folder, path, slash, shelf));
}

function openIn(
  { before }: WatchedFolder,
  path: string,
  slash: number,
  { jail, flags }: Shelf,
): Confined | undefined {
  const { io, descriptorLinks } = jail.system;
  let fd: number;
  try {
    fd = io.openNow(`${before}${path.slice(slash + 1)}`, flags);
  } catch {
    return undefined;
  }
  let confined: Confined | undefined;
  try {
    const stats = io.fstat(fd);
    const isStraight = io.readlink(`${descriptorLinks}/${fd}`) === byteString(path);
    const isServed = jail.localDevices.has(stats.dev) && isObject(stats, jail);
    if (isStraight && isServed) confined = { fd, stats, isStraight };
  } catch {
    // The long way fails as well, or finds what this one did not.
  } finally {
    if (confined === undefined) io.close(fd);
  }
  return confined;
}

function learn({ root, path }: MappedPath, { isStraight, stats }: Confined, shelf: Shelf): void {
  if (!isStraight || !shelf.jail.localDevices.has(stats.dev)) return;
  const folderPath = path.slice(0, path.lastIndexOf('/'));
  const now = shelf.jail.system.ticks();
  const folder = shelf.folders.get(folderPath) ?? watch(folderPath, root, shelf);
  if (now - folder.metAt > MOMENT) {
    folder.metAt = now;
    folder.met = 0;
  }
  folder.met += 1;
  if (folder.met >= EARNED) openFolder({ root, path: folderPath }, folder, shelf);
}

function watch(path: string, root: string, shelf: Shelf): WatchedFolder {
  const [oldest] = shelf.folders.keys();
  if (shelf.folders.size >= MOST && oldest !== undefined) forget(oldest, shelf);
  const folder: WatchedFolder = {
    root,
    met: 0,
    metAt: Number.NEGATIVE_INFINITY,
    fd: undefined,
    before: '',
    trustedUntil: Number.NEGATIVE_INFINITY,
    triedAgainAt: Number.NEGATIVE_INFINITY,
    isOpening: false,
  };
  shelf.folders.set(path, folder);
  sweepLater(shelf);
  return folder;
}

/** Opens a folder, or opens it anew, in the background. One that cannot be opened is not held. */
function openFolder(
  { root, path }: { readonly root: string; readonly path: string },
  folder: WatchedFolder,
  shelf: Shelf,
): void {
  const { jail, folders } = shelf;
  const now = jail.system.ticks();
  if (folder.isOpening || now < folder.triedAgainAt) return;
  folder.isOpening = true;
  // Else each object that is opened from it would cost two openings.
  folder.triedAgainAt = now + REST;
  // Of before it is opened: what is done to it while that lasts counts as seen later.
  const trustedUntil = now + MOMENT;
  const opening = openDirectory(root, path, jail).then(
    (confined) => {
      folder.isOpening = false;
      if (confined === undefined) return;
      const isNear = confined.isStraight && jail.localDevices.has(confined.stats.dev);
      if (isNear && folders.get(path) === folder) hold(confined, trustedUntil, folder, shelf);
      else jail.system.io.close(confined.fd);
    },
    () => {
      // One that may not be read, or no descriptor left: all is opened the long way.
      folder.isOpening = false;
    },
  );
  shelf.openings.add(opening);
  void opening.then(() => shelf.openings.delete(opening));
}

function hold(
  { fd }: Confined,
  trustedUntil: number,
  folder: WatchedFolder,
  { jail }: Shelf,
): void {
  const { io, descriptorLinks } = jail.system;
  if (folder.fd !== undefined) io.close(folder.fd);
  folder.fd = fd;
  folder.before = `${descriptorLinks}/${fd}/`;
  folder.trustedUntil = trustedUntil;
  folder.triedAgainAt = Number.NEGATIVE_INFINITY;
}

function forget(path: string, shelf: Shelf): void {
  const folder = shelf.folders.get(path);
  shelf.folders.delete(path);
  if (folder?.fd !== undefined) shelf.jail.system.io.close(folder.fd);
}

/** The timer keeps no process alive. */
function sweepLater(shelf: Shelf): void {
  if (shelf.sweeping !== undefined || shelf.folders.size === 0) return;
  shelf.sweeping = setTimeout(() => sweep(shelf), 2 * MOMENT);
  shelf.sweeping.unref();
}

function sweep(shelf: Shelf): void {
  shelf.sweeping = undefined;
  const until = shelf.jail.system.ticks() - MOMENT;
  for (const [path, { metAt, trustedUntil }] of shelf.folders) {
    if (Math.max(metAt, trustedUntil) <= until) forget(path, shelf);
  }
  sweepLater(shelf);
}
