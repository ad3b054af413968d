import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import { doctor } from '@sluice/cli';
import {
  allow,
  assertKey,
  createSluice,
  type DownloadEvent,
  parseKey,
  type SluiceOptions,
  type StorageDriver,
  urlForKey,
} from '@sluice/core';
import { nginx } from '@sluice/core/offload';
import { downloads } from '@sluice/koa';
import { createS3Driver, type S3Driver } from '@sluice/storage-s3';
import test, { type ExecutionContext } from 'ava';
import Koa from 'koa';

import { HELLO } from '../../src/app.ts';
import { type Answer, type Ask, exchange, field } from '../../src/client.ts';
import { bytesOf } from '../../src/fixture.ts';
import { startFront } from '../../src/front.ts';
import { LONG_KEY, ODD_NAMES } from '../../src/names.ts';
import { startCeph, startSwift, type StoreEngine } from '../../src/stores/index.ts';

const ENGINES = [
  ['ceph', () => startCeph({ osds: 1 })],
  ['swift', () => startSwift({ nodes: 1 })],
] as const;

const PROBE_SECRET = 'a secret of the tests, long enough';

/** An object of 3 MB, and one byte of difference in the version that takes its place. */
const FILM = bytesOf('film', 3_000_000);
const NEXT = bytesOf('next', 3_000_000);

/** A bucket with a driver, and what its name is. */
interface Bucket {
  readonly driver: S3Driver;
  readonly name: string;
}

async function openBucket(
  t: ExecutionContext,
  engine: StoreEngine,
  versioned: boolean,
): Promise<Bucket> {
  const name = await engine.createBucket({ versioned });
  const { endpoint, region, credentials } = engine;
  const driver = createS3Driver({ bucket: name, endpoint, region, credentials });
  t.teardown(() => driver.close());
  await driver.put(assertKey('test', 'film.mp4'), FILM);
  return { driver, name };
}

/** An application with its front server, or alone. */
interface Site {
  readonly url: string;
  readonly ask: (key: string, ask?: Omit<Ask, 'target'>) => Promise<Answer>;
  /** Follows a redirect, as a client does. */
  readonly follow: (key: string, init?: RequestInit) => Promise<Response>;
  readonly events: readonly DownloadEvent[];
}

async function serve(
  t: ExecutionContext,
  storage: StorageDriver,
  options: Pick<SluiceOptions, 'dialect' | 'redirect'>,
  front?: { readonly origin: string; readonly change: ((text: string) => string) | undefined },
): Promise<Site> {
  const events: DownloadEvent[] = [];
  const sluice = createSluice({
    storage,
    policy: () => allow(),
    onCompletion: (event) => void events.push(event),
    ...options,
  });
  const app = new Koa();
  app.silent = true;
  app.use(downloads(sluice, { prefix: '/files/', probe: { secret: PROBE_SECRET } }));
  app.use((ctx) => void (ctx.body = HELLO));
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers its own rejections
  const server = createServer(app.callback());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close().closeAllConnections());
  let { port } = server.address() as AddressInfo;
  if (front !== undefined) {
    const { origin, change } = front;
    const site = { app: `http://127.0.0.1:${port}`, store: { origin } };
    const running = await startFront('nginx', 'standalone', site, change);
    t.teardown(() => running.stop());
    port = running.port;
  }
  const targetOf = (key: string): string => `/files/${urlForKey(assertKey('test', key))}`;
  return {
    url: `http://127.0.0.1:${port}/files/`,
    ask: (key, ask = {}) => exchange(port, { target: targetOf(key), ...ask }),
    follow: (key, init) => fetch(`http://127.0.0.1:${port}${targetOf(key)}`, init),
    events,
  };
}

function fetched(
  t: ExecutionContext,
  storage: StorageDriver,
  origin: string,
  change?: (text: string) => string,
): Promise<Site> {
  const dialect = nginx({ store: { origin }, bufferSize: 32_768 });
  return serve(t, storage, { dialect }, { origin, change });
}

/** Does something once a URL has been signed: the application has looked by then. */
function afterSigning(driver: S3Driver, act: () => Promise<unknown>): StorageDriver {
  return {
    ...driver,
    async internalUrl(key, options) {
      const signed = await driver.internalUrl(key, options);
      await act();
      return signed;
    },
  };
}

