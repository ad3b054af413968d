import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import {
  allow,
  createSluice,
  type DownloadEvent,
  firstApplicable,
  forPrefix,
  type ObjectStat,
  parseKey,
  type StorageDriver,
  urlForKey,
} from '@sluice/core';
import { nginx } from '@sluice/core/offload';
import { emulate } from '@sluice/emulator';
import { downloads } from '@sluice/koa';
import test, { type ExecutionContext } from 'ava';
import Koa from 'koa';

import { HELLO } from '../src/app.ts';
import { type Answer, type Ask, exchange, field } from '../src/client.ts';
import { startFront } from '../src/front.ts';
import { LONG_KEY, ODD_NAMES } from '../src/names.ts';
import {
  type RecordingStore,
  startRecordingStore,
  type StoreReply,
  type StoreRequest,
} from '../src/recording-store.ts';

const BYTES = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7 + (at >> 8)) % 251));
const DATE = 'Tue, 02 Jan 2024 03:04:05 GMT';
const TAG = '"v1"';
/** Of the store: nothing with it may reach a client. */
const SECRET = 'the-bucket';
const QUERY = 'X-Amz-Credential=a%2Fb%2Fs3&X-Amz-Signature=5ec%e3+7e~;7&x-id=GetObject&e=&&=f?/%41';

/** nginx itself, and the one in miniature, which must do the same. */
type Front = 'real' | 'emulated';

const FRONTS: readonly Front[] = ['real', 'emulated'];

/** An application behind nginx, with a store behind both. */
interface World {
  readonly store: RecordingStore;
  readonly events: readonly DownloadEvent[];
  readonly ask: (target: string, ask?: Omit<Ask, 'target'>) => Promise<Answer>;
}

interface WorldOptions {
  /** Default: nginx itself. */
  readonly front?: Front;
  readonly reply?: (request: StoreRequest) => StoreReply;
  /** Writes the key into the path of the URL. */
  readonly spell?: (key: string) => string;
  readonly certificate?: { readonly cert: string; readonly key: string; readonly file: string };
  readonly trusted?: string;
  /** Of the URLs, where it is not the store's. */
  readonly origin?: string;
}

async function start(t: ExecutionContext, options: WorldOptions = {}): Promise<World> {
  const { reply = sendObject, spell = strictly, certificate, trusted } = options;
  const store = await startRecordingStore(reply, certificate);
  t.teardown(() => store.stop());
  const events: DownloadEvent[] = [];
  const sluice = createSluice({
    storage: createDriver(
      (key) => `${options.origin ?? store.origin}/${SECRET}/${spell(key)}?${QUERY}`,
    ),
    policy: firstApplicable(
      forPrefix('slow', () => allow({ rate: 2000 })),
      forPrefix('public', () => allow({ cacheControl: 'public, max-age=31536000, immutable' })),
      forPrefix('dressed', () =>
        allow({
          contentEncoding: 'gzip',
          headers: { Vary: 'Cookie', 'Referrer-Policy': 'origin' },
        }),
      ),
      () => allow(),
    ),
    dialect: nginx({ store: { origin: store.origin }, bufferSize: 32_768 }),
    onCompletion: (event) => void events.push(event),
  });
  const app = new Koa();
  app.silent = true;
  const isEmulated = options.front === 'emulated';
  if (isEmulated) app.use(emulate('nginx', { store: { origin: store.origin } }));
  app.use(async (ctx, next) => {
    ctx.cookies.set('session', 'new');
    await next();
  });
  app.use(downloads(sluice, { prefix: '/files/' }));
  app.use((ctx) => void (ctx.body = HELLO));
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers its own rejections
  const server = createServer(app.callback());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const front = isEmulated
    ? undefined
    : await startFront('nginx', 'standalone', {
        app: `http://127.0.0.1:${port}`,
        store: { origin: store.origin, certificates: trusted ?? certificate?.file },
      });
  t.teardown(() => front?.stop());
  return {
    store,
    events,
    ask: (target, ask = {}) => exchange(front?.port ?? port, { target, ...ask }),
  };
}

