import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Duplex, pipeline, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

import test, { type ExecutionContext } from 'ava';

import { type BodyStream, createBodyStream } from '../../src/body/body-stream.ts';
import { createPacedSource } from '../../src/body/paced-source.ts';
import { createPiecePool, LARGE_PIECE, PIECE, type PiecePool } from '../../src/body/piece-pool.ts';
import { type BodyRun, createPieceSource } from '../../src/body/piece-source.ts';
import type { StorageKey } from '../../src/keys/storage-key.ts';
import type { ObjectHandle } from '../../src/storage/driver.ts';

const MIB = 1_048_576;

/** No two places look alike, so that a byte in a wrong place shows. */
const BYTES = patternBytes(6 * MIB + 12_345);

/** What memory holds once it is given back, which must never be seen by a client. */
const POISON = 0xdb;

interface WatchedPool extends PiecePool {
  /** How many pieces were lent, and how many are lent now. */
  readonly count: { lent: number; out: number; dropped: number; most: number };
  /** Of the pieces that were lent, in bytes. */
  readonly sizes: number[];
}

/** @param largest bytes of the largest piece that it lends */
function createPoisonedPool(most?: number, largest = PIECE): WatchedPool {
  const pool = createPiecePool(most);
  const count = { lent: 0, out: 0, dropped: 0, most: 0 };
  const sizes: number[] = [];
  return {
    count,
    sizes,
    lend(wanted = PIECE) {
      const { memory, giveBack, drop } = pool.lend(Math.min(wanted, largest));
      count.lent += 1;
      sizes.push(memory.byteLength);
      count.out += 1;
      count.most = Math.max(count.most, count.out);
      let isLent = true;
      const end = (): boolean => {
        const wasLent = isLent;
        if (isLent) count.out -= 1;
        isLent = false;
        return wasLent;
      };
      return {
        memory,
        giveBack() {
          if (end()) memory.fill(POISON);
          giveBack();
        },
        drop() {
          if (end()) count.dropped += 1;
          drop();
        },
      };
    },
  };
}

interface TestHandle extends ObjectHandle {
  fill(target: Uint8Array, start: number): Promise<void>;
  /** Whether it was closed, and whether that was while it was filling. */
  readonly state: { isClosed: boolean; isFilling: boolean; isMisused: boolean };
}

function createHandle(bytes: Uint8Array = BYTES): TestHandle {
  const state = { isClosed: false, isFilling: false, isMisused: false };
  return {
    key: 'object' as StorageKey,
    stat: { size: bytes.byteLength, version: { token: 'v', hold: 'immutable' } },
    state,
    read: ({ start, end }) => bytes.slice(start, end),
    async fill(target, start) {
      state.isFilling = true;
      // A read that takes its time writes before and after.
      target.set(bytes.subarray(start, start + (target.byteLength >> 1)));
      await new Promise(setImmediate);
      target.set(bytes.subarray(start, start + target.byteLength));
      state.isFilling = false;
    },
    async close() {
      state.isMisused ||= state.isFilling || state.isClosed;
      state.isClosed = true;
    },
  };
}

/** Does something while the piece that begins at a place is being filled. */
function onFill(handle: TestHandle, place: number, act: () => void): void {
  const fill = handle.fill.bind(handle);
  handle.fill = (target, start) => {
    if (start === place) act();
    return fill(target, start);
  };
}

function wholeOf(handle: ObjectHandle): readonly BodyRun[] {
  return [{ start: 0, end: handle.stat.size }];
}

