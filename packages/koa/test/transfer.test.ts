import { randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, open, rename, rm, truncate, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import http2, { type ClientHttp2Session } from 'node:http2';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PassThrough, Readable } from 'node:stream';
import { createGzip, gunzipSync } from 'node:zlib';

import {
  allow,
  SluiceError,
  type SluiceOptions,
  type StorageDriver,
  type Window,
} from '@sluice/core';
import { untilAborted } from '@sluice/core/drivers';
import { createLocalDriver, type LocalDriverOptions } from '@sluice/storage-local';
import test, { type ExecutionContext } from 'ava';
import type Koa from 'koa';

import { downloads } from '../src/index.ts';
import { type Connection, exchange, head, openConnection } from './helpers/client.ts';
import { createMemoryDriver, type TestDriver } from './helpers/drivers.ts';
import { KOAS } from './helpers/koas.ts';
import {
  makeSluice,
  portOf,
  startServer,
  type TestServer,
  type TestSluice,
  until,
} from './helpers/server.ts';

const PIECE = Buffer.alloc(65_536, 'x');

/** Larger than what the buffers of a connection take. */
const LARGE = 64 * 1024 * 1024;

interface Served extends TestServer, TestSluice {
  readonly app: Koa;
}

async function serve(
  t: ExecutionContext,
  App: typeof Koa,
  storage: StorageDriver,
  {
    above = [],
    ...options
  }: Partial<SluiceOptions> & { readonly above?: readonly Koa.Middleware[] } = {},
): Promise<Served> {
  const made = makeSluice({ storage, ...options });
  const app = new App();
  for (const middleware of above) app.use(middleware);
  app.use(downloads(made.sluice, { prefix: '/files' }));
  return { app, ...(await startServer(t, app)), ...made };
}

/** An object without end of memory: every piece is the same buffer. */
function createLargeDriver(size = LARGE): TestDriver {
  return createMemoryDriver({ large: { bytes: '', size, read: pieces } });
}

function createSmallAndLargeDriver(): TestDriver {
  return createMemoryDriver({
    small: { bytes: 'small' },
    large: { bytes: '', size: LARGE, read: pieces },
  });
}

function* pieces({ start, end }: Window): Generator<Uint8Array> {
  for (let position = start; position < end; position += PIECE.length) {
    yield PIECE.subarray(0, end - position);
  }
}

/** Sends a request and waits for the first bytes of its answer; then no more is read. */
async function stall(
  t: ExecutionContext,
  port: number,
  target = '/files/large',
): Promise<Connection> {
  const connection = await openConnection(t, port);
  connection.send(head('GET', target));
  await connection.someBytes();
  connection.socket.pause();
  return connection;
}

async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-koa-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** How many descriptors of files of a folder this process has open. */
function openFiles(folder: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${folder}/`);
    } catch {
      return false; // closed since it was listed
    }
  }).length;
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

async function startHttp2(t: ExecutionContext, app: Koa): Promise<ClientHttp2Session> {
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers its own rejections
  const server = http2.createServer(app.callback());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = http2.connect(`http://127.0.0.1:${portOf(server)}`);
  t.teardown(() => {
    session.destroy();
    server.close();
  });
  return session;
}

/** A response over HTTP/2: its status, the length of its body, and the code its stream ended with. */
async function fetchOver(
  session: ClientHttp2Session,
  target: string,
  headers: Record<string, string> = {},
): Promise<{ readonly status: unknown; readonly length: number; readonly code: number }> {
  const stream = session.request({ ':path': target, ...headers });
  let status: unknown;
  let length = 0;
  stream.on('response', (head) => {
    status = head[':status'];
  });
  stream.on('data', (piece: Buffer) => {
    length += piece.length;
  });
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('close', resolve));
  return { status, length, code: stream.rstCode };
}

