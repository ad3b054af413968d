import type { Expected, Span } from '../../src/verdict.ts';

/** What the client knows of the object before it asks. */
export interface Known {
  /** The entity tag that this sender gave. */
  readonly tag: string;
  /** The modification date, and what lies a minute around it. */
  readonly date: string;
  readonly earlier: string;
  readonly later: string;
}

/** One request for `data.zip`, of 100000 bytes, and the answer that RFC 9110 makes of it. */
export interface ProtocolCase {
  readonly title: string;
  readonly method?: string;
  readonly version?: '1.0';
  readonly headers?: (known: Known) => Readonly<Record<string, string | readonly string[]>>;
  readonly expected: Expected;
}

/** The object of these cases. */
export const OBJECT = 'data.zip';

const ALL: Expected = { status: 200, sends: 'all' };
const NOT_MODIFIED: Expected = { status: 304 };
const FAILED: Expected = { status: 412 };
const UNSATISFIABLE: Expected = { status: 416, contentRange: 'bytes */100000' };
const HEAD: Expected = { status: 200, sends: 'all', bodiless: true };

function part(...sends: readonly Span[]): Expected {
  return { status: 206, sends };
}

function range(value: string, expected: Expected, more = ''): ProtocolCase {
  return { title: `range ${value}${more}`, headers: () => ({ range: value }), expected };
}

const RANGES: readonly ProtocolCase[] = [
  range('bytes=0-0', part([0, 0])),
  range('bytes=0-99', part([0, 99])),
  range('bytes=50000-50999', part([50_000, 50_999])),
  range('bytes=99999-99999', part([99_999, 99_999]), ', the last byte'),
  range('bytes=99000-', part([99_000, 99_999]), ', open'),
  range('bytes=0-', part([0, 99_999]), ', all of it'),
  range('bytes=-1', part([99_999, 99_999]), ', a suffix'),
  range('bytes=-500', part([99_500, 99_999]), ', a suffix'),
  range('bytes=-200000', part([0, 99_999]), ', a suffix longer than the object'),
  range('bytes=99990-200000', part([99_990, 99_999]), ', beyond the end'),
  range('bytes=99990-99999999999999999999999', part([99_990, 99_999]), ', far beyond the end'),
  range('bytes=100000-', UNSATISFIABLE),
  range('bytes=200000-300000', UNSATISFIABLE),
  range('bytes=99999999999999999999999-', UNSATISFIABLE),
  range('bytes=-0', UNSATISFIABLE, ', an empty suffix'),
  range('bytes=0-1,50000-50001', part([0, 1], [50_000, 50_001])),
  range('bytes=0-1, 50000-50001 ,-2', part([0, 1], [50_000, 50_001], [99_998, 99_999])),
  range('bytes=50000-50001,0-1', part([50_000, 50_001], [0, 1]), ', not in order'),
  range('bytes=0-1,4-5', part([0, 1], [4, 5]), ', close together'),
  range('bytes=0-49,50-99', part([0, 99]), ', touching'),
  range('bytes=0-50,10-60', part([0, 60]), ', overlapping'),
  range('bytes=0-1,200000-', part([0, 1]), ', one of two in the object'),
  range('bytes=200000-,300000-', UNSATISFIABLE, ', none of two in the object'),
  range('bytes=0-,0-,0-,0-', ALL, ', four times all of it'),
  {
    title: 'two hundred times the whole',
    headers: () => ({ range: `bytes=${Array.from({ length: 200 }, () => '0-').join(',')}` }),
    expected: ALL,
  },
  range('bytes=5-2', ALL, ', backwards'),
  range('bytes=abc', ALL),
  range('bytes=', ALL),
  range('bytes=-', ALL),
  range('bytes 0-5', ALL),
  range('bytes=0x0-0x5', ALL),
  range('bytes=0-5;6-7', ALL),
  range('bytes=1-2-3', ALL),
  range('bytes=+1-2', ALL),
  range('items=0-5', ALL, ', another unit'),
  range('BYTES=0-5', part([0, 5])),
  range('bytes=0-5,', part([0, 5]), ', an empty element'),
  {
    title: 'two lines of Range',
    headers: () => ({ range: ['bytes=0-5', 'bytes=10-15'] }),
    expected: ALL,
  },
];

function when(
  title: string,
  headers: (known: Known) => Readonly<Record<string, string | readonly string[]>>,
  expected: Expected,
): ProtocolCase {
  return { title, headers, expected };
}

