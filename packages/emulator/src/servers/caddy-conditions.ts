import { opaque } from '../etags.ts';
import { first } from '../headers.ts';
import { strictDateOf } from '../lenient-date.ts';
import type { ClientRequest, FileWindow, HeaderLines } from '../model.ts';

/** http.checkPreconditions */
export function evaluate(
  { method, headers }: ClientRequest,
  entityTag: string,
  seconds: number,
): 200 | 304 | 412 {
  const isRead = method === 'GET' || method === 'HEAD';
  if (isChanged(headers, entityTag, seconds)) return 412;
  const noneMatch = first(headers, 'if-none-match') ?? '';
  if (noneMatch !== '') {
    if (!holds(noneMatch, entityTag, 'weak')) return 200;
    return isRead ? 304 : 412;
  }
  const modified = strictDateOf(first(headers, 'if-modified-since') ?? '');
  return isRead && modified !== undefined && seconds <= modified ? 304 : 200;
}

function isChanged(headers: HeaderLines, entityTag: string, seconds: number): boolean {
  const match = first(headers, 'if-match') ?? '';
  if (match !== '') return !holds(match, entityTag, 'strong');
  return (strictDateOf(first(headers, 'if-unmodified-since') ?? '') ?? Infinity) < seconds;
}

function holds(field: string, entityTag: string, comparison: 'strong' | 'weak'): boolean {
  let rest = field.trim();
  while (rest !== '') {
    if (rest.startsWith('*')) return true;
    // What is no entity tag ends the list.
    const tag = /^(?:W\/)?"[^"]*"/.exec(rest)?.[0];
    if (tag === undefined) return false;
    if (
      comparison === 'weak' ? opaque(tag) === opaque(entityTag) : isSameStrongly(tag, entityTag)
    ) {
      return true;
    }
    rest = rest.slice(tag.length).replace(/^[ \t,]+/, '');
  }
  return false;
}

function isSameStrongly(a: string, b: string): boolean {
  return a === b && !a.startsWith('W/');
}

export function ifRangeHolds(headers: HeaderLines, entityTag: string, seconds: number): boolean {
  const field = first(headers, 'if-range') ?? '';
  if (field === '') return true;
  const tag = /^(?:W\/)?"[^"]*"/.exec(field)?.[0];
  return tag === undefined ? strictDateOf(field) === seconds : isSameStrongly(tag, entityTag);
}

/** http.parseRange */
export function parse(
  field: string,
  size: number,
): readonly FileWindow[] | 'malformed' | 'unsatisfiable' {
  if (!field.startsWith('bytes=')) return 'malformed';
  const windows: FileWindow[] = [];
  let isBeyond = false;
  for (const part of field.slice('bytes='.length).split(',')) {
    const spec = part.trim();
    if (spec !== '') {
      const window = parseSpec(spec, size);
      if (window === undefined) return 'malformed';
      if (window.first >= size && !spec.startsWith('-')) isBeyond = true;
      else windows.push(window);
    }
  }
  return isBeyond && windows.length === 0 ? 'unsatisfiable' : windows;
}

function parseSpec(spec: string, size: number): FileWindow | undefined {
  const match = /^(?:\+?(\d+))?[ \t]*-[ \t]*(?:\+?(\d+))?$/.exec(spec);
  const [, from, to] = match ?? [];
  if ([from, to].some((digits) => BigInt(digits ?? '0') >= 2n ** 63n)) return undefined;
  if (from === undefined) {
    return to === undefined
      ? undefined
      : { first: size - Math.min(Number(to), size), last: size - 1 };
  }
  const start = Number(from);
  if (start >= size || to === undefined) return { first: start, last: size - 1 };
  return start > Number(to) ? undefined : { first: start, last: Math.min(Number(to), size - 1) };
}
