import { isAbsolute } from 'node:path';

import { quote } from '../options.ts';
import type { LocalPath } from '../storage/driver.ts';
import { percentEncode } from './place-codec.ts';

/**
 * Where the front server finds the roots of a store: one place below which all of them lie, each
 * under its own prefix of keys, or one place for each prefix. `''` is the root of all other keys.
 */
export type RootPlaces = string | Readonly<Record<string, string>>;

/** Gives where the front server finds the root of a place; ends with `/`. */
export type RootMap = (place: LocalPath) => string | undefined;

/**
 * Maps roots to paths of URIs. A text is the path below which every root lies: `/_sluice/` for the
 * root of all keys, `/_sluice/videos/` for that of `videos`.
 *
 * @throws TypeError when a path does not start and end with `/`, or has a character in it that
 * would need to be encoded
 */
export function createUriMap(owner: string, prefix: RootPlaces): RootMap {
  return createRootMap(
    prefix,
    (path) => checkUriPath(owner, path),
    (keys) => percentEncode(keys.split('/')),
  );
}

/**
 * Maps roots to folders as the front server sees them, in a container of its own, say. Without
 * places each root is where the application has it.
 *
 * @throws TypeError when a folder is not an absolute path
 */
export function createFolderMap(owner: string, root: RootPlaces | undefined): RootMap {
  if (root === undefined) return (place) => `${withSlashes(place.root)}/`;
  return createRootMap(
    root,
    (folder) => checkFolder(owner, folder),
    (keys) => keys,
  );
}

/** @param spell how a prefix of keys is written into a place */
function createRootMap(
  places: RootPlaces,
  check: (place: unknown) => string,
  spell: (keys: string) => string,
): RootMap {
  if (typeof places !== 'object' || places === null) {
    const base = check(places);
    return ({ prefix }) => (prefix === '' ? base : `${base}${spell(prefix)}/`);
  }
  const byPrefix = new Map(
    Object.entries(places).map(([prefix, place]) => [prefix.replace(/\/$/, ''), check(place)]),
  );
  return ({ prefix }) => byPrefix.get(prefix);
}

/**
 * Unreserved characters (RFC 3986 §2.3): what stands in the server's configuration and what is
 * compared with it are the same text.
 */
const URI_PATH = /^(?:\/[\w.~-]+)+\/$/;

function checkUriPath(owner: string, path: unknown): string {
  if (typeof path !== 'string' || !URI_PATH.test(path) || /\/\.\.?\//.test(path)) {
    throw new TypeError(
      `${owner}: prefix must be a path that starts and ends with "/", such as "/_sluice/", got ${quote(path)}`,
    );
  }
  return path;
}

function checkFolder(owner: string, folder: unknown): string {
  if (typeof folder !== 'string' || !isAbsolute(folder) || folder.includes('\0')) {
    throw new TypeError(`${owner}: root must be an absolute path, got ${quote(folder)}`);
  }
  return `${withSlashes(folder).replace(/\/+$/, '')}/`;
}

function withSlashes(folder: string): string {
  return folder.includes('/') ? folder : folder.replaceAll('\\', '/');
}
