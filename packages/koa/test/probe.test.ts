import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

import {
  allow,
  createSluice,
  deny,
  type PolicyRequest,
  SluiceError,
  type StorageDriver,
  type StorageKey,
  urlForKey,
  parseKey,
} from '@sluice/core';
import { type Dialect, nginx } from '@sluice/core/offload';
import {
  BEGIN_KEY,
  canariesOf,
  contentOf,
  createRun,
  PROBE_HEADER,
  PROBE_MEDIA_TYPE,
  type ProbeArrival,
  type ProbeBegin,
  type ProbeDescription,
  type ProbeEnd,
  questionKey,
  RUN_LIFETIME,
  signProbe,
  uncheckedKey,
} from '@sluice/core/probe';
import { createMemoryDriver, type MemoryObject } from '@sluice/core/testing';
import test, { type ExecutionContext } from 'ava';
import Koa from 'koa';

import { downloads } from '../src/index.ts';
import { digestOf } from '../src/probe/digest.ts';
import { exchange, head, openConnection, type WireResponse } from './helpers/client.ts';
import { startServer } from './helpers/server.ts';

const SECRET = 'a secret of the tests, long enough';

const NGINX = nginx({ prefix: '/_sluice/' });

interface Site {
  readonly port: number;
  readonly objects: Map<string, MemoryObject>;
  /** What the policy was asked. */
  readonly asked: readonly PolicyRequest[];
}

/** Serves a store below `/files/`. Its policy allows what lies below `public/` alone. */
async function serve(
  t: ExecutionContext,
  options: {
    readonly probe?: boolean;
    readonly dialect?: Dialect;
    readonly change?: (driver: StorageDriver) => StorageDriver;
  } = {},
): Promise<Site> {
  const { probe = true, dialect, change = (driver) => driver } = options;
  const objects = new Map<string, MemoryObject>([
    ['public/a.txt', { bytes: Buffer.from('hello'), contentType: 'text/plain', lastModified: OLD }],
    ['sluice-probe/notes.txt', { bytes: Buffer.from('of somebody else'), lastModified: OLD }],
  ]);
  const asked: PolicyRequest[] = [];
  const sluice = createSluice({
    storage: change({
      ...createMemoryDriver({ objects }),
      localPath: (key) => ({ root: '/srv/private', prefix: '', path: `/srv/private/${key}` }),
    }),
    policy(request) {
      asked.push(request);
      return request.key.startsWith('public/') ? allow() : deny('not public');
    },
    dialect,
  });
  const app = new Koa();
  app.use(downloads(sluice, { prefix: '/files/', ...(probe && { probe: { secret: SECRET } }) }));
  const { port } = await startServer(t, app);
  return { port, objects, asked };
}

const OLD = Date.UTC(2024, 0, 2, 3, 4, 5);

/** Makes all objects old enough to be offloaded. */
function age(objects: Map<string, MemoryObject>): void {
  for (const [key, object] of objects) objects.set(key, { ...object, lastModified: OLD });
}

function targetOf(key: string): string {
  return `/files/${urlForKey(parseKey(key)!)}`;
}

function signed(method: string, key: string, time: number = Date.now()): string {
  return `${PROBE_HEADER}: ${signProbe(SECRET, { method, key, time })}`;
}

/** Asks as a doctor does. */
async function ask(
  t: ExecutionContext,
  { port }: Site,
  method: string,
  key: string,
  headers: readonly string[] = [],
): Promise<WireResponse> {
  return exchange(t, port, method, targetOf(key), [signed(method, key), ...headers]);
}

async function question<T>(t: ExecutionContext, site: Site, key: string): Promise<T> {
  const response = await ask(t, site, 'POST', key);
  t.is(response.status, 200);
  t.is(response.headers['content-type'], PROBE_MEDIA_TYPE);
  t.is(response.headers['cache-control'], 'no-store');
  return JSON.parse(response.body.toString());
}

test('in a bundle without manifests the versions are unknown, and nothing fails', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bundle-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await copyFile(
    new URL('../src/probe/versions.js', import.meta.url),
    join(folder, 'versions.mjs'),
  );
  const program = `
    import { installedVersions } from './versions.mjs';
    console.log(JSON.stringify(installedVersions()));`;
  // Package managers name folders of packages in NODE_PATH.
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', program],
    { cwd: folder, env: { ...process.env, NODE_PATH: '' } },
  );
  t.deepEqual(JSON.parse(stdout), { core: 'unknown', koa: 'unknown' });
});