/** A driver that opens when it is let to, and says when it was first asked. */
function gated(driver: StorageDriver): {
  readonly storage: StorageDriver;
  readonly asked: Promise<void>;
  readonly pass: () => void;
} {
  const question = gate();
  const answer = gate();
  const wait = (): Promise<void> => {
    question.pass();
    return answer.passed;
  };
  return {
    storage: {
      ...driver,
      stat: (key) => wait().then(() => driver.stat(key)),
      open: (key) => wait().then(() => driver.open(key)),
    },
    asked: question.passed,
    pass: answer.pass,
  };
}

/** A driver whose first opening ends only when nobody waits for it any more. */
function standing(driver: StorageDriver): {
  readonly storage: StorageDriver;
  readonly asked: Promise<void>;
} {
  const question = gate();
  let isFirst = true;
  return {
    storage: {
      ...driver,
      async open(key, call) {
        if (isFirst) {
          isFirst = false;
          question.pass();
          await untilAborted(new Promise(() => undefined), call?.signal, () => undefined);
        }
        return driver.open(key, call);
      },
    },
    asked: question.passed,
  };
}

/** Asks for a download, and gives what has the client leave. */
async function ask(t: ExecutionContext, port: number): Promise<() => void> {
  const connection = await openConnection(t, port);
  connection.send(head('GET', '/files/large'));
  return () => connection.socket.destroy();
}

async function askOverHttp2(t: ExecutionContext, app: Koa): Promise<() => void> {
  const session = await startHttp2(t, app);
  const stream = session.request({ ':path': '/files/large' });
  return () => stream.close(http2.constants.NGHTTP2_CANCEL);
}

function gate(): { readonly passed: Promise<void>; readonly pass: () => void } {
  let pass = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  return { passed, pass: () => pass() };
}

/** How files are kept open between downloads. */
const CACHES: readonly (readonly [remark: string, Pick<LocalDriverOptions, 'openCache'>])[] = [
  ['', {}],
  [' of an open-object cache', { openCache: { maxBytes: 16_777_216, maxObjectBytes: 131_072 } }],
];

