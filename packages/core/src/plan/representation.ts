import { formatContentDisposition } from '../http/content-disposition.ts';
import { formatHttpDate } from '../http/date.ts';
import { formatEntityTag, parseEntityTag } from '../http/entity-tag.ts';
import { isFieldValue } from '../http/field.ts';
import { isMediaType, isPassiveMediaType } from '../http/media-type.ts';
import type { Validators } from '../http/preconditions.ts';
import type { StorageKey } from '../keys/storage-key.ts';
import { ownOf, ownValue } from '../options.ts';
import type { Obligations } from '../policy/obligations.ts';
import type { ObjectStat } from '../storage/driver.ts';
import type { PlanHeaders } from './download-plan.ts';

/** How one version of an object looks to a client, as obligations and store together have it. */
export interface Representation {
  /** Bytes. */
  readonly size: number;
  readonly contentType: string;
  readonly validators: Validators;
  /** For a 200 and a 206, but for the headers of framing: length, range and multipart type. */
  readonly headers: PlanHeaders;
  /** For a 304: what updates a stored response (RFC 9110 §15.4.5). */
  readonly cacheHeaders: PlanHeaders;
}

/**
 * Describes an object for the client: obligations count before what the store says. What it says of
 * one version is kept, and given again as the same value where nothing that it depends on differs.
 *
 * Safe by default: a media type always and `nosniff` (Fetch §2.2.6), so that nothing is guessed
 * from the bytes; shown inline only where the media type is passive, else an attachment; active
 * content that is asked inline gets a sandbox (CSP 3 §6.3.3), so that it runs no script in the
 * application's origin; kept out of shared caches; never transformed on the way, since a coded body
 * under the same entity tag breaks every resume (RFC 9110 §7.7).
 */
export function describe(
  key: StorageKey,
  obligations: Obligations,
  found: ObjectStat,
  now: number,
): Representation {
  const known = latest.get(key);
  if (known !== undefined && isStillTrue(known, obligations, found, now)) {
    return known.representation;
  }
  const stat = ownOf(found);
  const representation = describeAnew(key, obligations, stat, now);
  if (isFixed(obligations)) {
    const same = Object.isFrozen(found) ? found : undefined;
    remember(key, { obligations, same, stat, representation, now });
  }
  return representation;
}

/** A description with all that it was made of. */
interface Description {
  readonly obligations: Obligations;
  /** As the driver gave it, where nobody can have changed it since. */
  readonly same: ObjectStat | undefined;
  readonly stat: ObjectStat;
  readonly now: number;
  readonly representation: Representation;
}

/** The latest description of each key; a popular object has one for all its requests. */
const latest = new Map<StorageKey, Description>();

/** So many keys are remembered, the oldest forgotten first: some 2 MB. */
const MOST_KEYS = 1024;

/** What its owner may still change is no measure of a later request. */
function isFixed(obligations: Obligations): boolean {
  const { headers } = obligations;
  return Object.isFrozen(obligations) && (headers === undefined || Object.isFrozen(headers));
}

function remember(key: StorageKey, description: Description): void {
  if (latest.size >= MOST_KEYS && !latest.has(key)) {
    const [oldest] = latest.keys();
    if (oldest !== undefined) latest.delete(oldest);
  }
  latest.set(key, description);
}

/** Compares values and not tokens: one version may get another tag as it ages, or a policy another name. */
function isStillTrue(
  { obligations, same, stat, now: then }: Description,
  asked: Obligations,
  found: ObjectStat,
  now: number,
): boolean {
  // A time in the future is told as the time of the answer, which goes on.
  if (stat.lastModified !== undefined && stat.lastModified > Math.min(then, now)) return false;
  return (
    (obligations === asked || OBLIGED.every((name) => obligations[name] === asked[name])) &&
    (found === same || FOUND.every((name) => stat[name] === ownValue(found, name)))
  );
}

/** The parts of a stat that a description depends on. */
const FOUND = ['size', 'entityTag', 'lastModified', 'contentType', 'contentEncoding'] as const;

/** The obligations that it depends on. */
const OBLIGED = [
  'disposition',
  'filename',
  'contentType',
  'contentEncoding',
  'entityTag',
  'cacheControl',
  'headers',
] as const satisfies readonly (keyof Obligations)[];

function describeAnew(
  key: StorageKey,
  obligations: Obligations,
  stat: ObjectStat,
  now: number,
): Representation {
  const contentType = obligations.contentType ?? mediaTypeOf(stat);
  const contentEncoding = obligations.contentEncoding ?? stat.contentEncoding;
  const validators = validatorsOf(obligations, stat, now);
  const cacheHeaders = cacheHeadersOf(obligations, validators);
  return {
    size: stat.size,
    contentType,
    validators,
    cacheHeaders,
    // Frozen, its copies have one shape. Else V8 of Node 20 gives each of them a shape of its own, and
    // whoever reads the headers of range answers is several times as slow.
    headers: Object.freeze({
      ...presentation(key, obligations, contentType),
      ...cacheHeaders,
      ...(contentEncoding !== undefined && { 'content-encoding': contentEncoding }),
      'content-type': contentType,
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
    }),
  };
}

const UNKNOWN_TYPE = 'application/octet-stream';

const SANDBOX = "sandbox; default-src 'none'";

/** A driver is code of somebody else: what it says must not be able to break a header. */
function mediaTypeOf(stat: ObjectStat): string {
  const { contentType } = stat;
  return contentType !== undefined && isMediaType(contentType) ? contentType : UNKNOWN_TYPE;
}

function validatorsOf(obligations: Obligations, stat: ObjectStat, now: number): Validators {
  const field = obligations.entityTag ?? stat.entityTag;
  const entityTag = field !== undefined && isFieldValue(field) ? parseEntityTag(field) : undefined;
  const lastModified = stat.lastModified ?? Number.NaN;
  return {
    ...(entityTag !== undefined && { entityTag }),
    // RFC 9110 §8.8.2.1: never later than the answer itself.
    ...(lastModified >= 0 && { lastModified: Math.min(lastModified, now) }),
  };
}

function cacheHeadersOf(obligations: Obligations, validators: Validators): PlanHeaders {
  const { entityTag, lastModified } = validators;
  return {
    ...obligations.headers,
    'cache-control': cacheControlOf(obligations.cacheControl),
    ...(entityTag !== undefined && { etag: formatEntityTag(entityTag) }),
    ...(lastModified !== undefined && { 'last-modified': formatHttpDate(lastModified) }),
  };
}

function cacheControlOf(chosen: string | undefined): string {
  if (chosen === undefined) return 'private, no-cache, no-transform';
  return /(?:^|[\s,])no-transform(?:$|[\s,])/i.test(chosen) ? chosen : `${chosen}, no-transform`;
}

function presentation(key: StorageKey, obligations: Obligations, contentType: string): PlanHeaders {
  const passive = isPassiveMediaType(contentType);
  const disposition = obligations.disposition ?? (passive ? 'inline' : 'attachment');
  const filename = obligations.filename ?? key.slice(key.lastIndexOf('/') + 1);
  return {
    ...(disposition === 'inline' &&
      !passive && {
        'content-security-policy': SANDBOX,
        'cross-origin-resource-policy': 'same-origin',
      }),
    'content-disposition': formatContentDisposition(disposition, filename),
  };
}
