import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { DownloadEvent } from '@sluice/core';
import anyTest, { type TestFn } from 'ava';
import type { Browser, Page } from 'playwright-core';

import { DEMO_KEYS, makeDemoFolder } from '../src/content/demo-folder.ts';
import type { Person } from '../src/people.ts';
import { demoPolicy } from '../src/policy.ts';
import { type Site, startSite } from '../src/site.ts';
import { startBrowser } from './browser.ts';

interface Place {
  readonly page: Page;
  /** What the console said and the content policy refused. */
  readonly complaints: readonly string[];
}

const test = anyTest as TestFn<Place>;

const RECORDING_BYTES = 24_000_000;

let home: string;
let files: string;
let site: Site;
let browser: Browser;
const events: DownloadEvent<Person>[] = [];

test.before(async () => {
  browser = await startBrowser();
  home = await mkdtemp(join(tmpdir(), 'sluice-browser-'));
  files = await makeDemoFolder({ home, bigBytes: RECORDING_BYTES });
  site = await startSite({
    root: files,
    policy: demoPolicy,
    port: 0,
    onCompletion: (event) => events.push(event),
  });
});

test.after.always(async () => {
  await browser?.close();
  await site?.close();
  if (home !== undefined) await rm(home, { recursive: true, force: true });
});

test.beforeEach(async (t) => {
  const context = await browser.newContext({ acceptDownloads: true });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  t.context = { page, complaints };
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      console.error(
        `refused by the content policy: ${event.violatedDirective} ${event.blockedURI}`,
      );
    });
  });
  await page.goto(site.origin);
});

test.afterEach.always(async (t) => {
  await t.context.page.context().close();
});

const expected: readonly (readonly [name: string, allowed: readonly string[]])[] = [
  ['Ada', [DEMO_KEYS.report, DEMO_KEYS.tune, DEMO_KEYS.recording]],
  ['Ben', [DEMO_KEYS.notes, DEMO_KEYS.prices, DEMO_KEYS.recording]],
  ['Cleo', [DEMO_KEYS.tune, DEMO_KEYS.lease, DEMO_KEYS.recording]],
];

const EVERYBODY = [DEMO_KEYS.welcome, DEMO_KEYS.picture, DEMO_KEYS.summer];

for (const [name, own] of expected) {
  test(`${name} signs in and sees what is allowed and what is denied`, async (t) => {
    const { page, complaints } = t.context;
    t.deepEqual(await allowedKeys(page), EVERYBODY.toSorted());
    await signIn(page, name);
    t.deepEqual(await allowedKeys(page), [...EVERYBODY, ...own].toSorted());
    t.is(await page.locator('.object').count(), Object.keys(DEMO_KEYS).length);
    t.true(await page.locator('img.media').evaluate(isPainted));

    await page.getByRole('button', { name: 'Nobody' }).click();
    await page.getByText('Not signed in.').waitFor();
    t.deepEqual(await allowedKeys(page), EVERYBODY.toSorted());
    t.deepEqual(complaints, []);
  });
}

test('what is denied is answered as if it were not there', async (t) => {
  const { page } = t.context;
  await signIn(page, 'Ada');
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url().includes('/files/')),
    row(page, DEMO_KEYS.notes).getByRole('link', { name: 'Try anyway' }).click(),
  ]);
  t.is(answer.status(), 404);
  t.is(await answer.text(), 'Not Found');
});

test('a link saves an object under its hard name', async (t) => {
  const { page, complaints } = t.context;
  await signIn(page, 'Ada');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    row(page, DEMO_KEYS.report).getByRole('link', { name: 'Save' }).click(),
  ]);
  // Chromium itself replaces the quotes, which Windows cannot have in a name.
  t.regex(download.suggestedFilename(), /^Überblick – 100% .final.\.pdf$/);
  t.deepEqual(await readFile(await download.path()), await readFile(join(files, DEMO_KEYS.report)));
  t.deepEqual(complaints, []);
});

test('the player seeks, by a range that the server answers with 206', async (t) => {
  const { page, complaints } = t.context;
  const statuses: number[] = [];
  page.on('response', (response) => {
    if (response.url().endsWith('evening.wav')) statuses.push(response.status());
  });
  await signIn(page, 'Cleo');
  const place = await page.locator('audio').evaluate(
    (audio: HTMLAudioElement) =>
      new Promise<readonly [number, number]>((resolve, reject) => {
        const seek = (): void => {
          audio.addEventListener('seeked', () => resolve([audio.currentTime, audio.duration]));
          audio.currentTime = 40;
        };
        audio.addEventListener('error', () => reject(new Error(audio.error?.message)));
        if (audio.readyState > 0) seek();
        else audio.addEventListener('loadedmetadata', seek);
      }),
  );
  t.deepEqual(place, [40, 48]);
  t.true(statuses.includes(206), statuses.join());
  t.true(
    statuses.every((status) => status === 206),
    statuses.join(),
  );
  t.deepEqual(complaints, []);
});

