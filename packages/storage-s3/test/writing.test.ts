import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

import { type ByteSource, type SluiceErrorCode, SluiceError, type StorageKey } from '@sluice/core';
import test, { type ExecutionContext } from 'ava';

import { createS3Driver, type S3Driver } from '../src/index.ts';
import {
  type MemoryStore,
  type MemoryStoreOptions,
  startMemoryStore,
} from './helpers/memory-store.ts';
import { KEY, refusal, SECRETS, startScriptedStore } from './helpers/scripted-store.ts';
import { oddKeys } from './tables/odd-keys.ts';

const MEBIBYTE = 1_048_576;
const PART = 5 * MEBIBYTE;

interface Setting {
  readonly store: MemoryStore;
  readonly driver: S3Driver;
}

type Before = Exclude<MemoryStoreOptions['before'], undefined>;

const neverAnswers: Before = () => false;

async function setUp(
  t: ExecutionContext,
  { isVersioned = false, pageSize = 1000, before = neverAnswers }: Partial<MemoryStoreOptions> = {},
): Promise<Setting> {
  const store = await startMemoryStore({ isVersioned, pageSize, before });
  const { endpoint, bucket } = store;
  const driver = createS3Driver({ endpoint, bucket, credentials: SECRETS, partSize: PART });
  t.teardown(async () => {
    await driver.close();
    await store.close();
  });
  return { store, driver };
}

/** So many bytes in pieces of half a mebibyte, all of them in the same memory. */
async function* pieces(length: number): AsyncGenerator<Uint8Array, undefined> {
  const memory = Buffer.alloc(MEBIBYTE / 2);
  for (let at = 0; at < length; at += memory.byteLength) {
    memory.fill(at / memory.byteLength);
    yield memory.subarray(0, Math.min(memory.byteLength, length - at));
  }
}

function isEndOfUpload({ method, url = '' }: IncomingMessage): boolean {
  return method === 'POST' && url.includes('uploadId=');
}

async function content(driver: S3Driver, key: StorageKey): Promise<Buffer | undefined> {
  const handle = await driver.open(key);
  const source = await handle?.read({ start: 0, end: handle.stat.size });
  if (source === undefined) return undefined;
  return source instanceof Uint8Array ? Buffer.from(source) : gathered(source);
}

async function gathered(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const piece of source) copies.push(Buffer.from(piece));
  return Buffer.concat(copies);
}

async function holds(driver: S3Driver, expected: Buffer): Promise<boolean> {
  return (await content(driver, KEY))?.equals(expected) === true;
}

async function fails(
  t: ExecutionContext,
  call: Promise<unknown>,
  code: SluiceErrorCode,
): Promise<void> {
  t.is((await t.throwsAsync(call, { instanceOf: SluiceError }))?.code, code);
}

test('a long source is stored in parts, and is not kept in memory beyond one', async (t) => {
  const { store, driver } = await setUp(t);
  for (const length of [PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 7]) {
    const stat = await driver.put(KEY, pieces(length));
    t.is(stat.size, length);
    t.true(await holds(driver, await gathered(pieces(length))));
  }
  t.is(store.largestRequest(), PART);
  t.is(store.uploads(), 0);
  const bytes = await gathered(pieces(PART + 1));
  t.is((await driver.put(KEY, bytes)).size, PART + 1);
  t.true(await holds(driver, bytes));
});

test('what a name says of the type is told to the store', async (t) => {
  const { driver } = await setUp(t);
  t.is((await driver.put('a.pdf' as StorageKey, Buffer.from('x'))).contentType, 'application/pdf');
  t.is((await driver.put('a' as StorageKey, Buffer.from('x'))).contentType, undefined);
});

test('who stores an object may name its type, in one request and in parts', async (t) => {
  const { driver } = await setUp(t);
  const contentType = 'video/x-told; a=b';
  for (const length of [1, PART + 1]) {
    const stat = await driver.put('a.pdf' as StorageKey, Buffer.alloc(length), { contentType });
    t.is(stat.contentType, contentType);
  }
  await t.throwsAsync(driver.put(KEY, Buffer.from('x'), { contentType: 'a/b\r\nx: y' }), {
    instanceOf: TypeError,
    message: String.raw`put: contentType must be a media type, got "a/b\r\nx: y"`,
  });
});

