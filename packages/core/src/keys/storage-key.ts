import { quote } from '../options.ts';

declare const checked: unique symbol;

/**
 * The one canonical name of a stored object, as {@link parseKey} let it through.
 *
 * Policy, log, driver and every header get this same value. What holds for it:
 *
 * - segments are divided by `/`, with none at the start or the end;
 * - no segment is empty, `.` or `..`, or longer than 255 bytes of UTF-8;
 * - the whole is at most 4000 bytes of UTF-8 (a path on Linux ends at 4096; a driver whose store
 *   ends sooner, as S3 does at 1024, refuses the longer ones);
 * - it is well-formed Unicode and holds no control character (U+0000–U+001F, U+007F).
 *
 * All else is a name and stays as it is: spaces, `%`, `?`, `\`, `...`, `__proto__`, composed and
 * decomposed accents. Nothing is trimmed, folded, merged or normalised, since two spellings of one
 * object are how a guard and a store come to disagree. Case matters.
 */
export type StorageKey = string & { readonly [checked]: true };

/** The most bytes of UTF-8 in one segment of a key: the limit of every common file system. */
export const MAX_SEGMENT_BYTES = 255;

/** The most bytes of UTF-8 in a key: what a path on Linux can hold below a root of some length. */
export const MAX_KEY_BYTES = 4000;

/** Checks a key that comes from outside. Anything but a well-formed key is `undefined`. */
export function parseKey(value: unknown): StorageKey | undefined {
  return isKey(value) ? value : undefined;
}

/**
 * Checks a key that the program itself holds, as from its database.
 *
 * @param owner who takes the key, for the message: `sendDownload`
 * @throws TypeError when the value is not a string or breaks the grammar of {@link StorageKey}
 */
export function assertKey(owner: string, value: unknown): StorageKey {
  if (typeof value !== 'string') {
    throw new TypeError(`${owner}: a storage key must be a string, got ${quote(value)}`);
  }
  if (!isKey(value)) {
    throw new TypeError(
      `${owner}: ${quote(value)} is not a storage key: segments divided by "/", none empty, "." or "..", ` +
        `no control characters, at most ${MAX_KEY_BYTES} bytes`,
    );
  }
  return value;
}

/**
 * Decodes the path of a request target, as it stood on the wire and after its mount prefix, into
 * the key that it names. The inverse is {@link urlForKey}.
 *
 * Each segment is percent-decoded exactly once, after the split at `/`, as strict UTF-8. Only
 * visible ASCII may stand in a target (RFC 9112 §3.2, RFC 3986 §2); a raw `\` or `#`, a malformed
 * escape, an escaped `/` and every other spelling that would need repair give `undefined`.
 * A query, from the first `?`, is cut off.
 *
 * Letters that need no escape may come escaped (`%41` is `A`, RFC 3986 §2.3): one decoding makes
 * the same key of both, and only the key is used from there on.
 */
export function keyFromUrlPath(path: string): StorageKey | undefined {
  const end = path.indexOf('?');
  const raw = end === -1 ? path : path.slice(0, end);
  if (!TARGET.test(raw)) return undefined;
  return parseKey(raw.includes('%') ? decodeSegments(raw) : raw);
}

/**
 * Writes a key as a relative URL path, each segment percent-encoded, to be put behind a mount
 * prefix that ends with `/`. `keyFromUrlPath(urlForKey(key))` is `key` for every key.
 */
export function urlForKey(key: StorageKey): string {
  return key.split('/').map(encodeSegment).join('/');
}

/** Visible ASCII but for `#` and `\`, which other parsers take for a fragment and for a slash. */
const TARGET = /^[!"$-[\]-~]*$/;

const CONTROLS = /[\u0000-\u001f\u007f]/; // oxlint-disable-line no-control-regex -- they are what is refused

/** Visible ASCII and spaces: as many bytes as characters. */
const PLAIN = /^[ -~]*$/;

/** A segment that is empty, `.` or `..`. */
const NO_NAME = /(?:^|\/)\.{0,2}(?:\/|$)/;

function isKey(value: unknown): value is StorageKey {
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_KEY_BYTES) return false;
  // Most keys are so, and one look at each of two things says it of them.
  if (value.length <= MAX_SEGMENT_BYTES && PLAIN.test(value)) return !NO_NAME.test(value);
  if (CONTROLS.test(value) || !value.isWellFormed()) return false;
  if (Buffer.byteLength(value) > MAX_KEY_BYTES) return false;
  return value.split('/').every(isSegment);
}

function isSegment(segment: string): boolean {
  if (segment === '' || segment === '.' || segment === '..') return false;
  // A UTF-16 unit takes at most three bytes of UTF-8, so most segments need no counting.
  return segment.length * 3 <= MAX_SEGMENT_BYTES || Buffer.byteLength(segment) <= MAX_SEGMENT_BYTES;
}

function decodeSegments(raw: string): string | undefined {
  const segments: string[] = [];
  for (const encoded of raw.split('/')) {
    const segment = decodeSegment(encoded);
    // An escaped slash would move the border between segments after the split.
    if (segment === undefined || segment.includes('/')) return undefined;
    segments.push(segment);
  }
  return segments.join('/');
}

function decodeSegment(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

function encodeSegment(segment: string): string {
  // encodeURIComponent leaves !'()* alone; some clients and shells do not.
  return encodeURIComponent(segment).replaceAll(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
