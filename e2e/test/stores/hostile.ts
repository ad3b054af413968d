import { type DownloadEvent, isSluiceError } from '@sluice/core';
import type { S3DriverOptions } from '@sluice/storage-s3';
import test, { type ExecutionContext } from 'ava';

import { type Asker, REQUEST_NAME } from '../../src/app.ts';
import { field } from '../../src/client.ts';
import { bytesOf, type StoredFile } from '../../src/fixture.ts';
import { type RunningSender, runSender } from '../../src/sender.ts';
import type { StoreEngine } from '../../src/stores/index.ts';
import { downloadWithBreak } from '../../src/stores/paused-download.ts';
import { createStoreFixture, type StoreFixture } from '../../src/stores/store-fixture.ts';
import { leaksOf } from '../../src/verdict.ts';
import { targetOf } from '../helpers.ts';

/** Milliseconds in which a store must answer that does not; the others have all the time they need. */
export const PATIENCE = 2000;

/** An application that streams from a bucket of its own. */
export interface Site {
  readonly fixture: StoreFixture;
  readonly sender: RunningSender;
  readonly url: (key: string) => string;
}

/** An object of more than all buffers between the store and a client hold. */
const FILM: StoredFile = {
  key: 'film.mp4',
  type: 'video/mp4',
  bytes: bytesOf('film', 40 * 1_048_576),
};

/** A small one, of which a store gives all or nothing. */
export const NOTE: StoredFile = {
  key: 'note.txt',
  type: 'text/plain',
  bytes: bytesOf('note', 500),
};

/** Makes a bucket with objects, and an application in front of it. */
export async function openSite(
  t: ExecutionContext,
  engine: StoreEngine,
  options: SiteOptions = {},
): Promise<Site> {
  const fixture = await createStoreFixture(engine, { files: [NOTE], ...options });
  const sender = await runSender(engine.name, 'streaming', { fixture });
  t.teardown(async () => {
    await sender.stop();
    await fixture.remove();
  });
  return { fixture, sender, url: (key) => `http://127.0.0.1:${sender.port}${targetOf(key)}` };
}

/** What {@link openSite} takes. */
export interface SiteOptions {
  /** Default: {@link NOTE}. */
  readonly files?: readonly StoredFile[] | undefined;
  readonly versioned?: boolean | undefined;
  /** What the driver is told, after the application's fashion or wrongly. */
  readonly driver?: Partial<S3DriverOptions> | undefined;
}

/** The code of what a download failed with. */
function codeOf({ error }: DownloadEvent<Asker>): string | undefined {
  return isSluiceError(error) ? error.code : undefined;
}

/** Asserts that a client is told to come again, and why to the application alone. */
export async function assertUnavailable(
  t: ExecutionContext,
  { sender, fixture }: Site,
  codes: readonly string[],
  key: string = NOTE.key,
): Promise<void> {
  const { answer, event } = await sender.askWithEvent({ target: targetOf(key) });
  t.is(answer.status, 503);
  t.regex(field(answer, 'retry-after') ?? '', /^\d+$/);
  t.deepEqual(leaksOf(answer, fixture), []);
  t.is(event.outcome, 'failed');
  t.true(codes.includes(codeOf(event) ?? ''), `${codeOf(event)}: ${event.why}`);
}

/** Waits until an object comes whole again. */
export async function untilServed(
  t: ExecutionContext,
  { sender }: Site,
  file: StoredFile = NOTE,
): Promise<void> {
  const { key, bytes } = file;
  const giveUp = performance.now() + 60_000;
  for (;;) {
    const answer = await sender.ask({ target: targetOf(key) });
    if (answer.status === 200 && answer.complete) {
      t.true(answer.body.equals(bytes));
      return;
    }
    if (performance.now() > giveUp) return t.fail(`still ${answer.status}`);
  }
}

/** Tries what happens to downloads when the store fails in ways that both engines can. */
export function testHostile(engineOf: () => StoreEngine): void {
  testSetUp(engineOf);
  testStalls(engineOf);
  testReplaced(engineOf);
  testNodeLost(engineOf);
}