for (const [title, source, code] of [
  ['fails', 'fault', undefined],
  ['is aborted', 'abort', 'SLUICE_ABORTED'],
] as const) {
  test(`a long put that ${title} leaves the old object, and no parts`, async (t) => {
    const { store, driver } = await setUp(t);
    await driver.put(KEY, Buffer.from('old'));
    const controller = new AbortController();
    const fault = new Error('the source failed');
    async function* ending(): AsyncGenerator<Uint8Array, undefined> {
      yield* pieces(2 * PART + 1);
      t.is(store.uploads(), 1);
      if (source === 'fault') throw fault;
      controller.abort();
      yield Buffer.from('more');
    }
    const put = driver.put(KEY, ending(), { signal: controller.signal });
    if (code === undefined) t.is(await t.throwsAsync(put), fault);
    else await fails(t, put, code);
    t.is(store.uploads(), 0);
    t.is(String(await content(driver, KEY)), 'old');
  });
}

for (const [title, isRefused, code] of [
  ['the beginning of the upload', (url: string) => url.includes('uploads'), 'SLUICE_UNAVAILABLE'],
  ['a part', (url: string) => url.includes('partNumber=2'), 'SLUICE_UNAVAILABLE'],
  ['the end of the upload', (url: string) => url.includes('?uploadId'), 'SLUICE_UNAVAILABLE'],
] as const) {
  test(`${title} that the store refuses fails the put, and leaves neither source nor parts`, async (t) => {
    const source = Readable.from(pieces(3 * PART));
    const before: Before = (request, response) => {
      if (request.method === 'DELETE' || !isRefused(request.url ?? '')) return false;
      response.writeHead(503, { 'content-length': '0', 'retry-after': '9' }).end();
      return true;
    };
    const { store, driver } = await setUp(t, { before });
    const error = await t.throwsAsync<SluiceError>(driver.put(KEY, source));
    t.is(error?.code, code);
    t.is(error?.retryAfter, 9);
    t.true(source.destroyed);
    t.is(store.uploads(), 0);
    t.is(await driver.stat(KEY), undefined);
  });
}

test('an upload that is aborted while it begins is removed as soon as it is known', async (t) => {
  const controller = new AbortController();
  let removed = (): void => undefined;
  const removal = new Promise<void>((resolve) => (removed = resolve));
  const { store, driver } = await setUp(t, {
    before({ method, url = '' }, response) {
      if (url.includes('?uploads')) controller.abort();
      if (method === 'DELETE') response.on('finish', removed);
      return false;
    },
  });
  await fails(t, driver.put(KEY, pieces(PART + 1), controller), 'SLUICE_ABORTED');
  await removal;
  t.is(store.uploads(), 0);
});

test('a put that fails before it begins lets go of its source', async (t) => {
  const { driver } = await setUp(t);
  await driver.put(KEY, Buffer.from('old'));
  const exists = Readable.from(pieces(10));
  await fails(t, driver.put(KEY, exists, { ifAbsent: true }), 'SLUICE_EXISTS');
  const aborted = Readable.from(pieces(10));
  await fails(t, driver.put(KEY, aborted, { signal: AbortSignal.abort() }), 'SLUICE_ABORTED');
  await driver.close();
  const closed = Readable.from(pieces(10));
  await fails(t, driver.put(KEY, closed), 'SLUICE_ABORTED');
  t.true(exists.destroyed && aborted.destroyed && closed.destroyed);
});

test('an upload that fails at its end, with a status that says it went well, has failed', async (t) => {
  const before: Before = (request, response) => {
    if (!isEndOfUpload(request)) return false;
    response.writeHead(200).end('<Error><Code>InternalError</Code></Error>');
    return true;
  };
  const { store, driver } = await setUp(t, { before });
  await fails(t, driver.put(KEY, pieces(PART + 1)), 'SLUICE_UNAVAILABLE');
  t.is(store.uploads(), 0);
});

