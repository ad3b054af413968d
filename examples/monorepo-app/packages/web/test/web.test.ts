import { EventEmitter, once } from 'node:events';
import { mkdtemp, readFile, rm, utimes } from 'node:fs/promises';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Member } from '@school/policy';
import type { DownloadEvent, Sluice } from '@sluice/core';
import { downloads } from '@sluice/koa';
import test from 'ava';

import { directory, makeInvoices, makeRecordings } from '../src/demo.ts';
import type { WebContext } from '../src/identify.ts';
import { configurationFrom, type Server, startServer } from '../src/index.ts';

const PROXY_SECRET = 'known-to-the-proxy-alone';
const LESSON = '/objects/recordings/harbour/lesson-1.wav';
const PREVIEW = '/objects/recordings/harbour/preview.wav';

const folder = await mkdtemp(join(tmpdir(), 'sluice-school-'));
const environment = {
  PORT: '0',
  DATABASE: join(folder, 'school.db'),
  RECORDINGS: join(folder, 'recordings'),
  PROXY_SECRET,
};
await makeRecordings(environment.RECORDINGS);
const lesson = await readFile(join(environment.RECORDINGS, 'harbour/lesson-1.wav'));
// What has just been written may yet be written to: it has no strong tag, and no server is sent to it.
const anHourAgo = Date.now() / 1000 - 3600;
for (const name of ['lesson-1.wav', 'preview.wav']) {
  await utimes(join(environment.RECORDINGS, 'harbour', name), anHourAgo, anHourAgo);
}
const streaming = await start({});
const behindNginx = await start({ SENDFILE: 'nginx', DATABASE: join(folder, 'other.db') });

test.after.always(async () => {
  await Promise.all([streaming.close(), behindNginx.close()]);
  await rm(folder, { recursive: true });
});

async function start(more: Readonly<Record<string, string>>): Promise<Server> {
  const server = await startServer(configurationFrom({ ...environment, ...more }), directory);
  await makeInvoices(server.storage);
  return server;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Ask {
  readonly as?: string;
  readonly secret?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly from?: Server;
}

async function ask(target: string, options: Ask = {}): Promise<Answer> {
  const { as, secret = PROXY_SECRET, headers, from = streaming } = options;
  const client = request(new URL(target, from.origin), {
    agent: false,
    headers: {
      ...(as !== undefined && { 'X-Auth-User': as, 'X-Auth-Secret': secret }),
      ...headers,
    },
  });
  client.end();
  const [response] = (await once(client, 'response')) as [IncomingMessage];
  const body = Buffer.concat((await response.toArray()) as Buffer[]);
  return { status: response.statusCode, headers: response.headers, body };
}

const ACCESS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  '/invoices/2026-001': { ada: 200, ben: 404, cleo: 200, tess: 404, finn: 404, nobody: 404 },
  '/objects/invoices/ada/2026-001.pdf': { ada: 200, ben: 404, cleo: 200, nobody: 404 },
  '/invoices/2026-002': { ada: 404, cleo: 200, finn: 404 },
  '/invoices/2026-999': { ada: 404, cleo: 404 },
  '/invoices/..%2F..%2Frecordings': { cleo: 404 },
  [LESSON]: { ada: 200, ben: 403, cleo: 403, tess: 200, finn: 404, nobody: 403 },
  [PREVIEW]: { ada: 200, ben: 200, finn: 404, nobody: 200 },
  '/objects/recordings/harbour/lesson-9.wav': { ada: 404, ben: 403 },
  '/objects/elsewhere': { tess: 404 },
};

for (const [target, statuses] of Object.entries(ACCESS)) {
  for (const [as, status] of Object.entries(statuses)) {
    test(`${target} for ${as}: ${status}`, async (t) => {
      t.is((await ask(target, { ...(as !== 'nobody' && { as }) })).status, status);
    });
  }
}

test('whoever does not know the secret of the proxy is nobody', async (t) => {
  for (const secret of ['', 'guessed', `${PROXY_SECRET} `.repeat(2)]) {
    t.is((await ask('/invoices/2026-001', { as: 'ada', secret })).status, 404, secret);
  }
  t.is((await ask('/invoices/2026-001', { as: 'toString' })).status, 404);
});

test('an invoice is saved under a name that people understand', async (t) => {
  const { headers, body } = await ask('/invoices/2026-001', { as: 'ada' });
  t.is(headers['content-disposition'], 'attachment; filename="Invoice 2026-001.pdf"');
  t.is(headers['content-type'], 'application/pdf');
  t.true(body.toString('latin1').startsWith('%PDF-'));
});