/** All that nginx may say of an object, and of its store. */
const TOLD = new Set(
  (
    'accept-ranges cache-control connection content-disposition content-length content-range ' +
    'content-type date etag last-modified server x-content-type-options'
  ).split(' '),
);

for (const [name, start] of ENGINES) {
  test.serial(`${name}: objects are fetched by nginx, and clients are sent to them`, async (t) => {
    const engine = await start();
    t.teardown(() => engine.stop());
    for (const versioned of [false, true]) {
      const bucket = await openBucket(t, engine, versioned);
      // A signature speaks of the name alone, whatever else the bucket keeps.
      const names = versioned ? ODD_NAMES.slice(0, 20) : [...ODD_NAMES, LONG_KEY];
      await oddNames(t, engine, bucket, names);
      if (!versioned && name === 'ceph') await doctored(t, engine, bucket);
      await ranges(t, engine, bucket, versioned);
      await links(t, bucket);
      await changes(t, engine, bucket, versioned);
    }
  });
}

/** The doctor, too, sees a store behind nginx, and whether clients get in past the application. */
async function doctored(t: ExecutionContext, engine: StoreEngine, bucket: Bucket): Promise<void> {
  const front = (change?: (text: string) => string): Promise<Site> =>
    fetched(t, bucket.driver, engine.endpoint, change);
  const good = await doctor({ url: (await front()).url, secret: PROBE_SECRET });
  t.deepEqual(
    good.findings.filter(({ severity }) => severity !== 'note'),
    [],
  );
  t.is(good.canaries.application, 0, 'nginx fetches them all');
  const open = await front((text) => text.replaceAll('internal;', ''));
  const bad = await doctor({ url: open.url, secret: PROBE_SECRET });
  t.true(bad.findings.some(({ id }) => id === 'internal-reachable'));
  t.notRegex(JSON.stringify([good, bad]), /Signature/);
}

/** Every name leads to its own object, over both ways. */
async function oddNames(
  t: ExecutionContext,
  engine: StoreEngine,
  bucket: Bucket,
  names: readonly string[],
): Promise<void> {
  const { driver } = bucket;
  const behind = await fetched(t, driver, engine.endpoint);
  const alone = await serve(t, driver, { redirect: { expiresIn: 60 } });
  for (const odd of names) {
    const key = parseKey(odd);
    if (key === undefined || Buffer.byteLength(odd) > 900) continue;
    await driver.put(key, bytesOf(odd, 500));
    const answer = await behind.ask(odd);
    t.true(answer.body.equals(bytesOf(odd, 500)), `${odd}: ${answer.status}`);
    t.deepEqual(
      answer.headers.filter(([header]) => !TOLD.has(header)),
      [],
      odd,
    );
    const told = await behind.ask(odd, { method: 'HEAD' });
    // Not the date: Swift rounds it up, and the application tells none that is yet to come.
    for (const header of ['etag', 'content-type', 'content-disposition', 'cache-control']) {
      t.is(field(answer, header), field(told, header), `${odd}: ${header}`);
    }
    const followed = await alone.follow(odd);
    t.true(Buffer.from(await followed.arrayBuffer()).equals(bytesOf(odd, 500)), odd);
    t.true(followed.redirected, odd);
    for (const header of ['etag', 'content-type', 'content-disposition', 'cache-control']) {
      t.is(followed.headers.get(header), field(told, header) ?? null, `${odd}: ${header}`);
    }
  }
  for (const { events } of [behind, alone]) {
    t.deepEqual(
      [...new Set(events.map(({ outcome, method }) => `${method} ${outcome}`))].toSorted(),
      ['GET offloaded', ...(events === behind.events ? ['HEAD complete'] : [])],
    );
    t.notRegex(JSON.stringify(events), /Signature|AWSAccessKeyId/);
  }
}

