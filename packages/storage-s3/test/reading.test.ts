import { setTimeout as delay } from 'node:timers/promises';

import type { ObjectHandle, StorageKey } from '@sluice/core';
import test from 'ava';

import { fails, read } from './helpers/results.ts';
import {
  type Answer,
  BUCKET,
  head,
  KEY,
  part,
  refusal,
  type ScriptedStore,
  SECRETS,
  startScriptedStore,
} from './helpers/scripted-store.ts';
import { answers, BYTES, WINDOW } from './tables/answers.ts';
import { refusals } from './tables/refusals.ts';

const MEBIBYTE = 1_048_576;
const LARGE = Buffer.alloc(4 * MEBIBYTE, 'x');

async function opened(
  store: ScriptedStore,
  headAnswer: Answer,
  options = {},
): Promise<ObjectHandle> {
  store.script(headAnswer);
  const handle = await store.driver(options).open(KEY);
  if (handle === undefined) throw new Error('the object is not there');
  return handle;
}

test('the facts of an object are those of its head', async (t) => {
  const store = await startScriptedStore(t);
  store.script(head(12, { 'content-encoding': 'gzip, aws-chunked' }));
  t.deepEqual(
    { ...(await store.driver().stat(KEY)) },
    {
      size: 12,
      version: { token: '"tag-1"', hold: 'condition' },
      entityTag: '"tag-1"',
      lastModified: Date.UTC(2026, 10, 1, 10),
      contentType: 'text/x-told',
      contentEncoding: 'gzip',
    },
  );
  t.deepEqual(
    store.requests.map(({ method, target }) => `${method} ${target}`),
    [`HEAD /${BUCKET}/${KEY}`],
  );
});

for (const [told, key, type] of [
  ['binary/octet-stream', 'a.pdf', 'application/pdf'],
  ['application/octet-stream', 'a.txt', 'text/plain; charset=utf-8'],
  ['application/octet-stream', 'a', undefined],
  ['text/plain', 'a.pdf', 'text/plain'],
  ['not a type', 'a.pdf', 'application/pdf'],
] as const) {
  test(`an object ${key} that the store calls ${told} is ${type}`, async (t) => {
    const store = await startScriptedStore(t);
    store.script(head(1, { 'content-type': told }));
    t.is((await store.driver().stat(key as StorageKey))?.contentType, type);
  });
}

test('a version is its id where there is one, else its entity tag, else what can be noticed', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  const versionOf = async (headers: Readonly<Record<string, string>>) => {
    store.script(head(12, headers));
    return (await driver.stat(KEY))?.version;
  };
  t.deepEqual(await versionOf({ 'x-amz-version-id': 'v.1_x' }), {
    token: 'v.1_x',
    hold: 'immutable',
  });
  t.deepEqual(await versionOf({ 'x-amz-version-id': 'null' }), {
    token: '"tag-1"',
    hold: 'condition',
  });
  t.deepEqual(await versionOf({ etag: 'tag-2' }), { token: '"tag-2"', hold: 'condition' });
  t.like(await versionOf({ etag: 'W/"tag-1"' }), { hold: 'detect' });
  t.like(await versionOf({ etag: '' }), { hold: 'detect' });
  store.script({ status: 200, headers: { 'content-length': '12' } });
  t.is((await fails(t, driver.stat(KEY))).code, 'SLUICE_IO');
});

test('a read asks for the window of the version, and nothing for an empty one', async (t) => {
  const store = await startScriptedStore(t);
  const tagged = await opened(store, head(12));
  store.script(part(BYTES, WINDOW));
  t.is(Buffer.from(await read(tagged, WINDOW)).toString(), 'defg');
  t.like(store.requests.at(-1)?.headers, { range: 'bytes=3-6', 'if-match': '"tag-1"' });
  const numbered = await opened(store, head(12, { 'x-amz-version-id': 'v1' }));
  store.script(part(BYTES, WINDOW, { 'x-amz-version-id': 'v1' }));
  t.is(Buffer.from(await read(numbered, WINDOW)).toString(), 'defg');
  const { target, headers } = store.requests.at(-1) ?? {};
  t.true(target?.includes('versionId=v1'));
  t.is(headers?.['if-match'], undefined);
  const before = store.requests.length;
  t.is((await read(tagged, { start: 5, end: 5 })).byteLength, 0);
  t.is(store.requests.length, before);
});

test('an answer of another version id is refused', async (t) => {
  const store = await startScriptedStore(t);
  const handle = await opened(store, head(12, { 'x-amz-version-id': 'v1' }));
  store.script(part(BYTES, WINDOW, { 'x-amz-version-id': 'v2' }));
  t.is((await fails(t, read(handle, WINDOW))).code, 'SLUICE_VERSION_CHANGED');
});