test('what is denied and what is missing get the same answer', async (t) => {
  const denied = await ask('/objects/invoices/ada/2026-001.pdf', { as: 'ben' });
  const missing = await ask('/objects/invoices/ben/2026-001.pdf', { as: 'ben' });
  const { date: _one, ...deniedHeaders } = denied.headers;
  const { date: _two, ...missingHeaders } = missing.headers;
  t.deepEqual([denied.body, deniedHeaders], [missing.body, missingHeaders]);
});

test('a recording in two goes is the recording', async (t) => {
  const half = lesson.length / 2;
  const first = await ask(LESSON, { as: 'ada', headers: { Range: `bytes=0-${half - 1}` } });
  const rest = await ask(LESSON, {
    as: 'ada',
    headers: { Range: `bytes=${half}-`, 'If-Range': first.headers.etag ?? 'none' },
  });
  t.deepEqual([first.status, rest.status], [206, 206]);
  t.true(Buffer.concat([first.body, rest.body]).equals(lesson));
});

test('an invoice in two goes is the invoice, though it lies in a database', async (t) => {
  const whole = await ask('/invoices/2026-001', { as: 'ada' });
  const { etag = 'none' } = whole.headers;
  const headers = { Range: 'bytes=100-', 'If-Range': etag };
  const rest = await ask('/invoices/2026-001', { as: 'ada', headers });
  t.is(rest.status, 206);
  t.true(rest.body.equals(whole.body.subarray(100)));
  const again = await ask('/invoices/2026-001', { as: 'ada', headers: { 'If-None-Match': etag } });
  t.is(again.status, 304);
});

test('behind nginx a recording is ordered from it, and an invoice is streamed', async (t) => {
  const ordered = await ask(PREVIEW, { from: behindNginx });
  t.is(ordered.headers['x-accel-redirect'], '/_sluice/recordings/harbour/preview.wav');
  t.is(ordered.body.length, 0);
  const streamed = await ask('/invoices/2026-001', { from: behindNginx, as: 'ada' });
  t.is(streamed.headers['x-accel-redirect'], undefined);
  t.true(streamed.body.length > 0);
  const denied = await ask(LESSON, { from: behindNginx, as: 'ben' });
  t.deepEqual([denied.status, denied.headers['x-accel-redirect']], [403, undefined]);
});

test('whoever starts the server is told how a download ended', async (t) => {
  const told = new EventEmitter();
  const configuration = configurationFrom({ ...environment, DATABASE: join(folder, 'told.db') });
  const server = await startServer(configuration, directory, (event) => {
    told.emit('event', event);
  });
  t.teardown(() => server.close());
  const event = once(told, 'event');
  await ask(PREVIEW, { from: server });
  const [{ outcome, key, subject }] = (await event) as [DownloadEvent<Member>];
  t.deepEqual([outcome, key, subject], ['complete', 'recordings/harbour/preview.wav', undefined]);
});

test('a server that stops lets a download come to its end, and then frees its stores', async (t) => {
  const server = await start({ DATABASE: join(folder, 'stopped.db') });
  const client = request(new URL(LESSON, server.origin), {
    headers: { 'X-Auth-User': 'ada', 'X-Auth-Secret': PROXY_SECRET },
  });
  client.end();
  const [response] = (await once(client, 'response')) as [IncomingMessage];
  const closed = server.close();
  const body = Buffer.concat((await response.toArray()) as Buffer[]);
  await closed;
  t.true(body.equals(lesson));
  await t.throwsAsync(fetch(server.origin));
});

const WRONG: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['PROXY_SECRET', { PROXY_SECRET: '' }],
  ['PROXY_SECRET', { PROXY_SECRET: 'short' }],
  ['DATABASE', { DATABASE: '' }],
  ['RECORDINGS', { RECORDINGS: '' }],
  ['PORT', { PORT: '99999' }],
  ['PORT', { PORT: 'http' }],
  ['dialectFromName', { SENDFILE: 'iis' }],
];

for (const [name, wrong] of WRONG) {
  test(`a configuration with ${JSON.stringify(wrong)} is refused at the start`, (t) => {
    const error = t.throws(() => configurationFrom({ ...environment, ...wrong }));
    t.true(error.message.includes(name));
  });
}

test('policy, sluice and web speak of the same people, or nothing is built', (t) => {
  interface Stranger {
    readonly name: string;
  }
  const build = (sluice: Sluice<Member>): unknown => [
    downloads(sluice, { prefix: '/objects', subject: (ctx: WebContext) => ctx.state.user }),
    // @ts-expect-error -- a member has more than a name
    downloads(sluice, { prefix: '/objects', subject: (): Stranger => ({ name: 'Ada' }) }),
    // @ts-expect-error -- nor is a sluice for members one for strangers
    sluice satisfies Sluice<Stranger>,
  ];
  t.is(typeof build, 'function');
});
