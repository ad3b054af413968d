import { isAbsolute, normalize, sep } from 'node:path';

import { quote } from '../options.ts';
import { parseKey, type StorageKey } from './storage-key.ts';

/** Where a key lies: a root folder and the rest of the key below it. */
export interface MappedPath {
  /** The prefix of the key that chose this root; `''` for the root of all keys. */
  readonly prefix: string;
  /** An absolute folder, without a separator at its end. */
  readonly root: string;
  /** The rest of the key, never empty, divided by `/`. */
  readonly rest: string;
  /** `root` and `rest` joined with the separator of the platform. */
  readonly path: string;
}

/** One root of a {@link PathMap}. */
export interface PathRoot {
  /** Without a slash at its end; `''` for all keys. */
  readonly prefix: string;
  /** An absolute folder, without a separator at its end. */
  readonly root: string;
}

/**
 * Says where on a file system the object of a key lies: several roots, each for the keys below a
 * prefix, and the longest matching prefix wins.
 *
 * The mapping is lexical and total over canonical keys: it reads no disk, and no key can leave its
 * root by its spelling. Links inside a root are the concern of the driver that opens.
 */
export interface PathMap {
  /** All roots, the longest prefix first. */
  readonly roots: readonly PathRoot[];
  /** The path of a key; `undefined` when no prefix matches, or the key is the prefix itself. */
  toPath(key: StorageKey): MappedPath | undefined;
}

/**
 * Creates a {@link PathMap} from prefixes of keys to absolute folders.
 *
 * A prefix matches whole segments only: `video` holds `video/a`, and neither `videos/a` nor
 * `video`. The prefix `''` holds every key.
 *
 * @example
 * createPathMap({ '': '/srv/private', 'videos': '/mnt/videos' })
 *
 * @throws TypeError when there is no root, a prefix is not a key, or a folder is relative or the
 * root of the file system
 */
export function createPathMap(roots: Readonly<Record<string, string>>): PathMap {
  if (typeof roots !== 'object' || roots === null || Array.isArray(roots)) {
    throw new TypeError(
      `createPathMap: roots must be an object from prefixes to folders, got ${quote(roots)}`,
    );
  }
  const entries = Object.entries(roots).map(([prefix, root]) => checkRoot(prefix, root));
  if (entries.length === 0) throw new TypeError('createPathMap: at least one root is needed');
  if (new Set(entries.map((entry) => entry.prefix)).size < entries.length) {
    throw new TypeError('createPathMap: a prefix is given twice, with and without its slash');
  }
  const sorted = Object.freeze(entries.toSorted((a, b) => b.prefix.length - a.prefix.length));
  return Object.freeze({
    roots: sorted,
    toPath(key: StorageKey) {
      const entry = sorted.find(({ prefix }) => prefix === '' || key.startsWith(`${prefix}/`));
      return entry && place(entry, key);
    },
  });
}

function place({ prefix, root }: PathRoot, key: StorageKey): MappedPath {
  const rest = prefix === '' ? key : key.slice(prefix.length + 1);
  const below = sep === '/' ? rest : rest.replaceAll('/', sep);
  return { prefix, root, rest, path: `${root}${sep}${below}` };
}

function checkRoot(prefix: string, root: unknown): PathRoot {
  const name = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (prefix !== '' && parseKey(name) === undefined) {
    throw new TypeError(`createPathMap: ${quote(prefix)} is not a prefix of storage keys`);
  }
  return { prefix: name, root: checkFolder(root) };
}

function checkFolder(root: unknown): string {
  if (typeof root !== 'string' || root.includes('\0') || !isAbsolute(root)) {
    throw new TypeError(`createPathMap: a root must be an absolute path, got ${quote(root)}`);
  }
  const folder = normalize(root).replace(sep === '/' ? /\/+$/ : /[\\/]+$/, '');
  if (folder === '' || /^[A-Za-z]:$/.test(folder)) {
    throw new TypeError(
      `createPathMap: the root ${quote(root)} is a whole file system; name the folder that may be served`,
    );
  }
  return folder;
}