/** Objects under every key, all alike; what is read of them is read by the application. */
function createDriver(urlOf: (key: string) => string): StorageDriver {
  const stat: ObjectStat = {
    size: BYTES.byteLength,
    version: { token: 'v1', hold: 'condition' },
    entityTag: TAG,
    lastModified: Date.parse(DATE),
    contentType: 'image/png',
  };
  return {
    name: 'recorded',
    stat: async () => stat,
    open: async (key) => ({
      key,
      stat,
      read: ({ start, end }) => BYTES.subarray(start, end),
      close: async () => undefined,
    }),
    internalUrl: async (key) => ({ url: new URL(urlOf(key)).href, expires: 0, pinned: false }),
  };
}

/** As S3 signs it: all but the unreserved characters are encoded. */
function strictly(key: string): string {
  const encoded = encodeURIComponent(key).replaceAll('%2F', '/');
  return encoded.replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** As few escapes as a URL can do with, and those in lower case. */
function loosely(key: string): string {
  return key.replaceAll(/[^\w.~!$&'()*+,;=:@/-]/gu, (one) => encodeURIComponent(one).toLowerCase());
}

/** Answers as a store does: a range where one is asked, and 412 for another version. */
function sendObject({ headers }: StoreRequest): StoreReply {
  const { range, 'if-match': ifMatch } = Object.fromEntries(headers);
  if (ifMatch !== undefined && ifMatch !== TAG) return error(412);
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? [];
  const start = from === '' ? BYTES.length - Number(to || BYTES.length) : Number(from);
  const end = from === '' || to === '' ? BYTES.length : Number(to) + 1;
  const body = BYTES.subarray(start, end);
  const status = range === undefined ? '200 OK' : '206 Partial Content';
  const contentRange =
    range === undefined ? [] : [`Content-Range: bytes ${start}-${end - 1}/${BYTES.length}`];
  return [head(status, body.length, [...OF_STORE, ...contentRange]), body];
}

function head(status: string, length: number, lines: readonly string[]): string {
  return [`HTTP/1.1 ${status}`, `Content-Length: ${length}`, ...lines, '', ''].join('\r\n');
}

function error(status: number): StoreReply {
  // RFC 9110 §15.4.5: it has no body.
  if (status === 304) return [`HTTP/1.1 304 Oops\r\nx-amz-request-id: ${SECRET}\r\n\r\n`];
  const xml = `<?xml version="1.0"?><Error><Code>Oops</Code><BucketName>${SECRET}</BucketName></Error>`;
  const lines = [
    'Content-Type: application/xml',
    `x-amz-request-id: ${SECRET}`,
    `Location: /${SECRET}`,
  ];
  return [head(`${status} Oops`, xml.length, lines), xml];
}

/** What stores send beside an object, and what one that is not to be trusted might. */
const OF_STORE: readonly string[] = [
  `ETag: ${TAG}`,
  `Last-Modified: ${DATE}`,
  'Accept-Ranges: bytes',
  'Content-Type: text/html',
  'Content-Disposition: inline; filename="of-the-store"',
  'Content-Encoding: br',
  'Content-Language: xx',
  'Cache-Control: public, max-age=1',
  'Cache-Control: immutable',
  'Expires: Thu, 01 Jan 2099 00:00:00 GMT',
  `Set-Cookie: ${SECRET}=1`,
  'Vary: Origin',
  'Server: store',
  'Date: Thu, 01 Jan 1970 00:00:00 GMT',
  'X-Accel-Redirect: /_store/other',
  'X-Accel-Limit-Rate: 1',
  'X-Accel-Expires: 60',
  'X-Sendfile: /etc/passwd',
  'Access-Control-Allow-Origin: *',
  'Access-Control-Allow-Methods: PUT',
  'Strict-Transport-Security: max-age=1',
  'Content-Security-Policy: block-all-mixed-content',
  'X-XSS-Protection: 1',
  ...['request-id', 'id-2', 'version-id', 'storage-class', 'meta-mtime', 'tagging-count'].map(
    (name) => `x-amz-${name}: ${SECRET}`,
  ),
  `x-rgw-object-type: ${SECRET}`,
  `x-trans-id: ${SECRET}`,
  `x-openstack-request-id: ${SECRET}`,
  `x-minio-deployment-id: ${SECRET}`,
];

function targetOf(key: string): string {
  const checked = parseKey(key);
  if (checked === undefined) throw new Error(`${JSON.stringify(key)} is no key`);
  return `/files/${urlForKey(checked)}`;
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

for (const front of FRONTS) {
  for (const spell of [strictly, loosely]) {
    test(`${front}: the store is asked for exactly what was signed ${spell.name}, whatever the name`, async (t) => {
      const { ask, store, events } = await start(t, { front, spell });
      for (const key of [...ODD_NAMES, ...ODD_NAMES.map((name) => `sub/${name}/x`), LONG_KEY]) {
        if (parseKey(key) === undefined) continue;
        const answer = await ask(targetOf(key));
        const url = new URL(`${store.origin}/${SECRET}/${spell(key)}?${QUERY}`);
        t.is(store.requests.at(-1)?.line, `GET ${url.pathname}${url.search} HTTP/1.1`);
        t.is(answer.status, 200, key);
        t.is(hash(answer.body), hash(BYTES), key);
      }
      t.deepEqual([...new Set(events.map(({ outcome }) => outcome))], ['offloaded']);
      t.notRegex(JSON.stringify(events), /5ec/);
    });
  }

  test(`${front}: nothing of the client reaches the store but its range`, async (t) => {
    const { ask, store } = await start(t, { front });
    const headers = {
      Cookie: 'session=secret',
      Authorization: 'Bearer secret',
      Referer: 'https://elsewhere.example/',
      'User-Agent': 'curl',
      Accept: 'text/html',
      'Accept-Encoding': 'gzip',
      'X-Forwarded-For': '10.0.0.1',
      'X-Amz-Date': 'now',
      'X-Accel-Redirect': '/_store/other',
      'If-None-Match': '"v0"',
      'If-Modified-Since': 'Mon, 01 Jan 2024 00:00:00 GMT',
      'If-Match': '"v1", "v2"',
      'If-Unmodified-Since': DATE,
      'If-Range': TAG,
      Range: 'bytes=10-19',
      Via: '1.1 proxy',
      Upgrade: 'websocket',
      TE: 'trailers',
    };
    for (const body of [undefined, 'a body']) {
      const answer = await ask('/files/a.png?query=of-the-client', { headers, body });
      t.is(answer.status, 206);
      const request = store.requests.at(-1);
      t.is(request?.target, `/${SECRET}/a.png?${new URL(`http://a/?${QUERY}`).search.slice(1)}`);
      t.deepEqual(Object.fromEntries(request?.headers ?? []), {
        // The real one uses it again.
        ...(front === 'emulated' && { connection: 'close' }),
        host: new URL(store.origin).host,
        range: 'bytes=10-19',
        'if-match': TAG,
      });
    }
    // What came of a body would stand before the next request of the connection.
    t.is((await ask('/files/a.png')).status, 200);
    t.regex(store.requests.at(-1)?.line ?? '', /^GET /);
    t.is(store.requests.length, 3);
  });

  test(`${front}: of the store, the client gets the bytes, their framing and validators`, async (t) => {
    const { ask } = await start(t, { front });
    for (const [range, status, more] of [
      [undefined, 200, []],
      ['bytes=0-9', 206, ['content-range']],
    ] as const) {
      const answer = await ask('/files/a.png', { headers: range === undefined ? {} : { range } });
      t.is(answer.status, status);
      const names = answer.headers.map(([name]) => name).filter((name) => name !== 'server');
      const expected = [
        'accept-ranges',
        'cache-control',
        'connection',
        'content-disposition',
        'content-length',
        'content-type',
        'date',
        'etag',
        'last-modified',
        'set-cookie',
        'x-content-type-options',
      ];
      t.deepEqual(names.toSorted(), [...expected, ...more].toSorted());
      const values = Object.fromEntries(answer.headers);
      t.like(values, {
        etag: TAG,
        'last-modified': DATE,
        'accept-ranges': 'bytes',
        'content-type': 'image/png',
        'content-disposition': 'inline; filename="a.png"',
        'cache-control': 'private, no-cache, no-transform',
        'x-content-type-options': 'nosniff',
        ...(front === 'real' && { server: 'nginx' }),
      });
      t.regex(String(values['set-cookie']), /^session=new/);
      t.notRegex(JSON.stringify(answer.headers), new RegExp(SECRET));
      t.notRegex(JSON.stringify(answer.headers), /1970/);
    }
  });

  test(`${front}: headers that nginx gives back are the ones of the application`, async (t) => {
    const { ask } = await start(t, { front });
    const answer = await ask('/files/dressed/a.png');
    t.is(field(answer, 'vary'), 'Cookie');
    t.is(field(answer, 'referrer-policy'), 'origin');
    t.is(field(answer, 'content-encoding'), 'gzip');
    t.is(hash(answer.body), hash(BYTES));
  });

  for (const [range, start_, end] of [
    ['bytes=0-0', 0, 1],
    ['bytes=5-99', 5, 100],
    ['bytes=99990-', 99_990, 100_000],
    ['bytes=-5', 99_995, 100_000],
  ] as const) {
    test(`${front}: ${range} is fetched as a range`, async (t) => {
      const { ask, store } = await start(t, { front });
      for (const ifRange of [{}, { 'If-Range': TAG }]) {
        const answer = await ask('/files/a.png', { headers: { range, ...ifRange } });
        t.is(answer.status, 206);
        t.is(field(answer, 'content-range'), `bytes ${start_}-${end - 1}/100000`);
        t.true(answer.complete);
        t.is(hash(answer.body), hash(BYTES.subarray(start_, end)));
      }
      t.is(store.requests.length, 2);
    });
  }
}

/** What the application answers itself: the store is not even asked. */
const own: readonly (readonly [Readonly<Record<string, string>>, number, method?: string])[] = [
  [{}, 200, 'HEAD'],
  [{ range: 'bytes=0-9' }, 200, 'HEAD'],
  [{ 'If-None-Match': TAG }, 304],
  [{ 'If-Modified-Since': DATE }, 304],
  [{ 'If-Match': '"v0"' }, 412],
  [{ range: 'bytes=100000-' }, 416],
  [{ range: 'bytes=-0' }, 416],
  [{ range: 'bytes=0-9,20-29' }, 206],
  [{ range: 'bytes=9-0' }, 200],
  [{ range: 'bytes=x' }, 200],
  [{ range: 'bytes=5-', 'If-Range': '"v0"' }, 200],
];

test('what only the application judges rightly is answered by it', async (t) => {
  const { ask, store } = await start(t);
  for (const [headers, status, method = 'GET'] of own) {
    const answer = await ask('/files/a.png', { headers, method });
    t.is(answer.status, status, JSON.stringify(headers));
    t.is(answer.complete, true);
    if (status === 200 && method === 'GET') t.is(hash(answer.body), hash(BYTES));
  }
  t.deepEqual(store.requests, []);
});

/** Troubles of a store, and what a client gets to know. */
const troubles: readonly (readonly [title: string, reply: StoreReply, status: number])[] = [
  ...[300, 301, 302, 303, 304, 305, 307, 308, 400, 401, 403, 405, 409, 410, 411, 416, 429].map(
    (status) => [String(status), error(status), 502] as const,
  ),
  ...[500, 501, 502, 503, 504, 507].map((status) => [String(status), error(status), 502] as const),
  ['404', error(404), 404],
  ['412', error(412), 503],
  ['no answer', [undefined], 502],
  ['half a head', [`HTTP/1.1 200 OK\r\nX-A: ${SECRET}`, undefined], 502],
];

for (const front of FRONTS) {
  for (const [title, reply, status] of troubles) {
    test(`${front}: a store that answers ${title} is a ${status}, without a word of it`, async (t) => {
      const { ask } = await start(t, { front, reply: () => reply });
      const answer = await ask('/files/public/a.png');
      t.is(answer.status, status);
      t.true(answer.complete);
      t.notRegex(
        JSON.stringify(answer.headers) + answer.body.toString(),
        /the-bucket|Oops|5ec|_store/,
      );
      t.is(field(answer, 'etag'), undefined);
      t.is(field(answer, 'retry-after'), status === 503 ? '1' : undefined);
      // The application has allowed to keep the object, and not this.
      t.is(
        field(answer, 'cache-control'),
        'public, max-age=31536000, immutable, no-transform | no-store',
      );
    });
  }
}

for (const front of FRONTS) {
  test(`${front}: a body of the store that ends early is no whole one for the client`, async (t) => {
    const { ask } = await start(t, {
      front,
      reply: () => [head('200 OK', 1000, OF_STORE), 'short', undefined],
    });
    const answer = await ask('/files/a.png');
    t.is(answer.status, 200);
    t.false(answer.complete);
  });
}

for (const front of FRONTS) {
  test(`${front}: a version that was replaced meanwhile is not sent under the tag of the one before`, async (t) => {
    const reply = ({ headers }: StoreRequest): StoreReply =>
      new Map(headers).get('if-match') === '"v2"' ? [head('200 OK', 3, []), 'new'] : error(412);
    const { ask } = await start(t, { front, reply });
    for (const headers of [{}, { range: 'bytes=5-' }, { range: 'bytes=5-', 'If-Range': TAG }]) {
      t.is((await ask('/files/a.png', { headers })).status, 503);
    }
  });
}

for (const front of FRONTS) {
  test(`${front}: no client gets into the location, and nobody asks the store for one`, async (t) => {
    const { ask, store } = await start(t, { front });
    for (const target of [
      '/_store/',
      `/_store/${SECRET}/a.png?${QUERY}`,
      `/%5fstore/${SECRET}/a.png`,
      `//_store/${SECRET}/a.png`,
      `/x/../_store/${SECRET}/a.png`,
    ]) {
      t.is((await ask(target)).status, 404, target);
    }
    t.deepEqual(store.requests, []);
  });
}

test('a URL of another host is streamed', async (t) => {
  const { ask, store, events } = await start(t, { origin: 'http://elsewhere.example' });
  t.is(hash((await ask('/files/a.png')).body), hash(BYTES));
  t.deepEqual(store.requests, []);
  // The event comes once the connection has taken the last byte, which the client may see first.
  while (events.length === 0) await delay(5);
  t.regex(events[0]?.why ?? '', /not fetched by nginx: it cannot be told the URL$/);
});

for (const front of FRONTS) {
  test(`${front}: a rate bounds what is fetched, too`, async (t) => {
    const { ask } = await start(t, { front });
    const answer = await ask('/files/slow/a.png', { stop: { after: 200 } });
    t.is(answer.status, 200);
    t.false(answer.complete);
    t.true(answer.body.equals(BYTES.subarray(0, answer.body.length)));
    // 2000 bytes a second, and what nginx sends ahead.
    t.true(answer.body.length < 40_000, `${answer.body.length}`);
  });
}

test('connections to the store are used again', async (t) => {
  const { ask, store } = await start(t);
  for (let count = 0; count < 20; count += 1) await ask('/files/a.png');
  t.is(store.requests.length, 20);
  t.is(store.connections(), 1);
});

test('a store with HTTPS is fetched from if its certificate is trusted, and else not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-e2e-tls-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [mine, other] = ['mine', 'other'].map((name) => certificateIn(folder, name));
  if (mine === undefined || other === undefined) throw new Error('no certificates');
  const trusting = await start(t, { certificate: mine });
  t.is(hash((await trusting.ask('/files/a.png')).body), hash(BYTES));
  const wary = await start(t, { certificate: mine, trusted: other.file });
  t.is((await wary.ask('/files/a.png')).status, 502);
  t.deepEqual(wary.store.requests, []);
});

function certificateIn(folder: string, name: string): NonNullable<WorldOptions['certificate']> {
  const [file, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const line =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 ' +
    `-addext subjectAltName=DNS:localhost -subj /CN=${name}`;
  const args = [...line.split(' '), '-keyout', keyFile, '-out', file];
  execFileSync('openssl', args, { stdio: 'ignore' });
  return { file, cert: readFileSync(file, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}