test('a doctor has canaries stored, described, downloaded and removed', async (t) => {
  const site = await serve(t, { dialect: NGINX });
  const before = [...site.objects.keys()];

  const begun = await question<ProbeBegin>(t, site, BEGIN_KEY);
  t.is(begun.objection, undefined);
  t.deepEqual(begun.refused, []);
  t.deepEqual(begun.dialect, { name: 'nginx', header: 'x-accel-redirect' });
  t.deepEqual(Object.keys(begun.versions), ['core', 'koa']);
  for (const version of Object.values(begun.versions)) t.regex(version, /^\d+\.\d+\.\d+/);
  const stored = [...site.objects.keys()].filter((key) => !before.includes(key));
  t.deepEqual(
    stored,
    canariesOf(begun.run).map(({ key }) => key),
  );

  age(site.objects);
  const { canaries, unchecked } = await question<ProbeDescription>(
    t,
    site,
    questionKey(begun.run, 'describe'),
  );
  t.is(canaries.length, stored.length);
  t.true(canaries.every(({ sender }) => sender === 'front'));
  t.is(canaries[0]!.order, `/_sluice/sluice-probe/${begun.run}.txt`);
  t.is(canaries[0]!.path, `/srv/private/sluice-probe/${begun.run}.txt`);
  t.is(unchecked?.key, uncheckedKey(begun.run));

  for (const { key, order, headers } of canaries) {
    const response = await ask(t, site, 'GET', key);
    t.is(response.status, 200, key);
    t.is(response.headers['x-accel-redirect'], order, key);
    t.is(response.headers['content-type'], headers['content-type'], key);
    t.is(response.body.length, 0, key);
  }
  const page = canaries.find(({ id }) => id === 'active content shown inline')!;
  t.true(page.headers['content-security-policy']?.startsWith('sandbox'));
  t.true(page.headers['content-disposition']?.startsWith('inline'));

  const ended = await question<ProbeEnd>(t, site, questionKey(begun.run, 'end'));
  t.deepEqual(ended, { removed: stored.length, left: [] });
  t.deepEqual([...site.objects.keys()], before);
  t.deepEqual(site.asked, [], 'no policy was asked');
});

test('others have their turn while the digest of a large canary is made', async (t) => {
  const large = canariesOf(RUN).find(({ id }) => id === 'large')!;
  const pieces = [...contentOf(RUN, large)];
  const made = { turns: 0, digest: '' };
  const over = (async () => (made.digest = await digestOf(RUN, large)))();
  while (made.digest === '') {
    await turn();
    made.turns += 1;
  }
  await over;
  t.is(made.digest, createHash('sha256').update(Buffer.concat(pieces)).digest('hex'));
  t.true(made.turns >= pieces.length, `${made.turns}`);
});

test('a canary is streamed as every object is: whole, in part, and by its head', async (t) => {
  const site = await serve(t);
  const { run } = await question<ProbeBegin>(t, site, BEGIN_KEY);
  for (const canary of canariesOf(run).filter(({ size }) => size < 10_000)) {
    const bytes = Buffer.concat([...contentOf(run, canary)]);
    const whole = await ask(t, site, 'GET', canary.key);
    t.true(whole.body.equals(bytes), canary.id);
    const alone = await ask(t, site, 'HEAD', canary.key);
    t.is(alone.headers['content-length'], String(canary.size), canary.id);
  }
  const part = await ask(t, site, 'GET', `sluice-probe/${run}-large.txt`, ['Range: bytes=0-9']);
  t.is(part.status, 206);
  t.is(part.headers['content-range'], 'bytes 0-9/8388608');
});

