import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { Readable } from 'node:stream';

import { allow, createSluice, deny, type Dialect, type DownloadEvent } from '@sluice/core';
import { apache, lighttpd, nginx } from '@sluice/core/offload';
import test, { type ExecutionContext } from 'ava';
import Koa from 'koa';

import { downloads, sendDownload } from '../src/index.ts';
import { exchange, head, openConnection, type WireResponse } from './helpers/client.ts';
import { createMemoryDriver, type TestDriver } from './helpers/drivers.ts';
import { KOAS } from './helpers/koas.ts';
import {
  makeSluice,
  portOf,
  startServer,
  type TestServer,
  type TestSluice,
} from './helpers/server.ts';

const SETTLED = Date.UTC(2024, 0, 2, 3, 4, 5);

/** As a local driver tags it: hex seconds, dash, hex size. */
const ENTITY_TAG = `"${(SETTLED / 1000).toString(16)}-5"`;

const NGINX = nginx({ prefix: '/_sluice/' });

/** What no client must ever see. */
const SECRETS = ['/srv/private', '/_sluice/'];

/** A store whose objects could lie on a disk; nothing reads them from there. */
function createStore(): TestDriver {
  const object = { contentType: 'text/plain', entityTag: ENTITY_TAG, lastModified: SETTLED };
  return {
    ...createMemoryDriver({
      'a.txt': { ...object, bytes: 'hello' },
      'é ?%.txt': { ...object, bytes: 'hello' },
      'page.html': { ...object, bytes: '<p>hi', contentType: 'text/html' },
      'young.txt': { ...object, bytes: 'young', entityTag: 'W/"young"', lastModified: Date.now() },
    }),
    localPath: (key) => ({ root: '/srv/private', prefix: '', path: `/srv/private/${key}` }),
  };
}

interface Served extends TestServer, TestSluice {
  readonly storage: TestDriver;
}

/** Serves downloads below `/files/`, between what the test puts above and below them. */
async function serve(
  t: ExecutionContext,
  {
    App = Koa,
    dialect = NGINX,
    above,
    below,
  }: {
    readonly App?: typeof Koa;
    /** `simple`: everything is streamed. */
    readonly dialect?: Dialect | 'simple';
    readonly above?: Koa.Middleware;
    readonly below?: Koa.Middleware;
  } = {},
): Promise<Served> {
  const storage = createStore();
  const made = makeSluice({ storage, dialect: dialect === 'simple' ? undefined : dialect });
  const app = new App();
  if (above !== undefined) app.use(above);
  app.use(downloads(made.sluice, { prefix: '/files/' }));
  if (below !== undefined) app.use(below);
  return { ...(await startServer(t, app)), ...made, storage };
}

/** Names of headers by which a front server would send a file. */
function ordersOf({ headers }: WireResponse): readonly string[] {
  return Object.keys(headers).filter((name) => /^x-(?:accel|sendfile|lighttpd|reproxy)/.test(name));
}