test('of a store that names no version, a new date and a new total are noticed', async (t) => {
  const store = await startScriptedStore(t);
  const handle = await opened(store, head(12, { etag: '' }));
  store.script(part(BYTES, WINDOW, { etag: '' }));
  t.is(Buffer.from(await read(handle, WINDOW)).toString(), 'defg');
  store.script(part(BYTES, WINDOW, { etag: '', 'last-modified': 'Sun, 01 Nov 2026 10:00:01 GMT' }));
  t.is((await fails(t, read(handle, WINDOW))).code, 'SLUICE_VERSION_CHANGED');
});

for (const { title, answer, whole, gives } of answers) {
  test(`a read answered with ${title} gives ${gives}, and the next one is served`, async (t) => {
    const store = await startScriptedStore(t);
    const handle = await opened(store, head(12), { maxSockets: 1, timeouts: { answer: 8000 } });
    const window = whole === true ? { start: 0, end: 12 } : WINDOW;
    store.script(answer);
    const result = read(handle, window);
    if (gives === 'the bytes') {
      const expected = Buffer.from(BYTES.subarray(window.start, window.end));
      t.deepEqual(Buffer.from(await result), expected);
    } else {
      t.is((await fails(t, result)).code, gives);
    }
    // One connection, which a body that was left lying would hold.
    store.script(part(BYTES, WINDOW));
    t.is(Buffer.from(await read(handle, WINDOW)).toString(), 'defg');
  });
}

for (const { title, answer, code, retryAfter } of refusals) {
  test(`a read answered with ${title} fails with ${code}, and tells no secret`, async (t) => {
    const store = await startScriptedStore(t);
    const handle = await opened(store, head(12));
    store.otherwise(answer);
    const error = await fails(t, read(handle, WINDOW));
    t.is(error.code, code);
    if (retryAfter !== undefined) t.is(error.retryAfter, retryAfter);
    const text = `${String(error)} ${JSON.stringify(error)}`;
    for (const secret of [BUCKET, KEY, 'private-name', ...Object.values(SECRETS), store.endpoint]) {
      t.false(text.includes(secret));
    }
  });
}

test('a refusal of HEAD, which has no words, is looked into', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  store.script({ status: 400 }, refusal(400, 'ExpiredToken'));
  const error = await fails(t, driver.stat(KEY));
  t.is(error.code, 'SLUICE_ACCESS_DENIED');
  t.is(error.message, 'the credentials have expired');
  t.is(store.requests.at(-1)?.headers.range, 'bytes=0-0');
});

test('a head that cannot be read is no refusal', async (t) => {
  const store = await startScriptedStore(t);
  store.script(head(12, { 'last-modified': 'garbage' }));
  const error = await fails(t, store.driver().stat(KEY));
  t.is(error.code, 'SLUICE_IO');
  t.is(error.message, 'the store gave an answer that cannot be read');
});

test('a missing object is none, and a missing bucket a mistake in the set-up', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  store.script({ status: 404 }, { status: 404 });
  t.is((await fails(t, driver.stat(KEY))).code, 'SLUICE_CONFIG');
  store.script({ status: 404 }, { status: 200 });
  t.is(await driver.stat(KEY), undefined);
  // A bucket that was there is believed to be there for a while.
  store.script({ status: 404 });
  t.is(await driver.open(KEY), undefined);
  t.is(
    store.requests.filter(
      ({ target }) =>
        target.startsWith(`/${BUCKET}?`) || target === `/${BUCKET}` || target === `/${BUCKET}/`,
    ).length,
    2,
  );
});

test('AccessDenied means missing only where it was said so, and no other refusal does', async (t) => {
  const store = await startScriptedStore(t);
  store.otherwise(refusal(403, 'AccessDenied'));
  t.is((await fails(t, store.driver().stat(KEY))).code, 'SLUICE_ACCESS_DENIED');
  const lenient = store.driver({ missingAs403: true });
  t.is(await lenient.stat(KEY), undefined);
  store.otherwise(refusal(403, 'SignatureDoesNotMatch'));
  t.is((await fails(t, lenient.stat(KEY))).code, 'SLUICE_ACCESS_DENIED');
});

test('of an object that is asked why its head is refused, nothing is read', async (t) => {
  const store = await startScriptedStore(t);
  // Every test of this file begins at once: what is no matter of time has all that it takes.
  const driver = store.driver({ timeouts: { answer: 8000 } });
  store.script({ status: 403 }, (response) => {
    // All of the object, and without an end, whatever part was asked for.
    response.writeHead(200, { etag: '"tag-1"' }).write(LARGE);
  });
  t.is((await fails(t, driver.stat(KEY))).code, 'SLUICE_ACCESS_DENIED');
});