/** Requests that prove nothing, or that prove something for a request that is not a doctor's. */
const RUN = createRun(Date.now());
const PLAIN = `sluice-probe/${RUN}.txt`;
const others: readonly (readonly [
  title: string,
  method: string,
  key: string,
  header: string | undefined,
])[] = [
  ['without a signature', 'GET', PLAIN, undefined],
  ['without a signature, to begin', 'POST', BEGIN_KEY, undefined],
  ['with an empty header', 'POST', BEGIN_KEY, `${PROBE_HEADER}:`],
  ['with the secret itself', 'POST', BEGIN_KEY, `${PROBE_HEADER}: ${SECRET}`],
  ['with a stale signature', 'POST', BEGIN_KEY, signed('POST', BEGIN_KEY, Date.now() - 301_000)],
  ['with one of the future', 'POST', BEGIN_KEY, signed('POST', BEGIN_KEY, Date.now() + 600_000)],
  ['signed for another method', 'POST', BEGIN_KEY, signed('GET', BEGIN_KEY)],
  ['signed for another key', 'GET', PLAIN, signed('GET', `sluice-probe/${RUN}-large.txt`)],
  [
    'signed with another secret',
    'POST',
    BEGIN_KEY,
    `${PROBE_HEADER}: ${signProbe(`${SECRET}!`, { method: 'POST', key: BEGIN_KEY, time: Date.now() })}`,
  ],
  ['signed, for another object', 'GET', 'public/a.txt', signed('GET', 'public/a.txt')],
  ['signed, for one that is denied', 'GET', 'secret.txt', signed('GET', 'secret.txt')],
  [
    'signed, for an object of somebody else in the folder',
    'GET',
    'sluice-probe/notes.txt',
    signed('GET', 'sluice-probe/notes.txt'),
  ],
  ['signed, to begin by GET', 'GET', BEGIN_KEY, signed('GET', BEGIN_KEY)],
  ['signed, by DELETE', 'DELETE', PLAIN, signed('DELETE', PLAIN)],
  ['signed, to put', 'PUT', PLAIN, signed('PUT', PLAIN)],
  ['signed, to post to a canary', 'POST', PLAIN, signed('POST', PLAIN)],
  [
    'signed, with a question that is none',
    'POST',
    `sluice-probe/${RUN}/constructor`,
    signed('POST', `sluice-probe/${RUN}/constructor`),
  ],
];

for (const [title, method, key, header] of others) {
  test(`a request ${title} is answered as without a probe`, async (t) => {
    const sites = [await serve(t), await serve(t, { probe: false })];
    const answers = await Promise.all(
      sites.map((site) => rawAnswer(t, site, method, targetOf(key), header)),
    );
    t.is(answers[0], answers[1]);
    t.deepEqual(sites[0]!.asked, sites[1]!.asked);
    t.is(sites[0]!.objects.size, 2);
  });
}

/** All bytes of an answer but the digits of its date. */
async function rawAnswer(
  t: ExecutionContext,
  { port }: Site,
  method: string,
  target: string,
  header: string | undefined,
): Promise<string> {
  const connection = await openConnection(t, port);
  const headers = header === undefined ? [] : [header];
  connection.send(head(method, target, ['Connection: close', ...headers]));
  await connection.closed;
  return connection
    .rest()
    .toString('latin1')
    .replace(/^Date: .*$/m, 'Date');
}

test('a signature can be repeated for five minutes, and then no more', async (t) => {
  const site = await serve(t);
  const times = [Date.now() - 290_000, Date.now() - 310_000];
  const statuses = [];
  for (const time of times) {
    const headers = [signed('POST', questionKey(RUN, 'arrival'), time)];
    const target = targetOf(questionKey(RUN, 'arrival'));
    for (let again = 0; again < 2; again += 1) {
      statuses.push((await exchange(t, site.port, 'POST', target, headers)).status);
    }
  }
  t.deepEqual(statuses, [200, 200, 405, 405]);
});

test('no more than four runs have canaries at once, however they are asked for', async (t) => {
  const change = (driver: StorageDriver): StorageDriver => ({
    ...driver,
    async *list(prefix) {
      const entries = [];
      for await (const entry of driver.list!(prefix)) entries.push(entry);
      // Long enough for all of them to have looked before one has stored anything.
      await delay(50);
      yield* entries;
    },
  });
  const site = await serve(t, { change });
  const begun = await Promise.all(
    Array.from({ length: 6 }, () => question<ProbeBegin>(t, site, BEGIN_KEY)),
  );
  t.is(begun.filter(({ objection }) => objection === undefined).length, 4);
  const count = canariesOf(RUN).length;
  t.is(site.objects.size, 2 + 4 * count);

  const first = begun.find(({ objection }) => objection === undefined)!;
  await question(t, site, questionKey(first.run, 'end'));
  t.is((await question<ProbeBegin>(t, site, BEGIN_KEY)).objection, undefined);
  t.is(site.objects.size, 2 + 4 * count);
});

