import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import test from 'ava';

import {
  allow,
  createSluice,
  denyOverrides,
  type Download,
  type DownloadEvent,
  type DownloadRequest,
  type ObjectStat,
  type Obligations,
  type OpenCall,
  SluiceError,
  type SluiceOptions,
  type SignedUrl,
  type SignOptions,
  type StorageDriver,
} from '@sluice/core';
import type { Conditions } from '@sluice/core/http';
import { caddy, nginx } from '@sluice/core/offload';

import { keyOf, pattern, probe, statOf } from '../helpers/objects.ts';

const BYTES = pattern(1000);
const SECRET = 'https://store.example/bucket/a?X-Amz-Signature=5ec7e7';

interface Ask {
  readonly method?: string;
  readonly conditions?: Conditions;
  readonly obligations?: Obligations;
  readonly stat?: Partial<ObjectStat>;
  readonly signed?: unknown;
  readonly driver?: Partial<StorageDriver>;
  readonly options?: Partial<SluiceOptions>;
}

/** A sluice over a store that signs, and what the store was asked. */
function set({ obligations, stat, driver, options, ...ask }: Ask = {}) {
  const events: DownloadEvent[] = [];
  const signs: SignOptions[] = [];
  const store = probe(BYTES, {
    stat: statOf(BYTES.byteLength, stat),
    driver: {
      async signUrl(_key, asked) {
        signs.push(asked);
        return 'signed' in ask
          ? (ask.signed as SignedUrl)
          : { url: SECRET, expires: 0, pinned: false };
      },
      ...driver,
    },
  });
  const sluice = createSluice({
    storage: store.driver,
    policy: function owner() {
      return allow(obligations);
    },
    redirect: { expiresIn: 60 },
    onCompletion: (event) => events.push(event),
    ...options,
  });
  const request: DownloadRequest = {
    method: ask.method ?? 'GET',
    key: keyOf('a'),
    subject: undefined,
    conditions: ask.conditions,
  };
  return { sluice, store, events, signs, request };
}

async function open(ask: Ask = {}): Promise<Download> {
  const { sluice, request } = set(ask);
  return sluice.open(request);
}

test('a client is sent to the store, by a plan that holds no URL', async (t) => {
  const { sluice, store, signs, request, events } = set();
  const { plan, body, secretHeaders, settle } = await sluice.open(request);
  t.deepEqual(plan, {
    kind: 'redirect',
    status: 302,
    headers: {
      'cache-control': 'private, no-store',
      'referrer-policy': 'no-referrer',
      'content-length': '0',
    },
    expiresIn: 60,
    why: 'the store sends it',
  });
  t.is(body, undefined);
  t.deepEqual(secretHeaders, { location: SECRET });
  // What the store must answer with; the rest is of its own, or of the connection.
  t.deepEqual(signs, [
    {
      expiresIn: 60,
      version: { token: '1', hold: 'handle' },
      headers: {
        'cache-control': 'private, no-cache, no-transform',
        'content-disposition': 'attachment; filename="a"',
        'content-type': 'application/pdf',
      },
    },
  ]);
  t.deepEqual(store.calls, ['stat a'], 'nothing was opened');
  settle({ end: 'finished', bytes: 0 });
  t.like(events, [{ outcome: 'offloaded', status: 302, bytes: 0, why: 'the store sends it' }]);
  for (const told of [plan, events[0], await sluice.plan(request)]) {
    t.notRegex(JSON.stringify(told), /5ec7e7|store\.example/);
    assertFrozen(told);
  }

  function assertFrozen(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    t.true(Object.isFrozen(value));
    for (const inner of Object.values(value)) assertFrozen(inner);
  }
});

test('a redirect that never went out ends as the transfer did', async (t) => {
  for (const end of ['aborted', 'failed'] as const) {
    const { sluice, events, request } = set();
    (await sluice.open(request)).settle({ end, bytes: 0 });
    t.like(events, [{ outcome: end, status: 302, bytes: 0 }]);
  }
});

test('a redirect frees its place', async (t) => {
  const { sluice, request } = set({ options: { maxDownloads: 1 } });
  const first = await sluice.open(request);
  t.is((await sluice.open(request)).plan.status, 503);
  first.settle({ end: 'finished', bytes: 0 });
  t.is((await sluice.open(request)).plan.status, 302);
});

test('what the store must answer with follows the obligations', async (t) => {
  const { sluice, signs, request } = set({
    stat: { contentEncoding: 'gzip', contentType: 'image/png' },
    obligations: {
      disposition: 'inline',
      filename: 'Geöffnet.png',
      cacheControl: 'no-store',
      headers: { 'Content-Language': 'de', Expires: '0' },
    },
  });
  t.is((await sluice.plan(request)).why, 'the store sends it');
  t.deepEqual(signs[0]?.headers, {
    'cache-control': 'no-store, no-transform',
    'content-disposition': `inline; filename="Ge_ffnet.png"; filename*=UTF-8''Ge%C3%B6ffnet.png`,
    'content-encoding': 'gzip',
    'content-language': 'de',
    'content-type': 'image/png',
    expires: '0',
  });
});

