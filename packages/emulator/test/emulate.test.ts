import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { open, truncate, utimes, writeFile } from 'node:fs/promises';
import { Agent, request, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';

import { SERVER_NAMES } from '@sluice/core/offload';
import test from 'ava';
import Koa from 'koa';

import { emulate, type EmulatorOptions, frontListener, type ServerName } from '../src/index.ts';
import { openFile } from '../src/open-file.ts';
import { frontServerOf } from '../src/options.ts';
import { appThatSays, ask, HUNDRED, makeFolder, MODIFIED, start } from './helpers/site.ts';
import { HEADERS, ORDER, ORDER_HEADER } from './tables/habits.ts';

/** What Node closed because nobody else did. */
const collected: string[] = [];
process.on('warning', ({ message }) => {
  if (message.includes('file descriptor')) collected.push(message);
});

for (const server of SERVER_NAMES) {
  test(`${server} never opens a FIFO`, async (t) => {
    const base = await makeFolder(t);
    execFileSync('env', ['mkfifo', join(base, 'files/pipe')]);
    const got = await ask(await start(t, ordering(server, base, 'pipe')));
    t.true([403, 404, 500].includes(got.status), String(got.status));
    t.deepEqual(openIn(base), []);
  });

  test(`${server} lets go of the file of a client that leaves`, async (t) => {
    const base = await makeFolder(t);
    await writeFile(join(base, 'files/long.bin'), Buffer.alloc(20_000_000));
    const port = await start(t, ordering(server, base, 'long.bin'));
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    // It reads no further, so that the file stays open until it leaves.
    socket.pause();
    t.true(openIn(base).some((name) => name.endsWith('long.bin')));
    socket.destroy();
    await until(() => openIn(base).length === 0);
    t.deepEqual(collected, [], 'it was closed by nobody but the garbage collector');
  });

  test(`${server} sends a long file to the last byte, and keeps the connection`, async (t) => {
    const base = await makeFolder(t);
    const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7) % 251));
    await writeFile(join(base, 'files/long.bin'), bytes);
    const port = await start(t, ordering(server, base, 'long.bin'));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.teardown(() => agent.destroy());
    const first = await digestOf(port, agent);
    const second = await digestOf(port, agent);
    t.is(first.digest, createHash('sha256').update(bytes).digest('hex'));
    t.is(second.digest, first.digest);
    t.is(second.localPort, first.localPort);
  });

  test(`${server} cuts the connection when the file becomes shorter`, async (t) => {
    const base = await makeFolder(t);
    const path = join(base, 'files/long.bin');
    await writeFile(path, Buffer.alloc(20_000_000));
    const port = await start(t, ordering(server, base, 'long.bin'));
    const asked = request({ port, host: '127.0.0.1', agent: false }).end();
    const [message] = await once(asked, 'response');
    await truncate(path, 1000);
    message.resume();
    const [error] = await once(message, 'error');
    t.is(error.code, 'ECONNRESET');
  });

  test(`${server} asks the application without what only it may say`, async (t) => {
    const base = await makeFolder(t);
    let seen: readonly string[] = [];
    const listener: RequestListener = (req, res) => {
      seen = Object.keys(req.headers);
      res.end('ok');
    };
    const port = await start(t, frontListener(server, { roots: `${base}/files` }, listener));
    const names = [
      'x-accel-redirect',
      'x-sendfile',
      'x-sendfile-type',
      'x-accel-mapping',
      'x-reproxy-url',
    ];
    const forged = Object.fromEntries(
      [...names, 'x_sendfile_type'].map((name) => [name, '/etc/passwd']),
    );
    const got = await ask(port, { headers: { ...forged, 'x-mine': 'kept' } });
    t.is(got.body, 'ok');
    t.deepEqual(
      seen.filter((name) => /sendfile|accel|reproxy/.test(name)),
      [],
    );
    t.true(seen.includes('x-mine'));
  });

  test(`${server} passes on what the application answers by itself`, async (t) => {
    const base = await makeFolder(t);
    const listener: RequestListener = (req, res) => {
      res.writeHead(201, 'Made', ['X-A', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']);
      req.pipe(res);
    };
    const port = await start(t, frontListener(server, { roots: `${base}/files` }, listener));
    const got = await ask(port, { method: 'POST', body: 'x'.repeat(100_000) });
    t.is(got.status, 201);
    t.is(got.headers['set-cookie'], 'a=1 | b=2');
    t.is(got.body, 'x'.repeat(100_000));
  });
}

test('an application that gives no answer is 502', async (t) => {
  const base = await makeFolder(t);
  const listener = frontListener('nginx', { roots: base }, (req) => void req.socket.destroy());
  t.is((await ask(await start(t, listener))).status, 502);
});

test('a body of the application that ends too soon does not end well for the client', async (t) => {
  const base = await makeFolder(t);
  const listener: RequestListener = (req, res) => {
    res.writeHead(200, { 'Content-Length': '100' });
    res.write('short', () => req.socket.destroy());
  };
  const port = await start(t, frontListener('nginx', { roots: base }, listener));
  await t.throwsAsync(ask(port), { code: 'ECONNRESET' });
});

test('an application that says last that its answer is over has answered', async (t) => {
  const base = await makeFolder(t);
  const left = new EventEmitter();
  const over = once(left, 'left');
  const listener: RequestListener = (_, res) => {
    res.once('close', () => left.emit('left', res.writableFinished));
    res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': '9' });
    res.write('beginning');
    left.once('answered', () => res.end());
  };
  const port = await start(t, frontListener('h2o', { roots: base }, listener));
  t.is((await ask(port)).body, 'beginning');
  left.emit('answered');
  t.deepEqual(await over, [true]);
});

const leaving: readonly (readonly [when: string, path: string])[] = [
  ['before the head of its answer', '/silent'],
  ['while it streams', '/stream'],
  ['while the server waits for a small answer as a whole', '/small'],
];

for (const [when, path] of leaving) {
  test(`the application sees a client leave ${when}`, async (t) => {
    const base = await makeFolder(t);
    const left = new EventEmitter();
    const listener: RequestListener = (req, res) => {
      res.once('close', () => left.emit('left', res.writableFinished));
      if (req.url === '/small') res.setHeader('Content-Length', '100');
      if (req.url !== '/silent') res.write('beginning');
      left.emit('asked');
    };
    const port = await start(t, frontListener('apache', { roots: base }, listener));
    const headers = { Range: 'bytes=0-9' };
    const asked = request({ port, host: '127.0.0.1', path, headers, agent: false });
    asked.on('error', () => undefined);
    asked.end();
    await once(left, 'asked');
    // It is on its way, wherever that is.
    await new Promise((resolve) => setImmediate(resolve));
    const closed = once(left, 'left');
    asked.destroy();
    t.deepEqual(await closed, [false]);
  });
}

test('a file that cannot be looked at is closed again', async (t) => {
  const base = await makeFolder(t);
  const path = join(base, 'files/sub/n.txt');
  const handle = await open(path);
  const handles: object = Object.getPrototypeOf(handle);
  await handle.close();
  const stat: typeof handle.stat = Reflect.get(handles, 'stat');
  // Only of this one; other tests go on beside.
  function unlucky(this: typeof handle, options: never): Promise<unknown> {
    const isOurs = readlinkSync(`/proc/self/fd/${this.fd}`) === path;
    return isOurs ? Promise.reject(new Error('EIO')) : Reflect.apply(stat, this, [options]);
  }
  Object.assign(handles, { stat: unlucky });
  t.teardown(() => Object.assign(handles, { stat }));
  const found = await openFile({ folder: `${base}/files`, path }, 'followed');
  t.is(found, 'missing');
  t.deepEqual(openIn(base), []);
});

test('requests behind one that is being answered open no file until it is their turn', async (t) => {
  const base = await makeFolder(t);
  await writeFile(join(base, 'files/long.bin'), Buffer.alloc(20_000_000));
  const warnings: string[] = [];
  const warn = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', warn);
  t.teardown(() => process.off('warning', warn));
  const port = await start(t, ordering('nginx', base, 'long.bin'));
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(20));
  await once(socket, 'data');
  socket.pause();
  // Whoever did not wait has had the time of a whole answer, whose own file closes a moment later.
  t.is((await ask(port, { headers: { Range: 'bytes=0-9' } })).status, 206);
  await until(() => openIn(base).length === 1);
  socket.resetAndDestroy();
  await until(() => openIn(base).length === 0);
  t.deepEqual(collected, [], 'it was closed by nobody but the garbage collector');
  t.deepEqual(warnings, []);
});

