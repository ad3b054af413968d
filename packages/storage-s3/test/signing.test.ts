import type { StorageKey } from '@sluice/core';
import test from 'ava';

import { createS3Driver, type S3DriverOptions } from '../src/index.ts';
import { BUCKET, KEY, SECRETS, startScriptedStore } from './helpers/scripted-store.ts';
import { oddKeys } from './tables/odd-keys.ts';

const OPTIONS: S3DriverOptions = {
  bucket: BUCKET,
  endpoint: 'https://store.example',
  credentials: SECRETS,
};

test('a URL is signed for GET, names when it ends, and nothing is sent', async (t) => {
  const store = await startScriptedStore(t);
  const before = Date.now();
  const signed = await store.driver().signUrl(KEY, { expiresIn: 60 });
  const url = new URL(signed!.url);
  t.is(url.origin, store.endpoint);
  t.is(url.pathname, `/${BUCKET}/${KEY}`);
  t.is(url.searchParams.get('X-Amz-Expires'), '60');
  t.is(url.searchParams.get('X-Amz-SignedHeaders'), 'host');
  t.false(signed!.pinned);
  t.true(signed!.expires > before + 58_000 && signed!.expires <= Date.now() + 60_000);
  t.false(signed!.url.includes(SECRETS.secretAccessKey));
  t.is(store.requests.length, 0);
});

for (const key of oddKeys) {
  test(`the URL of ${JSON.stringify(key).slice(0, 40)} is left as it is by URL, and names that key`, async (t) => {
    const driver = createS3Driver(OPTIONS);
    for (const signed of [
      await driver.signUrl(key as StorageKey, { expiresIn: 60 }),
      await driver.internalUrl(key as StorageKey, { expiresIn: 60 }),
    ]) {
      const url = new URL(signed!.url);
      t.is(url.href, signed!.url);
      t.is(decodeURIComponent(url.pathname), `/${BUCKET}/${key}`);
      t.regex(signed!.url, /^[\x21-\x7e]+$/);
    }
  });
}

test('the store is told what to answer with, in these very words', async (t) => {
  const disposition = `attachment; filename="a b.txt"; filename*=UTF-8''a%20%E2%82%AC.txt`;
  const signed = await createS3Driver(OPTIONS).signUrl(KEY, {
    expiresIn: 60,
    headers: {
      'content-disposition': disposition,
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'private, no-store',
      'content-encoding': 'gzip',
      'content-language': 'de',
      expires: 'Thu, 01 Jan 2026 00:00:00 GMT',
    },
  });
  const { searchParams } = new URL(signed!.url);
  t.is(searchParams.get('response-content-disposition'), disposition);
  t.is(searchParams.get('response-content-type'), 'text/plain; charset=utf-8');
  t.is(searchParams.get('response-cache-control'), 'private, no-store');
  t.is(searchParams.get('response-content-encoding'), 'gzip');
  t.is(searchParams.get('response-content-language'), 'de');
  t.is(searchParams.get('response-expires'), 'Thu, 01 Jan 2026 00:00:00 GMT');
});

for (const headers of [
  { 'x-content-type-options': 'nosniff' },
  { etag: '"x"' },
  { 'Content-Type': 'text/plain' },
  { 'content-type': '' },
  { 'content-type': ' text/plain' },
  { 'content-disposition': 'attachment; filename="é"' },
  { 'cache-control': 'no-store\r\nx: y' },
  { expires: 'tomorrow' },
  { expires: 'Thursday, 01-Jan-26 00:00:00 GMT' },
]) {
  test(`there is no URL that answers with ${JSON.stringify(headers)}`, async (t) => {
    t.is(await createS3Driver(OPTIONS).signUrl(KEY, { expiresIn: 60, headers }), undefined);
  });
}

test('a URL is bound to a version that has an id, and to no other', async (t) => {
  const driver = createS3Driver(OPTIONS);
  const sign = (version: { readonly token: string; readonly hold: 'immutable' | 'condition' }) =>
    driver.signUrl(KEY, { expiresIn: 60, version });
  const pinned = await sign({ token: 'v1+/=', hold: 'immutable' });
  t.true(pinned!.pinned);
  t.is(new URL(pinned!.url).searchParams.get('versionId'), 'v1+/=');
  const loose = await sign({ token: '"tag-1"', hold: 'condition' });
  t.false(loose!.pinned);
  t.is(new URL(loose!.url).searchParams.get('versionId'), null);
});

test('clients get the public address, a front server the one inside, each signed for its host', async (t) => {
  const driver = createS3Driver({ ...OPTIONS, publicEndpoint: 'https://files.example/' });
  const outside = await driver.signUrl(KEY, { expiresIn: 60 });
  const inside = await driver.internalUrl(KEY, { expiresIn: 60 });
  t.true(outside!.url.startsWith(`https://files.example/${BUCKET}/`));
  t.true(inside!.url.startsWith(`https://store.example/${BUCKET}/`));
});