for (const { name, Koa: App } of KOAS) {
  test(`${name}: an allowed download is one order, 200, and an empty body of a known length`, async (t) => {
    const { port, settled, storage } = await serve(t, { App });
    const answer = await exchange(t, port, 'GET', '/files/%C3%A9%20%3F%25.txt', [
      'Range: bytes=1-2',
      'If-Range: "other"',
    ]);
    t.is(answer.status, 200);
    t.is(answer.headers['x-accel-redirect'], '/_sluice/%C3%A9%20%3F%25.txt');
    t.deepEqual(ordersOf(answer), ['x-accel-redirect']);
    t.is(answer.headers['content-length'], '0');
    t.is(answer.body.byteLength, 0);
    t.is(answer.headers['transfer-encoding'], undefined);
    t.is(answer.headers['content-range'], undefined);
    t.is(answer.headers['content-type'], 'text/plain');
    t.is(answer.headers['cache-control'], 'private, no-cache, no-transform');
    t.is(answer.headers['x-content-type-options'], 'nosniff');
    // The server makes its own, and would show both.
    for (const own of ['etag', 'last-modified', 'accept-ranges']) {
      t.is(answer.headers[own], undefined);
    }
    const told = await exchange(t, port, 'HEAD', '/files/a.txt', ['Range: bytes=1-2']);
    t.is(told.status, 200);
    t.is(told.headers['content-length'], '5');
    t.is(told.headers['etag'], ENTITY_TAG);
    t.deepEqual(ordersOf(told), []);
    const [event] = await settled(2);
    t.like(event, { outcome: 'offloaded', status: 200, bytes: 0, why: 'nginx sends it' });
    t.is(storage.openHandles(), 0);
  });

  test(`${name}: an order goes out under no status but 200, whoever changes it`, async (t) => {
    const { port } = await serve(t, {
      App,
      async above(ctx, next) {
        await next();
        const status = Number(ctx.get('X-Status'));
        // Koa gives a body of its own to most; the status alone is what a careless guard sets.
        ctx.status = status;
      },
    });
    for (const status of [201, 204, 206, 301, 304, 401, 403, 404, 410, 416, 500, 503]) {
      const answer = await exchange(t, port, 'GET', '/files/a.txt', [`X-Status: ${status}`]);
      t.is(answer.status, status);
      t.deepEqual(ordersOf(answer), [], `status ${status}`);
    }
    const kept = await exchange(t, port, 'GET', '/files/a.txt', ['X-Status: 200']);
    t.deepEqual(ordersOf(kept), ['x-accel-redirect']);
  });

  test(`${name}: an error above takes the order with it`, async (t) => {
    const { port } = await serve(t, {
      App,
      async above(ctx, next) {
        await next();
        ctx.throw(Number(ctx.get('X-Status')), 'sorry');
      },
    });
    for (const status of [400, 403, 404, 500]) {
      const answer = await exchange(t, port, 'GET', '/files/a.txt', [`X-Status: ${status}`]);
      t.is(answer.status, status);
      t.deepEqual(ordersOf(answer), []);
      for (const secret of SECRETS) t.false(JSON.stringify(answer.headers).includes(secret));
    }
  });
}

const REPLACEMENTS: readonly (readonly [string, Koa.Middleware])[] = [
  [
    'a body of its own',
    async (ctx, next) => {
      await next();
      ctx.body = 'mine';
    },
  ],
  [
    'a page for an error that it caught',
    async (ctx, next) => {
      try {
        await next();
        throw new Error('late');
      } catch {
        ctx.status = 200;
        ctx.body = 'sorry';
      }
    },
  ],
  [
    'an error that calls itself 200',
    async (_ctx, next) => {
      await next();
      throw Object.assign(new Error('fine'), { status: 200, expose: true });
    },
  ],
  [
    'bytes past Koa',
    async (ctx, next) => {
      await next();
      ctx.respond = false;
      ctx.res.setHeader('Content-Length', '4');
      ctx.res.end('mine');
    },
  ],
];

for (const [name, above] of REPLACEMENTS) {
  test(`a middleware above that answers 200 with ${name} lets no order out`, async (t) => {
    const { port } = await serve(t, { above });
    const answer = await exchange(t, port, 'GET', '/files/a.txt');
    t.is(answer.status, 200);
    t.true(answer.body.byteLength > 0);
    t.deepEqual(ordersOf(answer), []);
  });
}

test('a middleware above that answers with a stream of unknown length lets no order out', async (t) => {
  const { port } = await serve(t, {
    async above(ctx, next) {
      await next();
      ctx.body = Readable.from(['mine']);
    },
  });
  const answer = await fetch(`http://127.0.0.1:${port}/files/a.txt`);
  t.is(await answer.text(), 'mine');
  t.is(answer.headers.get('x-accel-redirect'), null);
});

