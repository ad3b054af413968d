import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import {
  type ExampleOptions,
  folderOf,
  type RunningExample,
  startExample,
} from '../../src/example.ts';
import { startCeph } from '../../src/stores/index.ts';

const AS_BEN = { authorization: `Basic ${btoa('ben:ben')}` };
const AS_ADA = { authorization: `Basic ${btoa('ada:ada')}` };

const EVENTS = {
  stream: { outcome: 'complete', status: 200 },
  redirect: { outcome: 'offloaded', status: 302, why: 'the store sends it' },
  nginx: { outcome: 'offloaded', status: 200, why: 'nginx fetches it from the store' },
} as const;

/** The example, and what it says of itself. */
interface Serving extends RunningExample {
  /** `http://127.0.0.1:40001` */
  readonly origin: string;
  /** What it says of its store. */
  readonly store: string;
}

async function serve(
  t: ExecutionContext,
  sender: keyof typeof EVENTS,
  options?: ExampleOptions,
): Promise<Serving> {
  const example = await startExample('s3', sender, options);
  t.teardown(() => example.stop());
  const [, store = '', origin = ''] = await example.printed(
    /^It serves (.*)\. Its objects are at (http:\/\/[\d.:]+)\/files\/\./,
  );
  return { ...example, store, origin };
}

for (const sender of ['stream', 'nginx'] as const) {
  test.serial(`${sender}: one command starts a store, fills a bucket and serves it`, async (t) => {
    const example = await serve(t, sender);
    await tryIt(t, example, sender);
    const { port } = new URL(/http:\S+/.exec(example.store)?.[0] ?? '');
    t.is(await example.stop(), 0);
    await t.throwsAsync(fetch(example.origin), undefined, 'the app is gone');
    await t.throwsAsync(fetch(`http://127.0.0.1:${port}`), undefined, 'and so is the store');
  });
}

test.serial('redirect: a bucket that the environment names is served', async (t) => {
  const engine = await startCeph({ osds: 1 });
  t.teardown(() => engine.stop());
  const bucket = await engine.createBucket();
  const environment = {
    S3_BUCKET: bucket,
    AWS_ENDPOINT_URL_S3: engine.endpoint,
    AWS_REGION: engine.region,
    AWS_ACCESS_KEY_ID: engine.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: engine.credentials.secretAccessKey,
  };
  const example = await serve(t, 'redirect', { args: ['--fill'], environment });
  t.is(example.store, `the bucket ${bucket} at ${engine.endpoint}`);
  await tryIt(t, example, 'redirect');

  const first = await fetch(`${example.origin}/files/people/ben/notes.txt`, {
    headers: AS_BEN,
    redirect: 'manual',
  });
  t.is(first.status, 302);
  t.true(first.headers.get('location')?.startsWith(`${engine.endpoint}/${bucket}/`));
  t.is(await example.stop(), 0);
});

async function tryIt(
  t: ExecutionContext,
  { origin, nextEvent }: Serving,
  sender: keyof typeof EVENTS,
): Promise<void> {
  const files = join(folderOf('s3'), '.demo/files');
  t.true(existsSync(files));
  const notes = await readFile(join(files, 'people/ben/notes.txt'));
  const url = `${origin}/files/people/ben/notes.txt`;
  const allowed = await fetch(url, { headers: AS_BEN });
  t.is(allowed.status, 200);
  t.deepEqual(Buffer.from(await allowed.arrayBuffer()), notes);
  t.like(await nextEvent(), EVENTS[sender]);

  const denied = await fetch(url);
  t.is(denied.status, 404);
  t.is(await denied.text(), 'Not Found');
  t.like(await nextEvent(), { outcome: 'refused' });

  const recording = await readFile(join(files, 'archive/recordings.bin'));
  const half = recording.length / 2;
  const large = `${origin}/files/archive/recordings.bin`;
  const parts: Buffer[] = [];
  for (const range of [`bytes=0-${half - 1}`, `bytes=${half}-`]) {
    const part = await fetch(large, { headers: { ...AS_ADA, range } });
    t.is(part.status, 206);
    parts.push(Buffer.from(await part.arrayBuffer()));
    await nextEvent();
  }
  t.true(Buffer.concat(parts).equals(recording));
}