test('a stat that is known saves the question, and binds the reads', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  store.script(head(12));
  const known = await driver.stat(KEY);
  const handle = await driver.open(KEY, { known });
  t.is(store.requests.length, 1);
  store.script(refusal(412, 'PreconditionFailed'));
  t.is((await fails(t, read(handle!, WINDOW))).code, 'SLUICE_VERSION_CHANGED');
  t.is(store.requests.at(-1)?.headers['if-match'], '"tag-1"');
  // One that is of another kind of store binds nothing here.
  store.script(head(7));
  const foreign = { size: 1, version: { token: '1', hold: 'handle' } } as const;
  t.is((await driver.open(KEY, { known: foreign }))?.stat.size, 7);
});

test('a store that gives no head in time, or stops in the middle, is a timeout', async (t) => {
  const mute = await startScriptedStore(t);
  mute.otherwise(() => undefined);
  const hasty = mute.driver({ timeouts: { answer: 100 } });
  t.is((await fails(t, hasty.stat(KEY))).code, 'SLUICE_TIMEOUT');
  // Another one: the request before may come in after it was given up.
  const store = await startScriptedStore(t);
  const handle = await opened(store, head(12), { timeouts: { idle: 1000 }, maxSockets: 1 });
  store.script((response) => {
    response.writeHead(206, { ...part(BYTES, WINDOW).headers, 'content-length': '4' });
    response.write('de');
  });
  t.is((await fails(t, read(handle, WINDOW))).code, 'SLUICE_TIMEOUT');
  // The connection was let go of.
  store.script(part(BYTES, WINDOW));
  t.is((await read(handle, WINDOW)).byteLength, 4);
});

test.serial('a store that drips, and a reader who takes his time, are no timeout', async (t) => {
  const store = await startScriptedStore(t);
  const handle = await opened(store, head(LARGE.byteLength), { timeouts: { idle: 1000 } });
  store.script((response) => {
    response.writeHead(206, {
      ...part(BYTES, WINDOW).headers,
      'content-range': 'bytes 0-4/4194304',
      'content-length': '5',
    });
    let left = 5;
    const drip = setInterval(() => {
      left--;
      if (left > 0) response.write('x');
      else response.end('x', () => clearInterval(drip));
    }, 300);
  });
  t.is((await read(handle, { start: 0, end: 5 })).byteLength, 5);
  store.script(part(LARGE, { start: 0, end: LARGE.byteLength }));
  const body = (await handle.read({
    start: 0,
    end: LARGE.byteLength,
  })) as AsyncIterableIterator<Uint8Array>;
  let length = 0;
  for await (const piece of body) {
    if (length === 0) await delay(1500);
    length += piece.byteLength;
  }
  t.is(length, LARGE.byteLength);
});

test('an abort ends a body at once, and what a body held is free again', async (t) => {
  const store = await startScriptedStore(t);
  const handle = await opened(store, head(LARGE.byteLength), { maxSockets: 1 });
  const window = { start: 0, end: LARGE.byteLength };
  store.otherwise(part(LARGE, window));
  const controller = new AbortController();
  const call = { signal: controller.signal };
  const body = (await handle.read(window, call)) as AsyncIterableIterator<Uint8Array>;
  t.false((await body.next()).done);
  const reason = new Error('the client has left');
  controller.abort(reason);
  const error = await fails(t, body.next());
  t.is(error.code, 'SLUICE_ABORTED');
  t.is(error.cause, reason);
  // Left early, left unread, and read to the end, all of them through one connection.
  const early = (await handle.read(window)) as AsyncIterableIterator<Uint8Array>;
  await early.next();
  await early.return?.();
  t.deepEqual(await early.next(), { done: true, value: undefined });
  const unread = (await handle.read(window)) as AsyncIterableIterator<Uint8Array>;
  await unread.return?.();
  t.is((await read(handle)).byteLength, LARGE.byteLength);
});

test('keys that this store cannot hold are not asked for', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  const long = Array.from({ length: 5 }, () => 'x'.repeat(250)).join('/') as StorageKey;
  for (const key of [long, 'a/../b', '', '/a', 'a\u0000b', '\ud800'] as StorageKey[]) {
    t.is(await driver.stat(key), undefined);
    t.is(await driver.open(key), undefined);
    t.is(await driver.signUrl(key, { expiresIn: 60 }), undefined);
    t.is((await fails(t, driver.put(key, BYTES))).code, 'SLUICE_INVALID_KEY');
    await driver.delete(key);
  }
  t.is(store.requests.length, 0);
});
