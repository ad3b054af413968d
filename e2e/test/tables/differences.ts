import type { Habits } from '../../src/habits.ts';
import type { Expected, Span } from '../../src/verdict.ts';

/** What a sender does otherwise than the table of the protocol says, and why that is no fault of it. */
export interface Difference {
  readonly expected: Expected;
  readonly because: string;
}

type Differences = Readonly<Record<string, Difference>>;

const WHOLE: Expected = { status: 200, sends: 'all' };
const UNSATISFIABLE: Expected = { status: 416, contentRange: 'bytes */100000' };

function part(...sends: readonly Span[]): Expected {
  return { status: 206, sends };
}

/** The same difference in several cases. */
function each(expected: Expected, because: string, ...titles: readonly string[]): Differences {
  return Object.fromEntries(titles.map((title) => [title, { expected, because }]));
}

const NGINX: Differences = {
  ...each(
    UNSATISFIABLE,
    'it answers 416 to a field that it cannot parse',
    'range bytes=99990-99999999999999999999999, far beyond the end',
    'range bytes=5-2, backwards',
    'range bytes=abc',
    'range bytes=-',
    'range bytes=0x0-0x5',
    'range bytes=0-5;6-7',
    'range bytes=1-2-3',
    'range bytes=+1-2',
    'range bytes=0-5,, an empty element',
  ),
  ...each(part([0, 49], [50, 99]), 'it merges no ranges', 'range bytes=0-49,50-99, touching'),
  ...each(part([0, 50], [10, 60]), 'it merges no ranges', 'range bytes=0-50,10-60, overlapping'),
  ...each(part([0, 5]), 'it reads the first line', 'two lines of Range'),
  ...each({ status: 400 }, 'it refuses a second line', 'If-None-Match, two lines'),
};

const APACHE: Differences = {
  ...each(
    { status: 416 },
    'its 416 does not say how long the object is',
    'range bytes=100000-',
    'range bytes=200000-300000',
    'range bytes=200000-,300000-, none of two in the object',
  ),
  ...each(
    WHOLE,
    'it ignores a field that it cannot parse',
    'range bytes=99990-99999999999999999999999, far beyond the end',
    'range bytes=99999999999999999999999-',
    'range bytes=-0, an empty suffix',
    'range bytes=0-1, 50000-50001 ,-2',
  ),
  ...each(
    part([0, 99_999]),
    'it merges ranges that are the whole into one',
    'range bytes=0-,0-,0-,0-, four times all of it',
    'two hundred times the whole',
  ),
};

const LIGHTTPD: Differences = {
  ...each(
    { status: 416 },
    'its 416 does not say how long the object is',
    'range bytes=100000-',
    'range bytes=200000-300000',
    'range bytes=99999999999999999999999-',
    'range bytes=-0, an empty suffix',
    'range bytes=200000-,300000-, none of two in the object',
  ),
  ...each(
    { status: 416 },
    'it answers 416 to a field that it cannot parse',
    'range bytes=99990-99999999999999999999999, far beyond the end',
    'range bytes=5-2, backwards',
    'range bytes=abc',
    'range bytes=',
    'range bytes=-',
    'range bytes=0x0-0x5',
    'range bytes=0-5;6-7',
    'range bytes=1-2-3',
  ),
  ...each(part([1, 2]), 'it passes over the sign', 'range bytes=+1-2'),
  ...each(part([0, 5]), 'it sends small gaps too', 'range bytes=0-1,4-5, close together'),
  ...each(
    part([0, 99_999]),
    'it merges ranges that are the whole into one',
    'range bytes=0-,0-,0-,0-, four times all of it',
    'two hundred times the whole',
  ),
  ...each(part([0, 5]), 'it reads the first line', 'two lines of Range'),
  ...each(WHOLE, 'it reads the first line', 'If-None-Match, two lines'),
};