test('requests that come at once are answered one after the other', async (t) => {
  const base = await makeFolder(t);
  const heads: string[] = [];
  const listener: RequestListener = (req, res) => {
    heads.push(`${req.url} begins`);
    res.once('finish', () => heads.push(`${req.url} ends`));
    // The first would be overtaken.
    if (req.url === '/1') setImmediate(() => res.end('1'));
    else res.end(req.url?.slice(1));
  };
  const port = await start(t, frontListener('caddy', { roots: base }, listener));
  const socket = connect(port, '127.0.0.1');
  const head = (path: string, last = ''): string =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\n${last}\r\n`;
  socket.write(`${head('/1')}${head('/2')}${head('/3', 'Connection: close\r\n')}`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  const bodies = Buffer.concat(chunks)
    .toString()
    .matchAll(/\r\n\r\n(?:1\r\n)?(\d)/g);
  t.deepEqual(
    [...bodies].map(([, body]) => body),
    ['1', '2', '3'],
  );
  t.deepEqual(
    heads,
    ['/1', '/2', '/3'].flatMap((url) => [`${url} begins`, `${url} ends`]),
  );
});

test('H2O sends a body even to HEAD, where no client expects one', async (t) => {
  const base = await makeFolder(t);
  const port = await start(t, ordering('h2o', base, 'a.txt'));
  const socket = connect(port, '127.0.0.1');
  socket.write('HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  t.true(Buffer.concat(chunks).toString().endsWith(`\r\n\r\n${HUNDRED}`));
});

test('HEAD has the length of the file and no byte of it', async (t) => {
  const base = await makeFolder(t);
  for (const server of SERVER_NAMES.filter((name) => name !== 'h2o')) {
    const got = await ask(await start(t, ordering(server, base, 'a.txt')), { method: 'HEAD' });
    t.is(got.headers['content-length'], '100', server);
    t.is(got.body, '');
  }
});

test('nginx and lighttpd take a rate of the application', (t) => {
  const file = { size: 100, lastModified: MODIFIED * 1000, modifiedNs: 0n, inode: 1n };
  const request = { method: 'GET', target: '/', headers: [], httpVersion: '1.1' };
  const rateOf = (server: ServerName, name: string, value: string): number | undefined => {
    const answer = { status: 200, reason: 'OK', headers: [[name, value]] as const };
    return frontServerOf(server, { roots: '/srv/a' }).send(file, { request, answer }, '/a').rate;
  };
  t.is(rateOf('nginx', 'X-Accel-Limit-Rate', '5000'), 5000);
  t.is(rateOf('nginx', 'X-Accel-Limit-Rate', '5k'), undefined);
  t.is(rateOf('nginx', 'X-Accel-Limit-Rate', '0'), undefined);
  t.is(rateOf('lighttpd', 'X-LIGHTTPD-KBytes-per-second', '5'), 5120);
  t.is(rateOf('apache', 'X-Accel-Limit-Rate', '5000'), undefined);
});

test('a rate does not change what is sent', async (t) => {
  const base = await makeFolder(t);
  const headers = { 'X-Accel-Redirect': '/_sluice/a.txt', 'X-Accel-Limit-Rate': '5000' };
  const listener = frontListener('nginx', { roots: `${base}/files` }, appThatSays({ headers }));
  const got = await ask(await start(t, listener));
  t.is(got.body, HUNDRED);
  t.is(got.headers['x-accel-limit-rate'], undefined);
});

test('a file that is replaced is sent with validators of its own', async (t) => {
  const base = await makeFolder(t);
  const port = await start(t, ordering('nginx', base, 'a.txt'));
  const before = await ask(port);
  await writeFile(join(base, 'files/a.txt'), 'new');
  await utimes(join(base, 'files/a.txt'), MODIFIED + 5, MODIFIED + 5);
  const after = await ask(port);
  t.is(after.body, 'new');
  t.not(after.headers['etag'], before.headers['etag']);
});

test('the middleware answers in place of the application behind it', async (t) => {
  const base = await makeFolder(t);
  const app = new Koa();
  const passed: string[] = [];
  app.use(emulate('nginx', { roots: `${base}/files` }));
  app.use(async (ctx) => {
    passed.push(ctx.path);
    ctx.set('X-Accel-Redirect', '/_sluice/a.txt');
    ctx.set('X-Custom', 'mine');
    ctx.type = 'text/plain';
    ctx.body = '';
  });
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers its own rejections
  const got = await ask(await start(t, app.callback()), { path: '/some?query' });
  t.deepEqual(passed, ['/some']);
  t.is(got.status, 200);
  t.is(got.body, HUNDRED);
  t.is(got.headers['x-custom'], undefined);
});

test('an error of the application goes through the middleware as Koa answers it', async (t) => {
  const base = await makeFolder(t);
  const app = new Koa();
  const errors: Error[] = [];
  app.on('error', (error: Error) => errors.push(error));
  app.use(emulate('caddy', { roots: `${base}/files` }));
  app.use((ctx) => {
    ctx.set('X-Accel-Redirect', '/_sluice/a.txt');
    throw new Error('broken');
  });
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers its own rejections
  const got = await ask(await start(t, app.callback()));
  t.is(got.status, 500);
  t.is(got.body, 'Internal Server Error');
  t.deepEqual(
    errors.map(({ message }) => message),
    ['broken'],
  );
});

const mistakes: readonly (readonly [server: string, options: unknown, message: RegExp])[] = [
  ['iis', { roots: '/srv/a' }, /server must be one of nginx, apache, .*, got "iis"/],
  ['nginx', { roots: '/srv/a', rots: 1 }, /unknown option "rots"/],
  ['nginx', undefined, /options must be an object/],
  ['nginx', {}, /roots/],
  ['nginx', { roots: 'relative' }, /absolute path, got "relative"/],
  ['nginx', { roots: '/srv/a', prefix: '_sluice' }, /prefix must be a path/],
  [
    'nginx',
    { roots: { videos: '/v' }, prefix: { '': '/a/' } },
    /no path for the root of the keys "videos"/,
  ],
  ['nginx', { roots: '/srv/a', restored: 'X-A' }, /restored must be an array/],
  ['nginx', { roots: '/srv/a', restored: ['X A'] }, /restored must hold names/],
  ['nginx', { roots: '/srv/a', restored: ['ETag'] }, /restored cannot hold "ETag"/],
  ['nginx', { roots: '/srv/a', restored: ['set-cookie'] }, /restored cannot hold "set-cookie"/],
  ['apache', { roots: '/srv/a', restored: ['etag'] }, /restored cannot hold "etag"/],
  ['lighttpd', { roots: '/srv/a', prefix: 'x' }, /prefix must be a path/],
  [
    'apache',
    { roots: '/srv/a', encoding: 'utf8' },
    /encoding must be "raw" or "percent", got "utf8"/,
  ],
  ['caddy', { roots: '/srv/a', version: '3' }, /version must be "2.6" or "2.7", got "3"/],
  ['h2o', { roots: '/srv/a', host: 'A b' }, /host must be a host name/],
];

for (const [server, options, message] of mistakes) {
  test(`a mistake is found at once: ${server} ${JSON.stringify(options)}`, (t) => {
    const make = (): unknown => emulate(server as ServerName, options as EmulatorOptions);
    t.throws(make, { instanceOf: TypeError, message });
  });
}

function ordering(server: ServerName, base: string, name: string): RequestListener {
  const value = ORDER[server].replace('@', base).replace('a.txt', name);
  const headers = { ...HEADERS, [ORDER_HEADER[server]]: value };
  return frontListener(server, { roots: `${base}/files` }, appThatSays({ headers }));
}

/** What of a folder this process has open. */
function openIn(base: string): readonly string[] {
  return readdirSync('/proc/self/fd')
    .flatMap((descriptor) => {
      try {
        return [readlinkSync(`/proc/self/fd/${descriptor}`)];
      } catch {
        return [];
      }
    })
    .filter((path) => path.startsWith(`${base}/`));
}

async function digestOf(
  port: number,
  agent: Agent,
): Promise<{ readonly digest: string; readonly localPort: number | undefined }> {
  const asked = request({ port, host: '127.0.0.1', agent }).end();
  const [message] = await once(asked, 'response');
  const { localPort } = asked.socket!;
  const hash = createHash('sha256');
  for await (const chunk of message) hash.update(chunk);
  return { digest: hash.digest('hex'), localPort };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