async function listen(t: ExecutionContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** Answers every request with a body, as Koa does. */
function answer(
  open: () => BodyStream,
  size: number,
  done: (error: unknown) => void = () => undefined,
): RequestListener {
  return (_request, response) => {
    response.writeHead(200, { 'Content-Length': size });
    pipeline(open(), response, done);
  };
}

interface Client {
  /** Takes the bytes of a response, and stops after so many of its body. */
  take(size: number, limit?: number): Promise<Buffer>;
  readonly socket: Socket;
}

/** A client that reads in bursts of its own. */
function createClient(socket: Socket, pauses: boolean): Client {
  socket.on('error', () => undefined);
  const pieces: Buffer[] = [];
  let have = 0;
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece);
    have += piece.length;
    if (!pauses || randomInt(8) > 0) return;
    socket.pause();
    setTimeout(() => socket.resume(), randomInt(12));
  });
  const atLeast = async (size: number): Promise<Buffer> => {
    await until(() => have >= size || socket.destroyed);
    const all = Buffer.concat(pieces);
    pieces.length = 0;
    pieces.push(all);
    return all;
  };
  return {
    socket,
    async take(size, limit = size) {
      let head = -1;
      for (let least = 1; head < 0 && !socket.destroyed; least = have + 1) {
        head = (await atLeast(least)).indexOf('\r\n\r\n');
      }
      const all = await atLeast(head + 4 + limit);
      pieces.length = 0;
      pieces.push(all.subarray(head + 4 + limit));
      have -= head + 4 + limit;
      return all.subarray(head + 4, head + 4 + limit);
    },
  };
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const PSK = { psk: Buffer.alloc(16, 'k'), identity: 'client' };
const CIPHERS = { ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } as const;

const transports: Readonly<
  Record<
    string,
    {
      readonly serve: (listener: RequestListener) => Server;
      readonly connect: (port: number) => Socket;
    }
  >
> = {
  HTTP: {
    serve: (listener) => createServer(listener),
    connect: (port) => connect(port, '127.0.0.1'),
  },
  TLS: {
    serve: (listener) => createTlsServer({ ...CIPHERS, pskCallback: () => PSK.psk }, listener),
    connect: (port) =>
      connectTls({
        ...CIPHERS,
        port,
        host: '127.0.0.1',
        pskCallback: () => PSK,
        checkServerIdentity: () => undefined,
      }),
  },
};

for (const [name, { serve, connect }] of Object.entries(transports)) {
  test(`over ${name} no client that pauses, leaves or stays sees memory of another`, async (t) => {
    const pool = createPoisonedPool(MIB, LARGE_PIECE);
    const handles: TestHandle[] = [];
    const bodies: BodyStream[] = [];
    const open = (): BodyStream => {
      const handle = createHandle();
      handles.push(handle);
      const body = createBodyStream(handle, wholeOf(handle), { pool });
      bodies.push(body);
      return body;
    };
    const port = await listen(t, serve(answer(open, BYTES.length)));
    const run = async (lane: number): Promise<void> => {
      for (let round = 0; round < 3; round += 1) {
        const leaves = lane % 3 === 0;
        const client = createClient(connect(port), lane % 4 > 0);
        client.socket.write(GET);
        const limit = leaves ? randomInt(1, BYTES.length) : BYTES.length;
        const body = await client.take(BYTES.length, limit);
        t.true(body.equals(BYTES.subarray(0, limit)), `lane ${lane}, round ${round}`);
        client.socket[lane % 2 === 0 && name === 'HTTP' ? 'resetAndDestroy' : 'destroy']();
      }
    };
    await Promise.all(Array.from({ length: 18 }, (_, lane) => run(lane)));
    await until(() => bodies.every(({ closed }) => closed));
    t.is(pool.count.out, 0);
    t.true(pool.count.lent > 54, 'the short cut was taken');
    t.true(pool.sizes.includes(LARGE_PIECE) && pool.sizes.includes(PIECE));
    t.true(handles.every(({ state }) => state.isClosed && !state.isMisused));
  });
}

test('responses that wait for their turn hold one piece each, and come whole', async (t) => {
  const pool = createPoisonedPool();
  const open = (): BodyStream => {
    const handle = createHandle();
    return createBodyStream(handle, wholeOf(handle), { pool });
  };
  const port = await listen(t, createServer(answer(open, BYTES.length)));
  const client = createClient(connect(port, '127.0.0.1'), true);
  client.socket.write(GET.repeat(6));
  for (let round = 0; round < 6; round += 1) {
    t.true((await client.take(BYTES.length)).equals(BYTES), `response ${round}`);
  }
  t.true(pool.count.most <= 6, `${pool.count.most} pieces at once`);
  client.socket.destroy();
});