for (const [endpoint, forcePathStyle, start] of [
  ['http://store.example:80', true, `http://store.example/${BUCKET}/`],
  ['https://store.example:8443/base/', true, `https://store.example:8443/base/${BUCKET}/`],
  ['https://STORE.example', false, `https://${BUCKET}.store.example/`],
  ['http://[::1]:9000', true, `http://[::1]:9000/${BUCKET}/`],
] as const) {
  test(`a URL for ${endpoint} with forcePathStyle ${forcePathStyle} starts with ${start}`, async (t) => {
    const driver = createS3Driver({ ...OPTIONS, endpoint, forcePathStyle });
    const signed = await driver.signUrl(KEY, { expiresIn: 60 });
    t.true(signed!.url.startsWith(start), signed!.url.split('?')[0]);
    t.is(new URL(signed!.url).href, signed!.url);
  });
}

test('without an endpoint the URLs are those of AWS in the region', async (t) => {
  const driver = createS3Driver({ bucket: BUCKET, region: 'eu-central-1', credentials: SECRETS });
  const signed = await driver.signUrl(KEY, { expiresIn: 60 });
  t.is(new URL(signed!.url).host, `${BUCKET}.s3.eu-central-1.amazonaws.com`);
});

test('a URL ends with the credentials that it was signed with', async (t) => {
  const expiration = new Date(Date.now() + 10_000);
  const credentials = async () => ({ ...SECRETS, sessionToken: 'session', expiration });
  const signed = await createS3Driver({ ...OPTIONS, credentials }).signUrl(KEY, { expiresIn: 60 });
  t.is(signed!.expires, expiration.getTime());
});

test('credentials that never come end a signature in its time, or with its caller', async (t) => {
  const credentials = (): Promise<never> => new Promise(() => undefined);
  const signing = (answer: number, signal?: AbortSignal): Promise<unknown> =>
    createS3Driver({ ...OPTIONS, credentials, timeouts: { answer } }).signUrl(KEY, {
      expiresIn: 60,
      signal,
    });
  await t.throwsAsync(signing(10), { code: 'SLUICE_TIMEOUT' });
  await t.throwsAsync(signing(60_000, AbortSignal.timeout(10)), { code: 'SLUICE_ABORTED' });
});

test('nothing is signed for more than seven days, or for no time at all', async (t) => {
  const driver = createS3Driver(OPTIONS);
  t.truthy(await driver.signUrl(KEY, { expiresIn: 604_800 }));
  await t.throwsAsync(driver.signUrl(KEY, { expiresIn: 604_801 }), { code: 'SLUICE_CONFIG' });
  for (const expiresIn of [0, -1, 1.5, Number.NaN]) {
    await t.throwsAsync(driver.signUrl(KEY, { expiresIn }), { instanceOf: TypeError });
  }
});

for (const [title, options, message] of [
  ['no bucket', {}, /bucket must be/],
  ['a bucket with a slash', { bucket: 'a/b' }, /bucket must be .*"a\/b"/],
  ['a misspelled option', { ...OPTIONS, endPoint: 'x' }, /unknown option "endPoint"/],
  ['an endpoint without a scheme', { ...OPTIONS, endpoint: 'store.example' }, /endpoint must be/],
  ['an endpoint that is a file', { ...OPTIONS, endpoint: 'file:///x' }, /endpoint must be/],
  ['an endpoint with a query', { ...OPTIONS, endpoint: 'http://a/?b' }, /no query/],
  [
    'credentials without a secret',
    { ...OPTIONS, credentials: { accessKeyId: 'hush' } },
    /credentials must/,
  ],
  [
    'credentials with a line break left on them',
    { ...OPTIONS, credentials: { ...SECRETS, accessKeyId: 'hush\n' } },
    /credentials must/,
  ],
  ['a small partSize', { ...OPTIONS, partSize: 1024 }, /partSize must/],
  ['a wrong timeout', { ...OPTIONS, timeouts: { answer: 0 } }, /timeouts\.answer must/],
  ['an unknown timeout', { ...OPTIONS, timeouts: { connect: 1 } }, /unknown option "connect"/],
  ['a flag that is none', { ...OPTIONS, missingAs403: 'yes' }, /missingAs403 must/],
] as const) {
  test(`a driver is not created with ${title}`, (t) => {
    t.throws(() => createS3Driver(options as unknown as S3DriverOptions), {
      instanceOf: TypeError,
      message,
    });
  });
}

test('a mistake in an option quotes no credentials, and no option is written to', async (t) => {
  const wrong = { ...OPTIONS, endpoint: 'http://user:pass-word@store' };
  const error = t.throws(() => createS3Driver(wrong));
  t.false(error.message.includes('pass-word'));
  const credentials = Object.freeze({ ...SECRETS });
  const options = Object.freeze({ ...OPTIONS, credentials });
  t.truthy(await createS3Driver(options).signUrl(KEY, Object.freeze({ expiresIn: 60 })));
});
