import test from 'ava';

import {
  allow,
  createSluice,
  type Download,
  type LocalPath,
  type ObjectStat,
  type Obligations,
  SluiceError,
  type SignedUrl,
  type SignOptions,
  type SluiceOptions,
  type StorageDriver,
} from '@sluice/core';
import type { Conditions } from '@sluice/core/http';
import { type Dialect, dialectFromName, nginx, type NginxOptions } from '@sluice/core/offload';

import { keyOf, pattern, probe, statOf } from '../helpers/objects.ts';

const ORIGIN = 'http://127.0.0.1:9000';
const NGINX = nginx({ store: { origin: ORIGIN } });
const SECRET = `${ORIGIN}/bucket/caf%C3%A9/a%2Bb?X-Amz-Signature=5ec%2F7e7`;
const ORDER = '/_store/bucket/caf%25C3%25A9/a%252Bb?X-Amz-Signature=5ec%2F7e7';

/** URLs, and what nginx is told: each segment is encoded once more, the query stays as it is. */
const urls: readonly (readonly [url: string, value: string | undefined])[] = [
  ['/b/a?s=1', '/_store/b/a?s=1'],
  ['/b/%E6%97%A5%2F?s=1', '/_store/b/%25E6%2597%25A5%252F?s=1'],
  ["/b/a+b@c:d!$&'()*,;=~?s=1", '/_store/b/a%2Bb%40c%3Ad%21%24%26%27%28%29%2A%2C%3B%3D~?s=1'],
  ['/b/%e3%41?s=%e3%41+a;b&&=?/', '/_store/b/%25e3%2541?s=%e3%41+a;b&&=?/'],
  ['/b/..a/...?s=1', '/_store/b/..a/...?s=1'],
  ['/b/a', undefined],
  ['/b/a?', undefined],
  ['/b//a?s=1', undefined],
  ['/b/?s=1', undefined],
  ['/?s=1', undefined],
  ['/b/../a?s=1', undefined],
  ['/./a?s=1', undefined],
  ['', undefined],
  ['?s=1', undefined],
  ['.evil.example/b/a?s=1', undefined],
  ['@evil.example/b/a?s=1', undefined],
  ['0/b/a?s=1', undefined],
];

for (const [rest, value] of urls) {
  test(`nginx is told ${value ?? 'nothing'} of the URL …${rest}`, (t) => {
    t.is(NGINX.valueForUrl?.(`${ORIGIN}${rest}`), value);
  });
}

test('nginx is told of no URL of another origin', (t) => {
  for (const origin of [
    'https://127.0.0.1:9000',
    'http://127.0.0.1',
    'http://127.0.0.1:9001',
    'http://localhost:9000',
    'http://u:p@127.0.0.1:9000',
  ]) {
    t.is(NGINX.valueForUrl?.(`${origin}/b/a?s=1`), undefined);
  }
});

test('without a store nginx fetches nothing, and without a path for files it sends none', (t) => {
  t.false('valueForUrl' in nginx({ prefix: '/_sluice/' }));
  const place: LocalPath = { root: '/srv', prefix: '', path: '/srv/a' };
  t.is(NGINX.valueFor(place, {}), undefined);
  const both = nginx({ prefix: '/_f/', store: { origin: 'https://s3.example', prefix: '/_s3/' } });
  t.is(both.valueFor(place, {}), '/_f/a');
  t.is(both.valueForUrl?.('https://s3.example/b/a?s=1'), '/_s3/b/a?s=1');
});

test('a name in the configuration can stand for nginx with a store', (t) => {
  const named = dialectFromName('nginx', { store: { origin: ORIGIN } });
  t.is(named?.valueForUrl?.(SECRET), ORDER);
  t.is(dialectFromName('simple', { store: { origin: ORIGIN } }), undefined);
  t.throws(() => dialectFromName('simple', { store: { origin: 's3' } }), {
    message: /origin must/,
  });
});

const mistakes: readonly (readonly [title: string, options: unknown, message: RegExp])[] = [
  ['neither files nor a store', {}, /^nginx: prefix must be /],
  ['no origin', { store: {} }, /^nginx: store: origin must be .*got undefined$/],
  ['an origin with a slash', { store: { origin: 'http://a/' } }, /origin must be .*"http:\/\/a\/"/],
  ['an origin with a path', { store: { origin: 'http://a/b' } }, /origin must be/],
  ['an origin with a user', { store: { origin: 'http://u@a' } }, /origin must be/],
  ['an origin with the usual port', { store: { origin: 'http://a:80' } }, /origin must be/],
  ['an origin in capitals', { store: { origin: 'HTTP://A' } }, /origin must be/],
  ['an origin of another kind', { store: { origin: 'ftp://a' } }, /origin must be/],
  ['no URL', { store: { origin: 's3' } }, /origin must be/],
  ['a path with no slash', { store: { origin: ORIGIN, prefix: '/_s' } }, /store: prefix must be/],
  ['an unknown option', { store: { origin: ORIGIN, bucket: 'b' } }, /unknown option "bucket"/],
  ['no object', { store: ORIGIN }, /store: options must be an object/],
  ...(
    [
      ['/_store/', '/_store/'],
      ['/_store/files/', '/_store/'],
      ['/_s/', '/_s/store/'],
      [{ '': '/_a/', videos: '/_b/' }, '/_b/store/'],
    ] as const
  ).map(
    ([prefix, inner]) =>
      [
        `files at ${JSON.stringify(prefix)} and the store at ${inner}`,
        { prefix, store: { origin: ORIGIN, prefix: inner } },
        /^nginx: store: prefix .* must lie apart$/,
      ] as const,
  ),
];

