import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { parseKey } from '@sluice/core';
import { createMemoryDriver, type MemoryObject } from '@sluice/core/testing';
import test, { type ExecutionContext } from 'ava';

import { fillBucket } from '../src/fill-bucket.ts';
import { senderBy } from '../src/sender.ts';
import { storeSettings } from '../src/store-settings.ts';
import { openStore, originOfStore } from '../src/store.ts';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));

interface Run {
  readonly status: number | null;
  readonly stderr: string;
}

function run(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Run> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], AWS_EC2_METADATA_DISABLED: 'true', ...environment };
    const child = execFile(process.execPath, [MAIN, ...args], { env }, (_error, _stdout, stderr) =>
      resolve({ status: child.exitCode, stderr }),
    );
  });
}

const WRONG: readonly (readonly string[])[] = [
  [],
  ['apache'],
  ['stream', 'redirect'],
  ['stream', '--port', 'x'],
  ['stream', '--port', '70000'],
  ['stream', '--engine', 'minio'],
  ['stream', '--fil'],
];

for (const args of WRONG) {
  test(`the command line "${args.join(' ')}" starts nothing and says what is possible`, async (t) => {
    const { status, stderr } = await run(args);
    t.is(status, 2);
    t.regex(stderr, /Usage: .*<stream\|redirect\|nginx>/);
  });
}

test('a store without a bucket is a mistake that is told at once', async (t) => {
  const { status, stderr } = await run(['stream'], { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' });
  t.is(status, 1);
  t.regex(stderr, /S3_BUCKET/);
});

test('an address that is none is told by its option', async (t) => {
  const environment = { S3_BUCKET: 'files', AWS_ENDPOINT_URL_S3: '127.0.0.1:9000' };
  const { status, stderr } = await run(['stream'], environment);
  t.is(status, 1);
  t.regex(stderr, /endpoint/);
});

test('a bucket is served by the names that the tools of AWS have, else a store is started', (t) => {
  t.is(storeSettings({}), undefined);
  t.deepEqual(storeSettings({ S3_BUCKET: 'files' }), { bucket: 'files' });
  t.deepEqual(storeSettings({ S3_BUCKET: 'files', AWS_ENDPOINT_URL: 'http://a' }), {
    bucket: 'files',
    endpoint: 'http://a',
  });
  t.deepEqual(
    storeSettings({
      S3_BUCKET: 'files',
      AWS_ENDPOINT_URL: 'http://a',
      AWS_ENDPOINT_URL_S3: 'http://b',
      S3_PUBLIC_ENDPOINT: 'https://c',
      AWS_REGION: 'garage',
      AWS_SECRET_ACCESS_KEY: 'is read by the SDK alone',
    }),
    { bucket: 'files', endpoint: 'http://b', publicEndpoint: 'https://c', region: 'garage' },
  );
});

test('the three ways to send differ in one option', async (t) => {
  t.deepEqual(senderBy('stream', 'http://127.0.0.1:9000'), {});
  t.deepEqual(senderBy('redirect', 'http://127.0.0.1:9000'), { redirect: { expiresIn: 60 } });
  const { dialect } = senderBy('nginx', 'http://127.0.0.1:9000');
  t.is(dialect?.name, 'nginx');
  t.is(dialect?.valueForUrl?.('http://127.0.0.1:9000/files/a?b=c'), '/_store/files/a?b=c');
});

test('nginx fetches where the driver signs for it, which no request has to find out', async (t) => {
  const store = openStore({
    bucket: 'files',
    endpoint: 'http://127.0.0.1:1',
    publicEndpoint: 'https://files.example',
    credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
  });
  t.teardown(() => store.close());
  t.is(await originOfStore(store), 'http://127.0.0.1:1');
});

test('a bucket is filled with a folder, and what is there already stays', async (t) => {
  const folder = await makeFolder(t, { 'a.txt': 'one', 'b/ü c.txt': 'two' });
  const objects = new Map<string, MemoryObject>([['a.txt', { bytes: Buffer.from('own') }]]);
  const driver = createMemoryDriver({ objects });
  await fillBucket(driver, folder);
  t.deepEqual(
    Array.from(objects, ([key, { bytes }]) => [key, Buffer.from(bytes).toString()]),
    [
      ['a.txt', 'own'],
      ['b/ü c.txt', 'two'],
    ],
  );
  t.is(driver.openHandles(), 0);
  await driver.put(parseKey('a.txt')!, Buffer.from('longer'));
  await fillBucket(driver, folder);
  t.is(Buffer.from(objects.get('a.txt')!.bytes).toString(), 'one');
});

async function makeFolder(
  t: ExecutionContext,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-s3-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}