// One after the other, before the rest: the second one changes what the first one downloads.
test.serial('a download is paused, resumed where it was, checked and saved', async (t) => {
  const { page, complaints } = t.context;
  await signIn(page, 'Ada');
  await slowDown(page);
  const ranges = rangesAsked(page);
  const panel = row(page, DEMO_KEYS.recording).locator('.transfer');
  await panel.getByRole('button', { name: 'Download here' }).click();
  await pauseAfter(page, 3_000_000);
  const paused = await panel.locator('progress').evaluate(valueOf);
  t.true(paused > 0.1 && paused < 1, `${paused}`);

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    panel.getByRole('button', { name: 'Resume' }).click(),
  ]);
  await panel.getByText('SHA-256: ').waitFor();
  const disk = await readFile(join(files, DEMO_KEYS.recording));
  const sum = createHash('sha256').update(disk).digest('hex');
  t.true((await panel.getByRole('status').textContent())?.endsWith(`SHA-256: ${sum}`));
  t.is(download.suggestedFilename(), 'recordings.bin');
  t.true(disk.equals(await readFile(await download.path())), 'the bytes of the disk');

  const [first, second] = await ranges();
  t.is(first, undefined);
  t.is(second, `bytes=${Math.round(paused * RECORDING_BYTES)}-`);
  t.deepEqual(
    events
      .filter(({ key, subject }) => key === DEMO_KEYS.recording && subject?.id === 'ada')
      .map(({ outcome, status }) => `${outcome} ${status}`)
      .slice(-2),
    ['aborted 200', 'partial 206'],
  );
  t.deepEqual(complaints, []);
});

test.serial('a download whose object has changed in the pause begins anew', async (t) => {
  const { page, complaints } = t.context;
  await signIn(page, 'Ben');
  await slowDown(page);
  const panel = row(page, DEMO_KEYS.recording).locator('.transfer');
  await panel.getByRole('button', { name: 'Download here' }).click();
  await pauseAfter(page, 1_000_000);
  const earlier = new Date(Date.now() - 3_600_000);
  await utimes(join(files, DEMO_KEYS.recording), earlier, earlier);
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url().endsWith('recordings.bin')),
    panel.getByRole('button', { name: 'Resume' }).click(),
  ]);
  t.is(answer.status(), 200);
  await panel.getByText('SHA-256: ').waitFor();
  t.regex((await panel.getByRole('status').textContent()) ?? '', /^All 24.000.000 bytes/);
  t.deepEqual(complaints, []);
});

test('a download that was paused behind its last byte is whole as soon as it goes on', async (t) => {
  const { page, complaints } = t.context;
  await signIn(page, 'Cleo');
  await page.evaluate(neverEnd);
  const panel = row(page, DEMO_KEYS.recording).locator('.transfer');
  await panel.getByRole('button', { name: 'Download here' }).click();
  await page.waitForFunction(() => document.title === 'All is there');
  await panel.getByRole('button', { name: 'Pause' }).click();
  await panel.getByText(/^Paused at 24.000.000 of 24.000.000 bytes$/).waitFor();
  await panel.getByRole('button', { name: 'Resume' }).click();
  await panel.getByText('SHA-256: ').waitFor();
  t.deepEqual(complaints, []);
});

test('the page works at the width of a phone, in the dark too', async (t) => {
  const { page, complaints } = t.context;
  await page.setViewportSize({ width: 360, height: 740 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await signIn(page, 'Ada');
  const [content, shown] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  t.is(content, shown, 'nothing sticks out at the side');
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  t.is(ground, 'rgb(17, 24, 27)');
  t.deepEqual(complaints, []);
});

async function signIn(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name }).click();
  await page.getByText(`Signed in as ${name}`).waitFor();
}

function row(page: Page, key: string): ReturnType<Page['locator']> {
  return page.locator('.object').filter({ has: page.getByRole('heading', { name: key }) });
}

async function allowedKeys(page: Page): Promise<readonly string[]> {
  const keys = await page
    .locator('.object.allow')
    .evaluateAll((rows: HTMLElement[]) => rows.map((element) => element.dataset['key'] ?? ''));
  return keys.toSorted();
}

/** On the loopback the whole would be there before anybody could pause it. */
async function slowDown(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: 6_000_000,
    uploadThroughput: -1,
  });
}

/** Runs in the page: bodies come whole, and their end is not told before they are given up. */
function neverEnd(): void {
  const real = fetch;
  globalThis.fetch = async (input, init) => {
    const answer = await real(input, init);
    if (answer.body === null) return answer;
    const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
    const { signal } = init ?? {};
    answer.body.pipeTo(writable, { preventClose: true, ...(signal && { signal }) }).then(
      () => {
        document.title = 'All is there';
        signal?.addEventListener('abort', () => void writable.abort(signal.reason));
      },
      () => undefined,
    );
    globalThis.fetch = real;
    return new Response(readable, answer);
  };
}

async function pauseAfter(page: Page, bytes: number): Promise<void> {
  const panel = row(page, DEMO_KEYS.recording).locator('.transfer');
  await page.waitForFunction(
    (share) =>
      (document.querySelector<HTMLProgressElement>('.transfer progress')?.value ?? 0) > share,
    bytes / RECORDING_BYTES,
  );
  await panel.getByRole('button', { name: 'Pause' }).click();
  await panel.getByText('Paused at').waitFor();
}

/** Collects the ranges that the page asks for of the recording, in order. */
function rangesAsked(page: Page): () => Promise<readonly (string | undefined)[]> {
  const asked: Promise<string | undefined>[] = [];
  page.on('request', (request) => {
    if (!request.url().endsWith('recordings.bin')) return;
    asked.push(request.allHeaders().then((headers) => headers['range']));
  });
  return async () => Promise.all(asked);
}

function valueOf(progress: HTMLElement | SVGElement): number {
  return (progress as HTMLProgressElement).value;
}

async function isPainted(element: HTMLElement | SVGElement): Promise<boolean> {
  const image = element as HTMLImageElement;
  image.scrollIntoView();
  await image.decode();
  return image.naturalWidth > 0;
}