for (const [title, options, message] of mistakes) {
  test(`nginx takes no ${title}`, (t) => {
    t.throws(() => nginx(options as NginxOptions), { instanceOf: TypeError, message });
  });
}

interface Ask {
  readonly method?: string;
  readonly conditions?: Conditions;
  readonly obligations?: Obligations;
  readonly stat?: Partial<ObjectStat>;
  readonly dialect?: Dialect;
  readonly signed?: SignedUrl | undefined;
  readonly driver?: Partial<StorageDriver>;
  readonly options?: Partial<SluiceOptions>;
}

async function open(ask: Ask = {}): Promise<Download & { readonly signs: readonly SignOptions[] }> {
  const signs: SignOptions[] = [];
  const { url, expires, pinned } = { url: SECRET, expires: 0, pinned: false };
  const { driver } = probe(pattern(1000), {
    stat: statOf(1000, ask.stat),
    driver: {
      async internalUrl(_key, options) {
        signs.push(options);
        return 'signed' in ask ? ask.signed : { url, expires, pinned };
      },
      ...ask.driver,
    },
  });
  const sluice = createSluice({
    storage: driver,
    policy: () => allow(ask.obligations),
    dialect: ask.dialect ?? NGINX,
    ...ask.options,
  });
  const { method = 'GET', conditions } = ask;
  const key = keyOf('a');
  return { ...(await sluice.open({ method, key, subject: undefined, conditions })), signs };
}

test('nginx gets an order that holds the URL, and a plan that does not', async (t) => {
  const { plan, body, secretHeaders, signs } = await open();
  t.deepEqual(plan, {
    kind: 'offload',
    status: 200,
    headers: {
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache, no-transform',
      'content-disposition': 'attachment; filename="a"',
      'content-type': 'application/pdf',
      // For `If-Match`: nginx is to get this version or none.
      etag: '"v1"',
      'x-content-type-options': 'nosniff',
      'content-length': '0',
    },
    dialect: 'nginx',
    why: 'nginx fetches it from the store',
  });
  t.true(Object.isFrozen(plan));
  t.true(Object.isFrozen(plan.headers));
  t.is(body, undefined);
  t.deepEqual(secretHeaders, { 'x-accel-redirect': ORDER });
  // Whatever the store would answer with, nginx hides it.
  t.deepEqual(signs, [{ expiresIn: 300, version: { token: '1', hold: 'handle' } }]);
});

/** What nginx is told to fetch, and with which headers beside the usual. */
const fetched: readonly (readonly [
  title: string,
  ask: Ask,
  headers?: Readonly<Record<string, string>>,
])[] = [
  ['a range', { conditions: { range: 'bytes=0-9' } }],
  ['the rest of this version', { conditions: { range: 'bytes=9-', ifRange: '"v1"' } }],
  ['a rate', { obligations: { rate: 5000 } }, { 'x-accel-limit-rate': '5000' }],
  ['an encoded object', { stat: { contentEncoding: 'br' } }, { 'content-encoding': 'br' }],
  [
    'a header that nginx gives back',
    { obligations: { headers: { Vary: 'Cookie' } } },
    { vary: 'Cookie' },
  ],
  [
    'active content inline',
    { obligations: { disposition: 'inline', contentType: 'text/html' } },
    { 'content-security-policy': "sandbox; default-src 'none'" },
  ],
  ['a version of now', { stat: { lastModified: Date.now() } }],
  ['what no client is sent to', { obligations: { redirect: false } }],
];

for (const [title, ask, headers = {}] of fetched) {
  test(`${title}: nginx fetches it`, async (t) => {
    const redirect = { expiresIn: 60 };
    const signUrl = async (): Promise<never> => t.fail('signed for a client');
    const all = { ...ask, driver: { signUrl, ...ask.driver }, options: { redirect } };
    const { plan, secretHeaders } = await open(all);
    t.is(plan.kind, 'offload', plan.why);
    t.like(plan.headers, { etag: '"v1"', 'content-length': '0', ...headers });
    t.false('content-range' in plan.headers);
    t.false('last-modified' in plan.headers);
    t.deepEqual(secretHeaders, { 'x-accel-redirect': ORDER });
  });
}

