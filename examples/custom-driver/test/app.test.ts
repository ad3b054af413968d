import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { assertKey, SluiceError } from '@sluice/core';
import test from 'ava';

import { createApp } from '../src/app.ts';
import { openDatabase } from '../src/database.ts';
import { createSqliteDriver, type SqlDatabase } from '../src/sqlite-driver.ts';

const folder = await mkdtemp(join(tmpdir(), 'sluice-custom-driver-'));
const path = join(folder, 'files.db');
const database = openDatabase(path);
const driver = createSqliteDriver({ database });
const app = createApp(driver).on('error', () => undefined);
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const port = typeof address === 'object' ? address?.port : undefined;

test.after.always(async () => {
  server.close();
  await once(server, 'close');
  database.close();
  await rm(folder, { recursive: true });
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Ask {
  readonly as?: string;
  readonly body?: Uint8Array;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask(target: string, { as, body, method, headers }: Ask = {}): Promise<Answer> {
  const client = request({
    port,
    host: '127.0.0.1',
    path: target,
    method: method ?? (body === undefined ? 'GET' : 'PUT'),
    agent: false,
    ...(as !== undefined && { auth: `${as}:${as}` }),
    ...(headers !== undefined && { headers }),
  });
  client.end(body);
  const [response] = (await once(client, 'response')) as [IncomingMessage];
  const pieces = (await response.toArray()) as Buffer[];
  return {
    status: response.statusCode,
    headers: response.headers,
    body: Buffer.concat(pieces),
  };
}

function count(table: string): unknown {
  return database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.['count'];
}

test('what was uploaded is downloaded, with a type by its name, and by its owner alone', async (t) => {
  const target = '/files/people/ada/%C3%BCber%20%22uns%22.txt';
  const body = Buffer.from('Grüße');
  t.is((await ask(target, { as: 'ada', body })).status, 201);
  const answer = await ask(target, { as: 'ada' });
  t.is(answer.status, 200);
  t.deepEqual(answer.body, body);
  t.is(answer.headers['content-type'], 'text/plain; charset=utf-8');
  for (const other of [{ as: 'ben' }, {}]) t.is((await ask(target, other)).status, 404);
  t.is((await ask(target, { as: 'ada', method: 'DELETE' })).status, 204);
  t.is((await ask(target, { as: 'ada' })).status, 404);
});

test('nobody writes where they may not, and nothing that is no name', async (t) => {
  const body = Buffer.from('x');
  t.is((await ask('/files/people/ada/x', { as: 'ben', body })).status, 403);
  t.is((await ask('/files/people/ada/x', { as: 'ben', method: 'DELETE' })).status, 403);
  t.is((await ask('/files/elsewhere', { as: 'ben', body })).status, 403);
  t.is((await ask('/files/people/ben/../ada/x', { as: 'ben', body })).status, 400);
  const nobody = await ask('/files/public/x', { body });
  t.is(nobody.status, 401);
  t.regex(nobody.headers['www-authenticate'] ?? '', /^Basic realm=/);
  const auth = `Basic ${Buffer.from('ada:ben').toString('base64')}`;
  t.is((await ask('/files/public/x', { body, headers: { Authorization: auth } })).status, 401);
});

test('a listing tells everybody what they may have', async (t) => {
  const body = Buffer.from('four');
  await ask('/files/public/listed', { as: 'eve', body });
  await ask('/files/people/eve/listed', { as: 'eve', body });
  const eve = (await ask('/', { as: 'eve' })).body.toString();
  t.true(eve.includes('           4  public/listed\n'));
  t.true(eve.includes('           4  people/eve/listed\n'));
  const other = (await ask('/', { as: 'fay' })).body.toString();
  t.true(other.includes('public/listed\n'));
  t.false(other.includes('people/eve'));
});

test('a large object lies in small pieces, and a download in two goes is the object', async (t) => {
  const target = '/files/people/ada/large.bin';
  const body = randomBytes(3_000_000);
  t.is((await ask(target, { as: 'ada', body })).status, 201);
  const largest = database.prepare('SELECT max(length(bytes)) AS size FROM pieces').get();
  t.is(largest?.['size'], 262_144);
  const first = await ask(target, { as: 'ada', headers: { Range: 'bytes=0-1234566' } });
  const headers = { Range: 'bytes=1234567-', 'If-Range': first.headers.etag! };
  const rest = await ask(target, { as: 'ada', headers });
  t.is(rest.status, 206);
  t.true(Buffer.concat([first.body, rest.body]).equals(body));

  const other = randomBytes(2_000_000);
  await ask(target, { as: 'ada', body: other });
  const replaced = await ask(target, { as: 'ada', headers });
  t.is(replaced.status, 200, 'nothing is joined to what came before');
  t.true(replaced.body.equals(other));
});

test('what is to be made anew is not written over', async (t) => {
  const target = '/files/public/once';
  const headers = { 'If-None-Match': '*' };
  t.is((await ask(target, { as: 'ada', body: Buffer.from('one'), headers })).status, 201);
  t.is((await ask(target, { as: 'ada', body: Buffer.from('two'), headers })).status, 412);
  t.is((await ask(target)).body.toString(), 'one');
});

test.serial(
  'an upload that breaks off leaves what was there, and no piece of itself',
  async (t) => {
    const target = '/files/people/ada/broken.bin';
    await ask(target, { as: 'ada', body: Buffer.from('whole') });
    const before = [count('objects'), count('pieces')];
    const client = request({
      port,
      host: '127.0.0.1',
      path: target,
      method: 'PUT',
      auth: 'ada:ada',
      headers: { 'Content-Length': '2000000' },
    });
    client.on('error', () => undefined);
    client.write(randomBytes(1_000_000));
    while (count('pieces') === before[1]) await delay(5);
    client.destroy();
    while (count('objects') !== before[0]) await delay(5);
    t.deepEqual([count('objects'), count('pieces')], before);
    t.is((await ask(target, { as: 'ada' })).body.toString(), 'whole');
  },
);

test.serial('while another process has the database, a client is told to come again', async (t) => {
  await ask('/files/public/busy', { as: 'ada', body: Buffer.from('x') });
  const other = openDatabase(path);
  other.exec('BEGIN EXCLUSIVE');
  const answer = await ask('/files/public/busy');
  other.exec('ROLLBACK');
  other.close();
  t.is(answer.status, 503);
  t.is(answer.headers['retry-after'], '1');
  t.is((await ask('/files/public/busy')).status, 200);
});

test('a listing of many pages has every object once', async (t) => {
  const many = openDatabase(join(folder, 'many.db'));
  const storage = createSqliteDriver({ database: many });
  const names = Array.from({ length: 1201 }, (_, index) => `n/${String(index).padStart(4, '0')}`);
  const insert = many.prepare('INSERT INTO objects VALUES (?, ?, 0, 0)');
  many.exec('BEGIN');
  for (const name of [...names, 'm', 'o', 'n//no key']) insert.run(name, name);
  many.exec('COMMIT');
  const listed: string[] = [];
  for await (const { key } of storage.list('n')) listed.push(key);
  t.deepEqual(listed, names);
  many.close();
});

test('an upload that died with its process is swept up a day later', async (t) => {
  const left = openDatabase(join(folder, 'left.db'));
  createSqliteDriver({ database: left });
  const draft = left.prepare('INSERT INTO objects (version, size, modified) VALUES (?, 0, ?)');
  const piece = left.prepare("INSERT INTO pieces VALUES (?, 0, x'00')");
  for (const [version, age] of [
    ['old', 90_000_000],
    ['running', 1000],
  ] as const) {
    draft.run(version, Date.now() - age);
    piece.run(version);
  }
  createSqliteDriver({ database: left });
  t.is(
    left.prepare('SELECT group_concat(version) AS all_left FROM pieces').get()?.['all_left'],
    'running',
  );
  left.close();
});

test('an upload that cannot take its place leaves what was there', async (t) => {
  const full = openDatabase(join(folder, 'full.db'));
  const fault = new Error('the disk is full');
  let isFull = false;
  const storage = createSqliteDriver({
    database: {
      exec: (text) => full.exec(text),
      prepare(text) {
        const statement = full.prepare(text);
        return {
          get: (...values) => statement.get(...values),
          all: (...values) => statement.all(...values),
          run(...values) {
            if (isFull && text.startsWith('UPDATE objects')) throw fault;
            return statement.run(...values);
          },
        };
      },
    },
  });
  const key = assertKey('test', 'a');
  const { version } = await storage.put(key, Buffer.from('old'));
  isFull = true;
  const failed = await t.throwsAsync(storage.put(key, Buffer.from('new')));
  t.is(failed.cause, fault);
  t.deepEqual((await storage.stat(key))?.version, version);
  full.close();
});

test('a piece is never changed, whoever tries', async (t) => {
  await driver.put(assertKey('test', 'fixed'), Buffer.from('x'));
  t.throws(() => database.exec("UPDATE pieces SET bytes = x'00'"), { message: /never changed/ });
});

const FAILURES = [
  [5, 'SLUICE_UNAVAILABLE'],
  [5 + 256, 'SLUICE_UNAVAILABLE'], // SQLITE_BUSY_RECOVERY
  [8, 'SLUICE_ACCESS_DENIED'],
  [14, 'SLUICE_CONFIG'],
  [26, 'SLUICE_CONFIG'],
  [10, 'SLUICE_IO'],
  [11, 'SLUICE_IO'],
] as const;

for (const [errcode, code] of FAILURES) {
  test(`result code ${errcode} of SQLite is ${code}`, async (t) => {
    const cause = Object.assign(new Error('what SQLite says'), { errcode });
    let fails = false;
    const faulty: SqlDatabase = {
      exec: () => undefined,
      prepare: () => ({
        all: () => [],
        run: () => undefined,
        get() {
          if (fails) throw cause;
          return undefined;
        },
      }),
    };
    const storage = createSqliteDriver({ database: faulty });
    fails = true;
    const error = await t.throwsAsync(storage.stat(assertKey('test', 'x')), {
      instanceOf: SluiceError,
    });
    t.is(error.code, code);
    t.is(error.cause, cause);
  });
}

test('a file that is no database says so', (t) => {
  const broken = openDatabase(fileURLToPath(import.meta.url));
  const error = t.throws(() => createSqliteDriver({ database: broken }), {
    instanceOf: SluiceError,
  });
  t.is(error.code, 'SLUICE_CONFIG');
  broken.close();
});

test('one command starts it, and it stops when it is told to', async (t) => {
  const main = fileURLToPath(new URL('../src/main.js', import.meta.url));
  const args = [main, '--port', '0', '--data', join(folder, 'started')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  while (!printed.includes('Ctrl-C')) await once(child.stdout, 'data');
  const [origin] = /http:\/\/127\.0\.0\.1:\d+\//.exec(printed) ?? [];
  t.is((await fetch(`${origin}`)).status, 200);
  child.kill('SIGTERM');
  t.deepEqual(await once(child, 'exit'), [0, null]);
});