test('a client that keeps up gets large pieces, and small ones once it has stood still', async (t) => {
  const pool = createPoisonedPool(undefined, LARGE_PIECE);
  const handle = createHandle(Buffer.alloc(64 * MIB, BYTES.subarray(0, 65_521)));
  const body = createBodyStream(handle, wholeOf(handle), { pool });
  const listener = answer(() => body, handle.stat.size);
  const socket = connect(await listen(t, createServer(listener)), '127.0.0.1');
  socket.write(GET);
  let taken = 0;
  socket.on('data', (piece: Buffer) => {
    taken += piece.length;
  });
  await until(() => pool.sizes.filter((size) => size === LARGE_PIECE).length > 8);
  t.is(pool.sizes[0], PIECE, 'nobody knows yet how quick it is');
  socket.pause();
  let seen = -1;
  await until(async () => {
    const before = seen;
    seen = body.bytesTaken;
    await sleep(300);
    return before === seen;
  });
  t.is(pool.count.out, 1);
  const { lent } = pool.count;
  socket.resume();
  await until(() => taken >= handle.stat.size);
  t.is(pool.sizes[lent], PIECE, 'the next piece is small');
  t.true(pool.sizes.slice(lent).includes(LARGE_PIECE), 'and later ones are large again');
  socket.destroy();
});

test('no piece of a large body is taken by itself: the pieces behind it would lack its witness', async (t) => {
  const handle = createHandle();
  const readNow = (): never => {
    throw new Error('asked for a piece of a large body');
  };
  const body = createBodyStream({ ...handle, readNow }, wholeOf(handle), {});
  await body.prime();
  t.true(Buffer.concat(await body.toArray()).equals(BYTES));
});

/** Gives what `fill` would, at once, and counts the turns of the event loop at each call. */
function fillAtOnce(
  handle: TestHandle,
  isAtHand: (start: number) => boolean = () => true,
): { readonly atOnce: ObjectHandle; readonly turns: number[] } {
  let turn = 0;
  const turns: number[] = [];
  const count = (): void => {
    turn += 1;
    if (!handle.state.isClosed) setImmediate(count);
  };
  count();
  const fillNow = (target: Uint8Array, start: number): boolean => {
    if (!isAtHand(start)) return false;
    turns.push(turn);
    target.set(BYTES.subarray(start, start + target.byteLength));
    return true;
  };
  return { atOnce: { ...handle, fillNow }, turns };
}

test('pieces at once are the bytes of their places, and between two of them everybody else has his turn', async (t) => {
  const pool = createPoisonedPool();
  const handle = createHandle();
  const { atOnce, turns } = fillAtOnce(handle, (start) => start % (3 * PIECE) > 0);
  const open = (): BodyStream => createBodyStream(atOnce, wholeOf(handle), { pool });
  const port = await listen(t, createServer(answer(open, BYTES.length)));
  const client = createClient(connect(port, '127.0.0.1'), false);
  client.socket.write(GET);
  t.true((await client.take(BYTES.length)).equals(BYTES));
  await until(() => handle.state.isClosed);
  t.true(turns.length > 60);
  t.is(new Set(turns).size, turns.length);
  t.is(pool.count.out, 0);
  client.socket.destroy();
});

test('a piece at once that fails ends the body, and its memory is not used again', async (t) => {
  const pool = createPoisonedPool();
  const handle = createHandle();
  const { atOnce } = fillAtOnce(handle, () => {
    throw new Error('rewritten');
  });
  const body = createBodyStream(atOnce, wholeOf(handle), { pool });
  await t.throwsAsync(body.prime(), { message: 'rewritten' });
  await until(() => handle.state.isClosed);
  t.like(pool.count, { out: 0, dropped: 1 });
});

for (const [size, rate, first] of [
  [MIB, undefined, LARGE_PIECE],
  [2 * MIB, undefined, LARGE_PIECE],
  [2 * MIB + 1, undefined, PIECE],
  [MIB, 100 * MIB, PIECE],
] as const) {
  test(`a body of ${size} bytes at a rate of ${rate} begins with a piece of ${first}`, async (t) => {
    const pool = createPoisonedPool(MIB, LARGE_PIECE);
    const body = createBodyStream(createHandle(), [{ start: 0, end: size }], { pool, rate });
    await body.prime();
    t.deepEqual(pool.sizes, [first]);
    body.destroy();
    await until(() => body.closed);
    t.is(pool.count.out, 0);
  });
}