function testSetUp(engineOf: () => StoreEngine): void {
  const wrong: readonly (readonly [
    title: string,
    code: string,
    driver: (engine: StoreEngine) => Partial<S3DriverOptions>,
  ])[] = [
    [
      'a wrong secret',
      'SLUICE_ACCESS_DENIED',
      ({ credentials }) => ({ credentials: { ...credentials, secretAccessKey: 'not it' } }),
    ],
    [
      'a key id that nobody has',
      'SLUICE_ACCESS_DENIED',
      ({ credentials }) => ({ credentials: { ...credentials, accessKeyId: 'nobody' } }),
    ],
    [
      'the credentials of somebody else',
      'SLUICE_ACCESS_DENIED',
      ({ otherCredentials }) => ({ credentials: otherCredentials }),
    ],
    ['a bucket that is not there', 'SLUICE_CONFIG', () => ({ bucket: 'none-of-that-name' })],
  ];
  for (const [title, code, driver] of wrong) {
    test.serial(
      `with ${title}, a client sees a fault of the server, never a refusal`,
      async (t) => {
        const engine = engineOf();
        const { sender, fixture } = await openSite(t, engine, { driver: driver(engine) });
        const { accessKeyId } = engine.credentials;
        const secrets = [...fixture.secrets, accessKeyId, 'none-of-that-name', 'not it'];
        for (const method of ['GET', 'HEAD']) {
          for (const headers of [{}, { range: 'bytes=0-9' }, { 'if-none-match': '*' }]) {
            const target = targetOf(NOTE.key);
            const { answer, event } = await sender.askWithEvent({ method, target, headers });
            t.is(answer.status, 500);
            t.deepEqual(leaksOf(answer, { secrets }), []);
            t.is(codeOf(event), code);
            t.is(event.outcome, 'failed');
            const said = `${event.why} ${String(event.error)}`;
            t.deepEqual(
              secrets.filter((secret) => said.includes(secret)),
              [],
            );
          }
        }
      },
    );
  }
}

function testStalls(engineOf: () => StoreEngine): void {
  test.serial('a gateway that stands still is given up in time, and goes on later', async (t) => {
    const engine = engineOf();
    const site = await openSite(t, engine, { driver: { timeouts: { answer: PATIENCE } } });
    await untilServed(t, site);
    engine.pauseGateway();
    t.teardown(() => engine.resumeGateway());
    await assertUnavailable(t, site, ['SLUICE_TIMEOUT']);
    engine.resumeGateway();
    await untilServed(t, site);
  });

  test.serial('a gateway that stands still within a body cuts the connection', async (t) => {
    const engine = engineOf();
    const timeouts = { idle: PATIENCE };
    const { sender, url } = await openSite(t, engine, { files: [FILM], driver: { timeouts } });
    t.teardown(() => engine.resumeGateway());
    const name = { [REQUEST_NAME]: 'stalled' };
    const got = await downloadWithBreak(url(FILM.key), () => engine.pauseGateway(), name);
    t.is(got.status, 200);
    t.false(got.complete);
    t.true(got.bytes.length < FILM.bytes.length);
    t.true(FILM.bytes.subarray(0, got.bytes.length).equals(got.bytes));
    const event = await sender.event('stalled');
    t.is(event.outcome, 'failed');
    t.is(codeOf(event), 'SLUICE_TIMEOUT');
    engine.resumeGateway();
    const again = await downloadWithBreak(url(FILM.key), () => undefined);
    t.true(again.complete);
    t.true(again.bytes.equals(FILM.bytes));
  });
}

function testReplaced(engineOf: () => StoreEngine): void {
  for (const versioned of [false, true]) {
    const kind = versioned ? 'versioned' : 'plain';
    test.serial(`${kind}: an answer of several parts has them of one version`, async (t) => {
      const { sender, fixture } = await openSite(t, engineOf(), { versioned, files: [FILM] });
      const next = bytesOf('next', FILM.bytes.length);
      const headers = { range: 'bytes=0-999999,20000000-20999999' };
      const answer = await sender.askMeanwhile({ target: targetOf(FILM.key), headers }, () =>
        fixture.put(FILM.key, next),
      );
      t.is(answer.status, 206);
      // The version that was begun with stays readable where versions are kept, and nowhere else.
      t.is(answer.complete, versioned);
      const second = FILM.bytes.subarray(20_000_000, 21_000_000);
      t.is(answer.body.includes(second), versioned);
      t.false(answer.body.includes(next.subarray(20_000_000, 20_000_064)));
    });
  }
}

function testNodeLost(engineOf: () => StoreEngine): void {
  test.serial('a node that is lost within a body changes no byte of it', async (t) => {
    const engine = engineOf();
    const site = await openSite(t, engine, { files: [FILM, NOTE] });
    t.teardown(() => engine.startNode(2));
    const got = await downloadWithBreak(site.url(FILM.key), () => engine.killNode(2));
    t.is(got.status, 200);
    t.log(got.complete ? 'whole' : `cut after ${got.bytes.length} bytes`);
    t.true(FILM.bytes.subarray(0, got.bytes.length).equals(got.bytes));
    t.is(got.complete, got.bytes.length === FILM.bytes.length);
    const again = await downloadWithBreak(site.url(FILM.key), () => undefined);
    t.true(again.bytes.equals(FILM.bytes));
    await engine.startNode(2);
    await untilServed(t, site);
  });
}