const EMPTIED: readonly (readonly [string, Koa.Middleware])[] = [
  [
    'empties the body',
    async (ctx, next) => {
      await next();
      ctx.body = '';
    },
  ],
  [
    'takes the body away and gives an empty one',
    async (ctx, next) => {
      await next();
      ctx.body = null;
      ctx.status = 200;
      ctx.body = Buffer.alloc(0);
    },
  ],
  [
    'throws an error that is called 200 and says nothing',
    async (_ctx, next) => {
      await next();
      throw Object.assign(new Error(''), { status: 200, expose: true });
    },
  ],
];

for (const [name, above] of EMPTIED) {
  test(`a middleware above that ${name} sends nothing, and no file either`, async (t) => {
    const { port } = await serve(t, { above });
    const answer = await exchange(t, port, 'GET', '/files/a.txt');
    t.is(answer.status, 200);
    t.is(answer.headers['content-length'], '0');
    t.deepEqual(ordersOf(answer), []);
  });
}

test('bytes that are written past Koa go out alone, or not at all', async (t) => {
  const rows: readonly (readonly [string, (res: ServerResponse) => unknown])[] = [
    ['end', (res) => res.end('mine')],
    ['write', (res) => res.write('mi') && res.end('ne')],
    ['writeHead', (res) => res.writeHead(200, { 'Content-Length': 4 }).end('mine')],
    ['writeHead in pairs', (res) => res.writeHead(200, ['Content-Length', '4']).end('mine')],
    ['flushHeaders', (res) => res.flushHeaders()],
  ];
  for (const [name, send] of rows) {
    const { port, errors } = await serve(t, {
      async above(ctx, next) {
        await next();
        ctx.respond = false;
        send(ctx.res);
        if (name === 'flushHeaders') ctx.res.end('mine');
      },
    });
    const connection = await openConnection(t, port);
    connection.send(head('GET', '/files/a.txt', ['Connection: close']));
    await connection.closed;
    const wire = connection.rest().toString('latin1');
    const [lines = '', ...body] = wire.split('\r\n\r\n');
    // An order is alone, or absent; a head that is out already can only be followed by a reset.
    if (/x-accel-redirect/i.test(lines)) t.is(body.join(''), '', name);
    else t.regex(wire, /mine|mi\r\n2\r\nne/, name);
    t.is(errors.length, name === 'flushHeaders' ? 1 : 0, name);
  }
});

/** As `on-headers` does it: whoever is first in the chain has the last word. */
function beforeHead(change: (res: ServerResponse) => void): Koa.Middleware {
  return (ctx, next) => {
    const writeHead = ctx.res.writeHead.bind(ctx.res);
    ctx.res.writeHead = (_status: number, ...rest: readonly unknown[]) => {
      change(ctx.res);
      Reflect.apply(writeHead, undefined, [ctx.res.statusCode, ...rest]);
      return ctx.res;
    };
    return next();
  };
}

const LAST_WORDS: readonly (readonly [string, (res: ServerResponse) => void])[] = [
  ['another status', (res) => void (res.statusCode = 403)],
  ['an order of its own', (res) => void res.setHeader('X-Sendfile', '/etc/passwd')],
  ['another value', (res) => void res.setHeader('X-Accel-Redirect', '/_sluice/page.html')],
];

for (const [name, change] of LAST_WORDS) {
  test(`a head that gets ${name} after it was checked never leaves`, async (t) => {
    const { port, errors } = await serve(t, { above: beforeHead(change) });
    const connection = await openConnection(t, port);
    connection.send(head('GET', '/files/a.txt'));
    t.is(await connection.closed, 'reset');
    t.is(connection.rest().length, 0);
    t.regex(errors[0]!.message, /the response was cut: another middleware changed its head/);
  });
}

