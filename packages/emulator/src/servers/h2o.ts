import { formatContentRange, formatHttpDate } from '@sluice/core/http';
import { H2O_TYPES, nginxEntityTag } from '@sluice/core/offload';

import { HIDDEN_RESPONSE_HEADERS, isControlRequestHeader } from '../control-headers.ts';
import { endToEnd, first, without } from '../headers.ts';
import { fixdateOf } from '../lenient-date.ts';
import type {
  Exchange,
  OpenedFacts,
  FileFault,
  FileWindow,
  FrontServer,
  HeaderLine,
  HeaderLines,
  Reply,
  Verdict,
} from '../model.ts';
import { cleanPath, percentDecode, placeOfUri, type ServedRoot } from '../places.ts';
import { pageText, rangeReply, whole } from '../range-reply.ts';

/** Emulates H2O 2.2.5 with the hosts that `sluice config h2o` prints. */
export function h2oServer(roots: readonly ServedRoot[], host: string): FrontServer {
  return {
    name: 'h2o',
    links: 'followed',
    mostAsked: 5,
    loopStatus: 502,
    keepsFromApp: (name) =>
      isControlRequestHeader(name) || /^(?:x-)?forwarded(?:-host)?$/.test(name),
    tellsApp: ({ headers }, client) => [
      ['X-Forwarded-For', client],
      ['X-Forwarded-Proto', 'http'],
      ['Via', `1.1 ${first(headers, 'host') ?? ''}`],
    ],
    // H2O_MAX_HEADERS
    takesHead: ({ headers }) => headers.length <= 100,
    judge: (exchange) => judge(exchange, roots, host),
    send,
    fail: (fault) => page(STATUS_OF[fault]),
    passedHeaders: ({ answer }) =>
      without(endToEnd(answer.headers), 'date', 'server', ...HIDDEN_RESPONSE_HEADERS),
    page,
  };
}

const STATUS_OF: Readonly<Record<FileFault, number>> = {
  missing: 404,
  folder: 403,
  special: 403,
  denied: 403,
  link: 403,
  'link-above': 403,
  'no-folder': 404,
  'name-too-long': 403,
};

/** The status of the application does not matter. */
function judge({ answer }: Exchange, roots: readonly ServedRoot[], host: string): Verdict {
  const value = first(answer.headers, 'x-reproxy-url');
  if (value === undefined) return { kind: 'pass' };
  const match = /^(?:https?:)?\/\/([^/?]*)(.*)$/i.exec(value);
  if (match === null) {
    return { kind: 'ask', target: value.startsWith('/') ? value : `/${value}`, kept: [] };
  }
  const [, authority = '', target = ''] = match;
  // The real one asks other hosts; the emulator asks nobody.
  if (authority !== host) return { kind: 'reply', reply: page(502) };
  const [raw = ''] = target.split('?');
  const path = decodedPath(raw);
  const place = placeOfUri(roots, path);
  if (place === undefined) return { kind: 'reply', reply: page(404) };
  if (path.endsWith('/')) return { kind: 'reply', reply: page(403) };
  return { kind: 'file', place };
}

/** h2o_url_normalize_path, and a C string ends at its first NUL. */
function decodedPath(raw: string): string {
  const [decoded = ''] = percentDecode(raw).split('\0');
  const clean = cleanPath(decoded);
  return decoded.endsWith('/') && clean !== '/' ? `${clean}/` : clean;
}

/** h2o_file_send */
function send(file: OpenedFacts, exchange: Exchange): Reply {
  // The handed over request is a GET, whatever the client's was.
  const reply = sendTo(file, exchange);
  return { ...reply, forgetsHead: reply.status < 300 };
}

function sendTo(file: OpenedFacts, { request, answer }: Exchange): Reply {
  const entityTag = nginxEntityTag(file);
  const value = first(answer.headers, 'x-reproxy-url') ?? '';
  const given = fromQuery(value);
  // What stands behind a NUL counts for the type.
  const path = percentDecode(value.split('?')[0] ?? '');
  const type =
    H2O_TYPES[/\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';
  if (isNotModified(request.headers, entityTag, Math.floor(file.lastModified / 1000))) {
    return { status: 304, headers: [...given, ['ETag', entityTag]], body: [] };
  }
  const headers: HeaderLines = [
    ...given,
    ['Content-Type', type],
    ['Last-Modified', formatHttpDate(file.lastModified)],
    ['ETag', entityTag],
  ];
  const range = first(request.headers, 'range');
  if (range === undefined) {
    return { status: 200, headers: [...headers, ['Accept-Ranges', 'bytes']], body: whole(file) };
  }
  // If-Range is not looked at.
  const windows = parse(range, file.size);
  if (windows === undefined) return unsatisfiable(given, file.size);
  return rangeReply(windows, file, {
    headers,
    type,
    boundary: boundary(),
    before: '',
    partHead: (text) => `Content-Type: ${type}\r\nContent-Range: ${text}\r\n`,
  });
}

/** The handler of the private host makes headers of the query. */
function fromQuery(value: string): HeaderLines {
  const query = value.split('?')[1] ?? '';
  return query.split('&').flatMap((pair): HeaderLine[] => {
    const [name = '', text = ''] = pair.split(/=(.*)/s);
    return name === '' ? [] : [[name, percentDecode(text)]];
  });
}

/** Exactly one entity tag, by its text; and of dates the form that servers send. */
function isNotModified(headers: HeaderLines, entityTag: string, seconds: number): boolean {
  const noneMatch = first(headers, 'if-none-match');
  if (noneMatch !== undefined) return noneMatch === entityTag;
  const modified = fixdateOf(first(headers, 'if-modified-since') ?? '');
  return modified !== undefined && seconds <= modified;
}

/** `process_range`: nothing is merged; `undefined` is 416. */
function parse(field: string, size: number): readonly FileWindow[] | undefined {
  if (!field.startsWith('bytes=')) return undefined;
  const windows: FileWindow[] = [];
  for (const spec of field
    .slice('bytes='.length)
    .replace(/^[,]+/, '')
    .split(/[ \t]*,[ \t,]*/)) {
    // h2o_strtosizefwd reads twenty digits.
    const match = /^(?:(\d{1,20})-(\d{0,20})|-(\d{1,20}))$/.exec(spec);
    if (match === null && spec !== '') return undefined;
    const window = match === null ? undefined : windowOf(match, size);
    if (window !== undefined) windows.push(window);
  }
  return windows.length === 0 ? undefined : windows;
}

function windowOf(match: RegExpExecArray, size: number): FileWindow | undefined {
  const [, from, to = '', suffix] = match;
  if (from === undefined) {
    const length = Number(suffix);
    return length === 0 ? undefined : { first: Math.max(size - length, 0), last: size - 1 };
  }
  const start = Number(from);
  const end = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return start >= size || end < start ? undefined : { first: start, last: end };
}

function unsatisfiable(given: HeaderLines, size: number): Reply {
  return {
    status: 416,
    headers: [
      ...given,
      ['Content-Range', formatContentRange(undefined, size)],
      ['Content-Type', 'text/plain; charset=utf-8'],
    ],
    body: ['requested range not satisfiable'],
  };
}

function page(status: number): Reply {
  return {
    status,
    headers: [['Content-Type', 'text/plain; charset=utf-8']],
    body: [pageText(status).trim()],
  };
}

function boundary(): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length: 20 }, () => letters[Math.floor(Math.random() * letters.length)]).join(
    '',
  );
}
