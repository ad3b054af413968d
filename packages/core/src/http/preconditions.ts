import { parseHttpDate } from './date.ts';
import {
  type EntityTag,
  matchesStrongly,
  matchesWeakly,
  parseEntityTag,
  parseEntityTagList,
} from './entity-tag.ts';

/** Values of the conditional request fields and Range as received; `undefined` = not sent. */
export interface Conditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly ifUnmodifiedSince?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly range?: string | undefined;
}

/** What identifies the current version of an object; `undefined` = not known. */
export interface Validators {
  readonly entityTag?: EntityTag | undefined;
  /** Milliseconds since the epoch; compared in whole seconds, rounded down. */
  readonly lastModified?: number | undefined;
}

/** What the preconditions demand: go on to Range and 2xx, answer 304, or answer 412. */
export type PreconditionOutcome = 'proceed' | 'not-modified' | 'precondition-failed';

/**
 * Evaluates the preconditions of a request in the order of RFC 9110 §13.2.2, steps 1 to 4; step 5
 * is `rangeApplies`.
 *
 * The object must exist, and the answer without conditions must be 2xx (§13.2.1): evaluated before
 * the permission check, a 304 or 412 would tell of objects that the subject may not see. A malformed
 * date counts as not sent. A malformed list of entity tags counts as sent and matching nothing.
 *
 * @param now Milliseconds since the epoch, against which a two-digit year is read.
 */
export function evaluatePreconditions(
  method: string,
  conditions: Conditions,
  validators: Validators,
  now: number = Date.now(),
): PreconditionOutcome {
  // RFC 9110 §13.2.1: these methods select no representation, conditions MUST be ignored.
  if (method === 'CONNECT' || method === 'OPTIONS' || method === 'TRACE') return 'proceed';
  const isRead = method === 'GET' || method === 'HEAD';

  if (conditions.ifMatch !== undefined) {
    // RFC 9110 §13.2.2 step 1; §13.1.4: If-Unmodified-Since is ignored when If-Match is there.
    if (!ifMatchHolds(conditions.ifMatch, validators)) return 'precondition-failed';
  } else if (!ifUnmodifiedSinceHolds(conditions.ifUnmodifiedSince, validators, now)) {
    // RFC 9110 §13.2.2 step 2.
    return 'precondition-failed';
  }

  if (conditions.ifNoneMatch !== undefined) {
    // RFC 9110 §13.2.2 step 3; §13.1.3: If-Modified-Since is ignored when If-None-Match is there.
    if (ifNoneMatchHolds(conditions.ifNoneMatch, validators)) return 'proceed';
    return isRead ? 'not-modified' : 'precondition-failed';
  }
  // RFC 9110 §13.2.2 step 4; §13.1.3: ignored on every other method.
  if (isRead && !ifModifiedSinceHolds(conditions.ifModifiedSince, validators, now)) {
    return 'not-modified';
  }
  return 'proceed';
}

/**
 * Tells whether If-Range lets the Range of the same request apply: it is absent, or it names
 * exactly the current version (RFC 9110 §13.1.5; step 5 of §13.2.2).
 *
 * A weak entity tag never does, nor a malformed value. A date does if it equals Last-Modified and
 * the second it names is over, or the object could change once more within it (§8.8.2.2). That it
 * was over, too, when the client got the date, is for the client to see to, as that section says.
 *
 * @param now Milliseconds since the epoch.
 */
export function rangeApplies(conditions: Conditions, validators: Validators, now: number): boolean {
  const { ifRange } = conditions;
  if (ifRange === undefined) return true;
  const tag = parseEntityTag(ifRange);
  if (tag !== undefined) {
    return validators.entityTag !== undefined && matchesStrongly(tag, validators.entityTag);
  }
  const date = parseHttpDate(ifRange, now);
  if (date === undefined || validators.lastModified === undefined) return false;
  const lastModified = toSeconds(validators.lastModified);
  return toSeconds(date) === lastModified && lastModified < toSeconds(now);
}

/**
 * RFC 9110 §13.1.1, strong comparison. Malformed is false: the client asks not to be served another
 * version than it knows, and 412 is the answer that cannot break that.
 */
function ifMatchHolds(field: string, { entityTag }: Validators): boolean {
  const tags = parseEntityTagList(field);
  if (tags === '*') return true;
  if (tags === undefined || entityTag === undefined) return false;
  return tags.some((tag) => matchesStrongly(tag, entityTag));
}

/**
 * RFC 9110 §13.1.2, weak comparison. Malformed is true: it matches nothing, and a full answer is
 * never wrong.
 */
function ifNoneMatchHolds(field: string, { entityTag }: Validators): boolean {
  const tags = parseEntityTagList(field);
  if (tags === '*') return false;
  if (tags === undefined || entityTag === undefined) return true;
  return !tags.some((tag) => matchesWeakly(tag, entityTag));
}

/** RFC 9110 §13.1.3: ignored, so true, without a valid date or a modification date. */
function ifModifiedSinceHolds(
  field: string | undefined,
  { lastModified }: Validators,
  now: number,
): boolean {
  const date = field === undefined ? undefined : parseHttpDate(field, now);
  if (date === undefined || lastModified === undefined) return true;
  return toSeconds(lastModified) > toSeconds(date);
}

/** RFC 9110 §13.1.4: ignored, so true, without a valid date or a modification date. */
function ifUnmodifiedSinceHolds(
  field: string | undefined,
  { lastModified }: Validators,
  now: number,
): boolean {
  const date = field === undefined ? undefined : parseHttpDate(field, now);
  if (date === undefined || lastModified === undefined) return true;
  return toSeconds(lastModified) <= toSeconds(date);
}

function toSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1000);
}
