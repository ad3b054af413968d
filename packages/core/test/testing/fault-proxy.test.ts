import { once } from 'node:events';
import { createServer, get, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import test from 'ava';

import { createFaultProxy, type Fault, type FaultProxy } from '../../src/testing/index.ts';

const BODY = Buffer.alloc(300_000, 'sluice');

interface Answer {
  readonly status: number | undefined;
  readonly headers: NodeJS.Dict<string | readonly string[]>;
  readonly bytes: Buffer;
  /** How it broke off; `undefined` where it came to its end. */
  readonly error: string | undefined;
}

async function startStore(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    const missing = request.url === '/missing';
    const body = missing ? Buffer.from('none') : BODY;
    response.writeHead(missing ? 404 : 200, { 'content-length': body.byteLength, etag: '"one"' });
    response.end(request.method === 'HEAD' ? undefined : body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function withProxy(run: (proxy: FaultProxy) => Promise<void>): Promise<void> {
  const store = await startStore();
  const { port } = store.address() as AddressInfo;
  const proxy = await createFaultProxy({ target: { host: '127.0.0.1', port } });
  try {
    await run(proxy);
  } finally {
    await proxy.close();
    store.closeAllConnections();
    store.close();
  }
}

function ask(
  proxy: FaultProxy,
  {
    method = 'GET',
    path = '/',
    wait = 10_000,
  }: { method?: string; path?: string; wait?: number } = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    let answer: Answer = {
      status: undefined,
      headers: {},
      bytes: Buffer.alloc(0),
      error: undefined,
    };
    const failed = (error: NodeJS.ErrnoException): void =>
      resolve({ ...answer, error: error.code ?? error.message });
    const asked = request({ ...proxy.address, method, path, agent: false, timeout: wait });
    asked.on('error', failed);
    asked.on('timeout', () => asked.destroy(Object.assign(new Error(), { code: 'SILENT' })));
    asked.on('response', (response) => {
      answer = { ...answer, status: response.statusCode, headers: response.headers };
      response.on('data', (piece: Buffer) => {
        answer = { ...answer, bytes: Buffer.concat([answer.bytes, piece]) };
      });
      response.on('error', failed);
      response.on('end', () => resolve(answer));
    });
    asked.end();
  });
}

/** A fault, and the status, the number of bytes at most and the end that it makes of a download. */
const faults: readonly (readonly [
  title: string,
  fault: Fault,
  status: number | undefined,
  bytes: readonly [least: number, most: number],
  error: string | undefined,
])[] = [
  ['passes everything', { kind: 'pass' }, 200, [300_000, 300_000], undefined],
  ['refuses connections', { kind: 'refuse' }, undefined, [0, 0], 'ECONNRESET'],
  ['resets before the head', { kind: 'reset' }, undefined, [0, 0], 'ECONNRESET'],
  ['resets in the body', { kind: 'reset', after: 100_000 }, 200, [1, 99_999], 'ECONNRESET'],
  ['ends before the head', { kind: 'truncate' }, undefined, [0, 0], 'ECONNRESET'],
  ['ends in the body', { kind: 'truncate', after: 100_000 }, 200, [99_000, 99_999], 'ECONNRESET'],
  ['is silent before the head', { kind: 'stall' }, undefined, [0, 0], 'SILENT'],
  ['is silent in the body', { kind: 'stall', after: 100_000 }, 200, [99_000, 99_999], 'SILENT'],
  ['drips', { kind: 'drip', bytes: 100_000, every: 20 }, 200, [300_000, 300_000], undefined],
  [
    'answers by itself',
    { kind: 'answer', status: 503, headers: { 'retry-after': '7' }, body: Buffer.from('busy') },
    503,
    [4, 4],
    undefined,
  ],
  ['changes the status', { kind: 'rewrite', status: 206 }, 206, [300_000, 300_000], undefined],
  ['changes the body', { kind: 'rewrite', body: Buffer.from('short') }, 200, [5, 5], undefined],
];

for (const [title, fault, status, [least, most], error] of faults) {
  test(`a fault proxy ${title}`, async (t) => {
    await withProxy(async (proxy) => {
      proxy.mode(fault);
      const answer = await ask(proxy, { wait: fault.kind === 'stall' ? 1500 : 10_000 });
      t.is(answer.status, status);
      t.is(answer.error, error);
      const { byteLength } = answer.bytes;
      t.true(least <= byteLength && byteLength <= most, `${byteLength} bytes`);
      if (fault.kind !== 'answer' && fault.kind !== 'rewrite') {
        t.true(answer.bytes.equals(BODY.subarray(0, byteLength)));
      }
    });
  });
}

test('headers of an answer are changed, added and taken away, and the length follows the body', async (t) => {
  await withProxy(async (proxy) => {
    const headers = { ETag: '"two"', date: undefined, 'x-new': 'yes' };
    proxy.mode({ kind: 'rewrite', headers, body: Buffer.from('short') });
    const answer = await ask(proxy);
    t.is(answer.headers['etag'], '"two"');
    t.is(answer.headers['date'], undefined);
    t.is(answer.headers['x-new'], 'yes');
    t.is(answer.headers['content-length'], '5');
  });
});

test('the answers to HEAD, and those that are no success, are left as they are', async (t) => {
  await withProxy(async (proxy) => {
    proxy.mode({ kind: 'rewrite', status: 206, headers: { etag: '"two"' } });
    const head = await ask(proxy, { method: 'HEAD' });
    t.deepEqual([head.status, head.headers['etag'], head.error], [200, '"one"', undefined]);
    const missing = await ask(proxy, { path: '/missing' });
    t.deepEqual(
      [missing.status, missing.bytes.toString(), missing.error],
      [404, 'none', undefined],
    );
  });
});

test('an answer of the proxy to HEAD has a length and no body', async (t) => {
  await withProxy(async (proxy) => {
    proxy.mode({ kind: 'answer', status: 500, body: Buffer.from('broken') });
    const { status, headers, bytes, error } = await ask(proxy, { method: 'HEAD' });
    t.deepEqual(
      [status, headers['content-length'], bytes.byteLength, error],
      [500, '6', 0, undefined],
    );
  });
});

test('a fault with times is over after so many', async (t) => {
  await withProxy(async (proxy) => {
    for (const fault of [
      { kind: 'refuse', times: 2 },
      { kind: 'reset', times: 2 },
      { kind: 'truncate', after: 1000, times: 2 },
      { kind: 'answer', status: 503, times: 2 },
      { kind: 'rewrite', status: 503, times: 2 },
    ] as const) {
      proxy.mode(fault);
      const answers = [await ask(proxy), await ask(proxy), await ask(proxy)];
      const whole = answers.map(({ status, error }) => status === 200 && error === undefined);
      t.deepEqual(whole, [false, false, true], fault.kind);
    }
  });
});

test('what was silent goes on where it was, when the fault is over', async (t) => {
  await withProxy(async (proxy) => {
    proxy.mode({ kind: 'stall', after: 50_000 });
    const asked = ask(proxy, { wait: 5000 });
    await delay(30);
    proxy.mode({ kind: 'pass' });
    t.true((await asked).bytes.equals(BODY));
  });
});

test('a reader that pauses makes the store pause, through the proxy too', async (t) => {
  const store = createServer((_request, response) => {
    const more = (): void => {
      do written += 65_536;
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    more();
  }).listen(0, '127.0.0.1');
  let written = 0;
  await once(store, 'listening');
  const { port } = store.address() as AddressInfo;
  const proxy = await createFaultProxy({ target: { host: '127.0.0.1', port } });
  const asked = get({ ...proxy.address, agent: false });
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.pause();
  // A store that nobody holds back would go on for ever.
  for (let before = -1; before !== written; await delay(100)) before = written;
  t.true(written > 0);
  asked.destroy();
  await proxy.close();
  store.closeAllConnections();
  store.close();
});

test('connections are counted, and none is left after close', async (t) => {
  await withProxy(async (proxy) => {
    t.is(proxy.connections(), 0);
    const socket = connect({ ...proxy.address });
    await once(socket, 'connect');
    // Its other end is heard of when the loop comes to it.
    for (let wait = 1; proxy.connections() === 0 && wait < 4000; wait *= 2) await delay(wait);
    t.is(proxy.connections(), 1);
    const closed = once(socket, 'close');
    await Promise.all([proxy.close(), proxy.close()]);
    await closed;
    t.is(proxy.connections(), 0);
  });
});

test('a store that does not answer its phone is a reset', async (t) => {
  const store = await startStore();
  const { port } = store.address() as AddressInfo;
  await new Promise((closed) => store.close(closed));
  const proxy = await createFaultProxy({ target: { host: '127.0.0.1', port } });
  t.is((await ask(proxy)).error, 'ECONNRESET');
  await proxy.close();
});

test('what makes no sense is a TypeError', async (t) => {
  await t.throwsAsync(createFaultProxy({ target: 'localhost' as never }), {
    instanceOf: TypeError,
    message: /target must be \{ host, port \}/,
  });
  for (const port of [0, 65_536, 80.5]) {
    const target = { host: '127.0.0.1', port };
    await t.throwsAsync(createFaultProxy({ target }), { instanceOf: TypeError, message: /got/ });
  }
  await withProxy(async (proxy) => {
    for (const [fault, message] of [
      [{ kind: 'slow' }, /kind must be one of pass, refuse/],
      [{ kind: 'reset', after: -1 }, /after must be an integer of at least 0, got -1/],
      [{ kind: 'drip', bytes: 0, every: 1 }, /bytes must be an integer/],
      [{ kind: 'pass', after: 1 }, /unknown option "after"/],
      [{ kind: 'answer', status: 99 }, /status must be an integer from 200 to 599/],
      [{ kind: 'refuse', times: 0 }, /times must be an integer/],
    ] as const) {
      t.throws(() => proxy.mode(fault as Fault), { instanceOf: TypeError, message });
    }
  });
});