test('a run that could store nothing takes no room from those after it', async (t) => {
  let refusals = 5;
  const change = (driver: StorageDriver): StorageDriver => ({
    ...driver,
    put(...given) {
      refusals -= 1;
      return refusals < 0 ? driver.put!(...given) : Promise.reject(readOnly());
    },
  });
  const site = await serve(t, { change });
  for (let count = 0; count < 5; count += 1) {
    const { objection } = await question<ProbeBegin>(t, site, BEGIN_KEY);
    t.regex(objection ?? '', /cannot be written to/);
  }
  t.is((await question<ProbeBegin>(t, site, BEGIN_KEY)).objection, undefined);
});

test('runs that other processes have begun count, too, where the driver can list', async (t) => {
  const site = await serve(t);
  const now = Date.now();
  const theirs = Array.from({ length: 4 }, () => `sluice-probe/${createRun(now)}.txt`);
  for (const key of theirs) site.objects.set(key, { bytes: Buffer.alloc(1) });
  const { objection } = await question<ProbeBegin>(t, site, BEGIN_KEY);
  t.regex(objection ?? '', /other runs/);
});

test('what a run has left that never ended is removed after an hour, and nothing else', async (t) => {
  const site = await serve(t);
  const now = Date.now();
  const dead = createRun(now - RUN_LIFETIME - 1000);
  const living = createRun(now - RUN_LIFETIME + 60_000);
  const kept = [
    `sluice-probe/${living}.txt`,
    // None of the catalogue.
    `sluice-probe/${dead}.doc`,
    `sluice-probe/x/${dead}.txt`,
    `elsewhere/${dead}.txt`,
  ];
  const removed = canariesOf(dead).map(({ key }) => key);
  for (const key of [...kept, ...removed]) site.objects.set(key, { bytes: Buffer.alloc(1) });
  await question(t, site, BEGIN_KEY);
  t.deepEqual(
    kept.filter((key) => !site.objects.has(key)),
    [],
  );
  t.deepEqual(
    removed.filter((key) => site.objects.has(key)),
    [],
  );
});

/** Stores that take nothing, or not all, and what the doctor is told. */
const stores: readonly (readonly [
  title: string,
  change: (driver: StorageDriver) => StorageDriver,
  objection: RegExp,
])[] = [
  ['cannot put', (driver) => without(driver, 'put'), /cannot put and delete/],
  ['cannot delete', (driver) => without(driver, 'delete'), /cannot put and delete/],
  [
    'refuses to be written to',
    (driver) => ({ ...driver, put: () => Promise.reject(readOnly()) }),
    /^the store cannot be written to: SLUICE_ACCESS_DENIED$/,
  ],
  [
    'fails in its own words',
    (driver) => ({ ...driver, put: () => Promise.reject(new Error('EROFS /srv/private')) }),
    /^the store cannot be written to: its driver failed$/,
  ],
];

for (const [title, change, objection] of stores) {
  test(`a store that ${title} is told in one sentence, and nothing is left in it`, async (t) => {
    const site = await serve(t, { change, dialect: NGINX });
    const begun = await question<ProbeBegin>(t, site, BEGIN_KEY);
    t.regex(begun.objection ?? '', objection);
    t.is(site.objects.size, 2);
    const described = await question<ProbeDescription>(t, site, questionKey(begun.run, 'describe'));
    t.deepEqual(described.canaries, []);
  });
}

function without(driver: StorageDriver, method: string): StorageDriver {
  const others = Object.entries(driver).filter(([name]) => name !== method);
  return Object.fromEntries(others) as unknown as StorageDriver;
}

function readOnly(): SluiceError {
  return new SluiceError('SLUICE_ACCESS_DENIED', 'the root is read-only');
}

test('a store that refuses some names is tried with the others', async (t) => {
  const change = (driver: StorageDriver): StorageDriver => ({
    ...driver,
    async put(key, ...rest) {
      if (key.includes('?')) throw new SluiceError('SLUICE_INVALID_KEY', 'no such names');
      return driver.put!(key, ...rest);
    },
  });
  const site = await serve(t, { change });
  const begun = await question<ProbeBegin>(t, site, BEGIN_KEY);
  t.is(begun.objection, undefined);
  t.deepEqual(begun.refused, [{ id: 'question mark', reason: 'SLUICE_INVALID_KEY' }]);
  const { canaries } = await question<ProbeDescription>(
    t,
    site,
    questionKey(begun.run, 'describe'),
  );
  t.is(canaries.length, canariesOf(begun.run).length - 1);
});

