import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';

import { type SignedUrl, SluiceError } from '@sluice/core';
import { nginx } from '@sluice/core/offload';
import test, { type ExecutionContext } from 'ava';
import Koa from 'koa';

import { downloads, sendDownload } from '../src/index.ts';
import { exchange, head, openConnection } from './helpers/client.ts';
import { createMemoryDriver, type TestDriver } from './helpers/drivers.ts';
import { KOAS } from './helpers/koas.ts';
import {
  makeSluice,
  portOf,
  startServer,
  type TestServer,
  type TestSluice,
} from './helpers/server.ts';

const SECRET = 'https://store.example/bucket/a.txt?X-Amz-Signature=5ec7e7';

type Sign = () => Promise<SignedUrl | undefined>;

const sign: Sign = async () => ({ url: SECRET, expires: 0, pinned: false });

/** A store that signs URLs and reads objects. */
function createStore(signUrl: Sign = sign): TestDriver {
  const text = { contentType: 'text/plain', entityTag: '"v1"', lastModified: 0, bytes: 'hello' };
  return {
    ...createMemoryDriver({ 'a.txt': text, 'page.html': { ...text, contentType: 'text/html' } }),
    signUrl,
  };
}

/** Serves downloads below `/files/`, each sent to the store where it can be. */
async function serve(
  t: ExecutionContext,
  {
    App = Koa,
    signUrl,
    above,
  }: {
    readonly App?: typeof Koa;
    readonly signUrl?: Sign;
    readonly above?: Koa.Middleware;
  } = {},
): Promise<TestServer & TestSluice & { readonly storage: TestDriver }> {
  const storage = createStore(signUrl);
  const made = makeSluice({ storage, redirect: { expiresIn: 60 } });
  const app = new App();
  if (above !== undefined) app.use(above);
  app.use(downloads(made.sluice, { prefix: '/files/' }));
  return { ...(await startServer(t, app)), ...made, storage };
}

for (const { name, Koa: App } of KOAS) {
  test(`${name}: a client is sent to the store by an answer that nobody keeps`, async (t) => {
    const { port, settled, storage, errors } = await serve(t, { App });
    const { status, headers, body } = await exchange(t, port, 'GET', '/files/a.txt');
    const { date, connection, ...rest } = headers;
    t.truthy(date);
    t.truthy(connection);
    t.is(status, 302);
    t.is(body.byteLength, 0);
    t.deepEqual(rest, {
      location: SECRET,
      'cache-control': 'private, no-store',
      'referrer-policy': 'no-referrer',
      'content-length': '0',
    });
    const [event] = await settled(1);
    t.like(event, { outcome: 'offloaded', status: 302, bytes: 0, why: 'the store sends it' });
    t.notRegex(JSON.stringify(event), /5ec7e7/);
    t.is(storage.openHandles(), 0);
    t.deepEqual(errors, []);
  });

  test(`${name}: the URL goes out under no status but 302, whoever changes it`, async (t) => {
    const { port } = await serve(t, {
      App,
      async above(ctx, next) {
        await next();
        ctx.status = Number(ctx.get('X-Status'));
      },
    });
    for (const status of [200, 204, 206, 301, 303, 304, 307, 401, 403, 404, 410, 500, 503]) {
      const answer = await exchange(t, port, 'GET', '/files/a.txt', [`X-Status: ${status}`]);
      t.is(answer.status, status);
      t.is(answer.headers['location'], undefined, String(status));
    }
    const kept = await exchange(t, port, 'GET', '/files/a.txt', ['X-Status: 302']);
    t.is(kept.headers['location'], SECRET);
  });

  test(`${name}: an error above takes the URL with it`, async (t) => {
    const { port } = await serve(t, {
      App,
      async above(ctx, next) {
        await next();
        ctx.throw(Number(ctx.get('X-Status')), 'sorry');
      },
    });
    for (const status of [400, 403, 404, 500]) {
      const answer = await exchange(t, port, 'GET', '/files/a.txt', [`X-Status: ${status}`]);
      t.false(JSON.stringify(answer.headers).includes('5ec7e7'));
    }
  });
}