const CADDY: Differences = {
  ...each(
    { status: 416 },
    'it answers 416 to a field that it cannot parse',
    'range bytes=99990-99999999999999999999999, far beyond the end',
    'range bytes=99999999999999999999999-',
    'range bytes=5-2, backwards',
    'range bytes=abc',
    'range bytes=-',
    'range bytes=0x0-0x5',
    'range bytes=0-5;6-7',
    'range bytes=1-2-3',
  ),
  ...each(part([1, 2]), 'it passes over the sign', 'range bytes=+1-2'),
  ...each(part([0, 49], [50, 99]), 'it merges no ranges', 'range bytes=0-49,50-99, touching'),
  ...each(part([0, 50], [10, 60]), 'it merges no ranges', 'range bytes=0-50,10-60, overlapping'),
  ...each(part([0, 5]), 'it reads the first line', 'two lines of Range'),
};

/** Whatever would be answered wrongly is streamed: If-Range, and several ranges. */
const H2O: Differences = each(
  UNSATISFIABLE,
  'it answers 416 to a field that it cannot parse',
  'range bytes=99990-99999999999999999999999, far beyond the end',
  'range bytes=5-2, backwards',
  'range bytes=abc',
  'range bytes=',
  'range bytes=-',
  'range bytes=0x0-0x5',
  'range bytes=0-5;6-7',
  'range bytes=1-2-3',
  'range bytes=+1-2',
);

/** By the titles of the protocol's cases. What is not listed here is answered as streaming does. */
export const DIFFERENCES: Readonly<Record<Habits, Differences>> = {
  streaming: {},
  nginx: NGINX,
  apache: APACHE,
  lighttpd: LIGHTTPD,
  caddy: CADDY,
  h2o: H2O,
};

const COOKIES = 'first=1; path=/; httponly | second=2; path=/; httponly';
const EVERY_HEADER = {
  'set-cookie': COOKIES,
  'strict-transport-security': 'max-age=60',
  'x-request-id': 'a1',
};

/** What reaches the client of headers that another middleware has set, and the plan knows nothing of. */
export const HEADERS_OF_OTHERS: Readonly<
  Record<Habits, Readonly<Record<string, string | undefined>>>
> = {
  streaming: EVERY_HEADER,
  // Beside its own list, `restored` names them.
  nginx: { ...EVERY_HEADER, 'x-request-id': undefined },
  apache: EVERY_HEADER,
  lighttpd: EVERY_HEADER,
  caddy: EVERY_HEADER,
  // Only the plan's are in the query of its order.
  h2o: {
    'set-cookie': undefined,
    'strict-transport-security': undefined,
    'x-request-id': undefined,
  },
};

/** Ranges of an empty object that a sender refuses (416); all others it ignores, and sends nothing. */
export const EMPTY_RANGES_REFUSED: Readonly<Record<Habits, readonly string[]>> = {
  streaming: [],
  nginx: ['bytes=1-'],
  apache: [],
  lighttpd: [],
  // Streamed: its 206 of a suffix would have no byte, and a Content-Range that means nothing.
  caddy: [],
  h2o: ['bytes=0-0', 'bytes=0-', 'bytes=-1', 'bytes=1-'],
};

/** The names that a server cannot be told, by why; the application streams these objects. */
export const NOT_TOLD: Readonly<Record<Habits, (key: string) => string | undefined>> = {
  streaming: () => undefined,
  nginx: () => undefined,
  apache: (key) =>
    key.endsWith(' ') ? 'a blank at the end is taken for the end of the field' : undefined,
  lighttpd: () => undefined,
  caddy(key) {
    if (key.endsWith(' ')) return 'a blank at the end is taken for the end of the field';
    return key.includes('?') ? 'its rewrite ends the path there' : undefined;
  },
  h2o: (key) =>
    /\.(?:txt|zip|tar|mp4|jpg)$/.test(key)
      ? undefined
      : 'it takes the media type from its own table',
};
