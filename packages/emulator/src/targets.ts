import { first, joined } from './headers.ts';
import type { ClientRequest } from './model.ts';
import { cleanPath, percentDecode } from './places.ts';

/** Splits a target into its path and its query, which keeps its question mark. */
export function pathAndQuery(target: string): readonly [path: string, query: string] {
  const at = target.indexOf('?');
  return at === -1 ? [target, ''] : [target.slice(0, at), target.slice(at)];
}

/** Tells whether a percent sign begins no escape. */
export function hasBrokenEscape(text: string): boolean {
  return /%(?![\da-f]{2})/i.test(text);
}

/** Tells whether dot segments, escaped or not, lead above the root. */
export function leavesRoot(path: string): boolean {
  let depth = 0;
  for (const segment of percentDecode(path).split('/')) {
    if (segment === '..') depth -= 1;
    else if (segment !== '' && segment !== '.') depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

/** Decodes a path, and takes dot segments and double slashes out of it. */
export function decodedPath(path: string): string {
  return plainPath(percentDecode(path));
}

/** Takes dot segments and double slashes out of a path; what named a folder ends with a slash. */
export function plainPath(path: string): string {
  const clean = cleanPath(path);
  return /\/\.{0,2}$/.test(path) && clean !== '/' ? `${clean}/` : clean;
}

/** Escapes what is no part of a URI, a percent sign that begins no escape among it. */
export function escapeOdd(target: string): string {
  return target
    .replaceAll(/%(?![\da-f]{2})/gi, '%25')
    .replaceAll(
      /["<>\\^`{|}]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    );
}

/** Tells whether an absolute target names another host than the Host field. */
export function isForAnotherHost({ target, headers }: ClientRequest): boolean {
  const authority = /^https?:\/\/([^/?]*)/i.exec(target)?.[1];
  return authority !== undefined && authority.toLowerCase() !== first(headers, 'host');
}

/** Tells whether a field comes more than once. */
export function isRepeated({ headers }: ClientRequest, name: string): boolean {
  return (joined(headers, name, '\n') ?? '').includes('\n');
}