for (const [title, source] of [
  ['short', () => Buffer.from('new')],
  ['long', () => pieces(PART + 1)],
] as const satisfies readonly (readonly [string, () => ByteSource])[]) {
  test(`a ${title} put that is to create an object replaces none`, async (t) => {
    const { store, driver } = await setUp(t);
    await driver.put(KEY, source(), { ifAbsent: true });
    const stored = (await content(driver, KEY)) ?? Buffer.alloc(0);
    await fails(t, driver.put(KEY, source(), { ifAbsent: true }), 'SLUICE_EXISTS');
    t.true(await holds(driver, stored));
    t.is(store.uploads(), 0);
  });
}

test('an object that comes to be during a long put that is to create it, stays', async (t) => {
  const { store, driver } = await setUp(t);
  async function* slow(): AsyncGenerator<Uint8Array, undefined> {
    yield* pieces(PART + 1);
    store.put(KEY, Buffer.from('first'));
  }
  await fails(t, driver.put(KEY, slow(), { ifAbsent: true }), 'SLUICE_EXISTS');
  t.is(String(await content(driver, KEY)), 'first');
  t.is(store.uploads(), 0);
});

test('a store that heeds no condition on writes says so, and nothing is written', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  store.script({ status: 404 }, { status: 200 }, refusal(501, 'NotImplemented'));
  await fails(t, driver.put(KEY, Buffer.from('x'), { ifAbsent: true }), 'SLUICE_UNSUPPORTED');
  // A conflict with another write is a loss only if there is an object now.
  store.script({ status: 404 }, refusal(409, 'ConditionalRequestConflict'), { status: 404 });
  await fails(t, driver.put(KEY, Buffer.from('x'), { ifAbsent: true }), 'SLUICE_UNAVAILABLE');
});

test('a move copies one version, keeps what the store knows, and removes what it copied', async (t) => {
  for (const isVersioned of [false, true]) {
    const { store, driver } = await setUp(t, { isVersioned });
    const to = 'other/Ü +%.pdf' as StorageKey;
    store.put(KEY, Buffer.from('bytes'), { 'content-type': 'text/x-told' });
    t.true(await driver.move(KEY, to));
    t.is(await driver.stat(KEY), undefined);
    t.is((await driver.stat(to))?.contentType, 'text/x-told');
    t.is(String(await content(driver, to)), 'bytes');
    t.false(await driver.move(KEY, to));
    t.true(await driver.move(to, to));
    t.is(String(await content(driver, to)), 'bytes');
  }
});

test('what is written to an object while it is moved is not lost', async (t) => {
  const to = 'other' as StorageKey;
  for (const heeds of [true, false]) {
    let writes = 2;
    const { store, driver } = await setUp(t, {
      before: (request) => {
        if (request.headers['x-amz-copy-source'] === undefined) return false;
        if (!heeds) delete request.headers['x-amz-copy-source-if-match'];
        // Before the first copy, and, where nobody notices, in its middle.
        if (writes > 0) store.put(KEY, Buffer.from(`new ${writes}`));
        writes--;
        return false;
      },
    });
    store.put(KEY, Buffer.from('old'));
    t.true(await driver.move(KEY, to));
    t.is(String(await content(driver, to)), 'new 1');
    t.is(await driver.stat(KEY), undefined);
  }
});

for (const [title, write, isAnswered] of [
  ['a put', (driver) => driver.put(KEY, Buffer.from('new')), ({ method }) => method === 'PUT'],
  ['a long put', (driver) => driver.put(KEY, pieces(PART + 1)), isEndOfUpload],
  [
    'a move',
    (driver) => driver.move(KEY, 'elsewhere' as StorageKey),
    ({ headers }) => headers['x-amz-copy-source'] !== undefined,
  ],
] as const satisfies readonly (readonly [
  string,
  (driver: S3Driver) => Promise<unknown>,
  (request: IncomingMessage) => boolean,
])[]) {
  test(`${title} that somebody else says went well has failed, and leaves what was there`, async (t) => {
    let isProxied = false;
    const before: Before = (request, response) => {
      if (!isProxied || !isAnswered(request)) return false;
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please log in</html>');
      return true;
    };
    const { store, driver } = await setUp(t, { before });
    await driver.put(KEY, Buffer.from('old'));
    isProxied = true;
    await fails(t, write(driver), 'SLUICE_IO');
    t.is(String(await content(driver, KEY)), 'old');
    t.is(store.uploads(), 0);
  });
}

