import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import test, { type ExecutionContext } from 'ava';

import { startCeph } from '../../src/stores/index.ts';

const FOLDER = fileURLToPath(new URL('../../../../examples/s3', import.meta.url));

interface Example {
  /** `http://127.0.0.1:40001` */
  readonly origin: string;
  /** What it says of its store. */
  readonly store: string;
  /** Waits for the next line that tells how a download ended. */
  readonly nextEvent: () => Promise<Readonly<Record<string, unknown>>>;
  readonly stop: () => Promise<number | null>;
}

interface StartOptions {
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts what the script that the README names runs once it has built, on a port that is free. */
async function startExample(
  t: ExecutionContext,
  script: string,
  { args = [], environment }: StartOptions = {},
): Promise<Example> {
  const [, main = ''] = /^tsc --build && node (\S+) \w+$/.exec(await commandOf(script)) ?? [];
  const child = spawn(process.execPath, ['--no-warnings', main, script, '--port', '0', ...args], {
    cwd: FOLDER,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let complaints = '';
  child.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
  const exit = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`the example ended: ${complaints}`);
      if (pattern.test(value)) return value;
    }
  };
  const [, store = '', origin = ''] =
    /^It serves (.*)\. Its objects are at (http:\/\/[\d.:]+)\/files\/\./.exec(
      await next(/^It serves /),
    ) ?? [];
  return {
    origin,
    store,
    nextEvent: async () => JSON.parse(await next(/^\{"outcome"/)) as Record<string, unknown>,
    async stop() {
      child.kill('SIGTERM');
      const [status] = (await exit) as [number | null];
      return status;
    },
  };
}

async function commandOf(name: string): Promise<string> {
  const readme = await readFile(join(FOLDER, 'README.md'), 'utf8');
  const manifest = JSON.parse(await readFile(join(FOLDER, 'package.json'), 'utf8')) as Manifest;
  const isNamed = readme.includes(`pnpm@12 -C examples/s3 ${name}\n`);
  const script = manifest.scripts[name];
  if (!isNamed || script === undefined) throw new Error(`the README names no script ${name}`);
  return script;
}

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
}

const AS_BEN = { authorization: `Basic ${btoa('ben:ben')}` };
const AS_ADA = { authorization: `Basic ${btoa('ada:ada')}` };

const EVENTS = {
  stream: { outcome: 'complete', status: 200 },
  redirect: { outcome: 'offloaded', status: 302, why: 'the store sends it' },
  nginx: { outcome: 'offloaded', status: 200, why: 'nginx fetches it from the store' },
} as const;

for (const sender of ['stream', 'nginx'] as const) {
  test.serial(`${sender}: one command starts a store, fills a bucket and serves it`, async (t) => {
    const example = await startExample(t, sender);
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
  const example = await startExample(t, 'redirect', { args: ['--fill'], environment });
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
  { origin, nextEvent }: Example,
  sender: keyof typeof EVENTS,
): Promise<void> {
  const files = join(FOLDER, '.demo/files');
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
