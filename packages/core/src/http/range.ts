import parseRanges from 'range-parser';
import { trimWhitespace } from './field.ts';

/** A range of bytes with both ends inclusive, as on the wire: `{ first: 0, last: 0 }` is one byte. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** One or more ranges, each inside the object, none touching another. */
export type ByteRanges = readonly [ByteRange, ...ByteRange[]];

/**
 * Why a Range field is ignored and the whole object is sent:
 *
 * - `empty-object`: there is no byte to select;
 * - `field-too-long`: more than 2048 characters;
 * - `other-unit`: the unit is not `bytes`;
 * - `malformed`: the field does not follow the grammar;
 * - `too-many-ranges`: more ranges than the limit;
 * - `more-than-whole`: the ranges overlap so much that together they exceed the object.
 */
export type WholeReason =
  | 'empty-object'
  | 'field-too-long'
  | 'other-unit'
  | 'malformed'
  | 'too-many-ranges'
  | 'more-than-whole';

/** What a Range field selects: 200 for `whole`, 206 for `ranges`, 416 for `unsatisfiable`. */
export type RangeOutcome =
  | { readonly kind: 'whole'; readonly why: WholeReason }
  | { readonly kind: 'ranges'; readonly ranges: ByteRanges }
  | { readonly kind: 'unsatisfiable' };

/** Bounds on what one request may ask for. */
export interface RangeLimits {
  /** Most ranges in one field; with more the field is ignored. 0 ignores every one. Default 16. */
  readonly maxRanges?: number | undefined;
}

const DEFAULT_MAX_RANGES = 16;

// Room for sixteen ranges of sixty-digit positions; longer fields come from attackers only.
const MAX_FIELD_LENGTH = 2048;

/**
 * Resolves a Range field against an object of `completeLength` bytes (RFC 9110 §14.1.2, §14.2).
 *
 * Ranges that overlap or touch are combined. The rest keep the order in which they were asked for;
 * one that lies within a later one is dropped in favour of that (§15.3.7.2). Never throws on a
 * field, and takes time linear in its length.
 *
 * Not decided here: that Range counts for GET only (§14.2), and If-Range, see `rangeApplies`.
 *
 * @throws TypeError if `completeLength` is not a safe integer ≥ 0, or `maxRanges` not a number ≥ 0.
 */
export function resolveRange(
  field: string,
  completeLength: number,
  limits: RangeLimits = {},
): RangeOutcome {
  const maxRanges = requireMaxRanges(limits.maxRanges ?? DEFAULT_MAX_RANGES);
  requireLength(completeLength);
  // RFC 9110 §14.2 lets a server ignore Range. nginx and Go send an empty object whole as well.
  if (completeLength === 0) return whole('empty-object');
  if (field.length > MAX_FIELD_LENGTH) return whole('field-too-long');

  const value = trimWhitespace(field);
  const equals = value.indexOf('=');
  if (equals < 1) return whole('malformed');
  // RFC 9110 §14.1: range units are case-insensitive; §14.2: an unknown one MUST be ignored.
  if (value.slice(0, equals).toLowerCase() !== 'bytes') return whole('other-unit');

  const specs = parseRangeSet(value.slice(equals + 1), completeLength);
  if (specs === undefined) return whole('malformed');
  if (specs.length > maxRanges) return whole('too-many-ranges');
  return resolveSpecs(specs, completeLength);
}

/**
 * Formats Content-Range, such as `bytes 0-99/1000`; without a range, as a 416 needs it, `*` stands
 * in its place (RFC 9110 §14.4).
 */
export function formatContentRange(range: ByteRange | undefined, completeLength: number): string {
  const selected = range === undefined ? '*' : `${range.first}-${range.last}`;
  return `bytes ${selected}/${completeLength}`;
}

/**
 * Checks a range-set and rewrites it so that range-parser can only read it one way: no empty
 * elements, no whitespace, no position beyond `completeLength`.
 */
function parseRangeSet(set: string, completeLength: number): readonly string[] | undefined {
  // RFC 9110 §5.6.1: whitespace may surround a comma; here it would precede the first range.
  if (/^[\t ]+[^\t ,]/.test(set)) return undefined;
  const specs: string[] = [];
  for (const element of set.split(',')) {
    const text = trimWhitespace(element);
    // RFC 9110 §5.6.1.2: a recipient must accept empty list elements.
    if (text === '') continue;
    const spec = normalizeSpec(text, completeLength);
    if (spec === undefined) return undefined;
    specs.push(spec);
  }
  // RFC 9110 §14.1.1: range-set = 1#range-spec.
  return specs.length === 0 ? undefined : specs;
}

function normalizeSpec(spec: string, completeLength: number): string | undefined {
  const match = /^(\d*)-(\d*)$/.exec(spec);
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  // RFC 9110 §14.1.1: an int-range whose last-pos is less than its first-pos is invalid.
  if (first !== '' && last !== '' && isLess(last, first)) return undefined;
  return `${saturate(first, completeLength)}-${saturate(last, completeLength)}`;
}

/** Compares positions of any length: beyond 2^53 two different ones may be the same number. */
function isLess(one: string, other: string): boolean {
  const isExact = one.length <= EXACT_DIGITS && other.length <= EXACT_DIGITS;
  return isExact ? Number(one) < Number(other) : BigInt(one) < BigInt(other);
}

/** So many digits are a safe integer, whichever they are. */
const EXACT_DIGITS = 15;

/**
 * Caps a position or suffix length at `completeLength`. For a first-pos that is still beyond the
 * end, for a last-pos still up to the end, and for a suffix-length the whole object, which is what
 * RFC 9110 §14.1.2 asks for when the suffix is longer than that.
 */
function saturate(digits: string, completeLength: number): string {
  return digits === '' ? '' : String(Math.min(Number(digits), completeLength));
}

function resolveSpecs(specs: readonly string[], completeLength: number): RangeOutcome {
  const set = `bytes=${specs.join(',')}`;
  const requested = parseRanges(completeLength, set);
  // RFC 9110 §14.1.2: no range overlaps the representation.
  if (requested === -1) return { kind: 'unsatisfiable' };
  // One range has nothing to be combined with.
  const combined =
    specs.length === 1 ? requested : parseRanges(completeLength, set, { combine: true });
  if (!Array.isArray(requested) || !Array.isArray(combined)) return whole('malformed');

  // RFC 9110 §14.2: overlapping ranges are a sign of an attack. nginx and Go draw the line here too.
  const total = requested.reduce((sum, { start, end }) => sum + (end - start + 1), 0);
  if (total > completeLength) return whole('more-than-whole');

  const [head, ...rest] = combined.map(({ start, end }) => ({ first: start, last: end }));
  return head === undefined
    ? { kind: 'unsatisfiable' }
    : { kind: 'ranges', ranges: [head, ...rest] };
}

function whole(why: WholeReason): RangeOutcome {
  return { kind: 'whole', why };
}

function requireLength(completeLength: number): void {
  if (!Number.isSafeInteger(completeLength) || completeLength < 0) {
    throw new TypeError(`resolveRange: completeLength must be whole bytes, got ${completeLength}`);
  }
}

function requireMaxRanges(maxRanges: number): number {
  if (!(maxRanges >= 0)) {
    throw new TypeError(`resolveRange: maxRanges must be 0 or more, got ${maxRanges}`);
  }
  return maxRanges;
}
