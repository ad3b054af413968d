import { formatHttpDate } from '@sluice/core/http';

import { HIDDEN_RESPONSE_HEADERS, isControlRequestHeader } from '../control-headers.ts';
import { elements, opaque } from '../etags.ts';
import {
  endToEnd,
  first,
  forwarded,
  has,
  headLength,
  isShort,
  joined,
  passedLength,
  without,
} from '../headers.ts';
import { strictDateOf } from '../lenient-date.ts';
import { mediaTypeOf, PRINTED_TYPES } from '../media-types.ts';
import type {
  ClientRequest,
  Exchange,
  OpenedFacts,
  FileFault,
  FileWindow,
  FrontServer,
  HeaderLines,
  Reply,
  Verdict,
} from '../model.ts';
import { cleanPath, percentDecode, placeOfPath, type ServedRoot } from '../places.ts';
import { pageText, rangeReply, whole } from '../range-reply.ts';
import { escapeOdd, isForAnotherHost, pathAndQuery, plainPath } from '../targets.ts';

/** Emulates lighttpd 1.4.69 with mod_proxy, and what `sluice config lighttpd` prints. */
export function lighttpdServer(roots: readonly ServedRoot[]): FrontServer {
  return {
    name: 'lighttpd',
    links: 'refused',
    receive,
    mostAsked: 1,
    loopStatus: 500,
    keepsFromApp: (name) => isControlRequestHeader(name) || name === 'forwarded',
    tellsApp: (request, client) => [
      ...forwarded(request, client),
      ['X-Host', first(request.headers, 'host') ?? ''],
      ...onlyFirst(request.headers, 'If-None-Match'),
    ],
    takesHead: (answer) => headLength(answer) < 65_536,
    judge: (exchange) => judge(exchange, roots),
    send,
    fail: (fault) => page(STATUS_OF[fault]),
    passedHeaders: (exchange) => [
      ...passed(exchange),
      ...passedLength(exchange.answer),
      ...acceptRanges(exchange),
    ],
    // It may have the whole of a small answer before it sends any of it.
    cuts: (exchange) => isShort(exchange.answer, MOST_AT_ONCE) && isCut(exchange, passed(exchange)),
    cut: (length, exchange) => cut({ size: length }, exchange, passed(exchange)),
    page,
    rateOf: ({ answer }) => rateIn(answer.headers),
  };
}

const STATUS_OF: Readonly<Record<FileFault, number>> = {
  missing: 404,
  folder: 403,
  special: 403,
  denied: 403,
  link: 403,
  'link-above': 403,
  'no-folder': 403,
  'name-too-long': 403,
};

/** Of some fields all lines but the first are dropped (http_request_parse_single_header). */
function onlyFirst(headers: HeaderLines, name: string): HeaderLines {
  const value = first(headers, name.toLowerCase());
  return value === undefined ? [] : [[name, value]];
}

/** burl_normalize, as it is by default. */
function receive(request: ClientRequest): string | Reply {
  if (isForAnotherHost(request)) return page(400);
  const target = request.target.replace(/^https?:\/\/[^/?]*/i, '');
  // Control characters, and bytes that UTF-8 has nowhere.
  if (/%(?:[01][\da-f]|7f|c[01]|f[5-9a-f])/i.test(target)) return page(400);
  const escapes = escapeOdd(target).replaceAll(/%[\da-f]{2}/gi, plainEscape);
  const [path, query] = pathAndQuery(escapes);
  return `${plainPath(path.replaceAll('%2F', '/'))}${query}`;
}

/** An unreserved character (RFC 3986 §2.3) stands for itself. */
function plainEscape(escape: string): string {
  const character = percentDecode(escape);
  return /[\w.~-]/.test(character) ? character : escape.toUpperCase();
}

