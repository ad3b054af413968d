import type { EmulatorOptions, ServerName } from '../../src/index.ts';
import type { AppHead, Ask } from '../helpers/site.ts';
import { HUNDRED, MODIFIED_DATE } from '../helpers/site.ts';

/** What a real server, with its printed configuration, was seen to do. */
export interface Habit {
  readonly server: ServerName;
  /** Follows the name of the server: `drops what it does not know`. */
  readonly does: string;
  readonly options?: Partial<EmulatorOptions>;
  /** The value of the order, where `@` stands for the folder; or a whole answer of the application. */
  readonly order?: string | readonly string[];
  readonly app?: Partial<AppHead>;
  readonly ask?: Ask;
  readonly status: number;
  /** `undefined` must not be there. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string | RegExp;
}

export const ORDER_HEADER: Readonly<Record<ServerName, string>> = {
  nginx: 'X-Accel-Redirect',
  apache: 'X-Sendfile',
  lighttpd: 'X-Sendfile',
  caddy: 'X-Accel-Redirect',
  h2o: 'X-Reproxy-URL',
};

/** The order for the file of a hundred bytes. */
export const ORDER: Readonly<Record<ServerName, string>> = {
  nginx: '/_sluice/a.txt',
  apache: '@/files/a.txt',
  lighttpd: '@/files/a.txt',
  caddy: '/_sluice/a.txt',
  h2o: 'http://sluice.internal/_sluice/a.txt?content-disposition=attachment&cache-control=private',
};

/** What the application sends with an order. */
export const HEADERS: AppHead['headers'] = {
  'Content-Type': 'text/x-app',
  'Content-Disposition': 'attachment',
  'Cache-Control': 'private',
  'Set-Cookie': ['a=1', 'b=2'],
  ETag: '"app"',
  'Last-Modified': MODIFIED_DATE,
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': 'sandbox',
  'Cross-Origin-Resource-Policy': 'same-origin',
  Vary: 'Cookie',
  'X-Custom': 'mine',
};

const OWN = '"5fee6600-64"';
const LATER = 'Sat, 02 Jan 2021 00:00:00 GMT';
const EARLIER = 'Thu, 31 Dec 2020 00:00:00 GMT';

function range(set: string, more: Readonly<Record<string, string>> = {}): Ask {
  return { headers: { Range: `bytes=${set}`, ...more } };
}

const nginx: readonly Omit<Habit, 'server'>[] = [
  {
    does: 'keeps what it copies and what its configuration gives back, makes the validators, and drops the rest',
    status: 200,
    headers: {
      'content-type': 'text/x-app',
      'content-disposition': 'attachment',
      'cache-control': 'private',
      'set-cookie': 'a=1 | b=2',
      'content-length': '100',
      etag: OWN,
      'last-modified': MODIFIED_DATE,
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      'content-security-policy': 'sandbox',
      vary: 'Cookie',
      'x-custom': undefined,
      'x-accel-redirect': undefined,
    },
    body: HUNDRED,
  },
  {
    does: 'gives back a further header that it is told of',
    options: { restored: ['X-Custom'] },
    status: 200,
    headers: { 'x-custom': 'mine' },
  },
  { does: 'makes a 200 with the file of a 403', app: { status: 403 }, status: 200, body: HUNDRED },
  { does: 'sends a file for POST as well', ask: { method: 'POST' }, status: 200, body: HUNDRED },
  { does: 'decodes the value once', order: '/_sluice/%2541.txt', status: 200, body: 'percent' },
  {
    does: 'takes another file for a value that is not encoded',
    order: '/_sluice/%41.txt',
    status: 200,
    body: 'letter',
  },
  {
    does: 'takes the first of two values',
    order: ['/_sluice/A.txt', '/_sluice/a.txt'],
    status: 200,
    body: 'letter',
  },
  { does: 'answers 404 to an empty value', order: '', status: 404 },
  {
    does: 'leaves headers of the application on its 404',
    order: '/_sluice/none.txt',
    status: 404,
    headers: { 'content-disposition': 'attachment', 'set-cookie': 'a=1 | b=2', vary: undefined },
    body: /404/,
  },
  {
    does: 'sends no folder and shows no internal path',
    order: '/_sluice/folder',
    status: 404,
    headers: { location: undefined },
  },
  { does: 'sends no index of a folder', order: '/_sluice/folder/', status: 404 },
  { does: 'follows no link', order: '/_sluice/link', status: 404 },
  { does: 'follows no link to a folder', order: '/_sluice/linked/secret.txt', status: 404 },
  { does: 'refuses dot segments, even harmless ones', order: '/_sluice/sub/../a.txt', status: 404 },
  {
    does: 'refuses encoded dot segments',
    order: '/_sluice/%2e%2e/outside/secret.txt',
    status: 404,
  },
  {
    does: 'asks the application for what is no internal path, and adds headers of the first answer',
    order: '/etc/passwd',
    status: 404,
    headers: { 'set-cookie': 'a=1 | b=2' },
    body: 'asked for /etc/passwd',
  },
  { does: 'ends a loop of orders with 500', order: '/', status: 500 },
  { does: 'knows no named location', order: '@@', status: 500 },
  {
    does: 'takes If-Modified-Since for the exact date alone',
    ask: { headers: { 'If-Modified-Since': LATER } },
    status: 200,
  },
  {
    does: 'answers 304 by its own entity tag',
    ask: { headers: { 'If-None-Match': OWN } },
    status: 304,
    headers: { etag: OWN, 'cache-control': 'private', 'content-type': undefined },
    body: '',
  },
  {
    does: 'does not know the entity tag of the application',
    ask: { headers: { 'If-None-Match': '"app"' } },
    status: 200,
  },
  {
    does: 'answers 412',
    ask: { headers: { 'If-Match': '"other"' } },
    status: 412,
    headers: { 'set-cookie': undefined },
  },
  {
    does: 'answers 412 where both conditions do not hold',
    ask: { headers: { 'If-Match': OWN, 'If-Unmodified-Since': EARLIER } },
    status: 412,
  },
  {
    does: 'goes on with a download of its own version',
    ask: range('90-', { 'If-Range': OWN }),
    status: 206,
    headers: { 'content-range': 'bytes 90-99/100' },
    body: HUNDRED.slice(90),
  },
  {
    does: 'sends another version from its start',
    ask: range('90-', { 'If-Range': '"app"' }),
    status: 200,
    body: HUNDRED,
  },
  {
    does: 'says the length in a 416',
    ask: range('100-'),
    status: 416,
    headers: {
      'content-range': 'bytes */100',
      'content-disposition': 'attachment',
      vary: 'Cookie',
      etag: undefined,
    },
  },
  { does: 'answers 416 to a last position before the first', ask: range('5-2'), status: 416 },
  { does: 'answers 416 to no ranges at all', ask: range('abc'), status: 416 },
  { does: 'ignores another unit', ask: { headers: { Range: 'items=0-1' } }, status: 200 },
  {
    does: 'sends two ranges in two parts',
    ask: range('0-1,4-5'),
    status: 206,
    body: /^\r\n--\d{20}\r\nContent-Type: text\/x-app\r\nContent-Range: bytes 0-1\/100\r\n\r\n01\r\n--\d{20}\r\n/,
  },
  {
    does: 'sends the whole of what is asked for more than once',
    ask: range('0-,0-'),
    status: 200,
    body: HUNDRED,
  },
  {
    does: 'sends the whole of an empty file for a range',
    order: '/_sluice/empty.txt',
    ask: range('0-0'),
    status: 200,
    body: '',
  },
  {
    does: 'shows no order for another server, and sends no byte',
    app: { headers: { 'X-Sendfile': '/srv/a' } },
    status: 200,
    headers: { 'x-sendfile': undefined },
    body: '',
  },
  {
    does: 'answers 502 to a head that is too long',
    app: { headers: { 'X-Long': 'x'.repeat(33_000) } },
    status: 502,
  },
  {
    does: 'finds a second root below its path',
    order: '/_sluice/videos/v.txt',
    status: 200,
    body: 'a video',
  },
  {
    does: 'shows its internal paths to no client',
    ask: { path: '/_sluice/a.txt' },
    status: 404,
    body: /<h1>404/,
  },
  {
    does: 'shows them around no corner',
    ask: { path: '/x/%2e%2e/%5fsluice//a.txt' },
    status: 404,
    body: /<h1>404/,
  },
  { does: 'refuses a target with a NUL', ask: { path: '/a%00' }, status: 400 },
  { does: 'refuses a target that leads above the root', ask: { path: '/a/../../b' }, status: 400 },
];

const apache: readonly Omit<Habit, 'server'>[] = [
  {
    does: 'keeps the headers of the application, its validators too',
    status: 200,
    headers: {
      'content-type': 'text/x-app',
      'content-length': '100',
      etag: '"app"',
      'x-custom': 'mine',
      vary: 'Cookie',
      'accept-ranges': undefined,
      'x-sendfile': undefined,
    },
    body: HUNDRED,
  },
  {
    does: 'sends nothing on another status, and shows no path',
    app: { status: 404, body: 'of the app' },
    status: 404,
    headers: { 'x-sendfile': undefined },
    body: 'of the app',
  },
  { does: 'takes an empty value for none', order: '', status: 200, body: '' },
  {
    does: 'takes the bytes of a path as they are',
    order: '@/files/%41.txt',
    status: 200,
    body: 'percent',
  },
  { does: 'reads UTF-8', order: '@/files/\u00c3\u00a9.txt', status: 200, body: 'accent' },
  { does: 'finds nothing by an escape', order: '@/files/%C3%A9.txt', status: 404 },
  {
    does: 'of Debian 13 decodes the path',
    options: { encoding: 'percent' },
    order: '@/files/%C3%A9.txt',
    status: 200,
    body: 'accent',
  },
  {
    does: 'shows no header of the application on its 404',
    order: '@/files/none',
    status: 404,
    headers: { 'content-disposition': undefined, 'set-cookie': undefined, 'x-sendfile': undefined },
  },
  { does: 'sends nothing beside a root', order: '@/files-secret/s.txt', status: 404 },
  { does: 'sends nothing above a root', order: '@/files/../outside/secret.txt', status: 404 },
  {
    does: 'resolves dot segments below a root',
    order: '@/files/sub/../A.txt',
    status: 200,
    body: 'letter',
  },
  { does: 'sends no folder', order: '@/files/folder', status: 404 },
  { does: 'sends nothing by a relative path', order: 'a.txt', status: 404 },
  {
    does: 'follows links: it has no option against it',
    order: '@/files/link',
    status: 200,
    body: 'SECRET',
  },
  { does: 'finds a second root', order: '@/videos/v.txt', status: 200, body: 'a video' },
  {
    does: 'answers 304 by the tag of the application',
    ask: { headers: { 'If-None-Match': 'W/"app"' } },
    status: 304,
    headers: { 'x-custom': 'mine' },
  },
  {
    does: 'asks tag and date to agree to a 304',
    ask: { headers: { 'If-None-Match': '"app"', 'If-Modified-Since': EARLIER } },
    status: 200,
  },
  { does: 'takes a later date', ask: { headers: { 'If-Modified-Since': LATER } }, status: 304 },
  {
    does: 'answers 412 with the headers of the application',
    ask: { headers: { 'If-Match': '"other"' } },
    status: 412,
    headers: { 'x-custom': 'mine' },
    body: '',
  },
  {
    does: 'merges ranges that touch',
    ask: range('0-4,5-9'),
    status: 206,
    headers: { 'content-range': 'bytes 0-9/100' },
    body: '0123456789',
  },
  {
    does: 'does not say the length in a 416',
    ask: range('100-'),
    status: 416,
    headers: { 'content-range': undefined, 'x-custom': undefined },
  },
  { does: 'ignores a last position before the first', ask: range('5-2'), status: 200 },
  { does: 'ignores a suffix of no byte', ask: range('-0'), status: 200 },
  { does: 'ignores ranges with a blank between', ask: range('0-1, 4-5'), status: 200 },
  {
    does: 'ignores more than two hundred ranges',
    ask: range(Array.from({ length: 201 }, () => '0-0').join(',')),
    status: 200,
  },
  {
    does: 'writes the fields of parts in its own way',
    ask: range('0-1,4-5'),
    status: 206,
    body: /^\r\n--\w+\r\nContent-type: text\/x-app\r\nContent-range: bytes 0-1\/100\r\n\r\n01\r\n/,
  },
  {
    does: 'cuts a range out of a small answer of the application',
    app: { headers: { 'Content-Type': 'text/plain' }, body: HUNDRED },
    ask: range('0-1'),
    status: 206,
    body: '01',
  },
];

const apacheTargets: readonly Omit<Habit, 'server'>[] = [
  { does: 'refuses half an escape', ask: { path: '/a%zz' }, status: 400, body: /<h1>400/ },
  { does: 'finds no target with a NUL', ask: { path: '/a%00' }, status: 404, body: /<h1>404/ },
  {
    does: 'sends a part that is the whole, however often it is asked for',
    ask: range(Array.from({ length: 30 }, () => '0-').join(',')),
    status: 206,
    headers: { 'content-range': 'bytes 0-99/100' },
  },
];

const lighttpd: readonly Omit<Habit, 'server'>[] = [
  {
    does: 'keeps the headers of the application, its validators too',
    status: 200,
    headers: {
      etag: '"app"',
      'x-custom': 'mine',
      'content-length': '100',
      'accept-ranges': 'bytes',
      'x-sendfile': undefined,
    },
    body: HUNDRED,
  },
  {
    does: 'keeps the status of the application over the file',
    app: { status: 404 },
    status: 404,
    body: HUNDRED,
  },
  { does: 'decodes the value once', order: '@/files/%2541.txt', status: 200, body: 'percent' },
  { does: 'replaces a control character', order: '@/files/%0a.txt', status: 404 },
  { does: 'answers 502 to what is not UTF-8', order: '@/files/%e9.txt', status: 502 },
  {
    does: 'takes two values for one with a comma',
    order: ['@/files/A.txt', '@/files/A.txt'],
    status: 404,
  },
  { does: 'takes an empty value for none', order: '', status: 200, body: '' },
  { does: 'sends nothing outside of its roots', order: '/etc/passwd', status: 403 },
  { does: 'sends nothing beside a root', order: '@/files-secret/s.txt', status: 403 },
  { does: 'sends nothing above a root', order: '@/files/%2e%2e/outside/secret.txt', status: 403 },
  { does: 'follows no link', order: '@/files/link', status: 403 },
  { does: 'follows no link to a folder', order: '@/files/linked/secret.txt', status: 403 },
  { does: 'sends no folder', order: '@/files/folder', status: 403 },
  {
    does: 'shows no header of the application on its 404',
    order: '@/files/none',
    status: 404,
    headers: { 'content-disposition': undefined, 'set-cookie': undefined },
  },
  { does: 'does not look at If-Match', ask: { headers: { 'If-Match': '"other"' } }, status: 200 },
  {
    does: 'does not look at If-Unmodified-Since',
    ask: { headers: { 'If-Unmodified-Since': EARLIER } },
    status: 200,
  },
  {
    does: 'answers 304 by the tag of the application',
    ask: { headers: { 'If-None-Match': '"app"' } },
    status: 304,
  },
  {
    does: 'takes no range for HEAD',
    ask: { ...range('0-9'), method: 'HEAD' },
    status: 200,
    headers: { 'content-length': '100' },
  },
  {
    does: 'takes no range for POST',
    ask: { ...range('0-9'), method: 'POST' },
    status: 200,
    body: HUNDRED,
  },
  {
    does: 'joins ranges with little between them',
    ask: range('0-1,4-5'),
    status: 206,
    headers: { 'content-range': 'bytes 0-5/100' },
    body: '012345',
  },
  {
    does: 'parts ranges with much between them',
    order: '@/files/thousand.bin',
    ask: range('0-9,90-99'),
    status: 206,
    body: /^--fkj49sn38dcn3\r\n/,
  },
  {
    does: 'looks at ten ranges',
    order: '@/files/thousand.bin',
    ask: range(Array.from({ length: 20 }, (_, index) => `${index * 4}-${index * 4}`).join(',')),
    status: 206,
    headers: { 'content-range': 'bytes 0-36/1000' },
  },
  {
    does: 'does not say the length in a 416',
    ask: range('100-'),
    status: 416,
    headers: { 'content-range': undefined },
  },
  {
    does: 'takes no range where the application says none',
    app: { headers: { ...HEADERS, 'Accept-Ranges': 'none', 'X-Sendfile': '@/files/a.txt' } },
    ask: range('0-1'),
    status: 200,
  },
  {
    does: 'takes a date for the same only as the same text',
    ask: range('0-1', { 'If-Range': 'Friday, 01-Jan-21 00:00:00 GMT' }),
    status: 200,
  },
  {
    does: 'shows none of its own headers',
    app: { headers: { 'X-LIGHTTPD-Any': '1' }, body: 'x' },
    status: 200,
    headers: { 'x-lighttpd-any': undefined },
    body: 'x',
  },
];

const lighttpdTargets: readonly Omit<Habit, 'server'>[] = [
  {
    does: 'asks for a plain target',
    ask: { path: '/x/..//%61%2fb%20c?q=%61' },
    status: 404,
    body: 'asked for /a/b%20c?q=a',
  },
  { does: 'refuses control characters in a target', ask: { path: '/a%0ab' }, status: 400 },
  {
    does: 'refuses another host in a target',
    ask: { path: 'http://sluice.internal/' },
    status: 400,
  },
];

const caddy: readonly Omit<Habit, 'server'>[] = [
  {
    does: 'copies the headers of the application, and its entity tag',
    status: 200,
    headers: {
      etag: '"app"',
      'x-custom': 'mine',
      'accept-ranges': 'bytes',
      'last-modified': MODIFIED_DATE,
      'x-accel-redirect': undefined,
    },
    body: HUNDRED,
  },
  {
    does: 'before 2.7 makes the entity tag itself',
    options: { version: '2.6' },
    status: 200,
    headers: { etag: '"qm8ao02s"' },
  },
  { does: 'decodes the value', order: '/_sluice/%2541.txt', status: 200, body: 'percent' },
  {
    does: 'before 2.7 takes the value as it stands',
    options: { version: '2.6' },
    order: '/_sluice/%41.txt',
    status: 200,
    body: 'percent',
  },
  {
    does: 'sends nothing on another status, and shows no path',
    app: { status: 404, body: 'of the app' },
    status: 404,
    headers: { 'x-accel-redirect': undefined },
    body: 'of the app',
  },
  { does: 'refuses POST', ask: { method: 'POST' }, status: 405 },
  {
    does: 'before 2.6.3 sends a file for POST',
    options: { version: '2.6' },
    ask: { method: 'POST' },
    status: 200,
    body: HUNDRED,
  },
  { does: 'answers 404 to an empty value', order: '', status: 404 },
  { does: 'answers 404 to two values', order: ['/_sluice/a.txt', '/_sluice/a.txt'], status: 404 },
  {
    does: 'takes headers of the file off its 404',
    order: '/_sluice/none',
    status: 404,
    headers: {
      'content-disposition': undefined,
      etag: undefined,
      'x-custom': undefined,
      'cache-control': 'no-store',
    },
  },
  { does: 'answers 404 to what is none of its paths', order: '/etc/passwd', status: 404 },
  {
    does: 'does not leave the folder by dot segments',
    order: '/_sluice/../outside/secret.txt',
    status: 404,
  },
  { does: 'sends no folder', order: '/_sluice/folder/', status: 404 },
  {
    does: 'finds a second root below its path',
    order: '/_sluice/videos/v.txt',
    status: 200,
    body: 'a video',
  },
  {
    does: 'follows links: it has no option against it',
    order: '/_sluice/link',
    status: 200,
    body: 'SECRET',
  },
  {
    does: 'sends 206 and nothing for a suffix of no byte',
    ask: range('-0'),
    status: 206,
    headers: { 'content-range': 'bytes 100-99/100', 'content-length': '0' },
    body: '',
  },
  {
    does: 'says the length in a 416',
    ask: range('100-'),
    status: 416,
    headers: { 'content-range': 'bytes */100', 'content-disposition': 'attachment' },
  },
  {
    does: 'does not say the length where the field is malformed',
    ask: range('5-2'),
    status: 416,
    headers: { 'content-range': undefined },
  },
  { does: 'answers 416 to another unit', ask: { headers: { Range: 'items=0-1' } }, status: 416 },
  {
    does: 'sends an empty file whole',
    order: '/_sluice/empty.txt',
    ask: range('0-0'),
    status: 200,
    body: '',
  },
  {
    does: 'before 2.7 answers 416 of an empty file',
    options: { version: '2.6' },
    order: '/_sluice/empty.txt',
    ask: range('0-0'),
    status: 416,
  },
  {
    does: 'answers 304 without the date',
    ask: { headers: { 'If-None-Match': '"app"' } },
    status: 304,
    headers: { 'last-modified': undefined, 'content-type': undefined, 'x-custom': 'mine' },
  },
  { does: 'answers 412', ask: { headers: { 'If-Match': '"other"' } }, status: 412, body: '' },
];

const h2o: readonly Omit<Habit, 'server'>[] = [
  {
    does: 'drops every header of the application, and makes headers of the query',
    status: 200,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': 'attachment',
      'cache-control': 'private',
      etag: OWN,
      'set-cookie': undefined,
      'x-content-type-options': undefined,
      'x-custom': undefined,
      'x-reproxy-url': undefined,
    },
    body: HUNDRED,
  },
  { does: 'makes a 200 with the file of a 404', app: { status: 404 }, status: 200, body: HUNDRED },
  {
    does: 'does not honour If-Range',
    ask: range('0-1', { 'If-Range': '"other"' }),
    status: 206,
    body: '01',
  },
  {
    does: 'sends ranges as often as they are asked for',
    ask: range('0-,0-'),
    status: 206,
    body: /(?:[\d]{100}[^]*){2}/,
  },
  {
    does: 'knows If-None-Match with exactly its own tag',
    ask: { headers: { 'If-None-Match': OWN } },
    status: 304,
  },
  { does: 'does not know the star', ask: { headers: { 'If-None-Match': '*' } }, status: 200 },
  {
    does: 'does not know weak tags',
    ask: { headers: { 'If-None-Match': `W/${OWN}` } },
    status: 200,
  },
  { does: 'does not look at If-Match', ask: { headers: { 'If-Match': '"other"' } }, status: 200 },
  {
    does: 'ends a name at a NUL',
    order: 'http://sluice.internal/_sluice/a.txt%00.png',
    status: 200,
    headers: { 'content-type': 'image/png' },
    body: HUNDRED,
  },
  {
    does: 'says the length in a 416',
    ask: range('100-'),
    status: 416,
    headers: { 'content-range': 'bytes */100', 'content-disposition': 'attachment' },
  },
  { does: 'sends no folder', order: 'http://sluice.internal/_sluice/folder/', status: 403 },
  {
    does: 'does not leave the folder by dot segments',
    order: 'http://sluice.internal/_sluice/%2e%2e/outside/secret.txt',
    status: 404,
  },
  {
    does: 'shows nothing of the query on its 404',
    order: 'http://sluice.internal/_sluice/none?cache-control=private',
    status: 404,
    headers: { 'cache-control': undefined },
  },
  {
    does: 'asks the application for a path',
    order: '/elsewhere',
    status: 404,
    body: 'asked for /elsewhere',
  },
  { does: 'asks no other host here', order: 'http://127.0.0.1:1/', status: 502 },
  {
    does: 'knows its private host by another name',
    options: { host: 'files.internal' },
    order: 'http://files.internal/_sluice/A.txt',
    status: 200,
    body: 'letter',
  },
  {
    does: 'shows no order for another server, and sends no byte',
    app: { headers: { 'X-Accel-Redirect': '/_sluice/a.txt' } },
    status: 200,
    headers: { 'x-accel-redirect': undefined },
    body: '',
  },
];

const caddyTargets: readonly Omit<Habit, 'server'>[] = [
  { does: 'refuses half an escape', ask: { path: '/a%' }, status: 400 },
];

const h2oTargets: readonly Omit<Habit, 'server'>[] = [
  { does: 'reads twenty digits of a position', ask: range(`0-${'9'.repeat(20)}`), status: 206 },
  { does: 'answers 416 to more', ask: range(`0-${'9'.repeat(21)}`), status: 416 },
];

export const habits: readonly Habit[] = [
  ...nginx.map((habit) => ({ server: 'nginx' as const, ...habit })),
  ...[...apache, ...apacheTargets].map((habit) => ({ server: 'apache' as const, ...habit })),
  ...[...lighttpd, ...lighttpdTargets].map((habit) => ({ server: 'lighttpd' as const, ...habit })),
  ...[...caddy, ...caddyTargets].map((habit) => ({ server: 'caddy' as const, ...habit })),
  ...[...h2o, ...h2oTargets].map((habit) => ({ server: 'h2o' as const, ...habit })),
];