for (const [what, end] of [
  ['its client leaves', (_body: BodyStream, socket: Socket) => socket.resetAndDestroy()],
  ['it is destroyed', (body: BodyStream) => body.destroy()],
] as const) {
  test(`a client that stops reading holds one piece of a body, which is dropped when ${what}`, async (t) => {
    const pool = createPoisonedPool();
    const handle = createHandle(Buffer.alloc(64 * MIB, BYTES.subarray(0, 65_521)));
    const body = createBodyStream(handle, wholeOf(handle), { pool });
    const errors: unknown[] = [];
    const listener = answer(
      () => body,
      handle.stat.size,
      (error) => errors.push(error),
    );
    const socket = connect(await listen(t, createServer(listener)), '127.0.0.1');
    socket.write(GET);
    await once(socket, 'readable');
    let seen = -1;
    await until(async () => {
      const before = seen;
      seen = body.bytesTaken;
      await sleep(50);
      return before === seen && seen > 0;
    });
    t.is(pool.count.out, 1);
    end(body, socket);
    // The pipeline tells of it when the response is closed, too, which may be a moment later.
    await until(() => body.closed && errors.length > 0);
    socket.destroy();
    t.like(errors, [{ code: 'ERR_STREAM_PREMATURE_CLOSE' }]);
    t.is(pool.count.out, 0);
    t.is(pool.count.dropped, 1);
    t.true(handle.state.isClosed);
  });
}

test('bytes between windows come in their order, and nothing comes of windows without a byte', async (t) => {
  const pool = createPoisonedPool();
  const runs: readonly BodyRun[] = [
    Buffer.from('first\r\n'),
    { start: 100, end: 300_000 },
    { start: 7, end: 7 },
    Buffer.from('second\r\n'),
    { start: 5, end: 6 },
    Buffer.from('last'),
  ];
  const expected = Buffer.concat(
    runs.map((run) => (run instanceof Uint8Array ? run : BYTES.subarray(run.start, run.end))),
  );
  const open = (): BodyStream => createBodyStream(createHandle(), runs, { pool });
  const port = await listen(t, createServer(answer(open, expected.length)));
  const client = createClient(connect(port, '127.0.0.1'), false);
  client.socket.write(GET);
  t.true((await client.take(expected.length)).equals(expected));
  t.true(Buffer.concat(await open().toArray()).equals(expected), 'and as an ordinary stream');
  client.socket.destroy();
});

test('a failure in the middle destroys the response, and is told', async (t) => {
  const pool = createPoisonedPool();
  const fault = new Error('the disk is gone');
  const handle = createHandle();
  onFill(handle, 2 * MIB, () => {
    throw fault;
  });
  const open = (): BodyStream => createBodyStream(handle, wholeOf(handle), { pool });
  const failed = new Promise((resolve) => {
    void listen(t, createServer(answer(open, BYTES.length, resolve))).then((port) => {
      const client = createClient(connect(port, '127.0.0.1'), false);
      client.socket.write(GET);
      t.teardown(() => client.socket.destroy());
    });
  });
  t.is(await failed, fault);
  t.is(pool.count.out, 0);
});

/** What must not get memory that is used again. */
const refusals: Readonly<Record<string, (body: BodyStream, response: ServerResponse) => void>> = {
  'its response has a write of its own'(_body, response) {
    const write = response.write.bind(response);
    response.write = ((...given: Parameters<typeof write>) => write(...given)) as typeof write;
  },
  'its connection has a write of its own'(_body, { req: { socket } }) {
    const write = socket.write.bind(socket);
    socket.write = ((...given: Parameters<typeof write>) => write(...given)) as typeof write;
  },
  'somebody listens for its data': (body) => void body.pause().on('data', () => undefined),
  'it is being read': (body) => void body.read(0),
};

