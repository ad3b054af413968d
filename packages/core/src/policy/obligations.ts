import { parseEntityTag } from '../http/entity-tag.ts';
import { isFieldName, isFieldValue } from '../http/field.ts';
import { isMediaType } from '../http/media-type.ts';
import { isSendfileHeader } from '../http/sendfile-header.ts';
import { checkOptions, ownOf, quote } from '../options.ts';

/** What an allowed download must look like. The plan honours every one of them. */
export interface Obligations {
  /** Default: inline for passive media types, attachment for all others. */
  readonly disposition?: 'inline' | 'attachment' | undefined;
  /** The name under which the client saves the object. Default: the last segment of the key. */
  readonly filename?: string | undefined;
  /** Replaces the media type that the store knows: `application/pdf`. */
  readonly contentType?: string | undefined;
  /** The coding that the stored bytes already have: `gzip`. Nothing is coded or decoded. */
  readonly contentEncoding?: string | undefined;
  /** Replaces the entity tag of the store, quotes included: `"v7"`. A content hash is best. */
  readonly entityTag?: string | undefined;
  /** Default: `private, no-cache`. `no-transform` is always added. */
  readonly cacheControl?: string | undefined;
  /**
   * Further response headers: `Vary`, `Content-Language`. None may be one that carries the framing
   * or another obligation. A `Content-Security-Policy` replaces the sandbox of active content that
   * is shown inline.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Bounds the transfer, in bytes a second; an integer of at least 1. Default: no bound. */
  readonly rate?: number | undefined;
  /**
   * `false` keeps the client from being sent to the store, where the sluice would do so. Nothing
   * else can be said: whether it may at all is for the sluice. Default: as the sluice has it.
   */
  readonly redirect?: false | undefined;
}

/**
 * Checks obligations and freezes a copy of them.
 *
 * @param owner who takes them, for the message: `allow`
 * @throws TypeError when one is unknown, its value cannot stand in its header, or a header is one
 * that the plan or a front server owns
 */
export function checkObligations(owner: string, obligations: Obligations): Obligations {
  const own = checkOptions(owner, obligations, NAMES);
  for (const [name, value] of Object.entries(own)) {
    const rule = RULES[name];
    if (value !== undefined && rule?.holds(value) !== true) {
      throw new TypeError(`${owner}: ${name} must be ${rule?.expected}, got ${quote(value)}`);
    }
  }
  if (own.headers === undefined) return Object.freeze(own);
  return Object.freeze(ownOf({ ...own, headers: checkHeaders(owner, own.headers) }));
}

/** Joins two sets of obligations; where both speak, those of `stronger` count. */
export function joinObligations(
  weaker: Obligations | undefined,
  stronger: Obligations,
): Obligations {
  if (weaker === undefined) return stronger;
  const joined: Record<string, unknown> = ownOf({ ...weaker });
  for (const [name, value] of Object.entries(stronger)) {
    if (value !== undefined) joined[name] = value;
  }
  if (weaker.headers !== undefined && stronger.headers !== undefined) {
    joined['headers'] = Object.freeze({ ...weaker.headers, ...stronger.headers });
  }
  return Object.freeze(joined);
}

interface Rule {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

const RULES: Readonly<Record<string, Rule>> = {
  disposition: {
    expected: '"inline" or "attachment"',
    holds: (value) => value === 'inline' || value === 'attachment',
  },
  filename: { expected: 'a string', holds: (value) => typeof value === 'string' },
  contentType: {
    expected: 'a media type such as text/plain',
    holds: (value) => typeof value === 'string' && isMediaType(value),
  },
  contentEncoding: {
    expected: 'a content coding such as gzip',
    // RFC 9110 §8.4.1: a list of tokens.
    holds: (value) => typeof value === 'string' && value.split(/, ?/).every(isFieldName),
  },
  entityTag: {
    expected: `an entity tag with its quotes, such as '"v7"'`,
    holds: (value) =>
      typeof value === 'string' && isFieldValue(value) && parseEntityTag(value) !== undefined,
  },
  cacheControl: {
    expected: 'cache directives such as no-store',
    holds: (value) => typeof value === 'string' && value !== '' && isFieldValue(value),
  },
  headers: {
    expected: 'an object of header fields',
    holds: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  },
  rate: {
    expected: 'an integer of at least 1, in bytes a second',
    holds: (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 1,
  },
  redirect: { expected: 'false, or absent', holds: (value) => value === false },
} satisfies Record<keyof Obligations, Rule>;

const NAMES: readonly string[] = Object.keys(RULES);

/** Headers that carry the framing or the plan's own facts. */
const OWNED: ReadonlySet<string> = new Set([
  'accept-ranges',
  'cache-control',
  'connection',
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'etag',
  'keep-alive',
  'last-modified',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-content-type-options',
]);

function checkHeaders(
  owner: string,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const checked: [string, string][] = [];
  for (const [given, value] of Object.entries(headers)) {
    const name = given.toLowerCase();
    if (!isFieldName(name) || OWNED.has(name) || isSendfileHeader(name)) {
      throw new TypeError(`${owner}: the header ${quote(given)} cannot be set by an obligation`);
    }
    if (typeof value !== 'string' || !isFieldValue(value)) {
      throw new TypeError(
        `${owner}: the header ${quote(given)} must have visible ASCII as its value, got ${quote(value)}`,
      );
    }
    checked.push([name, value]);
  }
  return Object.freeze(Object.fromEntries(checked));
}
