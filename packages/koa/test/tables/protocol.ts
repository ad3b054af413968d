/**
 * Requests for an object of 1000 bytes, and what RFC 9110 demands of the answer. `"e1"` is its
 * entity tag, and Tue, 02 Jan 2024 03:04:05 GMT its modification date.
 */
export interface ProtocolRow {
  readonly title: string;
  readonly method?: string;
  readonly target?: string;
  readonly headers?: readonly string[];
  readonly status: number;
  /** The bytes of the object that make the body; `[]` for an empty one. */
  readonly bytes?: readonly [number, number] | readonly [];
  /** Headers of the answer; `undefined` for one that must not be there. */
  readonly expected?: Readonly<Record<string, string | undefined>>;
}

const WHOLE = { status: 200, bytes: [0, 1000] } as const;
const UNSATISFIABLE = {
  status: 416,
  expected: {
    'content-range': 'bytes */1000',
    'content-length': '21',
    etag: undefined,
    'content-disposition': undefined,
  },
} as const;
const FAILED = { status: 412, expected: { 'content-length': '19' } } as const;
const LATER = 'Tue, 02 Jan 2024 03:05:45 GMT';
const DATE = 'Tue, 02 Jan 2024 03:04:05 GMT';
const EARLIER = 'Mon, 01 Jan 2024 00:00:00 GMT';

/** RFC 9110 §15.4.5: what a 200 would have carried to update a stored response. */
const NOT_MODIFIED = {
  status: 304,
  bytes: [],
  expected: {
    etag: '"e1"',
    'last-modified': DATE,
    'cache-control': 'private, no-cache, no-transform',
    'content-length': undefined,
    'content-type': undefined,
    'content-range': undefined,
  },
} as const;

function part(first: number, last: number): Pick<ProtocolRow, 'status' | 'bytes' | 'expected'> {
  return {
    status: 206,
    bytes: [first, last + 1],
    expected: {
      'content-range': `bytes ${first}-${last}/1000`,
      'content-length': String(last + 1 - first),
      // RFC 9110 §15.3.7: the fields that the 200 would have.
      etag: '"e1"',
      'last-modified': DATE,
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache, no-transform',
    },
  };
}

/** RFC 9110 §14.2: a Range that is malformed, or of another unit, is ignored. */
const IGNORED_RANGES: readonly (readonly [string, string])[] = [
  ['an unknown unit', 'items=0-5'],
  ['first after last', 'bytes=5-2'],
  ['no positions', 'bytes=-'],
  ['two dashes', 'bytes=--5'],
  ['letters', 'bytes=abc'],
  ['no unit', '0-99'],
  ['hexadecimal', 'bytes=0x10-20'],
  ['an exponent', 'bytes=1e2-'],
  ['a sign', 'bytes=+5-10'],
  ['three positions', 'bytes=5-10-15'],
  ['trailing letters', 'bytes=0-99abc'],
  ['a suffix with a dash', 'bytes=-5-'],
  ['leading letters', 'bytes=abc-5'],
  ['nothing at all', ''],
];

const SATISFIED_RANGES: readonly (readonly [string, string, number, number])[] = [
  ['the first 100 bytes', 'bytes=0-99', 0, 99],
  ['the first byte', 'bytes=0-0', 0, 0],
  ['the last byte', 'bytes=999-999', 999, 999],
  ['an open end', 'bytes=990-', 990, 999],
  ['a suffix', 'bytes=-100', 900, 999],
  ['a suffix longer than the object', 'bytes=-99999', 0, 999],
  ['an end beyond the object', 'bytes=0-99999', 0, 999],
  ['an end of 30 digits', `bytes=0-${'9'.repeat(30)}`, 0, 999],
  ['an empty list element', 'bytes=,0-99,', 0, 99],
  ['the unit in capitals', 'BYTES=0-99', 0, 99],
  ['one satisfiable of two', 'bytes=0-99,5000-', 0, 99],
];