const CONDITIONS: readonly ProtocolCase[] = [
  when('If-None-Match, the tag', ({ tag }) => ({ 'if-none-match': tag }), NOT_MODIFIED),
  when(
    'If-None-Match, the tag as weak',
    ({ tag }) => ({ 'if-none-match': `W/${tag}` }),
    NOT_MODIFIED,
  ),
  when('If-None-Match *', () => ({ 'if-none-match': '*' }), NOT_MODIFIED),
  when(
    'If-None-Match, a list',
    ({ tag }) => ({ 'if-none-match': `"a", W/"b", ${tag}` }),
    NOT_MODIFIED,
  ),
  when('If-None-Match, two lines', ({ tag }) => ({ 'if-none-match': ['"a"', tag] }), NOT_MODIFIED),
  when('If-None-Match, another tag', () => ({ 'if-none-match': '"other"' }), ALL),
  when('If-None-Match "0"', () => ({ 'if-none-match': '"0"' }), ALL),
  when('If-None-Match without quotes', ({ tag }) => ({ 'if-none-match': tag.slice(1, -1) }), ALL),
  when(
    'If-None-Match before If-Modified-Since',
    ({ date }) => ({ 'if-none-match': '"other"', 'if-modified-since': date }),
    ALL,
  ),
  when(
    'If-None-Match before Range',
    ({ tag }) => ({ 'if-none-match': tag, range: 'bytes=0-9' }),
    NOT_MODIFIED,
  ),
  when(
    'If-None-Match, another tag, and Range',
    () => ({ 'if-none-match': '"other"', range: 'bytes=0-9' }),
    part([0, 9]),
  ),
  when('If-Modified-Since, the date', ({ date }) => ({ 'if-modified-since': date }), NOT_MODIFIED),
  when('If-Modified-Since, later', ({ later }) => ({ 'if-modified-since': later }), NOT_MODIFIED),
  when('If-Modified-Since, earlier', ({ earlier }) => ({ 'if-modified-since': earlier }), ALL),
  when('If-Modified-Since, no date', () => ({ 'if-modified-since': 'yesterday' }), ALL),
  when('If-Match, the tag', ({ tag }) => ({ 'if-match': tag }), ALL),
  when('If-Match *', () => ({ 'if-match': '*' }), ALL),
  when('If-Match, a list', ({ tag }) => ({ 'if-match': `"a", ${tag}` }), ALL),
  when(
    'If-Match, the tag, and Range',
    ({ tag }) => ({ 'if-match': tag, range: 'bytes=10-19' }),
    part([10, 19]),
  ),
  when('If-Match, another tag', () => ({ 'if-match': '"other"' }), FAILED),
  when('If-Match, the tag as weak', ({ tag }) => ({ 'if-match': `W/${tag}` }), FAILED),
  when(
    'If-Match, another tag, and Range',
    () => ({ 'if-match': '"other"', range: 'bytes=10-19' }),
    FAILED,
  ),
  when('If-Unmodified-Since, the date', ({ date }) => ({ 'if-unmodified-since': date }), ALL),
  when('If-Unmodified-Since, later', ({ later }) => ({ 'if-unmodified-since': later }), ALL),
  when(
    'If-Unmodified-Since, earlier',
    ({ earlier }) => ({ 'if-unmodified-since': earlier }),
    FAILED,
  ),
  when(
    'If-Range, the tag',
    ({ tag }) => ({ 'if-range': tag, range: 'bytes=10-19' }),
    part([10, 19]),
  ),
  when(
    'If-Range, the tag, and an open range',
    ({ tag }) => ({ 'if-range': tag, range: 'bytes=60000-' }),
    part([60_000, 99_999]),
  ),
  when('If-Range, another tag', () => ({ 'if-range': '"other"', range: 'bytes=10-19' }), ALL),
  when('If-Range "0"', () => ({ 'if-range': '"0"', range: 'bytes=10-19' }), ALL),
  when(
    'If-Range, the tag as weak',
    ({ tag }) => ({ 'if-range': `W/${tag}`, range: 'bytes=10-19' }),
    ALL,
  ),
  when(
    'If-Range, the date',
    ({ date }) => ({ 'if-range': date, range: 'bytes=10-19' }),
    part([10, 19]),
  ),
  when('If-Range, a later date', ({ later }) => ({ 'if-range': later, range: 'bytes=10-19' }), ALL),
  when(
    'If-Range, an earlier date',
    ({ earlier }) => ({ 'if-range': earlier, range: 'bytes=10-19' }),
    ALL,
  ),
  when('If-Range without Range', ({ tag }) => ({ 'if-range': tag }), ALL),
  when(
    'If-Range, the tag, and a range beyond the end',
    ({ tag }) => ({ 'if-range': tag, range: 'bytes=100000-' }),
    UNSATISFIABLE,
  ),
  when('Accept-Encoding', () => ({ 'accept-encoding': 'gzip, br, zstd, deflate' }), ALL),
  when(
    'Accept-Encoding and Range',
    () => ({ 'accept-encoding': 'gzip, br', range: 'bytes=1000-8999' }),
    part([1000, 8999]),
  ),
];

const METHODS: readonly ProtocolCase[] = [
  { title: 'GET', expected: ALL },
  { title: 'GET of HTTP/1.0', version: '1.0', expected: ALL },
  { title: 'HEAD', method: 'HEAD', expected: HEAD },
  {
    title: 'HEAD and Range',
    method: 'HEAD',
    headers: () => ({ range: 'bytes=0-9' }),
    expected: HEAD,
  },
  {
    title: 'HEAD and If-None-Match',
    method: 'HEAD',
    headers: ({ tag }) => ({ 'if-none-match': tag }),
    expected: NOT_MODIFIED,
  },
  {
    title: 'HEAD and If-Match, another tag',
    method: 'HEAD',
    headers: () => ({ 'if-match': '"other"' }),
    expected: FAILED,
  },
  ...['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'].map((method) => ({
    title: method,
    method,
    headers: () => ({ 'content-length': '0' }),
    expected: { status: 405 },
  })),
];

export const PROTOCOL: readonly ProtocolCase[] = [...METHODS, ...RANGES, ...CONDITIONS];
