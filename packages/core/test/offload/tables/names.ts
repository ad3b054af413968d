import {
  apache,
  caddy,
  type Dialect,
  h2o,
  lighttpd,
  nginx,
  type RootPlaces,
} from '@sluice/core/offload';

/** A sender of the tables: a server, and the version of it where that makes a difference. */
export interface Sender {
  readonly name: string;
  /** With places for several roots, as the server finds them, or with none. */
  readonly create: (places?: RootPlaces) => Dialect;
  /** What stands before the name of a file in the root of all keys. */
  readonly before: string;
  readonly form: 'percent' | 'raw';
  /** Every way in which the server may read a value, to the path that it then opens. */
  readonly readings: readonly ((value: string) => string)[];
}

const PREFIX = '/_sluice/';
const URL_PREFIX = `http://sluice.internal${PREFIX}`;

/** What a URI dialect says, as the path of the file: the prefix is mapped, and the rest decoded once. */
function below(before: string, decode: (text: string) => string): (value: string) => string {
  return (value) => {
    const [uri = ''] = value.split('?');
    if (!uri.startsWith(before)) throw new Error(`${value} is outside of ${before}`);
    const path = decode(uri.slice(before.length));
    return path.startsWith('videos/')
      ? `/mnt/videos/${path.slice('videos/'.length)}`
      : `/srv/private/${path}`;
  };
}

const percentDecoded = (value: string): string => decodeURIComponent(value);
const asBytes = (value: string): string => Buffer.from(value, 'latin1').toString();
/** A server that decodes finds bytes, and no escape, in what was written raw. */
const bytesDecoded = (value: string): string => decodeURIComponent(asBytes(value));

export const senders: readonly Sender[] = [
  {
    name: 'nginx',
    create: (prefix = PREFIX) => nginx({ prefix }),
    before: PREFIX,
    form: 'percent',
    readings: [below(PREFIX, percentDecoded)],
  },
  {
    name: 'apache',
    create: (root) => apache({ root }),
    before: '/srv/private/',
    form: 'raw',
    readings: [asBytes, bytesDecoded],
  },
  {
    name: 'apache raw',
    create: (root) => apache({ root, encoding: 'raw' }),
    before: '/srv/private/',
    form: 'raw',
    readings: [asBytes],
  },
  {
    name: 'apache percent',
    create: (root) => apache({ root, encoding: 'percent' }),
    before: '/srv/private/',
    form: 'percent',
    readings: [percentDecoded],
  },
  {
    name: 'lighttpd',
    create: (root) => lighttpd({ root }),
    before: '/srv/private/',
    form: 'percent',
    readings: [percentDecoded],
  },
  {
    name: 'caddy',
    create: (prefix = PREFIX) => caddy({ prefix }),
    before: PREFIX,
    form: 'raw',
    readings: [below(PREFIX, asBytes), below(PREFIX, bytesDecoded)],
  },
  {
    name: 'caddy 2.6',
    create: (prefix = PREFIX) => caddy({ prefix, version: '2.6' }),
    before: PREFIX,
    form: 'raw',
    readings: [below(PREFIX, asBytes)],
  },
  {
    name: 'caddy 2.7',
    create: (prefix = PREFIX) => caddy({ prefix, version: '2.7' }),
    before: PREFIX,
    form: 'percent',
    readings: [below(PREFIX, percentDecoded)],
  },
  {
    name: 'h2o',
    create: (prefix = PREFIX) => h2o({ prefix }),
    before: URL_PREFIX,
    form: 'percent',
    readings: [below(URL_PREFIX, percentDecoded)],
  },
];

/** A name, its two spellings in a value, and the senders that cannot be told of it. */
export interface NameRow {
  readonly name: string;
  readonly percent: string;
  /** Each character a byte. */
  readonly raw: string;
  readonly streamed?: readonly string[];
}

const RAW = ['apache', 'apache raw', 'caddy', 'caddy 2.6'];
/** Those of which it is not known whether they decode. */
const UNKNOWN = ['apache', 'caddy'];

const same = (name: string): NameRow => ({ name, percent: name, raw: name });