test('a canary that cannot be removed is named', async (t) => {
  const change = (driver: StorageDriver): StorageDriver => ({
    ...driver,
    async delete(key: StorageKey) {
      if (key.endsWith('-large.txt')) throw new SluiceError('SLUICE_IO', 'not now');
      await driver.delete!(key);
    },
  });
  const site = await serve(t, { change });
  const { run } = await question<ProbeBegin>(t, site, BEGIN_KEY);
  const ended = await question<ProbeEnd>(t, site, questionKey(run, 'end'));
  t.deepEqual(ended, { removed: canariesOf(run).length - 1, left: ['large'] });
});

test('of a request only the headers that order files, and its connection, are told', async (t) => {
  const site = await serve(t);
  const key = questionKey(RUN, 'arrival');
  const connection = await openConnection(t, site.port);
  const arrivals: ProbeArrival[] = [];
  for (let count = 0; count < 2; count += 1) {
    const headers = [signed('POST', key), 'X-Sendfile-Type: X-Accel-Redirect', 'Cookie: a=b'];
    connection.send(head('POST', targetOf(key), headers));
    arrivals.push(JSON.parse((await connection.response('POST')).body.toString()));
  }
  const [first, second] = arrivals;
  t.deepEqual(Object.keys(first!).toSorted(), ['connection', 'controlHeaders', 'httpVersion']);
  t.deepEqual(first!.controlHeaders, [['x-sendfile-type', 'X-Accel-Redirect']]);
  t.is(first!.httpVersion, '1.1');
  t.deepEqual(second!.connection, { ...first!.connection, requests: 2 });
  const [other] = [await question<ProbeArrival>(t, site, key)];
  t.not(other.connection.id, first!.connection.id);
});

test('a stray order is one of a canary, on an answer that is a 404', async (t) => {
  const site = await serve(t, { dialect: NGINX });
  const { run } = await question<ProbeBegin>(t, site, BEGIN_KEY);
  age(site.objects);
  const response = await ask(t, site, 'POST', questionKey(run, 'stray'));
  t.is(response.status, 404);
  t.is(response.headers['x-accel-redirect'], `/_sluice/sluice-probe/${run}.txt`);
});

test('an unchecked order is one for the key of a run under which nothing is stored', async (t) => {
  const site = await serve(t, { dialect: NGINX });
  const response = await ask(t, site, 'GET', uncheckedKey(RUN));
  t.is(response.status, 200);
  t.is(response.headers['x-accel-redirect'], `/_sluice/${uncheckedKey(RUN)}`);
  for (const key of [`sluice-probe/${RUN}-other.txt`, `sluice-probe/x/${RUN}-unchecked.txt`]) {
    t.is((await ask(t, site, 'GET', key)).status, 404, key);
  }
});

test('an application that streams gives no orders, whatever is signed', async (t) => {
  const site = await serve(t);
  const { run, dialect } = await question<ProbeBegin>(t, site, BEGIN_KEY);
  t.is(dialect, undefined);
  t.is((await ask(t, site, 'GET', uncheckedKey(run))).status, 404);
  t.is((await ask(t, site, 'POST', questionKey(run, 'stray'))).status, 405);
  const { canaries, unchecked } = await question<ProbeDescription>(
    t,
    site,
    questionKey(run, 'describe'),
  );
  t.is(unchecked, undefined);
  t.true(canaries.every(({ sender, order }) => sender === 'application' && order === undefined));
});

test('a mistake in the options is told without the secret', (t) => {
  const sluice = createSluice({ storage: createMemoryDriver(), policy: () => allow() });
  const wrong: readonly unknown[] = [
    SECRET,
    null,
    true,
    {},
    { secret: SECRET.slice(0, 31) },
    { secret: Buffer.from(SECRET) },
    { secret: SECRET, secrets: [] },
  ];
  for (const probe of wrong) {
    const make = downloads as (...given: readonly unknown[]) => unknown;
    const error = t.throws(() => make(sluice, { prefix: '/files', probe }), {
      instanceOf: TypeError,
    });
    t.regex(error.message, /^downloads: .*probe/);
    t.false(error.message.includes(SECRET.slice(0, 20)), error.message);
  }
});
