import { formatContentRange, formatHttpDate } from '@sluice/core/http';

import { HIDDEN_RESPONSE_HEADERS, isControlRequestHeader } from '../control-headers.ts';
import { endToEnd, first, forwarded, has, joined, without } from '../headers.ts';
import { mediaTypeOf } from '../media-types.ts';
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
import { cleanPath, percentDecode, placeOfUri, type ServedRoot } from '../places.ts';
import { pageText, rangeReply, whole } from '../range-reply.ts';
import { escapeOdd, hasBrokenEscape, pathAndQuery } from '../targets.ts';
import { evaluate, ifRangeHolds, parse } from './caddy-conditions.ts';

/** Emulates Caddy with the site that `sluice config caddy` prints. */
export function caddyServer(roots: readonly ServedRoot[], version: '2.6' | '2.7'): FrontServer {
  return {
    name: 'caddy',
    links: 'followed',
    receive,
    mostAsked: 1,
    loopStatus: 500,
    keepsFromApp: (name) => {
      const dashed = name.replaceAll('_', '-');
      return CONTROL_PATTERN.test(dashed) || isControlRequestHeader(name) || name === 'forwarded';
    },
    tellsApp: forwarded,
    judge: (exchange) => judge(exchange, roots, version),
    send: (file, exchange, path) => send(file, exchange, path, version),
    fail: (fault, exchange) => refuse(STATUS_OF[fault], exchange),
    passedHeaders: ({ answer: { status, headers } }) => {
      const ofBody = status === 204 ? ['content-length'] : [];
      const ofNone = status === 304 ? ['content-length', 'content-type'] : ofBody;
      return without(endToEnd(headers), 'date', 'server', ...HIDDEN_RESPONSE_HEADERS, ...ofNone);
    },
    page,
  };
}

const CONTROL_PATTERN = /^x-(?:accel-|sendfile|lighttpd-|litespeed-|reproxy-)/;

const STATUS_OF: Readonly<Record<FileFault, number>> = {
  missing: 404,
  folder: 404,
  special: 500,
  denied: 403,
  link: 404,
  'link-above': 404,
  'no-folder': 404,
  'name-too-long': 500,
};

/** url.Parse and URL.EscapedPath */
function receive({ target }: ClientRequest): string | Reply {
  const [path, query] = pathAndQuery(target);
  return hasBrokenEscape(path) ? badRequest() : `${escapeOdd(path)}${query}`;
}

function judge(exchange: Exchange, roots: readonly ServedRoot[], version: '2.6' | '2.7'): Verdict {
  const { answer } = exchange;
  // Several are one value with commas in it.
  const value = joined(answer.headers, 'x-accel-redirect', ',');
  if (value === undefined || answer.status !== 200) return { kind: 'pass' };
  const missing: Verdict = { kind: 'reply', reply: refuse(404, exchange) };
  const [raw = ''] = value.split('?');
  const root = roots.find(({ uri }) => value.startsWith(uri));
  if (root === undefined) return missing;
  const decoded = version === '2.7' ? percentDecode(raw) : raw;
  if (decoded.includes('\0')) return { kind: 'reply', reply: refuse(400, exchange) };
  const below = cleanPath(decoded.slice(root.uri.length - 1));
  const place = placeOfUri([root], `${root.uri}${below.slice(1)}`);
  if (place === undefined || /\/\.{0,2}$/.test(decoded)) return missing;
  return { kind: 'file', place };
}

function send(file: OpenedFacts, exchange: Exchange, path: string, version: '2.6' | '2.7'): Reply {
  const { request } = exchange;
  // Since 2.6.3.
  if (version === '2.7' && request.method !== 'GET' && request.method !== 'HEAD') {
    return refuse(405, exchange);
  }
  const copied = copiedHeaders(exchange);
  const hasTag = version === '2.7' && has(copied, 'etag');
  const entityTag = hasTag ? (first(copied, 'etag') ?? '') : ownEntityTag(file, version);
  const typed: HeaderLines = has(copied, 'content-type')
    ? []
    : [['Content-Type', mediaTypeOf(path, GO_TYPES, '')]];
  const headers: HeaderLines = [
    ...(hasTag ? copied : without(copied, 'etag')),
    ...(hasTag ? [] : [['ETag', entityTag] as const]),
    ...typed.filter(([, type]) => type !== ''),
    ['Last-Modified', formatHttpDate(file.lastModified)],
  ];
  const status = evaluate(request, entityTag, Math.floor(file.lastModified / 1000));
  if (status === 304) {
    const rest = without(headers, 'content-type', 'content-encoding', 'last-modified');
    return { status, headers: rest, body: [] };
  }
  if (status === 412) return { status, headers, body: [] };
  return sendRange(file, exchange, { headers, entityTag, version });
}

