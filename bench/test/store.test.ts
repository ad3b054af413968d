import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { type Case, findCases } from '../src/cases.ts';
import { checkAnswer, type Checked } from '../src/check-answer.ts';
import { findContender } from '../src/contenders.ts';
import { bytesOf, type Fixture } from '../src/fixture.ts';
import { type CaseResult, runCase } from '../src/run-case.ts';

const subject: Case = findCases(['s3-16k'])[0]!;
const [{ path, size } = { path: '', size: 0 }] = subject.files;

/** A server on the loopback that lives as long as a test. */
async function listen(t: ExecutionContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** What a store is asked, without what is the same for all. */
type Asked = Readonly<Record<'method' | 'range' | 'if-match' | 'signed', string | undefined>>;

/** Asks a contender that has its objects from a store which holds these bytes. */
async function askThrough(
  t: ExecutionContext,
  name: string,
  body: Buffer,
): Promise<{ readonly checked: Checked; readonly asked: readonly Asked[] }> {
  const asked: Asked[] = [];
  const store = await listen(t, ({ method, url = '', headers }, response) => {
    const { range, authorization, 'if-match': match } = headers;
    const signed = authorization?.split(' ')[0];
    asked.push({ method, range, 'if-match': match, signed });
    if (url.split('?')[0] !== `/${path}`) return void response.writeHead(404).end();
    response.writeHead(range === undefined ? 200 : 206, {
      ETag: '"1"',
      'Content-Length': body.length,
      'Content-Type': 'application/octet-stream',
      ...(range !== undefined && { 'Content-Range': `bytes 0-${size - 1}/${size}` }),
    });
    response.end(method === 'HEAD' ? undefined : body);
  });
  const stage = { root: '', subject, store: `http://127.0.0.1:${store}` };
  const listener = await findContender(name)?.listener?.(stage);
  if (listener === undefined) throw new TypeError(name);
  return { checked: await checkAnswer(await listen(t, listener), subject), asked };
}

const nothing = { range: undefined, 'if-match': undefined, signed: undefined };
const signed = { ...nothing, signed: 'AWS4-HMAC-SHA256' };
const byHand = [{ ...nothing, method: 'GET' }];
const bound = [
  { ...signed, method: 'HEAD' },
  { ...signed, method: 'GET', range: `bytes=0-${size - 1}`, 'if-match': '"1"' },
];
for (const [name, expected] of [
  ['koa-s3', byHand],
  ['node-s3', byHand],
  ['sluice-s3', bound],
  ['sluice-s3-cache', bound],
] as const) {
  test(`${name} hands on what the store holds`, async (t) => {
    const { checked, asked } = await askThrough(t, name, bytesOf(path, 0, size));
    t.is(checked.kind, 'right');
    t.deepEqual(asked, expected);
  });

  test(`${name} is found out when the store holds something else`, async (t) => {
    const { checked } = await askThrough(t, name, bytesOf(path, 1, size + 1));
    t.deepEqual(checked, { kind: 'wrong', why: 'other bytes' });
  });
}

/** What listens where its configuration says, as a store without objects, and writes its process id. */
const EMPTY_STORE = `
const { readFileSync, writeFileSync } = require('node:fs');
const config = readFileSync(process.argv[process.argv.indexOf('-c') + 1], 'utf8');
const [, port] = /listen 127\\.0\\.0\\.1:(\\d+);/.exec(config);
writeFileSync(/^pid "(.+)";$/m.exec(config)[1], String(process.pid));
require('node:http')
  .createServer((request, response) => response.writeHead(404).end())
  .listen(Number(port), '127.0.0.1');
`;

async function makeFolder(t: ExecutionContext): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-test-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  t.teardown(remove);
  return { root: folder, work: folder, remove };
}

async function writeProgram({ work }: Fixture, text: string): Promise<string> {
  const program = join(work, 'store');
  await writeFile(program, `#!${process.execPath}\n${text}`, { mode: 0o755 });
  return program;
}

function run(
  fixture: Fixture,
  nginx: string | undefined,
  signal: AbortSignal = new AbortController().signal,
): Promise<CaseResult> {
  return runCase(subject, {
    fixture,
    tools: { wrk: undefined, nginx, pins: undefined, missing: [] },
    pace: { rounds: 1, seconds: 0.1, warmUp: 0.1, slowRounds: 1, slowSeconds: 0.1 },
    only: new Set(['koa-s3', 'nginx-s3']),
    profile: undefined,
    signal,
  });
}

/** Process ids of all that said theirs. */
async function startedIn({ work }: Fixture): Promise<readonly number[]> {
  const folders = (await readdir(work)).filter((name) => name.startsWith('nginx-'));
  const texts = folders.map((name) => readFile(join(work, name, 'nginx.pid'), 'utf8'));
  return (await Promise.all(texts)).map(Number);
}

function assertGone(t: ExecutionContext, pids: readonly number[]): void {
  for (const pid of pids) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
}

test('without nginx there is no store, and everybody is left out for that', async (t) => {
  const { measured, leftOut } = await run(await makeFolder(t), undefined);
  t.deepEqual(measured, []);
  t.deepEqual(leftOut, [
    { title: 'Koa, piping by hand', why: 'nginx is not on this machine' },
    { title: 'nginx proxy_pass', why: 'nginx is not on this machine' },
  ]);
});

test('where the store does not start, everybody is left out for that', async (t) => {
  const fixture = await makeFolder(t);
  const { measured, leftOut } = await run(fixture, await writeProgram(fixture, 'process.exit(1);'));
  t.deepEqual(measured, []);
  t.is(leftOut.length, 2);
  for (const { why } of leftOut) t.regex(why, /^the store does not start/);
});

test('who answers otherwise is left out, and the store is stopped with the others', async (t) => {
  const fixture = await makeFolder(t);
  const { measured, leftOut } = await run(fixture, await writeProgram(fixture, EMPTY_STORE));
  t.deepEqual(measured, []);
  t.deepEqual(
    leftOut.map(({ why }) => why),
    ['status 404 in place of 200', 'status 404 in place of 200'],
  );
  const pids = await startedIn(fixture);
  t.is(pids.length, 2);
  assertGone(t, pids);
});

test('the store is stopped when the run is', async (t) => {
  const fixture = await makeFolder(t);
  const nginx = await writeProgram(fixture, EMPTY_STORE);
  const stop = AbortSignal.abort(new Error('stopped'));
  await t.throwsAsync(run(fixture, nginx, stop), { message: 'stopped' });
  const pids = await startedIn(fixture);
  t.is(pids.length, 1);
  assertGone(t, pids);
});
