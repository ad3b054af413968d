import { isAbsolute } from 'node:path';

import { parseKey } from '../keys/storage-key.ts';
import { quote } from '../options.ts';
import type { LocalPath } from '../storage/driver.ts';
import { hasControl, isPlain, percentEncode } from './place-codec.ts';

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
 * would need to be encoded; when a prefix is not one of keys; when two roots share a path, or one
 * lies where the other has its files
 */
export function createUriMap(owner: string, prefix: RootPlaces): RootMap {
  const kind: Kind = {
    owner,
    option: 'prefix',
    check: (path) => checkUriPath(owner, path),
    spell: (segments) => percentEncode(segments),
  };
  if (!isRecord(prefix)) return mapBelow(prefix, kind);
  const entries = checkEntries(prefix, kind);
  for (const entry of entries) {
    for (const other of entries) checkApart(owner, entry, other);
  }
  return mapEach(entries);
}

/**
 * Maps roots to folders as the front server sees them, in a container of its own, say. Without
 * places each root is where the application has it.
 *
 * @throws TypeError when a folder is not an absolute path, is a whole file system, or has `..` or a
 * control character in it; when a prefix is not one of keys; when two roots share a folder
 */
export function createFolderMap(owner: string, root: RootPlaces | undefined): RootMap {
  if (root === undefined) {
    return (place) => (place.root.isWellFormed() ? `${withSlashes(place.root)}/` : undefined);
  }
  const kind: Kind = {
    owner,
    option: 'root',
    check: (folder) => checkFolder(owner, folder),
    spell: (segments) => segments.join('/'),
  };
  return isRecord(root) ? mapEach(checkEntries(root, kind)) : mapBelow(root, kind);
}

/**
 * Checks that a value is a path of URIs that starts and ends with `/`.
 *
 * @throws TypeError quoting what it is instead
 */
export function checkUriPath(owner: string, path: unknown): string {
  if (typeof path !== 'string' || !URI_PATH.test(path) || /\/\.\.?\//.test(path)) {
    throw new TypeError(
      `${owner}: prefix must be a path that starts and ends with "/", such as "/_sluice/", got ${quote(path)}`,
    );
  }
  return path;
}

/** What differs between paths of URIs and folders. */
interface Kind {
  readonly owner: string;
  readonly option: string;
  readonly check: (place: unknown) => string;
  /** How a prefix of keys is written into a place. */
  readonly spell: (segments: readonly string[]) => string;
}

type Entry = readonly [prefix: string, place: string];

function mapBelow(place: unknown, { check, spell }: Kind): RootMap {
  const base = check(place);
  return ({ prefix }) => {
    if (prefix === '') return base;
    const segments = prefix.split('/');
    return segments.every(isPlain) ? `${base}${spell(segments)}/` : undefined;
  };
}

function mapEach(entries: readonly Entry[]): RootMap {
  const byPrefix = new Map(entries);
  return ({ prefix }) => byPrefix.get(prefix);
}

function checkEntries(
  places: Readonly<Record<string, unknown>>,
  { owner, option, check }: Kind,
): readonly Entry[] {
  const entries = Object.entries(places).map(([given, place]): Entry => {
    const prefix = given.endsWith('/') ? given.slice(0, -1) : given;
    if (given !== '' && parseKey(prefix) === undefined) {
      throw new TypeError(`${owner}: ${option} has ${quote(given)}, which is no prefix of keys`);
    }
    return [prefix, check(place)];
  });
  if (entries.length === 0) throw new TypeError(`${owner}: ${option} has no root`);
  for (const [index, [prefix, place]] of entries.entries()) {
    const twin = entries.slice(0, index).find((other) => other[0] === prefix || other[1] === place);
    if (twin !== undefined) {
      const what = twin[0] === prefix ? prefix : place;
      throw new TypeError(`${owner}: ${option} has ${quote(what)} twice`);
    }
  }
  return entries;
}

/**
 * A path below another one is that other's file of the same name, unless keys are nested as paths
 * are: `videos` may be `/_sluice/videos/` where all keys are `/_sluice/`.
 */
function checkApart(owner: string, [outerKeys, outer]: Entry, [keys, inner]: Entry): void {
  if (inner === outer || !inner.startsWith(outer)) return;
  const base = outerKeys === '' ? '' : `${outerKeys}/`;
  if (keys.startsWith(base) && inner === `${outer}${keys.slice(base.length)}/`) return;
  throw new TypeError(
    `${owner}: prefix has ${quote(inner)} below ${quote(outer)}, where other keys have their files`,
  );
}

/**
 * Unreserved characters (RFC 3986 §2.3): what stands in the server's configuration and what is
 * compared with it are the same text.
 */
const URI_PATH = /^(?:\/[\w.~-]+)+\/$/;

function checkFolder(owner: string, folder: unknown): string {
  if (
    typeof folder !== 'string' ||
    !isAbsolute(folder) ||
    hasControl(folder) ||
    !folder.isWellFormed() ||
    /(?:^|[\\/])\.\.?(?:[\\/]|$)/.test(folder)
  ) {
    throw new TypeError(`${owner}: root must be an absolute path, got ${quote(folder)}`);
  }
  const path = withSlashes(folder).replace(/\/+$/, '');
  if (path === '' || /^[A-Za-z]:$/.test(path)) {
    throw new TypeError(
      `${owner}: the root ${quote(folder)} is a whole file system; name the folder that may be served`,
    );
  }
  return `${path}/`;
}

/** A path of Windows has a drive or two backslashes before it; on POSIX a backslash is a letter. */
function withSlashes(folder: string): string {
  return /^(?:[A-Za-z]:[\\/]|\\\\)/.test(folder) ? folder.replaceAll('\\', '/') : folder;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