for (const [when, prepare] of Object.entries(refusals)) {
  test(`a body goes as an ordinary stream when ${when}`, async (t) => {
    const pool = createPoisonedPool();
    const handle = createHandle();
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Length': BYTES.length });
      const body = createBodyStream(handle, wholeOf(handle), { pool });
      prepare(body, response);
      pipeline(body, response, () => undefined);
    });
    const client = createClient(connect(await listen(t, server), '127.0.0.1'), false);
    client.socket.write(GET);
    t.true((await client.take(BYTES.length)).equals(BYTES));
    t.is(pool.count.lent, 0);
    client.socket.destroy();
  });
}

test('a body goes as an ordinary stream into a connection that is made of other streams', async (t) => {
  const pool = createPoisonedPool();
  const handle = createHandle();
  const server = createServer(
    answer(() => createBodyStream(handle, wholeOf(handle), { pool }), BYTES.length),
  );
  const kept: Buffer[] = [];
  const connection = new Duplex({
    read() {},
    // Such a stream may say that it is done, and still hold what it was given.
    write(piece: Buffer, _encoding, done) {
      kept.push(piece);
      done();
    },
  });
  server.emit('connection', connection);
  connection.push(GET);
  await until(() => handle.state.isClosed);
  t.true(Buffer.concat(kept).subarray(-BYTES.length).equals(BYTES));
  t.is(pool.count.lent, 0);
  connection.destroy();
});

test('a body goes as an ordinary stream into what is no response, primed or not', async (t) => {
  for (const isPrimed of [true, false]) {
    const pool = createPoisonedPool();
    const handle = createHandle();
    const body = createBodyStream(handle, wholeOf(handle), { pool });
    if (isPrimed) await body.prime();
    t.is(body.bytesTaken, 0);
    const kept: Buffer[] = [];
    const destination = new Writable({
      write(piece: Buffer, _encoding, done) {
        kept.push(piece);
        done();
      },
    });
    await once(body.pipe(destination), 'finish');
    t.true(Buffer.concat(kept).equals(BYTES));
    t.is(body.bytesTaken, BYTES.length);
    t.is(pool.count.lent, isPrimed ? 1 : 0);
    t.is(pool.count.dropped, pool.count.lent);
  }
});

test('who begins to listen later gets the bytes from then on, and the response gets all', async (t) => {
  const pool = createPoisonedPool();
  const handle = createHandle();
  const heard: Buffer[] = [];
  let from = 0;
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Length': BYTES.length });
    const body = createBodyStream(handle, wholeOf(handle), { pool });
    pipeline(body, response, () => undefined);
    onFill(handle, 2 * MIB, () => {
      from = body.bytesTaken;
      body.on('data', (piece: Buffer) => heard.push(piece));
    });
  });
  const client = createClient(connect(await listen(t, server), '127.0.0.1'), true);
  client.socket.write(GET);
  t.true((await client.take(BYTES.length)).equals(BYTES));
  t.is(from, 2 * MIB);
  t.true(Buffer.concat(heard).equals(BYTES.subarray(from)));
  t.is(pool.count.out, 0);
  client.socket.destroy();
});

test('a response that gets a write of its own later sees no memory that is used again', async (t) => {
  const handle = createHandle();
  const pool = createPoisonedPool();
  const kept: Buffer[] = [];
  let from = 0;
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Length': BYTES.length });
    const body = createBodyStream(handle, wholeOf(handle), { pool });
    pipeline(body, response, () => undefined);
    onFill(handle, 2 * MIB, () => {
      from = body.bytesTaken;
      const write = response.write.bind(response);
      response.write = (piece: Buffer, ...rest: readonly unknown[]) => {
        kept.push(piece);
        return Reflect.apply(write, undefined, [piece, ...rest]);
      };
    });
  });
  const client = createClient(connect(await listen(t, server), '127.0.0.1'), true);
  client.socket.write(GET);
  t.true((await client.take(BYTES.length)).equals(BYTES));
  t.is(from, 2 * MIB);
  t.true(Buffer.concat(kept).equals(BYTES.subarray(from)));
  client.socket.destroy();
});

test('a response that is taken away gets no more, and another reader gets the rest', async (t) => {
  const handle = createHandle();
  const body = createBodyStream(handle, wholeOf(handle), { pool: createPoisonedPool() });
  const server = createServer((_request, response) => body.pipe(response));
  const socket = connect(await listen(t, server), '127.0.0.1');
  socket.write(GET);
  socket.resume();
  const given = await new Promise<number>((resolve) => {
    onFill(handle, 2 * MIB, () => {
      body.unpipe();
      resolve(body.bytesTaken);
    });
  });
  t.true(Buffer.concat(await body.toArray()).equals(BYTES.subarray(given)));
  socket.destroy();
});