for (const { name, Koa: App } of KOAS) {
  test(`${name}: requests that are heard together are answered together`, async (t) => {
    const seen: string[] = [];
    const storage = createMemoryDriver({ small: { bytes: 'small' } });
    const { port } = await serve(t, App, storage, {
      policy: () => {
        seen.push('asked');
        return allow();
      },
      above: [
        async (_, next) => {
          await next();
          seen.push('answered');
        },
      ],
    });
    const connections = [await openConnection(t, port), await openConnection(t, port)];
    const askAll = async (): Promise<void> => {
      for (const connection of connections) connection.send(head('GET', '/files/small'));
      for (const connection of connections) t.is((await connection.response()).status, 200);
    };
    // Once, so that the server has taken both connections.
    await askAll();
    seen.length = 0;
    // Now both requests lie in the kernel before the server, of this very process, looks.
    await askAll();
    t.deepEqual(seen, ['asked', 'asked', 'answered', 'answered']);
  });

  for (const [remark, cache] of CACHES) {
    test(`${name}: 200 aborted downloads of a file${remark} leave no descriptor open`, async (t) => {
      const folder = await temporaryFolder(t);
      await writeFile(join(folder, 'large'), '');
      await truncate(join(folder, 'large'), LARGE);
      const { port, errors, settled } = await serve(
        t,
        App,
        createLocalDriver({ root: folder, ...cache }),
      );
      for (let round = 0; round < 20; round += 1) {
        const connections = await Promise.all(Array.from({ length: 10 }, () => stall(t, port)));
        if (round === 0) t.is(openFiles(folder), cache.openCache === undefined ? 10 : 1);
        for (const { socket } of connections) socket.destroy();
      }
      const events = await settled(200);
      t.is(events.filter(({ outcome }) => outcome === 'aborted').length, 200);
      await until(() => openFiles(folder) === (cache.openCache === undefined ? 0 : 1));
      t.deepEqual(errors, []);
    });

    test(`${name}: a large file${remark} comes byte for byte, whole, in ranges and compressed by another`, async (t) => {
      const folder = await temporaryFolder(t);
      const bytes = randomBytes(3_000_000);
      await writeFile(join(folder, 'file'), bytes);
      const { port, errors, settled } = await serve(
        t,
        App,
        createLocalDriver({ root: folder, ...cache }),
        {
          above: [
            async (ctx, next) => {
              await next();
              if (ctx.query['gzip'] === undefined) return;
              ctx.remove('Content-Length');
              ctx.body = (ctx.body as Readable).pipe(createGzip({ level: 1 }));
            },
          ],
        },
      );
      t.true((await exchange(t, port, 'GET', '/files/file')).body.equals(bytes));
      const range = ['Range: bytes=1000000-2999999'];
      t.true(
        (await exchange(t, port, 'GET', '/files/file', range)).body.equals(bytes.subarray(1e6)),
      );
      const parts = await exchange(t, port, 'GET', '/files/file', [
        'Range: bytes=7-999999,2000000-',
      ]);
      t.true(parts.body.includes(bytes.subarray(7, 1_000_000)));
      t.true(parts.body.includes(bytes.subarray(2_000_000)));
      const gzip = await (await fetch(`http://127.0.0.1:${port}/files/file?gzip`)).arrayBuffer();
      t.true(gunzipSync(gzip).equals(bytes));
      t.deepEqual(
        (await settled(4)).map(({ outcome, bytes }) => [outcome, bytes]),
        [
          ['complete', 3_000_000],
          ['partial', 2_000_000],
          ['partial', parts.body.length],
          ['complete', 3_000_000],
        ],
      );
      await until(() => openFiles(folder) === (cache.openCache === undefined ? 0 : 1));
      t.deepEqual(errors, []);
    });

    test(`${name}: a file${remark} that shrinks, grows or is replaced never breaks the framing`, async (t) => {
      const folder = await temporaryFolder(t);
      const path = join(folder, 'file');
      const { port, errors, settled } = await serve(
        t,
        App,
        createLocalDriver({ root: folder, ...cache }),
      );
      const start = async (): Promise<Connection> => {
        await writeFile(path, '');
        await truncate(path, LARGE);
        return stall(t, port, '/files/file');
      };

      const grown = await start();
      const handle = await open(path, 'a');
      await handle.write('HTTP/1.1 200 OK\r\n\r\n');
      await handle.close();
      grown.send(head('HEAD', '/files/file'));
      grown.socket.resume();
      t.is((await grown.response()).body.length, LARGE);
      t.is((await grown.response('HEAD')).headers['content-length'], String(LARGE + 19));

      const replaced = await start();
      await writeFile(join(folder, 'new'), Buffer.alloc(LARGE, 'y'));
      await rename(join(folder, 'new'), path);
      replaced.socket.resume();
      const { body } = await replaced.response();
      t.is(body.length, LARGE);
      t.is(body.indexOf('y'), -1);
      t.deepEqual(errors, []);

      const shrunk = await start();
      await truncate(path, 1000);
      shrunk.socket.resume();
      await t.throwsAsync(shrunk.response(), { message: /the connection ended after/ });
      t.is(errors.length, 1);
      t.deepEqual(
        (await settled(4)).map(({ outcome }) => outcome),
        ['complete', 'complete', 'complete', 'failed'],
      );
      await until(() => openFiles(folder) === (cache.openCache === undefined ? 0 : 1));
    });
  }

  for (const how of ['destroy', 'resetAndDestroy'] as const) {
    test(`${name}: a client that leaves in the middle (${how}) is an abort and no error`, async (t) => {
      const storage = createLargeDriver();
      const { port, errors, settled } = await serve(t, App, storage);
      for (let round = 0; round < 20; round += 1) (await stall(t, port)).socket[how]();
      const events = await settled(20);
      t.deepEqual(new Set(events.map(({ outcome }) => outcome)), new Set(['aborted']));
      t.true(events.every(({ bytes }) => bytes > 0 && bytes < LARGE));
      await until(() => storage.openHandles() === 0);
      t.deepEqual(errors, []);
    });
  }

  for (const [method, key] of [
    ['GET', 'large'],
    ['GET', 'small'],
    ['HEAD', 'small'],
  ] as const) {
    test(`${name}: a client of ${method} that leaves while a ${key} object is opened is an abort and no error`, async (t) => {
      const memory = createSmallAndLargeDriver();
      const { storage, asked, pass } = gated(memory);
      const { port, server, errors, settled } = await serve(t, App, storage);
      const connection = await openConnection(t, port);
      connection.send(head(method, `/files/${key}`));
      await asked;
      connection.socket.resetAndDestroy();
      await until(async () => (await connectionsOf(server)) === 0);
      pass();
      t.like((await settled(1))[0], { outcome: 'aborted', bytes: 0 });
      await until(() => memory.openHandles() === 0);
      t.deepEqual(errors, []);
    });
  }

  test(`${name}: over HTTP/2 a client that leaves while the object is opened is an abort and no error`, async (t) => {
    const memory = createSmallAndLargeDriver();
    const { storage, asked, pass } = gated(memory);
    const { app, errors, settled } = await serve(t, App, storage);
    const session = await startHttp2(t, app);
    const left = session.request({ ':path': '/files/large' });
    await asked;
    left.close(http2.constants.NGHTTP2_CANCEL);
    await once(left, 'close');
    // The server has seen the cancellation when it has answered what was sent after it.
    await new Promise((resolve) => session.ping(resolve));
    pass();
    t.like((await settled(1))[0], { outcome: 'aborted', bytes: 0 });
    await until(() => memory.openHandles() === 0);
    t.deepEqual(errors, []);
  });

  for (const protocol of ['HTTP/1.1', 'HTTP/2']) {
    test(`${name}: over ${protocol} a client that leaves is told to a store that stands still, and gives its place back`, async (t) => {
      const { storage, asked } = standing(createSmallAndLargeDriver());
      const { app, port, errors, settled } = await serve(t, App, storage, { maxDownloads: 1 });
      const leave = await (protocol === 'HTTP/2' ? askOverHttp2(t, app) : ask(t, port));
      await asked;
      leave();
      t.like((await settled(1))[0], { outcome: 'aborted', bytes: 0 });
      t.is((await exchange(t, port, 'GET', '/files/small')).status, 200);
      t.deepEqual(errors, []);
    });
  }

  test(`${name}: a large object that cannot be read is answered by the status`, async (t) => {
    const fault = new SluiceError('SLUICE_IO', 'the disk is gone');
    const storage = createMemoryDriver({
      broken: {
        bytes: '',
        size: 1_000_000,
        read: () => {
          throw fault;
        },
      },
    });
    const { port, errors, settled } = await serve(t, App, storage);
    t.is((await exchange(t, port, 'GET', '/files/broken')).status, 500);
    t.like((await settled(1))[0], { outcome: 'failed', error: fault });
    t.is(errors.length, 1);
    t.is(storage.openHandles(), 0);
  });

  test(`${name}: pipelined downloads wait for their turn, and are never opened where the client leaves before`, async (t) => {
    const storage = createLargeDriver();
    const { port, errors, settled } = await serve(t, App, storage);
    const connection = await openConnection(t, port);
    connection.send(head('GET', '/files/large').repeat(20));
    await connection.someBytes();
    // The others are not opened before their turn, so that one client cannot take every place.
    t.is(storage.openHandles(), 1);
    connection.socket.resetAndDestroy();
    t.like(await settled(1), [{ outcome: 'aborted' }]);
    await until(() => storage.openHandles() === 0);
    t.is((await exchange(t, port, 'HEAD', '/files/large')).status, 200);
    t.is((await settled(2)).length, 2);
    t.deepEqual(errors, []);
  });

  test(`${name}: an object that comes up short resets the connection and is reported once`, async (t) => {
    const { passed, pass } = gate();
    const storage = createMemoryDriver({
      short: {
        bytes: '',
        size: 1_000_000,
        async *read() {
          yield PIECE;
          await passed;
        },
      },
      after: { bytes: 'after' },
    });
    const { port, errors, settled } = await serve(t, App, storage);
    const connection = await openConnection(t, port);
    connection.send(head('GET', '/files/short') + head('GET', '/files/after'));
    // A reset that comes together with bytes is taken for a plain end by Node's own client.
    await connection.someBytes(PIECE.length);
    pass();
    t.is(await connection.closed, 'reset');
    t.false(connection.rest().includes('after'), 'no second answer within the first');
    const events = await settled(1);
    const event = events.find(({ key }) => key === 'short');
    t.is(event?.outcome, 'failed');
    t.like(event?.error, { code: 'SLUICE_TRUNCATED' });
    t.is(errors.length, 1);
    t.like(errors[0], { code: 'SLUICE_TRUNCATED' });
    await until(() => storage.openHandles() === 0);
  });

  test(`${name}: a store that fails in the middle resets the connection and is reported once`, async (t) => {
    const { passed, pass } = gate();
    const fault = new SluiceError('SLUICE_IO', 'the disk is gone');
    const storage = createMemoryDriver({
      broken: {
        bytes: '',
        size: 1_000_000,
        async *read() {
          yield PIECE;
          await passed;
          throw fault;
        },
      },
    });
    const { port, errors, settled } = await serve(t, App, storage);
    const connection = await openConnection(t, port);
    connection.send(head('GET', '/files/broken'));
    await connection.someBytes(PIECE.length);
    pass();
    t.is(await connection.closed, 'reset');
    const [event] = await settled(1);
    t.is(event?.outcome, 'failed');
    t.is(event?.error, fault);
    t.deepEqual(errors, [fault]);
  });

  test(`${name}: over a local socket, which cannot be reset, a short object ends the connection too`, async (t) => {
    const { sluice, settled } = makeSluice({
      storage: createMemoryDriver({
        short: { bytes: '', size: 1_000_000, read: () => [PIECE] },
      }),
    });
    const app = new App();
    app.use(downloads(sluice, { prefix: '/files' }));
    const path = join(await temporaryFolder(t), 'socket');
    const { errors } = await startServer(t, app, path);
    const connection = await openConnection(t, path);
    connection.send(head('GET', '/files/short') + head('GET', '/files/none'));
    await t.throwsAsync(connection.response(), { message: /the connection ended after/ });
    await settled(1);
    t.is(errors.length, 1);
  });

  test(`${name}: readers that stall are cut off, and others go on`, async (t) => {
    const storage = createLargeDriver();
    const { port, errors, settled } = await serve(t, App, storage, { idleTimeout: 300 });
    const stalled = [];
    for (let batch = 0; batch < 5; batch += 1) {
      stalled.push(...(await Promise.all(Array.from({ length: 100 }, () => stall(t, port)))));
    }
    const events = await settled(500);
    t.deepEqual(new Set(events.map(({ outcome }) => outcome)), new Set(['aborted']));
    t.regex(String(events[0]?.error), /stalled/);
    await until(() => storage.openHandles() === 0);
    for (const { socket } of stalled) socket.resume();
    await Promise.all(stalled.map(({ closed }) => closed));
    t.true(stalled.every(({ rest }) => rest().length < LARGE));
    t.is((await exchange(t, port, 'GET', '/files/large', ['Range: bytes=0-9'])).status, 206);
    t.deepEqual(errors, []);
  });

  test(`${name}: a reader that is slow but goes on is not cut off, nor is a download that waits behind it`, async (t) => {
    const size = 32 * 1024 * 1024;
    const storage = createLargeDriver(size);
    const { port, settled } = await serve(t, App, storage, { idleTimeout: 1500 });
    const connection = await openConnection(t, port);
    connection.send(
      head('GET', '/files/large') + head('GET', '/files/large', ['Range: bytes=0-199999']),
    );
    const { socket } = connection;
    let taken = 0;
    socket.on('data', (piece: Buffer) => {
      taken += piece.length;
      if (taken < 1_500_000) return;
      taken = 0;
      socket.pause();
      setTimeout(() => socket.resume(), 150);
    });
    t.is((await connection.response()).body.length, size);
    t.is((await connection.response()).body.length, 200_000);
    const events = await settled(2);
    t.deepEqual(
      events.map(({ outcome }) => outcome),
      ['complete', 'partial'],
    );
    t.true((events[0]?.duration ?? 0) > 1500, 'it took longer than the timeout');
  });

  test(`${name}: a reader that is too slow for Node to see it go on is not cut off`, async (t) => {
    const { port, events, settled } = await serve(t, App, createLargeDriver(), {
      idleTimeout: 800,
    });
    const connection = await openConnection(t, port);
    const { socket } = connection;
    // One piece in 100 ms: minutes would pass before the kernel asked Node for more.
    socket.on('data', () => socket.pause());
    connection.send(head('GET', '/files/large'));
    const timer = setInterval(() => socket.resume(), 100);
    t.teardown(() => clearInterval(timer));
    await sleep(4000);
    t.deepEqual(events, []);
    clearInterval(timer);
    t.regex(String((await settled(1))[0]?.error), /stalled/);
  });

  test(`${name}: bytes from the client do not keep a stalled download alive`, async (t) => {
    const { port, settled } = await serve(t, App, createLargeDriver(), { idleTimeout: 200 });
    const { socket } = await stall(t, port);
    const trickle = setInterval(() => socket.write('X'), 20);
    t.teardown(() => clearInterval(trickle));
    t.is((await settled(1))[0]?.outcome, 'aborted');
  });

  test(`${name}: an answer that is pending in a middleware above is not idle`, async (t) => {
    const storage = createMemoryDriver({ small: { bytes: 'small' } });
    const { port, settled } = await serve(t, App, storage, {
      idleTimeout: 20,
      above: [
        async (_ctx, next) => {
          await next();
          await new Promise((resolve) => setTimeout(resolve, 200));
        },
      ],
    });
    t.is((await exchange(t, port, 'GET', '/files/small')).body.toString(), 'small');
    t.is((await settled(1))[0]?.outcome, 'complete');
  });

  test(`${name}: a store that stands still is cut off as a failure of ours`, async (t) => {
    const storage = createMemoryDriver({
      still: {
        bytes: '',
        size: 1_000_000,
        read: () => {
          const source = new Readable({ read() {} });
          source.push(PIECE);
          return source;
        },
      },
    });
    const { port, errors, settled } = await serve(t, App, storage, { idleTimeout: 100 });
    const connection = await openConnection(t, port);
    connection.send(head('GET', '/files/still'));
    await t.throwsAsync(connection.response(), { message: /the connection ended after/ });
    t.is((await settled(1))[0]?.outcome, 'failed');
    t.is(errors.length, 1);
    t.regex(errors[0]?.message ?? '', /no bytes for 100 ms/);
  });

  test(`${name}: downloads beyond the cap get 503, and the next one is let in again`, async (t) => {
    const storage = createLargeDriver();
    const { port, errors, settled } = await serve(t, App, storage, { maxDownloads: 2 });
    const [first] = await Promise.all([stall(t, port), stall(t, port)]);
    const busy = await exchange(t, port, 'GET', '/files/large');
    t.is(busy.status, 503);
    t.is(busy.headers['retry-after'], '1');
    t.is(busy.headers['cache-control'], 'no-store');
    t.is(busy.body.toString(), 'Service Unavailable');
    first.socket.destroy();
    await settled(2);
    t.is((await exchange(t, port, 'GET', '/files/large', ['Range: bytes=0-9'])).status, 206);
    t.deepEqual(errors, []);
  });

  for (const [what, fault, status, retryAfter] of [
    ['used-up descriptors', unavailable(), 503, '7'],
    ['an unknown fault', new Error('EIO: /srv/secret/path'), 500, undefined],
  ] as const) {
    test(`${name}: ${what} of the store are told by the status alone, and logged once`, async (t) => {
      const storage: StorageDriver = {
        name: 'broken',
        stat: () => Promise.reject(fault),
        open: () => Promise.reject(fault),
      };
      const { port, errors, settled } = await serve(t, App, storage, {
        above: [(ctx, next) => (ctx.set('X-Accel-Redirect', '/secret'), next())],
      });
      for (const method of ['GET', 'HEAD']) {
        const response = await exchange(t, port, method, '/files/x');
        t.is(response.status, status);
        t.is(response.headers['retry-after'], retryAfter);
        t.is(response.headers['cache-control'], 'no-store');
        t.is(response.headers['content-type'], 'text/plain; charset=utf-8');
        t.is(response.headers['x-accel-redirect'], undefined);
        t.notRegex(JSON.stringify(response.headers) + response.body.toString(), /secret|EMFILE/);
      }
      t.is(errors.length, 2);
      t.is(errors[0]?.cause, fault);
      t.like(errors[0], {
        status,
        expose: false,
        // Nothing that frames a text, for handlers that answer with one of their own.
        headers: {
          'cache-control': 'no-store',
          ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
          'content-length': undefined,
          'content-type': undefined,
        },
      });
      t.regex(errors[0]?.stack ?? '', new RegExp(`caused by .*${fault.message}`));
      t.deepEqual(
        (await settled(2)).map(({ outcome, error }) => [outcome, error]),
        [
          ['failed', fault],
          ['failed', fault],
        ],
      );
    });
  }

  for (const [what, replacement] of [
    ['a text', () => 'replaced'],
    ['a stream', () => Readable.from(['repl', 'aced'])],
  ] as const) {
    for (const key of ['small', 'large']) {
      test(`${name}: ${what} that a middleware above puts in place of a ${key} object ends the download`, async (t) => {
        const storage = createSmallAndLargeDriver();
        const { port, errors, settled } = await serve(t, App, storage, {
          above: [
            async (ctx, next) => {
              await next();
              ctx.body = replacement();
              ctx.length = 8;
            },
          ],
        });
        t.is((await exchange(t, port, 'GET', `/files/${key}`)).body.toString(), 'replaced');
        const events = await settled(1);
        t.is(events[0]?.outcome, 'failed');
        t.regex(String(events[0]?.error), /another middleware/);
        await until(() => storage.openHandles() === 0);
        t.is(events.length, 1);
        t.deepEqual(errors, []);
      });
    }
  }

  test(`${name}: a middleware above that answers slowly in place of a download is not cut off`, async (t) => {
    const storage = createLargeDriver();
    const { port, errors, settled } = await serve(t, App, storage, {
      idleTimeout: 50,
      above: [
        async (ctx, next) => {
          await next();
          const source = new Readable({ read() {} });
          source.push('slow');
          setTimeout(() => {
            source.push('ly');
            source.push(null);
          }, 300);
          ctx.body = source;
          ctx.length = 6;
        },
      ],
    });
    t.is((await exchange(t, port, 'GET', '/files/large')).body.toString(), 'slowly');
    t.is((await settled(1))[0]?.outcome, 'failed');
    await until(() => storage.openHandles() === 0);
    t.deepEqual(errors, []);
  });

  for (const [key, code] of [
    ['large', 'ECONNRESET'],
    ['large', 'ERR_STREAM_PREMATURE_CLOSE'],
    ['small', 'EPIPE'],
  ] as const) {
    test(`${name}: a fault of a middleware above a ${key} download is reported, also when it is ${code}`, async (t) => {
      const fault = Object.assign(new Error('the log server hung up'), { code });
      const storage = createSmallAndLargeDriver();
      const { port, errors, settled } = await serve(t, App, storage, {
        above: [
          async (_ctx, next) => {
            await next();
            throw fault;
          },
        ],
      });
      t.is((await exchange(t, port, 'GET', `/files/${key}`)).status, 500);
      t.deepEqual(errors, [fault]);
      t.is((await settled(1))[0]?.outcome, 'failed');
      await until(() => storage.openHandles() === 0);
    });
  }

  test(`${name}: a middleware above that answers by its own hand ends the download`, async (t) => {
    const storage = createSmallAndLargeDriver();
    const { port, errors, settled } = await serve(t, App, storage, {
      above: [
        async (ctx, next) => {
          await next();
          ctx.respond = false;
          ctx.res.setHeader('Content-Length', 3);
          ctx.res.end('own');
        },
      ],
    });
    t.is((await exchange(t, port, 'GET', '/files/large')).body.toString(), 'own');
    t.is((await settled(1))[0]?.outcome, 'failed');
    await until(() => storage.openHandles() === 0);
    t.deepEqual(errors, []);
  });

  test(`${name}: a middleware above that passes the bytes through leaves the download complete`, async (t) => {
    const storage = createMemoryDriver({ middle: { bytes: '', size: 1_000_000, read: pieces } });
    const { port, errors, settled } = await serve(t, App, storage, {
      above: [
        async (ctx, next) => {
          await next();
          const { length } = ctx;
          ctx.body = (ctx.body as Readable).pipe(new PassThrough());
          ctx.length = length;
        },
      ],
    });
    t.is((await exchange(t, port, 'GET', '/files/middle')).body.length, 1_000_000);
    t.like((await settled(1))[0], { outcome: 'complete', bytes: 1_000_000 });
    t.deepEqual(errors, []);
  });

  test(`${name}: a connection that rests after a download is not cut off`, async (t) => {
    const { port, settled } = await serve(t, App, createSmallAndLargeDriver(), { idleTimeout: 30 });
    const connection = await openConnection(t, port);
    for (let round = 1; round <= 2; round += 1) {
      connection.send(head('GET', '/files/small'));
      t.is((await connection.response()).body.toString(), 'small');
      await settled(round);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    t.is(connection.rest().length, 0);
  });

  test(`${name}: over HTTP/2 a download is complete, aborted or reset like over HTTP/1.1`, async (t) => {
    const storage = createMemoryDriver({
      small: { bytes: 'small' },
      middle: { bytes: '', size: 1_000_000, read: pieces },
      large: { bytes: '', size: LARGE, read: pieces },
      short: { bytes: '', size: 1_000_000, read: () => [PIECE, PIECE] },
    });
    const { app, errors, settled } = await serve(t, App, storage);
    const session = await startHttp2(t, app);

    t.like(await fetchOver(session, '/files/small'), { status: 200, length: 5, code: 0 });
    t.like(await fetchOver(session, '/files/middle'), { status: 200, length: 1_000_000, code: 0 });
    t.like(await fetchOver(session, '/files/small', { range: 'bytes=0-1' }), {
      status: 206,
      length: 2,
    });
    t.like(await fetchOver(session, '/files/none'), { status: 404, length: 9 });
    t.like(await fetchOver(session, '/files/small', { ':method': 'HEAD' }), {
      status: 200,
      length: 0,
    });
    t.deepEqual(errors, []);

    const left = session.request({ ':path': '/files/large' });
    await new Promise((resolve) => left.once('data', resolve));
    left.pause();
    left.close(http2.constants.NGHTTP2_CANCEL);
    await settled(6);
    t.deepEqual(errors, []);

    t.is((await fetchOver(session, '/files/short')).code, http2.constants.NGHTTP2_INTERNAL_ERROR);
    t.is(errors.length, 1);
    t.like(errors[0], { code: 'SLUICE_TRUNCATED' });
    t.deepEqual(
      (await settled(7)).map(({ outcome }) => outcome),
      ['complete', 'complete', 'partial', 'refused', 'complete', 'aborted', 'failed'],
    );
    await until(() => storage.openHandles() === 0);
  });

  test(`${name}: over HTTP/2 a stalled stream is cut off, and its connection goes on`, async (t) => {
    const storage = createSmallAndLargeDriver();
    const { app, errors, settled } = await serve(t, App, storage, { idleTimeout: 200 });
    const session = await startHttp2(t, app);
    const stalled = session.request({ ':path': '/files/large' });
    stalled.on('error', () => undefined);
    await new Promise((resolve) => stalled.once('response', resolve));
    const [event] = await settled(1);
    t.is(event?.outcome, 'aborted');
    t.regex(String(event?.error), /stalled/);
    t.like(await fetchOver(session, '/files/small'), { status: 200, length: 5 });
    await until(() => storage.openHandles() === 0);
    t.deepEqual(errors, []);
  });
}

function unavailable(): SluiceError {
  return new SluiceError('SLUICE_UNAVAILABLE', 'EMFILE', { retryAfter: 7 });
}