test('an object that never rests is not moved, and stays', async (t) => {
  let writes = 0;
  const { store, driver } = await setUp(t, {
    before: (request) => {
      const isCopy = request.headers['x-amz-copy-source'] !== undefined;
      if (isCopy) store.put(KEY, Buffer.from(`${writes++}`));
      return false;
    },
  });
  store.put(KEY, Buffer.from('old'));
  await fails(t, driver.move(KEY, 'other' as StorageKey), 'SLUICE_UNAVAILABLE');
  t.truthy(await driver.stat(KEY));
});

test('what one request cannot copy is copied in parts', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  const size = 6 * 1024 * MEBIBYTE;
  const head = {
    status: 200,
    headers: { 'content-length': String(size), etag: '"big"', 'content-type': 'video/mp4' },
  };
  const copied = { status: 200, body: '<CopyPartResult><ETag>"p"</ETag></CopyPartResult>' };
  store.script(
    head,
    { status: 200, body: '<R><UploadId>u1</UploadId></R>' },
    ...Array.from({ length: 6 }, () => copied),
    {
      status: 200,
      body: '<CompleteMultipartUploadResult><ETag>"c"</ETag></CompleteMultipartUploadResult>',
    },
    head,
    { status: 204 },
  );
  t.true(await driver.move(KEY, 'other' as StorageKey));
  const [, create, ...rest] = store.requests;
  t.is(create?.headers['content-type'], 'video/mp4');
  t.deepEqual(
    rest.slice(0, 6).map(({ headers }) => headers['x-amz-copy-source-range']),
    Array.from({ length: 6 }, (_, index) => {
      const start = index * 1024 * MEBIBYTE;
      return `bytes=${start}-${start + 1024 * MEBIBYTE - 1}`;
    }),
  );
  t.true(
    rest.slice(0, 6).every(({ headers }) => headers['x-amz-copy-source-if-match'] === '"big"'),
  );
  t.is(rest.at(-1)?.method, 'DELETE');
});

test('a listing goes on over its pages, and gives every key as it is', async (t) => {
  const { store, driver } = await setUp(t, { pageSize: 2 });
  const noKeys = ['folder//x', '/x', 'folder/', 'a/../b', 'line\nbreak'];
  for (const key of [...oddKeys, ...noKeys]) store.put(key, Buffer.from('12345'));
  const listed: string[] = [];
  for await (const { key, size } of driver.list('')) {
    t.is(size, 5);
    listed.push(key);
  }
  t.deepEqual(listed.toSorted(), oddKeys.toSorted());
  const found: string[] = [];
  for await (const { key } of driver.list('100%')) found.push(key);
  t.deepEqual(found, ['100%25.txt']);
  for await (const { key } of driver.list('\ud800')) t.fail(key);
});

test('a listing that does not say how it goes on, or turns in a circle, fails', async (t) => {
  const store = await startScriptedStore(t);
  const page = (next: string): string =>
    `<ListBucketResult><IsTruncated>true</IsTruncated>${next}<Contents><Key>a+b</Key><Size>1</Size></Contents></ListBucketResult>`;
  const keys = async (): Promise<readonly string[]> => {
    const listed: string[] = [];
    for await (const { key } of store.driver().list('')) listed.push(key);
    return listed;
  };
  store.script({ status: 200, body: page('') });
  await fails(t, keys(), 'SLUICE_IO');
  store.otherwise({ status: 200, body: page('<NextContinuationToken>1</NextContinuationToken>') });
  await fails(t, keys(), 'SLUICE_IO');
  // A store that was asked to encode, and did not say that it has.
  store.script({ status: 200, body: page('').replace('true', 'false') });
  t.deepEqual(await keys(), ['a+b']);
});

test('an object that is not there counts as removed, a bucket that is not there does not', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  store.script({ status: 204 }, refusal(404, 'NoSuchKey'), refusal(404, 'NoSuchBucket'));
  await driver.delete(KEY);
  await driver.delete(KEY);
  await fails(t, driver.delete(KEY), 'SLUICE_CONFIG');
});