function judge({ answer }: Exchange, roots: readonly ServedRoot[]): Verdict {
  // Several are one value with commas in it.
  const value = joined(answer.headers, 'x-sendfile');
  if (value === undefined || value === '') return { kind: 'pass' };
  // buffer_urldecode_path: what decodes to a control character is replaced.
  const decoded = percentDecode(value.replaceAll(/%(?:[01][\da-f]|7f)/gi, '_'));
  if (!isUtf8(decoded)) return { kind: 'reply', reply: page(502) };
  const place = decoded.startsWith('/') ? placeOfPath(roots, cleanPath(decoded)) : undefined;
  if (place === undefined) return { kind: 'reply', reply: page(403) };
  if (decoded.endsWith('/')) return { kind: 'reply', reply: page(403) };
  return { kind: 'file', place };
}

/** The status of the application stays, whatever it is. */
function send(file: OpenedFacts, exchange: Exchange, path: string): Reply {
  const { request, answer } = exchange;
  const kept = passed(exchange);
  const type: HeaderLines = has(kept, 'content-type')
    ? []
    : [['Content-Type', mediaTypeOf(path, { ...PRINTED_TYPES, txt: 'text/plain' })]];
  const lastModified: HeaderLines = has(kept, 'last-modified')
    ? []
    : [['Last-Modified', formatHttpDate(file.lastModified)]];
  const entityTag: HeaderLines = has(kept, 'etag') ? [] : [['ETag', ownEntityTag(file)]];
  const rate = rateIn(answer.headers);
  if (answer.status !== 200) {
    return { status: answer.status, headers: [...kept, ...type], body: whole(file), rate };
  }
  const headers = [...kept, ...type, ...lastModified, ...entityTag];
  const status = evaluate(request, headers, file.lastModified);
  if (status === 304) return { status, headers: without(headers, 'content-encoding'), body: [] };
  if (status === 412) return page(412);
  return { ...cut(file, exchange, headers), rate };
}

function passed({ answer }: Exchange): HeaderLines {
  return without(
    endToEnd(answer.headers),
    'date',
    'server',
    'content-length',
    ...HIDDEN_RESPONSE_HEADERS,
  ).filter(([name]) => !/^x-lighttpd-/i.test(name));
}

function acceptRanges({ request, answer }: Exchange): HeaderLines {
  const { headers, status } = answer;
  const isMute = has(headers, 'accept-ranges') || has(headers, 'content-encoding');
  const isLong = Number(first(headers, 'content-length') ?? 0) > MOST_AT_ONCE;
  return status === 200 && request.method === 'GET' && !isMute && !isLong
    ? [['Accept-Ranges', 'bytes']]
    : [];
}

/** http_response_handle_cachable: If-Match and If-Unmodified-Since are not looked at. */
function evaluate(
  { method, headers }: Exchange['request'],
  sent: HeaderLines,
  lastModified: number,
): 200 | 304 | 412 {
  const isRead = method === 'GET' || method === 'HEAD';
  const noneMatch = first(headers, 'if-none-match');
  if (noneMatch !== undefined && noneMatch !== '') {
    const entityTag = first(sent, 'etag') ?? '';
    const isSame = elements(noneMatch).some(
      (tag) => tag === '*' || opaque(tag) === opaque(entityTag),
    );
    if (!isSame) return 200;
    return isRead ? 304 : 412;
  }
  const modified = first(headers, 'if-modified-since');
  if (modified === undefined || !isRead) return 200;
  // The text of the application's date, or else the time of the file.
  if (modified === first(sent, 'last-modified')) return 304;
  const date = strictDateOf(modified);
  return date !== undefined && Math.floor(lastModified / 1000) <= date ? 304 : 200;
}

function isCut({ request, answer }: Exchange, sent: HeaderLines): boolean {
  return (
    answer.status === 200 &&
    request.method === 'GET' &&
    request.httpVersion === '1.1' &&
    has(request.headers, 'range') &&
    !has(sent, 'content-encoding') &&
    first(sent, 'accept-ranges') !== 'none'
  );
}

