import type { LocalPath } from '../storage/driver.ts';

/**
 * Gives the names of the folders and of the file below the root of a place; `undefined` where a
 * server could read them in another way than the application did: nothing below the root, an empty
 * name, `.`, `..`, a NUL, or half of a surrogate pair, which has no UTF-8; and where the path is
 * longer than a server can open.
 */
export function segmentsBelow({ root, path }: LocalPath): readonly string[] | undefined {
  const separator = path.at(root.length);
  if (!path.startsWith(root) || (separator !== '/' && separator !== '\\')) return undefined;
  if (!path.isWellFormed() || !isOpenable(path)) return undefined;
  const rest = path.slice(root.length + 1);
  const segments = (separator === '\\' ? rest.replaceAll('\\', '/') : rest).split('/');
  return segments.every(isPlain) ? segments : undefined;
}

/**
 * Gives the path of a place as a server sees it, below a folder that ends with `/`; `undefined` where
 * {@link segmentsBelow} is, and where that path is longer than the server can open.
 */
export function pathBelow(folder: string, place: LocalPath): string | undefined {
  const segments = segmentsBelow(place);
  if (segments === undefined) return undefined;
  const path = `${folder}${segments.join('/')}`;
  return isOpenable(path) ? path : undefined;
}

/**
 * Percent-encodes each name and joins them with `/`. All but the unreserved characters of RFC 3986
 * §2.3 are encoded, so that no server finds a query, a fragment or an escape in a name.
 */
export function percentEncode(segments: readonly string[]): string {
  return segments.map(encodeSegment).join('/');
}

/** The UTF-8 bytes of a text, a character each, as Node puts them into a header. */
export function bytesAsText(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** Tells whether a text has a character that no header carries as it is, or only with luck. */
export function hasControl(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return /[\u0000-\u001f\u007f]/.test(text);
}

/** Tells whether a name leads exactly one folder down, or to one file, with every server. */
export function isPlain(segment: string): boolean {
  return (
    segment !== '' &&
    segment !== '.' &&
    segment !== '..' &&
    !segment.includes('\0') &&
    segment.isWellFormed()
  );
}

/**
 * PATH_MAX of Linux, less its NUL. The application, which opens folder by folder, can open a longer
 * path; a server cannot (ENAMETOOLONG).
 */
const MAX_PATH_BYTES = 4095;

function isOpenable(path: string): boolean {
  return path.length * 3 <= MAX_PATH_BYTES || Buffer.byteLength(path) <= MAX_PATH_BYTES;
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