test('an application within another answers in a context of its own, and its order goes out', async (t) => {
  const outer = makeSluice({ storage: createStore(), dialect: NGINX });
  const inner = makeSluice({ storage: createStore(), dialect: NGINX });
  const within = new Koa();
  within.use(downloads(inner.sluice, { prefix: '/files/' }));
  const answer = within.callback();
  const app = new Koa();
  app.use(downloads(outer.sluice, { prefix: '/other/' }));
  app.use(async (ctx) => {
    ctx.respond = false;
    await answer(ctx.req, ctx.res);
  });
  const { port } = await startServer(t, app);
  const response = await exchange(t, port, 'GET', '/files/a.txt');
  t.is(response.headers['x-accel-redirect'], '/_sluice/a.txt');
});

test('what would spoil the message of an order is taken off', async (t) => {
  const { port } = await serve(t, {
    async above(ctx, next) {
      await next();
      ctx.remove('Content-Length');
      ctx.set('Transfer-Encoding', 'chunked');
      ctx.set('Content-Range', 'bytes 0-1/5');
    },
  });
  const answer = await exchange(t, port, 'GET', '/files/a.txt');
  t.is(answer.headers['content-length'], '0');
  t.is(answer.headers['transfer-encoding'], undefined);
  t.is(answer.headers['content-range'], undefined);
  t.deepEqual(ordersOf(answer), ['x-accel-redirect']);
});

/** A server of the user's own, by a header that nobody else knows. */
const MINE: Dialect = { ...apache(), name: 'mine', header: 'x-mine' };

const FORGED = {
  'X-Accel-Redirect': '/_sluice/secret',
  'X-SENDFILE': '/etc/passwd',
  'X-Sendfile-Temporary': '/etc/passwd',
  'X-LIGHTTPD-send-file': '/etc/passwd',
  'X-Accel-Limit-Rate': '1',
  'X-Reproxy-URL': 'http://127.0.0.1/',
  'X-Mine': '/etc/passwd',
};

const FORGED_HEAD = { ...FORGED, 'Content-Length': '0' };

const FORGERIES: readonly (readonly [string, Koa.Middleware])[] = [
  [
    'before the download',
    (ctx, next) => {
      ctx.set(FORGED);
      return next();
    },
  ],
  [
    'after it',
    async (ctx, next) => {
      await next();
      ctx.set(FORGED);
    },
  ],
  [
    'along with the status, as an object',
    async (ctx, next) => {
      await next();
      ctx.respond = false;
      ctx.res.writeHead(200, FORGED_HEAD).end();
    },
  ],
  [
    'along with the status and its text, in turn',
    async (ctx, next) => {
      await next();
      ctx.respond = false;
      ctx.res.writeHead(200, 'Fine', Object.entries(FORGED_HEAD).flat()).end();
    },
  ],
];

const FORGERS_HEAD = /along with the status/;

for (const [name, above] of FORGERIES) {
  test(`an order of somebody else, given ${name}, never goes out`, async (t) => {
    const { port } = await serve(t, {
      dialect: MINE,
      above,
      below: (ctx) => void (ctx.body = ''),
    });
    for (const path of ['/elsewhere', '/files/none.txt', '/files/a.txt']) {
      const answer = await exchange(t, port, 'GET', path);
      t.deepEqual(ordersOf(answer), [], path);
      // A head that somebody else writes is no answer of ours.
      const isOurs = path === '/files/a.txt' && !FORGERS_HEAD.test(name);
      const expected = isOurs ? '/srv/private/a.txt' : undefined;
      t.is(answer.headers['x-mine'], expected, path);
    }
  });
}

test('a route below may not order files either, and a refused download orders none', async (t) => {
  const { port } = await serve(t, {
    below(ctx) {
      ctx.set('X-Accel-Redirect', '/_sluice/a.txt');
      ctx.body = '';
    },
  });
  t.deepEqual(ordersOf(await exchange(t, port, 'GET', '/elsewhere')), []);
  const missing = await exchange(t, port, 'GET', '/files/none.txt');
  t.is(missing.status, 404);
  t.deepEqual(ordersOf(missing), []);
  t.deepEqual(ordersOf(await exchange(t, port, 'POST', '/files/a.txt', ['Content-Length: 0'])), []);
});

