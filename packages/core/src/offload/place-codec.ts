import type { LocalPath } from '../storage/driver.ts';

/**
 * Gives the names of the folders and of the file below the root of a place; `undefined` where a
 * server could read them in another way than the application did: nothing below the root, an empty
 * name, `.`, `..`, a NUL, or half of a surrogate pair, which has no UTF-8.
 */
export function segmentsBelow({ root, path }: LocalPath): readonly string[] | undefined {
  const separator = path.at(root.length);
  if (!path.startsWith(root) || (separator !== '/' && separator !== '\\')) return undefined;
  const rest = path.slice(root.length + 1);
  const segments = (separator === '\\' ? rest.replaceAll('\\', '/') : rest).split('/');
  return segments.every(isPlain) ? segments : undefined;
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

function isPlain(segment: string): boolean {
  return (
    segment !== '' &&
    segment !== '.' &&
    segment !== '..' &&
    !segment.includes('\0') &&
    segment.isWellFormed()
  );
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