/** A download goes on wherever it was cut, and over whichever way it began. */
async function ranges(
  t: ExecutionContext,
  engine: StoreEngine,
  { driver }: Bucket,
  versioned: boolean,
): Promise<void> {
  const behind = await fetched(t, driver, engine.endpoint);
  const alone = await serve(t, driver, { redirect: { expiresIn: 60 } });
  const etag = field(await behind.ask('film.mp4', { method: 'HEAD' }), 'etag') ?? '';
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 1],
    ['bytes=1000000-', 1_000_000, 3_000_000],
    ['bytes=-7', 2_999_993, 3_000_000],
    ['bytes=-999999999999999', 0, 3_000_000],
    ['bytes=2999999-999999999999999', 2_999_999, 3_000_000],
  ] as const) {
    for (const headers of [{ range }, { range, 'if-range': etag }]) {
      const answer = await behind.ask('film.mp4', { headers });
      t.is(answer.status, 206);
      t.is(field(answer, 'content-range'), `bytes ${start}-${end - 1}/3000000`);
      t.true(answer.body.equals(FILM.subarray(start, end)));
      const followed = await alone.follow('film.mp4', { headers });
      t.is(followed.status, 206);
      t.true(Buffer.from(await followed.arrayBuffer()).equals(FILM.subarray(start, end)));
      // The URL of a version is bound to it; any other would go on with what is there then.
      t.is(followed.redirected, versioned || !('if-range' in headers));
    }
  }
  await driver.put(assertKey('test', 'empty.png'), new Uint8Array(0));
  for (const site of [behind, alone]) {
    const empty = await site.follow('empty.png');
    t.is(`${empty.status} ${empty.headers.get('content-length')} ${await empty.text()}`, '200 0 ');
    const stale = { range: 'bytes=5-', 'if-range': '"of another version"' };
    const whole = await site.ask('film.mp4', { headers: stale });
    t.is(whole.status, 200);
    t.true(whole.body.equals(FILM));
    t.is((await site.ask('film.mp4', { headers: { range: 'bytes=0-1,5-6' } })).status, 206);
    t.is((await site.ask('film.mp4', { headers: { range: 'bytes=3000000-' } })).status, 416);
    t.is((await site.ask('film.mp4', { headers: { 'if-none-match': etag } })).status, 304);
    t.is((await site.ask('film.mp4', { method: 'HEAD' })).status, 200);
  }
}

/** What a link is good for, and what not. */
async function links(t: ExecutionContext, { driver }: Bucket): Promise<void> {
  const linkFor = async (expiresIn: number): Promise<string> => {
    const { ask } = await serve(t, driver, { redirect: { expiresIn } });
    return field(await ask('film.mp4'), 'location') ?? '';
  };
  const link = await linkFor(60);
  t.is((await fetch(link)).status, 200);
  t.is((await fetch(link, { method: 'HEAD' })).status, 403, 'signed for GET');
  t.is((await fetch(link.replace('film', 'other'))).status, 403, 'another key');
  t.is((await fetch(link.replace('inline', 'attachment').replace('mp4%22', 'exe%22'))).status, 403);
  const brief = await linkFor(1);
  await delay(2500);
  t.is((await fetch(brief, { headers: { range: 'bytes=0-1' } })).status, 403, 'expired');
}

/** What becomes of an object between the look of the application and the fetch of nginx. */
async function changes(
  t: ExecutionContext,
  engine: StoreEngine,
  { driver, name }: Bucket,
  versioned: boolean,
): Promise<void> {
  const key = assertKey('test', 'film.mp4');
  const replaced = await fetched(
    t,
    afterSigning(driver, () => driver.put(key, NEXT)),
    engine.endpoint,
  );
  const answer = await replaced.ask('film.mp4', { headers: { range: 'bytes=9-' } });
  // A bucket with versions still has the one that was signed.
  t.is(answer.status, versioned ? 206 : 503);
  if (versioned) t.true(answer.body.equals(FILM.subarray(9)));
  t.notRegex(JSON.stringify(answer.headers), new RegExp(name));
  const handle = await driver.open(key);
  const now = await handle?.read({ start: 0, end: NEXT.length });
  t.true(now !== undefined && (await buffer(Readable.from(now))).equals(NEXT));
  const deleted = await fetched(
    t,
    afterSigning(driver, () => driver.delete(key)),
    engine.endpoint,
  );
  const gone = await deleted.ask('film.mp4');
  t.is(gone.status, versioned ? 200 : 404);
  t.notRegex(JSON.stringify(gone.headers), new RegExp(name));
  if (!versioned) t.notRegex(gone.body.toString(), new RegExp(`${name}|NoSuchKey`));
}