test('nothing that a client sends turns the order on, off or elsewhere', async (t) => {
  const offloading = await serve(t);
  const streaming = await serve(t, { dialect: 'simple' });
  for (const header of [
    'X-Sendfile-Type: X-Sendfile',
    'X-Sendfile-Type: none',
    'X-Accel-Mapping: /srv/private=/other',
    'X-Accel-Redirect: /other',
    'X-Sendfile: /etc/passwd',
    'X-Reproxy-URL: http://127.0.0.1/',
    'X-Accel-Buffering: no',
    'Range: bytes=0-',
    'Range: bytes=0-0,2-2',
    'Range: bytes=abc',
    'TE: trailers',
  ]) {
    const answer = await exchange(t, offloading.port, 'GET', '/files/a.txt', [header]);
    t.is(answer.headers['x-accel-redirect'], '/_sluice/a.txt', header);
    const streamed = await exchange(t, streaming.port, 'GET', '/files/a.txt', [header]);
    t.deepEqual(ordersOf(streamed), [], header);
  }
});

test('the application answers 304 and 412, by the entity tag that the server sends', async (t) => {
  const { port } = await serve(t);
  const rows: readonly (readonly [string, number])[] = [
    [`If-None-Match: ${ENTITY_TAG}`, 304],
    [`If-None-Match: W/${ENTITY_TAG}`, 304],
    ['If-None-Match: *', 304],
    ['If-None-Match: "other"', 200],
    [`If-Modified-Since: ${new Date(SETTLED).toUTCString()}`, 304],
    [`If-Modified-Since: ${new Date(SETTLED - 1000).toUTCString()}`, 200],
    [`If-Match: ${ENTITY_TAG}`, 200],
    ['If-Match: "other"', 412],
    [`If-Unmodified-Since: ${new Date(SETTLED - 1000).toUTCString()}`, 412],
  ];
  for (const [header, status] of rows) {
    const answer = await exchange(t, port, 'GET', '/files/a.txt', [header]);
    t.is(answer.status, status, header);
    t.is(ordersOf(answer).length, status === 200 ? 1 : 0, header);
    if (status === 304) t.is(answer.headers['etag'], ENTITY_TAG, header);
  }
});

test('what the server cannot carry is streamed, and the event says why', async (t) => {
  const { port, settled } = await serve(t, { dialect: apache() });
  const named = await exchange(t, port, 'GET', '/files/%C3%A9%20%3F%25.txt');
  t.is(named.body.toString(), 'hello');
  t.is(named.headers['etag'], ENTITY_TAG);
  t.deepEqual(ordersOf(named), []);
  const young = await exchange(t, port, 'GET', '/files/young.txt', ['Range: bytes=0-1']);
  t.is(young.status, 206);
  t.is(young.body.toString(), 'yo');
  const [first, second] = await settled(2);
  t.like(first, { outcome: 'complete' });
  t.regex(first!.why, /not sent by apache: it cannot be told the name$/);
  t.like(second, { outcome: 'partial' });
  t.regex(second!.why, /^one range; not sent by apache: the version is too young$/);
});

