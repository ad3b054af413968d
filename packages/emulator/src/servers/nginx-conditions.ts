import { nginxEntityTag } from '@sluice/core/offload';

import { elements, opaque } from '../etags.ts';
import { first } from '../headers.ts';
import { dateOf } from '../lenient-date.ts';
import type { FileWindow, HeaderLines, OpenedFacts } from '../model.ts';

/** ngx_http_not_modified_filter: all of those that are there must agree to a 304. */
export function evaluate(
  headers: HeaderLines,
  entityTag: string,
  seconds: number,
): 200 | 304 | 412 {
  const unmodified = first(headers, 'if-unmodified-since');
  // What is no date is before every time.
  if (unmodified !== undefined && (dateOf(unmodified) ?? -1) < seconds) return 412;
  const match = first(headers, 'if-match');
  if (match !== undefined && !holds(match, entityTag, 'strong')) return 412;
  const modified = first(headers, 'if-modified-since');
  const noneMatch = first(headers, 'if-none-match');
  if (modified === undefined && noneMatch === undefined) return 200;
  // `if_modified_since exact` is the default.
  if (modified !== undefined && dateOf(modified) !== seconds) return 200;
  return noneMatch === undefined || holds(noneMatch, entityTag, 'weak') ? 304 : 200;
}

function holds(field: string, entityTag: string, comparison: 'strong' | 'weak'): boolean {
  if (field === '*') return true;
  return elements(field).some((tag) => (comparison === 'weak' ? opaque(tag) : tag) === entityTag);
}

/** ngx_http_range_header_filter: `undefined` sends the whole file. */
export function rangeOf(
  headers: HeaderLines,
  file: OpenedFacts,
): readonly FileWindow[] | 'unsatisfiable' | undefined {
  const range = first(headers, 'range');
  if (range === undefined || range.length < 7 || !/^bytes=/i.test(range)) return undefined;
  const ifRange = first(headers, 'if-range');
  if (ifRange !== undefined && !isCurrent(ifRange, file)) return undefined;
  return parse(range.slice('bytes='.length), file.size);
}

/** A weak tag is compared as it stands. */
function isCurrent(ifRange: string, file: OpenedFacts): boolean {
  if (ifRange.length >= 2 && ifRange.endsWith('"')) return ifRange === nginxEntityTag(file);
  return dateOf(ifRange) === Math.floor(file.lastModified / 1000);
}

/** ngx_http_range_parse */
function parse(set: string, size: number): readonly FileWindow[] | 'unsatisfiable' | undefined {
  const windows: FileWindow[] = [];
  for (const spec of set.split(',')) {
    const match = /^ *(?:(\d+) *- *(\d*)|-(\d+)) *$/.exec(spec);
    if (match === null) return 'unsatisfiable';
    const [, from, to = '', suffix] = match;
    if ([from, to, suffix].some((digits) => BigInt(digits || '0') > MOST)) return 'unsatisfiable';
    const start = from === undefined ? Math.max(size - Number(suffix), 0) : Number(from);
    const end = to === '' ? size : Math.min(Number(to) + 1, size);
    if (start < end) windows.push({ first: start, last: end - 1 });
    else if (start === 0) return undefined;
  }
  if (windows.length === 0) return 'unsatisfiable';
  const total = windows.reduce((sum, window) => sum + window.last - window.first + 1, 0);
  return total > size ? undefined : windows;
}

/** NGX_MAX_OFF_T_VALUE */
const MOST = 2n ** 63n - 1n;
