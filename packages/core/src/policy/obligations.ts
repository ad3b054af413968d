import { parseEntityTag } from '../http/entity-tag.ts';
import { isFieldName, isFieldValue } from '../http/field.ts';
import { isMediaType } from '../http/media-type.ts';
import { checkOptions, quote } from '../options.ts';

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
  /** Further response headers: `Vary`, `Content-Language`. None may be one that the plan owns. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Checks obligations and freezes a copy of them.
 *
 * @param owner who takes them, for the message: `allow`
 * @throws TypeError when one is unknown, its value cannot stand in its header, or a header is one
 * that the plan or a front server owns
 */
export function checkObligations(owner: string, obligations: Obligations): Obligations {
  checkOptions(owner, obligations, Object.keys(RULES));
  for (const [name, value] of Object.entries(obligations)) {
    if (value !== undefined && RULES[name]?.(value) !== true) {
      throw new TypeError(`${owner}: ${quote(value)} cannot be the ${name} of a download`);
    }
  }
  const { headers } = obligations;
  return Object.freeze({
    ...obligations,
    ...(headers !== undefined && { headers: checkHeaders(owner, headers) }),
  });
}

/** Joins two sets of obligations; where both speak, those of `stronger` count. */
export function joinObligations(
  weaker: Obligations | undefined,
  stronger: Obligations,
): Obligations {
  if (weaker === undefined) return stronger;
  const joined: Record<string, unknown> = { ...weaker };
  for (const [name, value] of Object.entries(stronger)) {
    if (value !== undefined) joined[name] = value;
  }
  if (weaker.headers !== undefined && stronger.headers !== undefined) {
    joined['headers'] = { ...weaker.headers, ...stronger.headers };
  }
  return joined;
}

const CODING = /^[a-z0-9!#$%&'*+.^_`|~-]+(?:, ?[a-z0-9!#$%&'*+.^_`|~-]+)*$/i;

const RULES: Readonly<Record<string, (value: unknown) => boolean>> = {
  disposition: (value) => value === 'inline' || value === 'attachment',
  filename: (value) => typeof value === 'string',
  contentType: (value) => typeof value === 'string' && isMediaType(value),
  // RFC 9110 §8.4.1: a list of tokens.
  contentEncoding: (value) => typeof value === 'string' && CODING.test(value),
  entityTag: (value) =>
    typeof value === 'string' && isFieldValue(value) && parseEntityTag(value) !== undefined,
  cacheControl: (value) => typeof value === 'string' && value !== '' && isFieldValue(value),
  headers: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
} satisfies Record<keyof Obligations, (value: unknown) => boolean>;

/** Headers that carry the framing, the plan's own facts, or an order to a front server. */
const OWNED =
  /^(?:content-(?:length|range|type|disposition|encoding)|transfer-encoding|connection|keep-alive|upgrade|trailer|etag|last-modified|accept-ranges|cache-control|x-content-type-options|x-accel-.*|x-sendfile.*|x-lighttpd-send-.*|x-litespeed-location|x-reproxy-url)$/;

function checkHeaders(
  owner: string,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const checked: [string, string][] = [];
  for (const [given, value] of Object.entries(headers)) {
    const name = given.toLowerCase();
    if (!isFieldName(name) || OWNED.test(name)) {
      throw new TypeError(`${owner}: the header ${quote(given)} cannot be set by an obligation`);
    }
    if (typeof value !== 'string' || !isFieldValue(value)) {
      throw new TypeError(`${owner}: ${quote(value)} cannot be the value of ${quote(given)}`);
    }
    checked.push([name, value]);
  }
  return Object.freeze(Object.fromEntries(checked));
}