/** What the application answers itself, and why where a store would have sent the object. */
const own: readonly (readonly [title: string, ask: Ask, kind: string, why?: RegExp])[] = [
  ['HEAD', { method: 'HEAD' }, 'whole', /^no range was asked for$/],
  ['HEAD with a range', { method: 'HEAD', conditions: { range: 'bytes=0-9' } }, 'whole'],
  ['If-None-Match', { conditions: { ifNoneMatch: '"v1"' } }, 'not-modified'],
  ['If-Match', { conditions: { ifMatch: '"v0"' } }, 'precondition-failed'],
  ['a range outside', { conditions: { range: 'bytes=1000-' } }, 'range-not-satisfiable'],
  ['a suffix of nothing', { conditions: { range: 'bytes=-0' } }, 'range-not-satisfiable'],
  ['a method', { method: 'POST' }, 'refused'],
  ...[
    'bytes=0-9,500-509',
    'bytes=0-9,5-20',
    'bytes=0-9,',
    'bytes= 0-9',
    'bytes=0-9 ',
    'Bytes=0-9',
    'bytes=x',
    'bytes=9-0',
    'items=0-9',
    `bytes=0-${'9'.repeat(16)}`,
  ].map(
    (range) => [range, { conditions: { range } }, '', /not sent by the store: .*range/] as const,
  ),
  [
    'a range of an empty object',
    { conditions: { range: 'bytes=0-' }, driver: { stat: async () => statOf(0) } },
    '',
    /not sent by the store: .*range/,
  ],
  [
    'If-Range of another version',
    { conditions: { range: 'bytes=9-', ifRange: '"v0"' } },
    'whole',
    /^If-Range names another version; not sent by the store: /,
  ],
  [
    'If-Range of this version, by a URL of any',
    { conditions: { range: 'bytes=9-', ifRange: '"v1"' } },
    'range',
    /^one range; not redirected: the URL is not bound to a version$/,
  ],
  [
    'a rate',
    { obligations: { rate: 1_000_000 } },
    'whole',
    /^no range was asked for; not redirected: a store bounds no rate$/,
  ],
  [
    'what is forbidden',
    { obligations: { redirect: false } },
    'whole',
    /redirected: it is forbidden$/,
  ],
  [
    'a further header',
    { obligations: { headers: { Vary: 'Cookie' } } },
    'whole',
    /redirected: a store sends no header vary$/,
  ],
  [
    'active content inline',
    { obligations: { disposition: 'inline', contentType: 'text/html' } },
    'whole',
    /redirected: a store sends no header content-security-policy$/,
  ],
  [
    'an entity tag of the policy',
    { obligations: { entityTag: '"mine"' } },
    'whole',
    /not sent by the store: the store has another entity tag$/,
  ],
  [
    'a URL that no buffer of the front server takes',
    {
      signed: { url: `${SECRET}&${'x'.repeat(3000)}`, expires: 0, pinned: false },
      options: { dialect: nginx({ prefix: '/_sluice/' }) },
    },
    'whole',
    /not redirected: the front server does not take so long a head$/,
  ],
  ['what the store cannot sign', { signed: undefined }, 'whole', /the store signs no such URL$/],
];

for (const [title, ask, kind, why = /./] of own) {
  test(`${title} is answered by the application`, async (t) => {
    const { plan, secretHeaders, body } = await open(ask);
    if (kind === '') t.true(['whole', 'range', 'ranges'].includes(plan.kind), plan.kind);
    else t.is(plan.kind, kind as never);
    t.regex(plan.why, why);
    t.is(secretHeaders, undefined);
    if (plan.kind === 'range') {
      t.deepEqual(await bytesOf(body), BYTES.subarray(plan.window.start, plan.window.end));
    }
  });
}

/** What a client may be sent with all the same. */
const sent: readonly (readonly [title: string, ask: Ask])[] = [
  ...['bytes=0-9', 'bytes=0-', 'bytes=-1', 'bytes=5-99999', 'bytes=-5000'].map(
    (range) => [range, { conditions: { range } }] as const,
  ),
  [
    'If-Range of this version, by a URL of it alone',
    {
      conditions: { range: 'bytes=9-', ifRange: '"v1"' },
      signed: { url: SECRET, expires: 0, pinned: true },
    },
  ],
  ['If-Range without a range', { conditions: { ifRange: '"v0"' } }],
  ['conditions that hold', { conditions: { ifMatch: '"v1"', ifNoneMatch: '"v0"' } }],
  ['the entity tag of the store, by the policy', { obligations: { entityTag: '"v1"' } }],
  ['an object without validators', { stat: { entityTag: undefined as never } }],
  ['a version of now', { stat: { lastModified: Date.now() } }],
  ['a front server that cannot fetch', { options: { dialect: caddy({ prefix: '/_s/' }) } }],
];