export const PROTOCOL: readonly ProtocolRow[] = [
  {
    title: 'GET gives the whole object with its headers',
    ...WHOLE,
    expected: {
      'content-length': '1000',
      'content-type': 'text/plain',
      'content-disposition': 'inline; filename="o.txt"',
      'cache-control': 'private, no-cache, no-transform',
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
      etag: '"e1"',
      'last-modified': DATE,
      'content-encoding': undefined,
    },
  },
  {
    title: 'HEAD gives the headers of GET',
    method: 'HEAD',
    status: 200,
    bytes: [],
    expected: { 'content-length': '1000', 'content-type': 'text/plain', etag: '"e1"' },
  },
  {
    title: 'HEAD ignores Range',
    method: 'HEAD',
    headers: ['Range: bytes=0-99'],
    status: 200,
    bytes: [],
    expected: { 'content-length': '1000', 'content-range': undefined },
  },
  ...['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'].map((method) => ({
    title: `${method} is not allowed, with Range or without`,
    method,
    headers: ['Range: bytes=0-99', 'Content-Length: 0'],
    status: 405,
    expected: { allow: 'GET, HEAD', 'content-range': undefined, 'content-length': '18' },
  })),
  ...IGNORED_RANGES.map(([title, range]) => ({
    title: `a Range with ${title} is ignored`,
    headers: [`Range: ${range}`],
    ...WHOLE,
    expected: { 'content-range': undefined },
  })),
  ...SATISFIED_RANGES.map(([title, range, first, last]) => ({
    title: `Range: ${title}`,
    headers: [`Range: ${range}`],
    ...part(first, last),
  })),
  { title: 'a suffix of nothing', headers: ['Range: bytes=-0'], ...UNSATISFIABLE },
  { title: 'a range behind the end', headers: ['Range: bytes=1000-'], ...UNSATISFIABLE },
  { title: 'two ranges behind the end', headers: ['Range: bytes=1000-,2000-'], ...UNSATISFIABLE },
  {
    title: 'two lines of Range make one that is malformed',
    headers: ['Range: bytes=0-1', 'Range: bytes=5-6'],
    ...WHOLE,
    expected: { 'content-range': undefined },
  },
  {
    title: 'an unsatisfiable Range of an empty object is the whole',
    target: '/files/empty',
    headers: ['Range: bytes=-5'],
    status: 200,
    bytes: [],
    expected: { 'content-length': '0', 'content-range': undefined },
  },
  {
    title: 'an empty object',
    target: '/files/empty',
    status: 200,
    bytes: [],
    expected: { 'content-length': '0', 'content-type': 'application/octet-stream' },
  },
  {
    title: 'If-Range with the tag lets the range apply',
    headers: ['Range: bytes=0-99', 'If-Range: "e1"'],
    ...part(0, 99),
  },
  {
    title: 'If-Range with the exact date lets the range apply',
    headers: ['Range: bytes=0-99', `If-Range: ${DATE}`],
    ...part(0, 99),
  },
  ...[
    ['a weak tag', 'W/"e1"'],
    ['another tag', '"nope"'],
    ['two tags', '"zzz", "e1"'],
    ['a later date', LATER],
    ['an earlier date', EARLIER],
    ['nonsense', 'nonsense'],
  ].map(([title, value]) => ({
    title: `If-Range with ${title} gives the whole`,
    headers: ['Range: bytes=0-99', `If-Range: ${value}`],
    ...WHOLE,
    expected: { 'content-range': undefined },
  })),
  {
    title: 'If-Range with the weak tag of the object itself gives the whole',
    target: '/files/weak.txt',
    headers: ['Range: bytes=0-99', 'If-Range: W/"w1"'],
    ...WHOLE,
    expected: { etag: 'W/"w1"' },
  },
  ...[
    ['the tag', ['If-None-Match: "e1"']],
    ['its weak form', ['If-None-Match: W/"e1"']],
    ['a list', ['If-None-Match: "x", "e1"']],
    ['a list with a tab', ['If-None-Match: "x",\t"e1"']],
    ['a list in two lines', ['If-None-Match: "x"', 'If-None-Match: "e1"']],
    ['a star', ['If-None-Match: *']],
    ['the tag and an older date', ['If-None-Match: "e1"', `If-Modified-Since: ${EARLIER}`]],
    ['the tag and no-cache', ['If-None-Match: "e1"', 'Cache-Control: no-cache']],
    ['the tag and a range', ['If-None-Match: "e1"', 'Range: bytes=0-99']],
    ['the tag and a range behind the end', ['If-None-Match: "e1"', 'Range: bytes=5000-']],
    ['the date', [`If-Modified-Since: ${DATE}`]],
    ['a later date', [`If-Modified-Since: ${LATER}`]],
    ['the date in the form of asctime', ['If-Modified-Since: Tue Jan  2 03:04:05 2024']],
    ['the date in the form of RFC 850', ['If-Modified-Since: Tuesday, 02-Jan-24 03:04:05 GMT']],
  ].map(([title, headers]) => ({
    title: `not modified: ${title as string}`,
    headers: headers as readonly string[],
    ...NOT_MODIFIED,
  })),
  {
    title: 'not modified: HEAD with the tag',
    method: 'HEAD',
    headers: ['If-None-Match: "e1"'],
    ...NOT_MODIFIED,
  },
  ...[
    ['another tag', ['If-None-Match: "nope"']],
    ['another tag and the date', ['If-None-Match: "nope"', `If-Modified-Since: ${DATE}`]],
    ['a tag within another, with a comma', ['If-None-Match: "x,"e1""']],
    ['an older date', [`If-Modified-Since: ${EARLIER}`]],
    ['a date in the form of ISO 8601', ['If-Modified-Since: 2030-01-01']],
    ['a number', ['If-Modified-Since: 5000']],
  ].map(([title, headers]) => ({
    title: `modified: ${title as string}`,
    headers: headers as readonly string[],
    ...WHOLE,
  })),
  ...[
    ['another tag', ['If-Match: "nope"']],
    ['the weak form of the tag', ['If-Match: W/"e1"']],
    ['another tag and a range', ['If-Match: "nope"', 'Range: bytes=0-99']],
    ['an earlier If-Unmodified-Since', [`If-Unmodified-Since: ${EARLIER}`]],
  ].map(([title, headers]) => ({
    title: `precondition failed: ${title as string}`,
    headers: headers as readonly string[],
    ...FAILED,
  })),
  ...[
    ['the tag', ['If-Match: "e1"']],
    ['a star', ['If-Match: *']],
    ['a list', ['If-Match: "x", "e1"']],
    [
      'the tag, and If-Unmodified-Since is ignored',
      ['If-Match: "e1"', `If-Unmodified-Since: ${EARLIER}`],
    ],
    ['If-Unmodified-Since with the date', [`If-Unmodified-Since: ${DATE}`]],
    ['If-Unmodified-Since that is no date', ['If-Unmodified-Since: 2020-01-01']],
  ].map(([title, headers]) => ({
    title: `precondition holds: ${title as string}`,
    headers: headers as readonly string[],
    ...WHOLE,
  })),
  ...['If-None-Match: *', 'If-Match: "nope"', 'If-Match: *', 'Range: bytes=5000-'].map((line) => ({
    title: `a missing object is 404 with ${line}`,
    target: '/files/missing',
    headers: [line],
    status: 404,
    expected: { 'content-length': '9', 'cache-control': 'no-store' },
  })),
];