test('a handler asks for a name, a rate and a header, and the server gets all three', async (t) => {
  const made = makeSluice({ storage: createStore(), dialect: NGINX });
  const slower = makeSluice({ storage: createStore(), dialect: lighttpd() });
  const app = new Koa();
  app.use(async (ctx) => {
    const { sluice } = ctx.path === '/nginx' ? made : slower;
    const plan = await sendDownload(ctx, sluice, 'page.html', {
      attachment: false,
      filename: 'Seite ä.html',
      rate: 1_000_000,
      headers: { Vary: 'Cookie' },
    });
    t.is(plan?.kind, 'offload');
  });
  const { port } = await startServer(t, app);
  const answer = await exchange(t, port, 'GET', '/nginx');
  t.is(answer.headers['x-accel-redirect'], '/_sluice/page.html');
  t.is(answer.headers['x-accel-limit-rate'], '1000000');
  t.is(answer.headers['vary'], 'Cookie');
  t.regex(String(answer.headers['content-security-policy']), /^sandbox/);
  t.regex(
    String(answer.headers['content-disposition']),
    /^inline; .*filename\*=UTF-8''Seite%20%C3%A4/,
  );
  const other = await exchange(t, port, 'GET', '/lighttpd');
  t.is(other.headers['x-sendfile'], '/srv/private/page.html');
  t.is(other.headers['x-lighttpd-kbytes-per-second'], '976');
});

test('two sluices of one application each let their own orders out', async (t) => {
  const first = makeSluice({ storage: createStore(), dialect: NGINX });
  const second = makeSluice({ storage: createStore(), dialect: MINE });
  const app = new Koa();
  app.use(async (ctx, next) => {
    await next();
    if (ctx.query['gone'] !== undefined) ctx.status = 410;
  });
  app.use(downloads(first.sluice, { prefix: '/a/' }));
  app.use(downloads(second.sluice, { prefix: '/b/' }));
  const { port } = await startServer(t, app);
  const a = await exchange(t, port, 'GET', '/a/a.txt');
  t.is(a.headers['x-accel-redirect'], '/_sluice/a.txt');
  const b = await exchange(t, port, 'GET', '/b/a.txt');
  t.is(b.headers['x-mine'], '/srv/private/a.txt');
  t.is(b.headers['x-accel-redirect'], undefined);
  for (const path of ['/a/a.txt?gone', '/b/a.txt?gone']) {
    const gone = await exchange(t, port, 'GET', path);
    t.is(gone.status, 410);
    t.is(gone.headers['x-accel-redirect'] ?? gone.headers['x-mine'], undefined);
  }
});

test('a second download of the same request takes the place of the first, order and all', async (t) => {
  const { sluice } = makeSluice({ storage: createStore(), dialect: NGINX });
  const app = new Koa();
  app.use(async (ctx) => {
    await sendDownload(ctx, sluice, 'a.txt');
    await sendDownload(ctx, sluice, ctx.path === '/none' ? 'none' : 'page.html');
  });
  const { port } = await startServer(t, app);
  const answer = await exchange(t, port, 'GET', '/');
  t.is(answer.headers['x-accel-redirect'], '/_sluice/page.html');
  t.deepEqual(ordersOf(await exchange(t, port, 'GET', '/none')), []);
});

test('over HTTP/2 the same order goes out, and the same forgeries do not', async (t) => {
  const events: DownloadEvent[] = [];
  const sluice = createSluice({
    storage: createStore(),
    policy: ({ key }) => (key === 'a.txt' ? allow() : deny('no')),
    dialect: NGINX,
    onCompletion: (event) => void events.push(event),
  });
  const app = new Koa();
  app.use(async (ctx, next) => {
    await next();
    ctx.set('X-Sendfile', '/etc/passwd');
  });
  app.use(downloads(sluice, { prefix: '/files/' }));
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers its own rejections
  const server = createHttp2Server(app.callback()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connectHttp2(`http://127.0.0.1:${portOf(server)}`);
  t.teardown(() => {
    client.destroy();
    server.close();
  });
  const get = async (path: string): Promise<Record<string, unknown>> => {
    const stream = client.request({ ':path': path });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    stream.resume();
    await once(stream, 'close');
    return headers;
  };
  const answer = await get('/files/a.txt');
  t.is(answer['x-accel-redirect'], '/_sluice/a.txt');
  t.is(answer['x-sendfile'], undefined);
  const denied = await get('/files/page.html');
  t.is(denied[':status'], 404);
  t.is(denied['x-accel-redirect'], undefined);
  t.is(denied['x-sendfile'], undefined);
});
