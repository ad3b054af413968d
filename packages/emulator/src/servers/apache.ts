import { formatHttpDate } from '@sluice/core/http';

import { HIDDEN_RESPONSE_HEADERS, isControlRequestHeader } from '../control-headers.ts';
import { elements, opaque } from '../etags.ts';
import {
  endToEnd,
  first,
  forwarded,
  has,
  isShort,
  joined,
  lineLength,
  passedLength,
  without,
} from '../headers.ts';
import { dateOf } from '../lenient-date.ts';
import type {
  ClientRequest,
  Exchange,
  OpenedFacts,
  FileWindow,
  FrontServer,
  HeaderLines,
  Reply,
  Verdict,
} from '../model.ts';
import { cleanPath, percentDecode, placeOfPath, type ServedRoot } from '../places.ts';
import { pageText, rangeReply, whole } from '../range-reply.ts';
import { hasBrokenEscape, leavesRoot, pathAndQuery } from '../targets.ts';

/** Emulates Apache 2.4 with mod_xsendfile, and the host that `sluice config apache` prints. */
export function apacheServer(
  roots: readonly ServedRoot[],
  encoding: 'raw' | 'percent',
): FrontServer {
  return {
    name: 'apache',
    links: 'followed',
    receive,
    mostAsked: 1,
    loopStatus: 500,
    keepsFromApp: (name) => isControlRequestHeader(name) || name === 'forwarded',
    tellsApp: (request, client) => [
      ...forwarded(request, client),
      ['X-Forwarded-Server', 'localhost'],
    ],
    // responsefieldsize
    takesHead: ({ headers }) => headers.every((line) => lineLength(line) <= 32_768),
    judge: (exchange) => judge(exchange, roots, encoding),
    send: (file, exchange) => send(file, exchange),
    fail: () => page(404),
    passedHeaders: (exchange) => [
      ...passed(exchange),
      ...passedLength(exchange.answer).filter(([, length]) => !isUnsaid(exchange, Number(length))),
    ],
    // The filter for ranges works on what is there as a whole when it begins.
    cuts: ({ request, answer }) =>
      answer.status === 200 && request.method !== 'HEAD' && isShort(answer, 8192),
    cut: (length, exchange) => cut({ size: length }, exchange, passed(exchange)),
    page,
  };
}

/** ap_unescape_url_keep2f: an escaped NUL is nothing that there is. */
function receive({ target }: ClientRequest): string | Reply {
  const [path] = pathAndQuery(target);
  if (hasBrokenEscape(path) || leavesRoot(path)) return page(400);
  return /%00/.test(path) ? page(404) : target.replace(/^\/+/, '/');
}

function judge(
  { answer }: Exchange,
  roots: readonly ServedRoot[],
  encoding: 'raw' | 'percent',
): Verdict {
  const value = first(answer.headers, 'x-sendfile');
  // The module acts on 200 alone, and not on an empty value.
  if (value === undefined || value === '' || answer.status !== 200) return { kind: 'pass' };
  const decoded = encoding === 'percent' ? percentDecode(value) : value;
  if (!decoded.startsWith('/') || decoded.includes('\0')) {
    return { kind: 'reply', reply: page(404) };
  }
  const place = placeOfPath(roots, cleanPath(decoded));
  if (place === undefined || /\/\.{0,2}$/.test(decoded)) {
    return { kind: 'reply', reply: page(404) };
  }
  return { kind: 'file', place };
}

function send(file: OpenedFacts, exchange: Exchange): Reply {
  const { request, answer } = exchange;
  const sent = without(passed(exchange), 'content-length', 'content-encoding');
  const headers: HeaderLines = has(sent, 'last-modified')
    ? sent
    : [...sent, ['Last-Modified', formatHttpDate(file.lastModified)]];
  const seconds =
    dateOf(first(headers, 'last-modified') ?? '') ?? Math.floor(file.lastModified / 1000);
  const status = evaluate(request.method, request.headers, joined(answer.headers, 'etag'), seconds);
  const isUnsized = isUnsaid(exchange, file.size);
  if (status === 200) return { ...cut(file, exchange, headers), isUnsized };
  return { status, headers, body: [] };
}

/** A length of nothing is not told to HEAD. */
function isUnsaid({ request }: Exchange, length: number): boolean {
  return request.method === 'HEAD' && length === 0;
}

function passed({ answer }: Exchange): HeaderLines {
  const headers = endToEnd(answer.headers);
  const vary = joined(headers, 'vary', ',');
  return [
    ...without(headers, 'date', 'server', 'vary', 'content-length', ...HIDDEN_RESPONSE_HEADERS),
    ...(vary === undefined ? [] : [['Vary', vary] as const]),
  ];
}

/** ap_meets_conditions: all of those that are there must agree to a 304. */
function evaluate(
  method: string,
  headers: HeaderLines,
  entityTag: string | undefined,
  seconds: number,
): 200 | 304 | 412 {
  const isRead = method === 'GET' || method === 'HEAD';
  if (isChanged(headers, entityTag, seconds)) return 412;
  const noneMatch = joined(headers, 'if-none-match');
  // A part of the file is only taken for the same by a strong comparison.
  const comparison = has(headers, 'range') ? 'strong' : 'weak';
  const isSame = noneMatch === undefined ? undefined : holds(noneMatch, entityTag, comparison);
  if (isSame === true && !isRead) return 412;
  const isOld = isUnmodified(first(headers, 'if-modified-since'), seconds);
  if (!isRead || isSame === false || isOld === false) return 200;
  return isSame === undefined && isOld === undefined ? 200 : 304;
}

