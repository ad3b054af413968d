import test from 'ava';

import { downloads } from '../src/index.ts';
import { exchange, head, openConnection } from './helpers/client.ts';
import { createMemoryDriver } from './helpers/drivers.ts';
import { KOAS } from './helpers/koas.ts';
import { makeSluice, startServer, type TestServer, type TestSluice } from './helpers/server.ts';
import { PROTOCOL, type ProtocolRow } from './tables/protocol.ts';
import { NAMES, TARGETS, type TargetRow } from './tables/targets.ts';

import type { ExecutionContext } from 'ava';
import type Koa from 'koa';

const BYTES = Buffer.from(Array.from({ length: 1000 }, (_, index) => 32 + (index % 90)));

const LAST_MODIFIED = Date.UTC(2024, 0, 2, 3, 4, 5, 678);

const OBJECT = { bytes: BYTES, contentType: 'text/plain', lastModified: LAST_MODIFIED };

const STORAGE = createMemoryDriver({
  'o.txt': { ...OBJECT, entityTag: '"e1"' },
  'weak.txt': { ...OBJECT, entityTag: 'W/"w1"' },
  'large.bin': { bytes: Buffer.alloc(300_000, 7), entityTag: '"large"' },
  empty: { bytes: '' },
});

function serve(t: ExecutionContext, App: typeof Koa): Promise<TestServer & TestSluice> {
  const made = makeSluice({ storage: STORAGE });
  const app = new App();
  app.use(downloads(made.sluice, { prefix: '/files' }));
  return startServer(t, app).then((server) => ({ ...server, ...made }));
}

const protocol = test.macro(async (t: ExecutionContext, App: typeof Koa, row: ProtocolRow) => {
  const { method = 'GET', target = '/files/o.txt', headers = [] } = row;
  const { port, errors } = await serve(t, App);
  const response = await exchange(t, port, method, target, headers);
  t.is(response.status, row.status);
  for (const [name, value] of Object.entries(row.expected ?? {})) {
    t.is(response.headers[name], value, name);
  }
  t.notRegex(Object.values(response.headers).join('\n'), /\|/, 'no header comes twice');
  if (row.bytes !== undefined) {
    t.deepEqual(response.body, BYTES.subarray(row.bytes[0] ?? 0, row.bytes[1] ?? 0));
  }
  t.deepEqual(errors, []);
});

const target = test.macro(async (t: ExecutionContext, App: typeof Koa, row: TargetRow) => {
  const { sluice, events } = makeSluice({
    storage: createMemoryDriver(Object.fromEntries(NAMES.map((name) => [name, { bytes: name }]))),
  });
  let passedOn = false;
  const app = new App();
  app.use(downloads(sluice, { prefix: '/files/' }));
  app.use(() => {
    passedOn = true;
  });
  const { port, errors } = await startServer(t, app);
  const response = await exchange(t, port, 'GET', row.target);
  t.is(response.status, row.status);
  t.is(response.body.toString(), row.serves ?? 'Not Found');
  t.is(passedOn, row.passedOn ?? false);
  t.is(events.length, row.passedOn ? 0 : 1);
  t.deepEqual(errors, []);
});

for (const { name, Koa: App } of KOAS) {
  for (const row of PROTOCOL) test(`${name}: ${row.title}`, protocol, App, row);
  for (const row of TARGETS) {
    test(
      `${name}: ${JSON.stringify(row.target.slice(0, 60))} (${row.target.length}) is ${row.serves ?? row.status}`,
      target,
      App,
      row,
    );
  }

  test(`${name}: several ranges come as multipart/byteranges of the announced length`, async (t) => {
    const { port } = await serve(t, App);
    const { status, headers, body } = await exchange(t, port, 'GET', '/files/o.txt', [
      'Range: bytes=0-9,500-509',
    ]);
    t.is(status, 206);
    t.is(headers['content-range'], undefined);
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(
      headers['content-type'] ?? '',
    )?.[1];
    const text = (first: number, end: number): string => BYTES.toString('latin1', first, end);
    t.is(
      body.toString('latin1'),
      `--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-9/1000\r\n\r\n${text(0, 10)}\r\n` +
        `--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 500-509/1000\r\n\r\n${text(500, 510)}\r\n` +
        `--${boundary}--\r\n`,
    );
  });

  test(`${name}: one connection carries answers of every kind one after the other`, async (t) => {
    const { port, settled } = await serve(t, App);
    const connection = await openConnection(t, port);
    const statuses = [];
    for (const [method, headers] of EVERY_KIND) {
      connection.send(head(method, '/files/large.bin', headers));
      const { status } = await connection.response(method);
      t.is(connection.rest().length, 0);
      statuses.push(status);
    }
    t.deepEqual(statuses, STATUSES);
    t.deepEqual(
      (await settled(9)).map(({ outcome }) => outcome),
      [
        'complete',
        'partial',
        'partial',
        'not-modified',
        'refused',
        'refused',
        'complete',
        'refused',
        'complete',
      ],
    );
  });

  test(`${name}: pipelined requests are answered in order, each framed exactly`, async (t) => {
    const { port, settled } = await serve(t, App);
    const connection = await openConnection(t, port);
    const requests = [...EVERY_KIND, ...EVERY_KIND];
    connection.send(
      requests.map(([method, headers]) => head(method, '/files/large.bin', headers)).join(''),
    );
    const statuses = [];
    for (const [method] of requests) statuses.push((await connection.response(method)).status);
    t.deepEqual(statuses, [...STATUSES, ...STATUSES]);
    t.is(connection.rest().length, 0);
    await settled(18);
  });

  test(`${name}: a request of HTTP/1.0 gets the whole and a closed connection`, async (t) => {
    const { port } = await serve(t, App);
    const connection = await openConnection(t, port);
    connection.send(head('GET', '/files/o.txt', [], '1.0'));
    const { status, body } = await connection.response();
    t.is(status, 200);
    t.deepEqual(body, BYTES);
    t.is(await connection.closed, 'end');
  });
}

test.after.always('no handle is left open', (t) => {
  t.is(STORAGE.openHandles(), 0);
});

const STATUSES = [200, 206, 206, 304, 416, 412, 200, 405, 200];

const EVERY_KIND: readonly (readonly [string, readonly string[]])[] = [
  ['GET', []],
  ['GET', ['Range: bytes=0-99999']],
  ['GET', ['Range: bytes=0-9,100000-200000']],
  ['GET', ['If-None-Match: "large"']],
  ['GET', ['Range: bytes=300000-']],
  ['GET', ['If-Match: "other"']],
  ['HEAD', []],
  ['DELETE', []],
  ['GET', []],
];
