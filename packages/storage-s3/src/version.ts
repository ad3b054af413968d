import type { ObjectStat, Version } from '@sluice/core';
import { parseEntityTag } from '@sluice/core/http';

/** What a read asks for, so that it gets the bytes of one version or none. */
export type Pin =
  | { readonly kind: 'id'; readonly versionId: string }
  | { readonly kind: 'tag'; readonly ifMatch: string }
  /** The store can be asked for no version: only its answer tells. */
  | { readonly kind: 'answer' };

/**
 * Brings the entity tag of a store into the form of the wire. Some answers have it without quotes,
 * or empty; a proxy that changes bodies makes it weak.
 */
export function entityTagOf(value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  const tag = /^(?:W\/)?"/.test(value) ? value : `"${value}"`;
  return VISIBLE.test(tag) && parseEntityTag(tag) !== undefined ? tag : undefined;
}

/**
 * Chooses what names a version: the id where the bucket keeps versions, else the entity tag. Equal
 * tags are equal bytes, so nothing else need be in the token: a second upload of them changes none.
 *
 * `undefined` where the store tells nothing that could.
 */
export function versionFrom({
  versionId,
  entityTag,
  lastModified,
  size,
}: Told): Version | undefined {
  // "null" is the one version of a bucket that keeps none, and is overwritten in place.
  if (versionId !== undefined && versionId !== 'null' && isToken(versionId)) {
    return { token: versionId, hold: 'immutable' };
  }
  if (entityTag !== undefined && isToken(entityTag) && isStrong(entityTag)) {
    return { token: entityTag, hold: 'condition' };
  }
  if (lastModified === undefined) return undefined;
  return { token: `${lastModified.toString(36)}-${size.toString(36)}`, hold: 'detect' };
}

/** Gives what binds reads to a version; `undefined` for a version that is not of this driver. */
export function pinOf({ token, hold }: Version): Pin | undefined {
  if (!isToken(token)) return undefined;
  switch (hold) {
    case 'immutable':
      return { kind: 'id', versionId: token };
    case 'condition':
      return { kind: 'tag', ifMatch: token };
    case 'detect':
      return { kind: 'answer' };
    case 'handle':
      return undefined;
  }
}

/** What a store tells of a version. */
interface Told extends Pick<ObjectStat, 'size' | 'entityTag' | 'lastModified'> {
  readonly versionId: string | undefined;
}

const VISIBLE = /^[\x21-\x7e]+$/;

function isToken(value: string): boolean {
  return value.length <= 256 && VISIBLE.test(value);
}

/** RFC 9110 §13.1.1: If-Match compares strongly, so that a weak tag never matches. */
function isStrong(entityTag: string): boolean {
  return entityTag.startsWith('"');
}