test('a first piece that cannot be read is thrown, and the handle is closed', async (t) => {
  const fault = new Error('the disk is gone');
  const pool = createPoisonedPool();
  const handle = createHandle();
  handle.fill = () => Promise.reject(fault);
  const body = createBodyStream(handle, wholeOf(handle), { pool });
  t.is(await t.throwsAsync(body.prime()), fault);
  await once(body, 'close');
  t.true(handle.state.isClosed);
  t.is(pool.count.out, 0);
});

test('a body that is destroyed closes its handle once the read under way is over', async (t) => {
  for (const isPrimed of [true, false]) {
    const pool = createPoisonedPool();
    const handle = createHandle();
    const body = createBodyStream(handle, wholeOf(handle), { pool });
    if (isPrimed) await body.prime();
    else body.resume();
    body.destroy();
    await once(body, 'close');
    t.true(handle.state.isClosed && !handle.state.isMisused);
    t.is(pool.count.out, 0);
  }
});

test('a body that is destroyed while its first piece is read gives its memory back, and says so', async (t) => {
  const handle = createHandle();
  const pool = createPoisonedPool();
  const body = createBodyStream(handle, wholeOf(handle), { pool });
  onFill(handle, 0, () => queueMicrotask(() => body.destroy()));
  await t.throwsAsync(body.prime(), { code: 'SLUICE_ABORTED' });
  t.is(pool.count.out, 0);
  await until(() => handle.state.isClosed);
  t.false(handle.state.isMisused);
});

test('a body with a rate comes no faster, whole, however it is taken', async (t) => {
  const size = 3000;
  const rate = 6000;
  const run = [{ start: 10, end: 10 + size }];
  const wanted = BYTES.subarray(10, 10 + size);
  // The first quarter of a second comes at once, so the last byte after a quarter at the earliest;
  // timers of Node count whole milliseconds, and fire up to two before their time.
  const least = (size / rate) * 1000 - 250 - 2;

  const pool = createPoisonedPool();
  const port = await listen(
    t,
    createServer(answer(() => createBodyStream(createHandle(), run, { pool, rate }), size)),
  );
  const started = performance.now();
  const client = createClient(connect(port, '127.0.0.1'), true);
  client.socket.write(GET);
  t.true((await client.take(size)).equals(wanted));
  t.true(performance.now() - started >= least);
  t.is(pool.count.out, 0);

  const again = performance.now();
  const pieces: Buffer[] = await createBodyStream(createHandle(), run, { pool, rate }).toArray();
  t.true(Buffer.concat(pieces).equals(wanted));
  t.true(performance.now() - again >= least);
  t.true(pieces.every((piece) => piece.byteLength <= rate / 4));
});

test('the end of a body with a rate is told when it is known, not when a next piece would be due', async (t) => {
  const controller = new AbortController();
  const signal = (): AbortSignal => controller.signal;
  const run = [{ start: 0, end: 60_000 }];
  const options = { pool: createPoisonedPool(), most: 60_000, signal };
  const source = createPacedSource(createPieceSource(createHandle(), run, options), 1, signal);
  t.is((await source.next(false))?.bytes.byteLength, 60_000);
  // A next piece would be due in a day.
  t.is(await source.next(false), undefined);
  await source.close();
});

test('a body that waits for its rate ends at once when it is destroyed', async (t) => {
  const handle = createHandle();
  const body = createBodyStream(handle, wholeOf(handle), { rate: 1 });
  body.resume();
  await until(() => body.bytesTaken > 0);
  body.destroy();
  await once(body, 'close');
  t.true(handle.state.isClosed && !handle.state.isMisused);
  t.is(body.bytesTaken, 1);
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(1);
}

function patternBytes(size: number): Buffer {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let index = 0; index < words.length; index += 1) {
    words[index] = Math.imul(index + 1, 2_654_435_761);
  }
  return Buffer.from(words.buffer, 0, size);
}
