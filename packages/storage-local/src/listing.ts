import type { BigIntStats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';

import {
  type Call,
  type ListEntry,
  parseKey,
  type PathRoot,
  quote,
  type StorageKey,
} from '@sluice/core';
import { throwIfAborted } from '@sluice/core/drivers';

import { isMissing, isNoFolder, readFault } from './errno.ts';
import { type Folder, openFolder } from './folder.ts';
import { type Jail, placeOf } from './jail.ts';
import { isObject, openRegular } from './open-regular.ts';

/**
 * Lists the objects whose keys start with a prefix, as text: `ab` finds `abc` and `ab/c`.
 *
 * It gives what `open` would open, and names that are not keys are passed over. One folder is open
 * at a time. A folder that is reached again below itself, through a link, is not entered again.
 *
 * @throws SluiceError `SLUICE_ABORTED`, `SLUICE_CONFIG`, `SLUICE_UNAVAILABLE`, `SLUICE_IO`
 */
export async function* listObjects(
  prefix: string,
  jail: Jail,
  { signal }: Call = {},
): AsyncGenerator<ListEntry, undefined> {
  if (typeof prefix !== 'string') {
    throw new TypeError(`list: a prefix must be a string, got ${quote(prefix)}`);
  }
  for (const root of jail.paths.roots) {
    const start = startOf(root, prefix, jail);
    if (start !== undefined) yield* walk({ root, prefix, jail, signal, pending: [start] });
  }
}

/** A folder that is still to be read. */
interface Pending {
  /** The start of all keys in it, with its slash; `''` for a root of all keys. */
  readonly base: string;
  readonly path: string;
  /** The folders that led to it. */
  readonly above: readonly string[];
}

interface Walk {
  readonly root: PathRoot;
  readonly prefix: string;
  readonly jail: Jail;
  readonly signal: AbortSignal | undefined;
  readonly pending: Pending[];
}

/** The deepest folder of a root that holds all keys with a prefix. */
function startOf({ prefix: own, root }: PathRoot, prefix: string, jail: Jail): Pending | undefined {
  const base = own === '' ? '' : `${own}/`;
  const top = { base, path: root, above: [] };
  if (base.startsWith(prefix)) return top;
  if (!prefix.startsWith(base)) return undefined;
  const slash = prefix.lastIndexOf('/');
  if (slash < base.length) return slash === 0 ? undefined : top;
  const key = parseKey(prefix.slice(0, slash));
  const place = key && placeOf(key, jail);
  if (place?.prefix !== own) return undefined;
  return { base: prefix.slice(0, slash + 1), path: place.path, above: [] };
}

async function* walk(walk: Walk): AsyncGenerator<ListEntry, undefined> {
  const { root, jail, pending } = walk;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const folder = await openFolder(root.root, next.path, jail);
    try {
      if (folder !== undefined) yield* readFolder(folder, next, walk);
    } catch (error) {
      if (!isNoFolder(error)) throw readFault(error);
    } finally {
      folder?.close();
    }
  }
}

async function* readFolder(
  folder: Folder,
  { base, above }: Pending,
  walk: Walk,
): AsyncGenerator<ListEntry, undefined> {
  if (above.includes(folder.identity)) return;
  const chain = [...above, folder.identity];
  const replaced = new Set<string>();
  for await (const { name } of await opendir(folder.at)) {
    throwIfAborted(walk.signal);
    const key = parseKey(`${base}${name}`);
    if (key === undefined || isRepeated(name, replaced)) continue;
    const found = await examine(key, `${folder.at}/${name}`, walk);
    if (typeof found === 'number') yield { key, size: found };
    else if (found !== undefined) walk.pending.push({ base: `${key}/`, path: found, above: chain });
  }
}

/** Bytes that are not UTF-8 read as U+FFFD, so that a name with it can seem to be there twice. */
function isRepeated(name: string, replaced: Set<string>): boolean {
  if (!name.includes('\ufffd')) return false;
  if (replaced.has(name)) return true;
  replaced.add(name);
  return false;
}

/** The size of an object, the path of a folder, or `undefined` for what is not to be listed. */
async function examine(
  key: StorageKey,
  entry: string,
  { root, prefix, jail }: Walk,
): Promise<number | string | undefined> {
  if (!key.startsWith(prefix)) return undefined;
  const place = placeOf(key, jail);
  // What lies below the folder of another root's prefix cannot be reached here.
  if (place?.prefix !== root.prefix) return undefined;
  const stats = await statEntry(entry);
  if (stats === undefined) return undefined;
  if (stats.isDirectory()) return place.path;
  if (isObject(stats, jail)) return Number(stats.size);
  if (!stats.isSymbolicLink() || jail.symlinks === 'deny') return undefined;
  const confined = await openRegular(place, jail);
  if (confined === undefined) return place.path;
  jail.system.io.close(confined.fd);
  return Number(confined.stats.size);
}

async function statEntry(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
