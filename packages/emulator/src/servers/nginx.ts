import { formatContentRange, formatHttpDate } from '@sluice/core/http';
import { NGINX_RESTORED, nginxEntityTag } from '@sluice/core/offload';

import { HIDDEN_RESPONSE_HEADERS, isControlRequestHeader } from '../control-headers.ts';
import { endToEnd, first, forwarded, headLength, only, without } from '../headers.ts';
import { mediaTypeOf, PRINTED_TYPES } from '../media-types.ts';
import type {
  AppAnswer,
  ClientRequest,
  Exchange,
  OpenedFacts,
  FileFault,
  FrontServer,
  HeaderLine,
  HeaderLines,
  Reply,
  Verdict,
} from '../model.ts';
import { placeOfUri, type ServedRoot } from '../places.ts';
import { pageText, rangeReply, whole } from '../range-reply.ts';
import { decodedPath, hasBrokenEscape, isRepeated, leavesRoot, pathAndQuery } from '../targets.ts';
import { evaluate, rangeOf } from './nginx-conditions.ts';

/** The store that the configuration has a location for. */
export interface ServedStore {
  readonly origin: string;
  readonly prefix: string;
}

/** Emulates nginx 1.22 with the locations that `sluice config nginx` prints. */
export function nginxServer(
  roots: readonly ServedRoot[],
  {
    base,
    restored,
    store,
  }: {
    readonly base: string | undefined;
    readonly restored: readonly string[];
    readonly store: ServedStore | undefined;
  },
): FrontServer {
  const internal = [
    ...roots.map(({ uri }) => uri),
    ...(base === undefined ? [] : [base]),
    ...(store === undefined ? [] : [store.prefix]),
  ];
  const given = [...new Set([...NGINX_RESTORED, ...restored.map((name) => name.toLowerCase())])];
  return {
    name: 'nginx',
    links: 'refused',
    receive: (request) => receive(request, internal),
    mostAsked: 11,
    loopStatus: 500,
    // Names with underscores are dropped by default (underscores_in_headers).
    keepsFromApp: (name) =>
      isControlRequestHeader(name) || name === 'forwarded' || name.includes('_'),
    tellsApp: forwarded,
    // proxy_buffer_size
    takesHead: (answer) => headLength(answer) <= 32_768,
    judge: (exchange) => judge(exchange, { roots, internal, store }),
    fetched: (answer, exchange) => fetched(answer, exchange, given),
    send: (file, exchange, path) => send(file, exchange, path, given),
    fail,
    passedHeaders: ({ answer }) =>
      without(
        endToEnd(answer.headers),
        'date',
        'server',
        'x-pad',
        ...CONSUMED,
        ...HIDDEN_RESPONSE_HEADERS,
      ),
    page,
    rateOf: ({ answer }) => rateIn(answer.headers),
  };
}

/** Headers of the answer that nginx acts upon and keeps (ngx_http_upstream_headers_in). */
const CONSUMED = [
  'x-accel-redirect',
  'x-accel-expires',
  'x-accel-limit-rate',
  'x-accel-buffering',
  'x-accel-charset',
];

/** What is copied to the redirected request. */
const COPIED = [
  'content-type',
  'content-disposition',
  'cache-control',
  'expires',
  'set-cookie',
  'accept-ranges',
];

/** ngx_http_process_request_line, and the locations that are internal. */
function receive(request: ClientRequest, internal: readonly string[]): string | Reply {
  // Of an absolute target nginx takes the path alone (RFC 9112 §3.2.2).
  const target = request.target.replace(/^https?:\/\/[^/?]*\/?/i, '/');
  const [path] = pathAndQuery(target);
  const isBad = hasBrokenEscape(path) || /%00/.test(path) || leavesRoot(path);
  if (isBad || UNIQUE.some((name) => isRepeated(request, name))) return page(400);
  const decoded = decodedPath(path);
  const isInternal = internal.some((prefix) => decoded.startsWith(prefix));
  return isInternal ? page(404, [UNKEPT]) : target;
}

/** ngx_http_process_unique_header_line */
const UNIQUE = [
  'authorization',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
];

/** What the configuration has locations for. */
interface Locations {
  readonly roots: readonly ServedRoot[];
  readonly internal: readonly string[];
  readonly store: ServedStore | undefined;
}

function judge({ request, answer }: Exchange, { roots, internal, store }: Locations): Verdict {
  const value = first(answer.headers, 'x-accel-redirect');
  if (value === undefined) return { kind: 'pass' };
  const kept = only(answer.headers, COPIED);
  if (value.startsWith('@')) return { kind: 'reply', reply: page(500, kept) };
  const uri = redirectTarget(value);
  if (uri === undefined || !uri.path.startsWith('/')) {
    return { kind: 'reply', reply: page(404, kept) };
  }
  const { path, query } = uri;
  if (!internal.some((prefix) => path.startsWith(prefix))) {
    return { kind: 'ask', target: askedTarget(path, query), kept: without(kept, 'content-type') };
  }
  if (store !== undefined && path.startsWith(store.prefix)) {
    const { origin, prefix } = store;
    const below = path.slice(prefix.length);
    if (below === '') return { kind: 'reply', reply: page(404, kept) };
    const target = `/${below}${query === '' ? '' : `?${query}`}`;
    const headers: HeaderLines = [
      ['Host', new URL(origin).host],
      ...only(request.headers, ['range']),
      ...only(answer.headers, ['etag']).map(([, tag]) => ['If-Match', tag] as const),
    ];
    return { kind: 'fetch', question: { origin, target, headers } };
  }
  const place = placeOfUri(roots, path);
  // `try_files $uri =404` takes no folder.
  if (place === undefined || path.endsWith('/')) {
    return { kind: 'reply', reply: page(404, [...kept, UNKEPT]) };
  }
  return { kind: 'file', place };
}