function isChanged(headers: HeaderLines, entityTag: string | undefined, seconds: number): boolean {
  const match = joined(headers, 'if-match');
  if (match !== undefined && !holds(match, entityTag, 'strong')) return true;
  return (dateOf(first(headers, 'if-unmodified-since') ?? '') ?? Infinity) < seconds;
}

/** A date in the future is none that the server has given, and neither is what is no date. */
function isUnmodified(field: string | undefined, seconds: number): boolean | undefined {
  const date = field === undefined ? undefined : dateOf(field);
  if (date === undefined) return undefined;
  return date >= seconds && date <= Math.floor(Date.now() / 1000);
}

function holds(
  field: string,
  entityTag: string | undefined,
  comparison: 'strong' | 'weak',
): boolean {
  if (field.startsWith('*')) return true;
  if (entityTag === undefined) return false;
  if (comparison === 'strong' && entityTag.startsWith('W/')) return false;
  return elements(field).some((tag) =>
    comparison === 'weak' ? opaque(tag) === opaque(entityTag) : tag === entityTag,
  );
}

/** ap_byterange_filter */
function cut(file: Pick<OpenedFacts, 'size'>, { request }: Exchange, headers: HeaderLines): Reply {
  const windows = rangeOf(request.headers, headers, file.size);
  if (windows === undefined) return { status: 200, headers, body: whole(file) };
  if (windows === 'unsatisfiable') return page(416);
  const type = first(headers, 'content-type');
  return rangeReply(windows, file, {
    headers,
    type,
    boundary: Math.floor(Math.random() * 2 ** 48)
      .toString(16)
      .padStart(16, '0'),
    before: '\r\n',
    partHead: (range) =>
      `${type === undefined ? '' : `Content-type: ${type}\r\n`}Content-range: ${range}\r\n`,
  });
}

/** ap_set_byterange: `undefined` sends the whole file. */
function rangeOf(
  asked: HeaderLines,
  sent: HeaderLines,
  size: number,
): readonly FileWindow[] | 'unsatisfiable' | undefined {
  const range = joined(asked, 'range');
  if (range === undefined || !/^bytes=/i.test(range) || size === 0) return undefined;
  if (has(sent, 'content-range')) return undefined;
  const ifRange = first(asked, 'if-range');
  if (ifRange !== undefined) {
    const lastModified = first(sent, 'last-modified');
    const holdsDate =
      lastModified !== undefined &&
      dateOf(ifRange) !== undefined &&
      dateOf(ifRange) === dateOf(lastModified);
    if (ifRange.startsWith('"') ? ifRange !== first(sent, 'etag') : !holdsDate) return undefined;
  }
  return parse(range.slice('bytes='.length), size);
}

function parse(set: string, size: number): readonly FileWindow[] | 'unsatisfiable' | undefined {
  const specs = set.split(',');
  if (specs.length > MOST_RANGES) return undefined;
  const windows: FileWindow[] = [];
  for (const spec of specs) {
    if (spec === '') break;
    const window = parseSpec(spec, size);
    if (window === undefined) return undefined;
    if (window.first < size) windows.push({ ...window, last: Math.min(window.last, size - 1) });
    else if (windows.length === 0 && specs.length === 1) return 'unsatisfiable';
  }
  if (windows.length === 0) return specs[0] === '' ? undefined : 'unsatisfiable';
  return merge(windows, size);
}

function parseSpec(spec: string, size: number): FileWindow | undefined {
  const match = /^(\d*)-(\d*)$/.exec(spec);
  const [, from = '', to = ''] = match ?? [];
  // apr_strtoff refuses what is no off_t.
  if ([from, to].some((digits) => BigInt(digits || '0') >= 2n ** 63n - 1n)) return undefined;
  if (from === '') {
    return Number(to) < 1 ? undefined : { first: Math.max(size - Number(to), 0), last: size - 1 };
  }
  if (to === '') return { first: Number(from), last: Math.max(size - 1, Number(from)) };
  return Number(from) > Number(to) ? undefined : { first: Number(from), last: Number(to) };
}

/** A range is merged with the one before it, where they overlap or touch. */
function merge(windows: readonly FileWindow[], size: number): readonly FileWindow[] | undefined {
  const merged: FileWindow[] = [];
  let overlaps = 0;
  for (const window of windows) {
    const before = merged.at(-1);
    if (before === undefined || window.first > before.last + 1 || window.last + 1 < before.first) {
      merged.push(window);
    } else {
      // The whole file is asked for as often as somebody likes.
      if (window.first > 0 || window.last < size - 1) overlaps += 1;
      merged[merged.length - 1] = {
        first: Math.min(before.first, window.first),
        last: Math.max(before.last, window.last),
      };
    }
  }
  if (overlaps > MOST_OVERLAPS) return undefined;
  const total = merged.reduce((sum, window) => sum + window.last - window.first + 1, 0);
  return total > size ? undefined : merged;
}

/** `MaxRanges` and `MaxRangeOverlaps` as they are by default. */
const MOST_RANGES = 200;
const MOST_OVERLAPS = 20;

function page(status: number): Reply {
  return {
    status,
    headers: [['Content-Type', 'text/html; charset=iso-8859-1']],
    body: [`<html><body><h1>${pageText(status).trim()}</h1></body></html>\n`],
  };
}