for (const [title, ask] of sent) {
  test(`${title}: the client is sent to the store`, async (t) => {
    const { plan, secretHeaders } = await open(ask);
    t.is(plan.kind, 'redirect', plan.why);
    t.deepEqual(secretHeaders, { location: SECRET });
    for (const name of ['etag', 'last-modified', 'accept-ranges', 'content-type']) {
      t.false(name in plan.headers, name);
    }
  });
}

test('nothing but the URL that the store signed can be a Location', async (t) => {
  for (const url of [
    '',
    '/bucket/a',
    '//store.example/a',
    'ftp://store.example/a',
    'javascript:alert(1)',
    'https://store.example/a b',
    'https://store.example/a\r\nset-cookie: b',
    'https://store.example/\u00e9',
    'https://store.example/a#b',
    'https://user:pass@store.example/a',
    'https://store.example',
    'https://STORE.example/a',
    'https://store.example:443/a',
    'https://store.example/a/../b',
    7,
    undefined,
  ]) {
    const { plan, secretHeaders } = await open({ signed: { url, expires: 0, pinned: true } });
    t.is(plan.kind, 'whole', String(url));
    t.regex(plan.why, /not redirected: the store signs no such URL$/);
    t.is(secretHeaders, undefined);
  }
});

test('a store that fails to sign fails as it would in every other call', async (t) => {
  const rows = [
    [new SluiceError('SLUICE_UNAVAILABLE', 'busy', { retryAfter: 7 }), 503, '7'],
    [new SluiceError('SLUICE_CONFIG', 'the term is too long'), 500, undefined],
    [new Error(`cannot sign ${SECRET}`), 500, undefined],
  ] as const;
  for (const [error, status, retryAfter] of rows) {
    const { plan, error: told } = await open({ driver: { signUrl: () => Promise.reject(error) } });
    t.like(plan, { kind: 'failed', status });
    t.is(plan.headers['retry-after'], retryAfter);
    t.is(told, error);
    t.notRegex(JSON.stringify(plan), /5ec7e7/);
  }
});

test('what is streamed is opened by what is known of it, and by what is found then', async (t) => {
  const calls: (OpenCall | undefined)[] = [];
  const found = probe(BYTES, { stat: statOf(1000, { entityTag: '"v2"' }) });
  const { plan } = await open({
    obligations: { redirect: false },
    driver: {
      open(key, call) {
        calls.push(call);
        return found.driver.open(key);
      },
    },
  });
  t.like(calls, [{ known: { entityTag: '"v1"' } }]);
  t.is(plan.headers['etag'], '"v2"');
  t.regex(plan.why, /; not redirected: it is forbidden$/);
});

test('an object that is gone is missing, whoever would have sent it', async (t) => {
  t.like((await open({ driver: { stat: async () => undefined } })).plan, { status: 404 });
  const vanishing = { open: async () => undefined };
  t.like((await open({ obligations: { redirect: false }, driver: vanishing })).plan, {
    status: 404,
  });
});

test('without the option, or a store that signs, nothing is asked of the store but the object', async (t) => {
  for (const ask of [
    { options: { redirect: undefined } },
    { driver: { signUrl: undefined as never } },
  ]) {
    const { sluice, store, request, signs } = set(ask);
    const plan = await sluice.plan(request);
    t.is(plan.why, 'no range was asked for');
    t.deepEqual(store.calls, ['open a']);
    t.deepEqual(signs, []);
  }
});

test('of several who allow, and of the caller, one is enough to forbid it', async (t) => {
  const plain = () => allow();
  const forbids = () => allow({ redirect: false });
  for (const policy of [denyOverrides(plain, forbids), denyOverrides(forbids, plain)]) {
    const { sluice, request } = set({ options: { policy } });
    t.is((await sluice.plan(request)).kind, 'whole');
  }
  const { sluice, request } = set();
  t.is((await sluice.plan({ ...request, obligations: { redirect: false } })).kind, 'whole');
  t.throws(() => allow({ redirect: true as never }), { message: /redirect must be false/ });
});

test('createSluice takes a term that a store can sign, and nothing else', (t) => {
  for (const expiresIn of [1, 604_800]) {
    t.notThrows(() => set({ options: { redirect: { expiresIn } } }));
  }
  for (const redirect of [
    {},
    { expiresIn: undefined },
    { expiresIn: 0 },
    { expiresIn: 604_801 },
    { expiresIn: 1.5 },
    { expiresIn: '60' },
    { expiresIn: 60, status: 301 },
    true,
    60,
    null,
  ]) {
    const error = t.throws(() => set({ options: { redirect: redirect as never } }), {
      instanceOf: TypeError,
    });
    t.regex(error.message, /^createSluice: redirect: /);
  }
});

async function bytesOf(body: Download['body']): Promise<Uint8Array | undefined> {
  return body instanceof Readable ? new Uint8Array(await buffer(body)) : body;
}