/** Some of those that Go knows, or finds in the table of a Debian. */
const GO_TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  gif: 'image/gif',
  gz: 'application/gzip',
  html: 'text/html; charset=utf-8',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  mp4: 'video/mp4',
  pdf: 'application/pdf',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  webp: 'image/webp',
  xml: 'text/xml; charset=utf-8',
  zip: 'application/zip',
};

/** http.ServeContent */
function sendRange(
  file: OpenedFacts,
  { request }: Exchange,
  { headers, entityTag, version }: { headers: HeaderLines; entityTag: string; version: string },
): Reply {
  const seconds = Math.floor(file.lastModified / 1000);
  const range = first(request.headers, 'range') ?? '';
  const isMeant = range !== '' && ifRangeHolds(request.headers, entityTag, seconds);
  const windows = isMeant ? parse(range, file.size) : [];
  if (windows === 'malformed') return invalid(headers, undefined);
  // Since Go 1.20 there is no range of an empty file that is not satisfiable.
  const isIgnored = windows === 'unsatisfiable' && file.size === 0 && version === '2.7';
  if (windows === 'unsatisfiable' && !isIgnored) return invalid(headers, file.size);
  const sent: HeaderLines = [...headers, ['Accept-Ranges', 'bytes']];
  const total = sizeOf(windows);
  if (windows === 'unsatisfiable' || windows.length === 0 || total > file.size) {
    return { status: 200, headers: sent, body: whole(file) };
  }
  const type = first(headers, 'content-type');
  return rangeReply(windows, file, {
    headers: sent,
    type,
    boundary: boundary(),
    before: '',
    partHead: (text) =>
      `Content-Range: ${text}\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}`,
  });
}

function sizeOf(windows: readonly FileWindow[] | string): number {
  if (typeof windows === 'string') return 0;
  return windows.reduce((sum, window) => sum + window.last - window.first + 1, 0);
}

/** http.Error */
function invalid(headers: HeaderLines, size: number | undefined): Reply {
  const range: HeaderLines =
    size === undefined ? [] : [['Content-Range', formatContentRange(undefined, size)]];
  return {
    status: 416,
    headers: [
      ...without(headers, 'content-type', 'x-content-type-options'),
      ['Content-Type', 'text/plain; charset=utf-8'],
      ['X-Content-Type-Options', 'nosniff'],
      ...range,
    ],
    body: [size === undefined ? 'invalid range\n' : 'invalid range: failed to overlap\n'],
  };
}

/** What `copy_response_headers` copies. */
function copiedHeaders({ answer }: Exchange): HeaderLines {
  return without(
    endToEnd(answer.headers),
    'accept-ranges',
    'content-length',
    'content-range',
    'date',
    'last-modified',
    'server',
    ...HIDDEN_RESPONSE_HEADERS,
  );
}

/** The `handle_errors` block takes away every header of the answer that is named there. */
function refuse(status: number, exchange: Exchange): Reply {
  const kept = copiedHeaders(exchange).filter(([name]) => !isOfAnswer(name.toLowerCase()));
  const { headers, body } = page(status);
  return { status, headers: [...kept, ...headers], body };
}

function isOfAnswer(name: string): boolean {
  return /^(?:access-control-|content-|cross-origin-|x-)/.test(name) || ANSWER_HEADERS.has(name);
}

const ANSWER_HEADERS: ReadonlySet<string> = new Set([
  'accept-ranges',
  'cache-control',
  'etag',
  'expires',
  'last-modified',
  'link',
  'permissions-policy',
  'referrer-policy',
  'set-cookie',
  'timing-allow-origin',
  'vary',
]);

function badRequest(): Reply {
  return {
    status: 400,
    headers: [['Content-Type', 'text/plain; charset=utf-8']],
    body: [pageText(400).trim()],
  };
}

function page(status: number): Reply {
  return {
    status,
    headers: [
      ['Content-Type', 'text/plain; charset=utf-8'],
      ['Cache-Control', 'no-store'],
    ],
    body: [pageText(status).trim()],
  };
}

/** `calculateEtag`, before and since 2.7. */
function ownEntityTag({ size, lastModified }: OpenedFacts, version: '2.6' | '2.7'): string {
  const time =
    version === '2.6'
      ? Math.floor(lastModified / 1000).toString(36)
      : (BigInt(Math.floor(lastModified * 1000)) * 1000n).toString(36);
  return `"${time}${size.toString(36)}"`;
}

function boundary(): string {
  return Array.from({ length: 60 }, () => Math.floor(Math.random() * 16).toString(16)).join('');
}
