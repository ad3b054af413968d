import { trimWhitespace } from './field.ts';

/** An entity tag without its quotes (RFC 9110 §8.8.3). */
export interface EntityTag {
  /** True if the tag promises only an equivalent representation, not the same bytes. */
  readonly weak: boolean;
  /** The characters between the quotes: no quote, no space, no control character. */
  readonly opaque: string;
}

/** Parses exactly one entity tag; `undefined` if the value is anything else (RFC 9110 §8.8.3). */
export function parseEntityTag(value: string): EntityTag | undefined {
  const found = readEntityTag(value, 0);
  return found?.end === value.length ? found.tag : undefined;
}

/**
 * Parses the value of If-Match or If-None-Match: `*`, or a list of entity tags, which may be empty
 * (RFC 9110 §13.1.1, §13.1.2).
 *
 * One malformed element makes the whole value `undefined`: what follows it cannot be trusted to be
 * what the client meant. A comma inside the quotes belongs to the tag. Linear, whatever the input.
 */
export function parseEntityTagList(field: string): readonly EntityTag[] | '*' | undefined {
  const value = trimWhitespace(field);
  if (value === '*') return '*';
  const tags: EntityTag[] = [];
  let position = 0;
  while (position < value.length) {
    position = skipWhitespace(value, position);
    // RFC 9110 §5.6.1.2: a recipient must accept empty list elements.
    if (value[position] !== ',') {
      const found = readEntityTag(value, position);
      if (found === undefined) return undefined;
      tags.push(found.tag);
      position = skipWhitespace(value, found.end);
      if (position < value.length && value[position] !== ',') return undefined;
    }
    position += 1;
  }
  return tags;
}

/**
 * Formats an entity tag as it stands in ETag (RFC 9110 §8.8.3).
 *
 * @throws TypeError if `opaque` holds a character that the grammar does not allow.
 */
export function formatEntityTag(tag: EntityTag): string {
  if (!isOpaque(tag.opaque)) {
    throw new TypeError(
      `formatEntityTag: opaque must be the inside of an entity tag, got ${JSON.stringify(tag.opaque)}`,
    );
  }
  return `${tag.weak ? 'W/' : ''}"${tag.opaque}"`;
}

/** Compares two tags strongly: neither is weak and both are the same (RFC 9110 §8.8.3.2). */
export function matchesStrongly(a: EntityTag, b: EntityTag): boolean {
  return !a.weak && !b.weak && a.opaque === b.opaque;
}

/** Compares two tags weakly: both are the same, weak or not (RFC 9110 §8.8.3.2). */
export function matchesWeakly(a: EntityTag, b: EntityTag): boolean {
  return a.opaque === b.opaque;
}

interface FoundTag {
  readonly tag: EntityTag;
  /** Index after the closing quote. */
  readonly end: number;
}

function readEntityTag(value: string, start: number): FoundTag | undefined {
  // RFC 9110 §8.8.3: weak = %s"W/", case-sensitive.
  const weak = value.startsWith('W/', start);
  const open = weak ? start + 2 : start;
  if (value[open] !== '"') return undefined;
  const close = value.indexOf('"', open + 1);
  if (close === -1) return undefined;
  const opaque = value.slice(open + 1, close);
  return isOpaque(opaque) ? { tag: { weak, opaque }, end: close + 1 } : undefined;
}

/** RFC 9110 §8.8.3: *etagc = %x21 / %x23-7E / obs-text; there is no escape in an entity tag. */
function isOpaque(value: string): boolean {
  return !/[^\x21\x23-\x7e\x80-\xff]/.test(value);
}

function skipWhitespace(value: string, start: number): number {
  let position = start;
  while (value[position] === ' ' || value[position] === '\t') position += 1;
  return position;
}