/** What is streamed, and why. */
const streamed: readonly (readonly [title: string, ask: Ask, why: string])[] = [
  [
    'HEAD',
    { method: 'HEAD' },
    'no range was asked for; not sent by nginx: the object lies on no local disk',
  ],
  [
    'several ranges',
    { conditions: { range: 'bytes=0-9,20-29' } },
    'not sent by the store: a store may answer this range in another way',
  ],
  [
    'a broken range',
    { conditions: { range: 'bytes=x' } },
    'not sent by the store: a store may answer this range in another way',
  ],
  [
    'If-Range of another version',
    { conditions: { range: 'bytes=9-', ifRange: '"v0"' } },
    'not sent by the store: a store may answer this range in another way',
  ],
  [
    'a tag of the policy',
    { obligations: { entityTag: '"p"' } },
    'not sent by the store: the store has another entity tag',
  ],
  [
    'no tag',
    { stat: { entityTag: undefined as never } },
    'not fetched by nginx: no strong entity tag binds the version',
  ],
  [
    'a weak tag',
    { stat: { entityTag: 'W/"v1"' } },
    'not fetched by nginx: no strong entity tag binds the version',
  ],
  [
    'a tag that is none',
    { stat: { entityTag: 'v1' } },
    'not fetched by nginx: no strong entity tag binds the version',
  ],
  [
    'a header that nginx drops',
    { obligations: { headers: { 'X-Request-Id': '7' } } },
    'not fetched by nginx: it drops the header x-request-id',
  ],
  ['no URL', { signed: undefined }, 'not fetched by nginx: the store signs no such URL'],
  [
    'a URL that is none',
    { signed: { url: `${SECRET} `, expires: 0, pinned: false } },
    'not fetched by nginx: the store signs no such URL',
  ],
  [
    'a URL of another host',
    { signed: { url: 'http://evil.example/a?s=1', expires: 0, pinned: false } },
    'not fetched by nginx: it cannot be told the URL',
  ],
  [
    'a URL that no buffer takes',
    { signed: { url: `${SECRET}&${'x'.repeat(3000)}`, expires: 0, pinned: false } },
    'not fetched by nginx: it does not take so long a head',
  ],
  [
    'a value with a line break',
    { dialect: { ...NGINX, valueForUrl: () => '/a\r\nx: y' } },
    'not fetched by nginx: it cannot be told the URL',
  ],
  [
    'a server that bounds no rate',
    { dialect: { ...NGINX, rateHeaderFor: () => undefined }, obligations: { rate: 1_000_000 } },
    'not fetched by nginx: it cannot bound the rate',
  ],
];

for (const [title, ask, why] of streamed) {
  test(`${title} is streamed: ${why}`, async (t) => {
    const { plan, secretHeaders } = await open(ask);
    t.true(['whole', 'range', 'ranges'].includes(plan.kind));
    t.true(plan.why.endsWith(why), plan.why);
    t.is(secretHeaders, undefined);
    t.notRegex(JSON.stringify(plan), /5ec/);
  });
}

test('what nginx cannot fetch, a client is sent to; the plan of neither tells both reasons', async (t) => {
  const location = 'https://public.example/a?s=1';
  const signUrl = async (): Promise<SignedUrl> => ({ url: location, expires: 0, pinned: false });
  const ask: Ask = {
    stat: { entityTag: 'W/"v1"' },
    driver: { signUrl },
    options: { redirect: { expiresIn: 60 } },
  };
  const { plan, secretHeaders } = await open(ask);
  t.is(plan.kind, 'redirect');
  t.deepEqual(secretHeaders, { location });
  const neither = await open({ ...ask, obligations: { rate: 1_000_000 } });
  t.regex(
    neither.plan.why,
    /; not fetched by nginx: no strong .*; not redirected: a store bounds no rate$/,
  );
});

test('a file on a disk is sent from there, whatever the store could sign', async (t) => {
  const dialect = nginx({ prefix: '/_sluice/', store: { origin: ORIGIN } });
  const localPath = (key: string): LocalPath => ({ root: '/srv', prefix: '', path: `/srv/${key}` });
  const { plan, secretHeaders, signs } = await open({ dialect, driver: { localPath } });
  t.is(plan.headers['x-accel-redirect'], '/_sluice/a');
  t.is(secretHeaders, undefined);
  t.deepEqual(signs, []);
  const young = { stat: { lastModified: Date.now() }, dialect, driver: { localPath } };
  t.is((await open(young)).plan.why, 'nginx fetches it from the store');
});

test('a store that fails to sign is a fault, and no reason to stream', async (t) => {
  const error = new SluiceError('SLUICE_TIMEOUT', 'no credentials in time');
  const { plan, error: told } = await open({
    driver: { internalUrl: () => Promise.reject(error) },
  });
  t.like(plan, { kind: 'failed', status: 503 });
  t.is(told, error);
});

test('a dialect that can fetch says so with a function', (t) => {
  const dialect = { ...NGINX, valueForUrl: 'yes' as never };
  const { driver } = probe(pattern(1));
  t.throws(() => createSluice({ storage: driver, policy: () => allow(), dialect }), {
    instanceOf: TypeError,
    message: /valueForUrl of a dialect must be a function, or absent, got "yes"$/,
  });
});