/** http_range_rfc7233 */
function cut(file: Pick<OpenedFacts, 'size'>, exchange: Exchange, sent: HeaderLines): Reply {
  const { request } = exchange;
  const headers: HeaderLines =
    has(sent, 'accept-ranges') || request.method !== 'GET'
      ? sent
      : [...sent, ['Accept-Ranges', 'bytes']];
  const unchanged: Reply = { status: 200, headers, body: whole(file) };
  const range = joined(request.headers, 'range') ?? '';
  if (!isCut(exchange, sent) || !/^bytes=/i.test(range) || file.size === 0) return unchanged;
  const ifRange = first(request.headers, 'if-range') ?? '';
  const validator = first(sent, ifRange.startsWith('"') ? 'etag' : 'last-modified');
  // A date is the same only as the same text.
  if (ifRange !== '' && ifRange !== validator) return unchanged;
  const windows = coalesce(parse(range.slice('bytes='.length), file.size));
  if (windows.length === 0) return page(416);
  const type = first(sent, 'content-type');
  return rangeReply(windows, file, {
    headers,
    type,
    boundary: 'fkj49sn38dcn3',
    before: '',
    partHead: (text) =>
      `${type === undefined ? '' : `Content-Type: ${type}\r\n`}Content-Range: ${text}\r\n`,
  });
}

/** http_range_parse: what is malformed or not satisfiable is passed over, and so is the eleventh. */
function parse(set: string, size: number): readonly FileWindow[] {
  const windows: FileWindow[] = [];
  for (const spec of set.split(',')) {
    const window = windows.length < MOST_RANGES ? parseSpec(spec, size) : undefined;
    if (window !== undefined) windows.push(window);
  }
  return windows;
}

function parseSpec(spec: string, size: number): FileWindow | undefined {
  const match = /^[ \t]*(?:\+?(\d+)[ \t]*-[ \t]*(\d*)|-(\d+))[ \t]*$/.exec(spec);
  const [, from, to = '', suffix] = match ?? [];
  if ([from, to, suffix].some((digits) => BigInt(digits || '0') >= 2n ** 63n - 1n)) {
    return undefined;
  }
  if (suffix !== undefined) {
    const length = Number(suffix);
    return length === 0 ? undefined : { first: Math.max(size - length, 0), last: size - 1 };
  }
  if (from === undefined) return undefined;
  const start = Number(from);
  const end = to === '' ? size - 1 : Number(to);
  if (end < start || start >= size) return undefined;
  return { first: start, last: Math.min(end, size - 1) };
}

/** http_range_coalesce: ranges less than 81 bytes apart become one, at the place of the first. */
function coalesce(windows: readonly FileWindow[]): readonly FileWindow[] {
  for (const [index, a] of windows.entries()) {
    const next = windows.findIndex((b, at) => at > index && !isApart(a, b));
    const b = windows[next];
    if (b !== undefined) {
      const joint = { first: Math.min(a.first, b.first), last: Math.max(a.last, b.last) };
      return coalesce([
        ...windows.slice(0, index),
        joint,
        ...windows.slice(index + 1, next),
        ...windows.slice(next + 1),
      ]);
    }
  }
  return windows;
}

function isApart(a: FileWindow, b: FileWindow): boolean {
  return a.first <= b.first ? a.last < b.first - GAP : b.last < a.first - GAP;
}

/** Bytes of a body that come in one read with its head. */
const MOST_AT_ONCE = 8000;

const MOST_RANGES = 10;
const GAP = 80;

function page(status: number): Reply {
  return {
    status,
    headers: [['Content-Type', 'text/html']],
    body: [`<html><body><h1>${pageText(status).trim()}</h1></body></html>\n`],
  };
}

/** In units of 1024 bytes. */
function rateIn(headers: HeaderLines): number | undefined {
  const value = first(headers, 'x-lighttpd-kbytes-per-second');
  return value !== undefined && /^[1-9]\d*$/.test(value) ? Number(value) * 1024 : undefined;
}

/** http_etag_create: a hash of four numbers of eight bytes. */
function ownEntityTag({ inode, size, modifiedNs }: OpenedFacts): string {
  const numbers = [inode, BigInt(size), modifiedNs / 1_000_000_000n, modifiedNs % 1_000_000_000n];
  const bytes = Buffer.from(BigUint64Array.from(numbers).buffer);
  const hash = bytes.reduce((h, byte) => ((h << 5) ^ (h >>> 27) ^ byte) >>> 0, bytes.length);
  return `"${hash}"`;
}

function isUtf8(text: string): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'latin1'));
    return true;
  } catch {
    return false;
  }
}