const REPLACEMENTS: readonly (readonly [string, Koa.Middleware])[] = [
  [
    'another body',
    async (ctx, next) => {
      await next();
      ctx.body = 'mine';
    },
  ],
  [
    'another empty body',
    async (ctx, next) => {
      await next();
      ctx.body = Buffer.alloc(0);
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
  test(`a middleware above that gives ${name} sends nobody to the store`, async (t) => {
    const { port, settled } = await serve(t, { above });
    const answer = await exchange(t, port, 'GET', '/files/a.txt');
    t.is(answer.headers['location'], undefined);
    t.like(await settled(1), [{ outcome: 'failed' }]);
  });
}

test('a middleware above that sends the client elsewhere, under the same status, sends nobody to the store', async (t) => {
  const { port, settled } = await serve(t, {
    async above(ctx, next) {
      await next();
      ctx.status = 302;
      ctx.set('Location', '/login');
    },
  });
  const { status, headers } = await exchange(t, port, 'GET', '/files/a.txt');
  t.is(status, 302);
  t.is(headers['location'], '/login');
  t.like(await settled(1), [{ outcome: 'failed' }]);
});

test('a middleware above lets nobody keep where the store is', async (t) => {
  const { port } = await serve(t, {
    async above(ctx, next) {
      await next();
      ctx.set({ 'Cache-Control': 'public, max-age=600', 'Referrer-Policy': 'unsafe-url' });
    },
  });
  const { headers } = await exchange(t, port, 'GET', '/files/a.txt');
  t.like(headers, {
    location: SECRET,
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
  });
});

test('nothing that a middleware above can look at holds the URL', async (t) => {
  let seen = '';
  const { port, settled } = await serve(t, {
    async above(ctx, next) {
      const look = (): void => {
        const { body, headers } = ctx.response;
        const all = [ctx, ctx.response, ctx.state, headers, ctx.res.getHeaders(), body];
        seen += JSON.stringify([
          ...all,
          ctx.response.get('Location'),
          ctx.res.getHeader('Location'),
        ]);
      };
      ctx.res.on('finish', look);
      ctx.res.on('close', look);
      await next();
      look();
    },
  });
  const { headers } = await exchange(t, port, 'GET', '/files/a.txt');
  t.is(headers['location'], SECRET);
  await settled(1);
  t.is(seen.split('"no-referrer"').length - 1, 3 * 4, 'all else can be seen, each time');
  t.notRegex(seen, /5ec7e7/);
});

test('what was set above stays, but for what speaks of another body or leads elsewhere', async (t) => {
  const { port } = await serve(t, {
    above(ctx, next) {
      ctx.set({
        'Set-Cookie': 'a=b',
        Vary: 'Origin',
        Location: 'https://elsewhere.example/',
        ETag: '"mine"',
        'Content-Type': 'text/html',
        'Content-Encoding': 'gzip',
        'X-Accel-Redirect': '/_sluice/a',
      });
      return next();
    },
  });
  const { headers } = await exchange(t, port, 'GET', '/files/a.txt');
  t.like(headers, { location: SECRET, 'set-cookie': 'a=b', vary: 'Origin' });
  for (const name of ['etag', 'content-type', 'content-encoding', 'x-accel-redirect']) {
    t.is(headers[name], undefined, name);
  }
});

test('a head that gets another status after it was checked never leaves', async (t) => {
  const { port, errors } = await serve(t, {
    above(ctx, next) {
      const writeHead = ctx.res.writeHead.bind(ctx.res);
      ctx.res.writeHead = (_status: number, ...rest: readonly unknown[]): ServerResponse => {
        ctx.res.statusCode = 403;
        Reflect.apply(writeHead, undefined, [403, ...rest]);
        return ctx.res;
      };
      return next();
    },
  });
  const connection = await openConnection(t, port);
  connection.send(head('GET', '/files/a.txt'));
  t.is(await connection.closed, 'reset');
  t.is(connection.rest().length, 0);
  t.regex(errors[0]!.message, /^the response was cut: another middleware changed its head/);
});

/** What the application answers, beside a store that would sign for everything. */
const own: readonly (readonly [
  target: string,
  method: string,
  headers: readonly string[],
  status: number,
  body: string,
])[] = [
  ['/files/a.txt', 'HEAD', [], 200, ''],
  ['/files/a.txt', 'HEAD', ['Range: bytes=0-1'], 200, ''],
  ['/files/a.txt', 'GET', ['If-None-Match: "v1"'], 304, ''],
  ['/files/a.txt', 'GET', ['If-Match: "v0"'], 412, 'Precondition Failed'],
  ['/files/a.txt', 'GET', ['Range: bytes=5-'], 416, 'Range Not Satisfiable'],
  ['/files/a.txt', 'GET', ['Range: bytes=1-', 'If-Range: "v0"'], 200, 'hello'],
  ['/files/a.txt', 'GET', ['Range: bytes=1-', 'If-Range: "v1"'], 206, 'ello'],
  ['/files/a.txt', 'GET', ['Range: bytes=0-1', 'Range: bytes=3-4'], 200, 'hello'],
  ['/files/a.txt', 'GET', ['Range: bytes=x'], 200, 'hello'],
  ['/files/none.txt', 'GET', [], 404, 'Not Found'],
  ['/files/a.txt', 'POST', ['Content-Length: 0'], 405, 'Method Not Allowed'],
];

for (const [target, method, headers, status, body] of own) {
  test(`${method} ${target} with ${headers.join(', ') || 'nothing'} is ours: ${status}`, async (t) => {
    const { port } = await serve(t);
    const answer = await exchange(t, port, method, target, headers);
    t.is(answer.status, status);
    t.is(answer.body.toString(), body);
    t.is(answer.headers['location'], undefined);
  });
}

test('HEAD tells what the store would send', async (t) => {
  const { port } = await serve(t);
  const { headers } = await exchange(t, port, 'HEAD', '/files/a.txt');
  t.like(headers, { etag: '"v1"', 'content-length': '5', 'accept-ranges': 'bytes' });
});

test('many redirects go over one connection', async (t) => {
  const { port } = await serve(t);
  const connection = await openConnection(t, port);
  for (const range of ['bytes=0-0', 'bytes=-1', 'bytes=1-']) {
    connection.send(head('GET', '/files/a.txt', [`Range: ${range}`]));
    const answer = await connection.response();
    t.is(answer.headers['location'], SECRET);
  }
});

test('a store that cannot sign is a fault, which reaches the application and not the client', async (t) => {
  const rows = [
    [new SluiceError('SLUICE_UNAVAILABLE', 'no credentials yet', { retryAfter: 3 }), 503],
    [new SluiceError('SLUICE_ACCESS_DENIED', 'refused'), 500],
    [new TypeError('oops'), 500],
  ] as const;
  for (const [cause, status] of rows) {
    const { port, errors, settled } = await serve(t, { signUrl: () => Promise.reject(cause) });
    const answer = await exchange(t, port, 'GET', '/files/a.txt');
    t.is(answer.status, status);
    t.is(answer.headers['location'], undefined);
    t.is(errors[0]!.cause, cause);
    t.like(await settled(1), [{ outcome: 'failed', status, error: cause }]);
  }
});

test('a handler can keep a client from the store', async (t) => {
  const { sluice } = makeSluice({ storage: createStore(), redirect: { expiresIn: 60 } });
  const app = new Koa();
  app.use(async (ctx) => {
    const options = ctx.path === '/kept' ? ({ redirect: false } as const) : {};
    await sendDownload(ctx, sluice, 'a.txt', options);
  });
  const { port } = await startServer(t, app);
  t.is((await exchange(t, port, 'GET', '/sent')).status, 302);
  t.is((await exchange(t, port, 'GET', '/kept')).body.toString(), 'hello');
});

test('HTTP/2 sends a client to the store, too', async (t) => {
  const { sluice } = makeSluice({ storage: createStore(), redirect: { expiresIn: 60 } });
  const app = new Koa();
  app.use(downloads(sluice, { prefix: '/files/' }));
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers its own rejections
  const server = createHttp2Server(app.callback());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const client = connectHttp2(`http://127.0.0.1:${portOf(server)}`);
  t.teardown(() => client.destroy());
  const stream = client.request({ ':path': '/files/a.txt' });
  const [headers] = await once(stream, 'response');
  t.like(headers, { ':status': 302, location: SECRET, 'content-length': '0' });
});

test('a front server gets its order to fetch from the store at the last moment, as any other', async (t) => {
  const storage: TestDriver = { ...createStore(), internalUrl: sign };
  const dialect = nginx({ store: { origin: 'https://store.example' } });
  const { sluice, settled } = makeSluice({ storage, dialect, redirect: { expiresIn: 60 } });
  let seen = '';
  const app = new Koa();
  app.use(async (ctx, next) => {
    ctx.res.on('finish', () => (seen += JSON.stringify(ctx)));
    await next();
    seen += JSON.stringify(ctx.res.getHeaders());
    ctx.remove('ETag');
    if (ctx.get('X-Status') !== '') ctx.status = Number(ctx.get('X-Status'));
  });
  app.use(downloads(sluice, { prefix: '/files/' }));
  const { port } = await startServer(t, app);
  const answer = await exchange(t, port, 'GET', '/files/a.txt');
  t.is(answer.status, 200);
  t.like(answer.headers, {
    'x-accel-redirect': '/_store/bucket/a.txt?X-Amz-Signature=5ec7e7',
    'content-length': '0',
    etag: '"v1"',
    'content-disposition': 'inline; filename="a.txt"',
  });
  t.is(answer.headers['location'], undefined);
  t.regex(seen, /nosniff/);
  t.notRegex(seen, /5ec7e7/);
  const denied = await exchange(t, port, 'GET', '/files/a.txt', ['X-Status: 403']);
  t.notRegex(JSON.stringify(denied.headers), /5ec7e7/);
  const [event] = await settled(1);
  t.like(event, { outcome: 'offloaded', status: 200, why: 'nginx fetches it from the store' });
});