/** The headers are the application's; the framing and the validators are the store's. */
function fetched(
  given: AppAnswer | undefined,
  { answer }: Exchange,
  restored: readonly string[],
): AppAnswer | Reply {
  const kept = only(answer.headers, COPIED);
  const status = given?.status ?? 502;
  if (given === undefined || status >= 300) {
    const told = status === 404 ? 404 : 502;
    const shown: HeaderLines = [...kept, UNKEPT];
    const changed: HeaderLine = ['Retry-After', '1'];
    return status === 412 ? page(503, [...shown, changed]) : page(told, shown);
  }
  const own = only(given.headers, ['content-length', 'content-range', 'etag', 'last-modified']);
  const headers = [...own, ...kept, ...givenBack(answer.headers, restored)];
  return { status, reason: '', headers };
}

/** ngx_http_parse_unsafe_uri: what it calls unsafe is 404. */
function redirectTarget(value: string): { path: string; query: string } | undefined {
  const [raw = '', ...rest] = value.split('?');
  if (raw === '' || isUnsafe(raw)) return undefined;
  const path = unescape(raw);
  return isUnsafe(path) ? undefined : { path, query: rest.length === 0 ? '' : rest.join('?') };
}

function isUnsafe(path: string): boolean {
  return path.includes('\0') || path.split('/').includes('..');
}

/** ngx_unescape_uri: of an escape that is none, the percent sign goes, and a first hex digit. */
function unescape(text: string): string {
  return text.replaceAll(/%([\da-f]{2}|[\da-f][^]?|(?=[^])|$)/gi, (_, hex: string) =>
    hex.length === 2 && /^[\da-f]{2}$/i.test(hex)
      ? String.fromCharCode(Number.parseInt(hex, 16))
      : '',
  );
}

function askedTarget(path: string, query: string): string {
  // oxlint-disable-next-line no-control-regex -- what a request line cannot hold is written as an escape
  const escaped = path.replaceAll(/[\u0000-\u0020#%?\u007f-\u00ff]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return query === '' ? escaped : `${escaped}?${query}`;
}

function send(
  file: OpenedFacts,
  { request, answer }: Exchange,
  path: string,
  given: readonly string[],
): Reply {
  const entityTag = nginxEntityTag(file);
  const outcome = evaluate(request.headers, entityTag, Math.floor(file.lastModified / 1000));
  if (outcome === 412) return page(412, [UNKEPT]);
  const copied = only(answer.headers, COPIED);
  const headers: HeaderLines = [
    ...without(copied, 'content-type', 'accept-ranges'),
    ['Last-Modified', formatHttpDate(file.lastModified)],
    ['ETag', entityTag],
    ...givenBack(answer.headers, given),
  ];
  if (outcome === 304) return { status: 304, headers, body: [] };
  const type = first(copied, 'content-type') ?? mediaTypeOf(path, PRINTED_TYPES);
  const shown = [...headers, ...only(copied, ['accept-ranges'])];
  const reply = sendRange(file, request.headers, { headers: shown, type });
  return { ...reply, rate: rateIn(answer.headers) };
}

function sendRange(
  file: OpenedFacts,
  asked: HeaderLines,
  { headers, type }: { readonly headers: HeaderLines; readonly type: string },
): Reply {
  const typed: HeaderLines = [...headers, ['Content-Type', type]];
  const windows = rangeOf(asked, file);
  if (windows === undefined) {
    // Beside that of the application.
    const all: HeaderLines = [...typed, ['Accept-Ranges', 'bytes']];
    return { status: 200, headers: all, body: whole(file) };
  }
  if (windows !== 'unsatisfiable') {
    return rangeReply(windows, file, {
      headers: typed,
      type,
      boundary: boundary(),
      before: '\r\n',
      partHead: (range) => `Content-Type: ${type}\r\nContent-Range: ${range}\r\n`,
    });
  }
  const refusal = page(416, without(typed, 'last-modified', 'etag'));
  const range = formatContentRange(undefined, file.size);
  return { ...refusal, headers: [...refusal.headers, ['Content-Range', range]] };
}

/** `add_header` with a variable of the answer; before 1.23 that is the first line of a name. */
function givenBack(headers: HeaderLines, names: readonly string[]): HeaderLines {
  return names.flatMap((name): HeaderLines => {
    const value = first(headers, name);
    return value === undefined || value === '' ? [] : [[name, value]];
  });
}

function fail(fault: FileFault, { answer }: Exchange): Reply {
  return page(fault === 'denied' ? 403 : 404, [...only(answer.headers, COPIED), UNKEPT]);
}

/** What the configuration adds to its errors, beside what the application has said of the object. */
const UNKEPT: HeaderLine = ['Cache-Control', 'no-store'];

/** The charset of the application's type stays on the page. */
function page(status: number, kept: HeaderLines = []): Reply {
  const headers = without(kept, 'content-type', 'accept-ranges');
  const charset = /;\s*charset="?([^\s";]+)/i.exec(first(kept, 'content-type') ?? '')?.[1];
  const type = charset === undefined ? 'text/html' : `text/html; charset=${charset}`;
  return {
    status,
    headers: [...headers, ['Content-Type', type]],
    body: [`<html><body><h1>${pageText(status).trim()}</h1></body></html>\n`],
  };
}

/** What is no number of bytes limits nothing. */
function rateIn(headers: HeaderLines): number | undefined {
  const value = first(headers, 'x-accel-limit-rate');
  return value !== undefined && /^[1-9]\d*$/.test(value) ? Number(value) : undefined;
}

function boundary(): string {
  return String(Math.floor(Math.random() * 1e9)).padStart(20, '0');
}
