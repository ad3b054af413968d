import { createHash } from 'node:crypto';

import { SluiceError } from '../errors.ts';
import { parseEntityTag } from '../http/entity-tag.ts';
import { quote } from '../options.ts';
import type { ObjectStat, Version } from '../storage/driver.ts';

/**
 * The facts of one version of an object, as a reader gives them.
 *
 * The token is all that tells one content from another: a revision, a hash, a time of change that
 * is fine enough. Without an `entityTag` one is made of it, so that downloads can be resumed.
 */
export interface ReaderStat extends Omit<ObjectStat, 'version'> {
  readonly version: ReaderVersion;
}

/** The version of an object, and how the reader's `read` keeps to it. */
export interface ReaderVersion extends Pick<Version, 'token'> {
  /**
   * - `condition`: `read` gives bytes of this very version, or `undefined`: the token is in the
   *   query, or in an `If-Match`.
   * - `detect`: `read` knows nothing of versions. `stat` is asked again after every piece, before it
   *   is handed out. A token must then never come back once it was another: a counter, no hash.
   * - `immutable`: the bytes under a token never change, and stay after a replace.
   */
  readonly hold: Exclude<Version['hold'], 'handle'>;
}

/**
 * Checks what a reader says of an object, and makes a stat of it that nobody changes any more.
 *
 * @throws SluiceError `SLUICE_IO` naming the fact that is malformed
 */
export function checkStat(given: ReaderStat): ObjectStat {
  const { size, version, entityTag, lastModified, contentType, contentEncoding } = given;
  require(Number.isSafeInteger(size) && size >= 0, 'size', size);
  require(typeof version === 'object' && version !== null, 'version', version);
  const { token, hold } = version;
  require(typeof token === 'string' && /^[\x21-\x7e]{1,256}$/.test(token), 'version.token', token);
  require(HOLDS.includes(hold), 'version.hold', hold);
  require(entityTag === undefined || isEntityTag(entityTag), 'entityTag', entityTag);
  require(lastModified === undefined || isTime(lastModified), 'lastModified', lastModified);
  require(isTextOrAbsent(contentType), 'contentType', contentType);
  require(isTextOrAbsent(contentEncoding), 'contentEncoding', contentEncoding);
  return Object.freeze({
    size,
    version: Object.freeze({ token, hold }),
    entityTag: entityTag ?? tagOf(token),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
  });
}

const HOLDS: readonly string[] = ['condition', 'detect', 'immutable'];

function require(isRight: boolean, fact: string, value: unknown): void {
  if (isRight) return;
  // What stands there may be anything of the author's, so it goes where only logs see it.
  const cause = new TypeError(`the ${fact} of a stat is malformed, got ${quote(value)}`);
  throw new SluiceError('SLUICE_IO', `the reader gave a stat whose ${fact} is malformed`, {
    cause,
  });
}

function isEntityTag(value: unknown): boolean {
  return typeof value === 'string' && parseEntityTag(value) !== undefined;
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

/** RFC 9110 §8.8.3: all visible ASCII but the quote may stand in a tag. */
function tagOf(token: string): string {
  if (!token.includes('"')) return `"${token}"`;
  return `"${createHash('sha256').update(token).digest('base64url')}"`;
}