export const names: readonly NameRow[] = [
  same('report.pdf'),
  same('.hidden'),
  same('..dots'),
  same('...'),
  same('x..y'),
  same('dots..'),
  same('-x'),
  same('~_-.'),
  same('deep/er/name'),
  { name: 'with space', percent: 'with%20space', raw: 'with space' },
  { name: ' leading', percent: '%20leading', raw: ' leading' },
  { name: 'folder / x', percent: 'folder%20/%20x', raw: 'folder / x' },
  { name: 'trailing ', percent: 'trailing%20', raw: 'trailing ', streamed: RAW },
  { name: '%', percent: '%25', raw: '%', streamed: UNKNOWN },
  { name: '100%', percent: '100%25', raw: '100%', streamed: UNKNOWN },
  { name: '%zz', percent: '%25zz', raw: '%zz', streamed: UNKNOWN },
  { name: '%41.txt', percent: '%2541.txt', raw: '%41.txt', streamed: UNKNOWN },
  { name: '%2e%2e', percent: '%252e%252e', raw: '%2e%2e', streamed: UNKNOWN },
  { name: 'a%2Fb', percent: 'a%252Fb', raw: 'a%2Fb', streamed: UNKNOWN },
  { name: '%00', percent: '%2500', raw: '%00', streamed: UNKNOWN },
  { name: 'q?x=1', percent: 'q%3Fx%3D1', raw: 'q?x=1', streamed: ['caddy', 'caddy 2.6'] },
  { name: 'a#b', percent: 'a%23b', raw: 'a#b' },
  { name: 'a+b', percent: 'a%2Bb', raw: 'a+b' },
  { name: 'a&b;c', percent: 'a%26b%3Bc', raw: 'a&b;c' },
  { name: 'a=b,c', percent: 'a%3Db%2Cc', raw: 'a=b,c' },
  { name: 'C:', percent: 'C%3A', raw: 'C:' },
  { name: '@named', percent: '%40named', raw: '@named' },
  { name: '$host', percent: '%24host', raw: '$host' },
  { name: '{http.vars}', percent: '%7Bhttp.vars%7D', raw: '{http.vars}' },
  { name: `'"`, percent: '%27%22', raw: `'"` },
  { name: '(*)!', percent: '%28%2A%29%21', raw: '(*)!' },
  { name: '[<|>]', percent: '%5B%3C%7C%3E%5D', raw: '[<|>]' },
  { name: '^`', percent: '%5E%60', raw: '^`' },
  { name: 'back\\slash', percent: 'back%5Cslash', raw: 'back\\slash' },
  { name: '..\\up', percent: '..%5Cup', raw: '..\\up' },
  { name: 'http://host', percent: '', raw: '', streamed: ['every'] },
  { name: 'caf\u00e9', percent: 'caf%C3%A9', raw: 'caf\xc3\xa9' },
  { name: 'cafe\u0301', percent: 'cafe%CC%81', raw: 'cafe\xcc\x81' },
  {
    name: '\u65e5\u672c',
    percent: '%E6%97%A5%E6%9C%AC',
    raw: '\xe6\x97\xa5\xe6\x9c\xac',
  },
  { name: '\u{1f984}', percent: '%F0%9F%A6%84', raw: '\xf0\x9f\xa6\x84' },
  { name: 'nbsp\u00a0', percent: 'nbsp%C2%A0', raw: 'nbsp\xc2\xa0' },
  { name: 'nel\u0085', percent: 'nel%C2%85', raw: 'nel\xc2\x85' },
  { name: '\u202egnp.exe', percent: '%E2%80%AEgnp.exe', raw: '\xe2\x80\xaegnp.exe' },
  { name: '__proto__', percent: '__proto__', raw: '__proto__' },
  // No key holds these, but a root may, and a driver of somebody else.
  ...[
    ['tab\t', 'tab%09'],
    ['line\nfeed', 'line%0Afeed'],
    ['carriage\rreturn', 'carriage%0Dreturn'],
    ['\u0001', '%01'],
    ['\u007f', '%7F'],
  ].map(([name = '', percent = '']) => ({
    name,
    percent,
    raw: name,
    streamed: [...RAW, 'lighttpd'],
  })),
  // What no server is told.
  ...[
    '',
    '.',
    '..',
    'a//b',
    'a/',
    'a/../b',
    './a',
    'a/.',
    '/a',
    'nul\0',
    '\ud800',
    'a\udfff/b',
  ].map((name) => ({ name, percent: '', raw: '', streamed: ['every'] })),
];
