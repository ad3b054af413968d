import test, { type ExecutionContext } from 'ava';

import {
  checkObligations,
  type DownloadPlan,
  type LocalPath,
  type ObjectStat,
  type Obligations,
} from '@sluice/core';
import { type Conditions, formatHttpDate, isSendfileHeader } from '@sluice/core/http';
import { apache, caddy, type Dialect, h2o, lighttpd, nginx } from '@sluice/core/offload';

import { planOffload } from '../../src/offload/plan-offload.ts';
import { keyOf, statOf } from '../helpers/objects.ts';

interface Ask {
  readonly dialect?: Dialect;
  readonly method?: 'GET' | 'HEAD';
  readonly key?: string;
  readonly conditions?: Conditions;
  readonly obligations?: Obligations;
  readonly stat?: Partial<ObjectStat>;
  readonly place?: LocalPath | 'none';
}

const NOW = Date.UTC(2026, 0, 1);
const MODIFIED = Date.UTC(2024, 0, 2, 3, 4, 5);
const MODIFIED_DATE = 'Tue, 02 Jan 2024 03:04:05 GMT';
/** Of 1000 bytes at that time: what nginx and H2O send, and Caddy 2.6. */
const HEX_TAG = '"65937d25-3e8"';
const BASE36_TAG = '"s6m5utrs"';

const NGINX = nginx({ prefix: '/_sluice/' });
const APACHE = apache();
const LIGHTTPD = lighttpd();
const CADDY = caddy({ prefix: '/_sluice/', version: '2.7' });
const CADDY_OLD = caddy({ prefix: '/_sluice/', version: '2.6' });
const H2O = h2o({ prefix: '/_sluice/' });
const ALL = [NGINX, APACHE, LIGHTTPD, CADDY, CADDY_OLD, H2O];

function plan({ dialect = NGINX, key = 'a/report.pdf', ...ask }: Ask = {}): DownloadPlan {
  const place = ask.place ?? { root: '/srv/private', prefix: '', path: `/srv/private/${key}` };
  return planOffload(
    {
      method: ask.method ?? 'GET',
      key: keyOf(key),
      conditions: ask.conditions ?? {},
      obligations: checkObligations('test', ask.obligations ?? {}),
      stat: statOf(1000, ask.stat),
      now: NOW,
      boundary: () => 'BOUNDARY',
      maxRanges: 16,
    },
    { dialect, place: place === 'none' ? undefined : place },
  );
}

/** Headers that every server is given, whatever it makes itself. */
const ALWAYS = {
  'cache-control': 'private, no-cache, no-transform',
  'content-disposition': 'attachment; filename="report.pdf"',
  'content-type': 'application/pdf',
  'x-content-type-options': 'nosniff',
  'content-length': '0',
};
const VALIDATORS = { etag: '"v1"', 'last-modified': MODIFIED_DATE };
const RANGES = { 'accept-ranges': 'bytes' };

const orders: readonly (readonly [Dialect, Readonly<Record<string, string>>])[] = [
  [NGINX, { ...ALWAYS, 'x-accel-redirect': '/_sluice/a/report.pdf' }],
  [APACHE, { ...ALWAYS, ...VALIDATORS, ...RANGES, 'x-sendfile': '/srv/private/a/report.pdf' }],
  [LIGHTTPD, { ...ALWAYS, ...VALIDATORS, ...RANGES, 'x-sendfile': '/srv/private/a/report.pdf' }],
  [CADDY, { ...ALWAYS, etag: '"v1"', 'x-accel-redirect': '/_sluice/a/report.pdf' }],
  [CADDY_OLD, { ...ALWAYS, 'x-accel-redirect': '/_sluice/a/report.pdf' }],
  [
    H2O,
    {
      ...ALWAYS,
      'x-reproxy-url':
        'http://sluice.internal/_sluice/a/report.pdf?content-disposition=attachment%3B%20filename%3D%22report.pdf%22' +
        '&cache-control=private%2C%20no-cache%2C%20no-transform&x-content-type-options=nosniff',
    },
  ],
];

for (const [index, [dialect, headers]] of orders.entries()) {
  test(`${dialect.name} gets one order, an empty body, and all that it does not make itself (${index})`, (t) => {
    t.deepEqual(plan({ dialect }), {
      kind: 'offload',
      status: 200,
      headers,
      dialect: dialect.name,
      why: `${dialect.name} sends it`,
    });
  });

  test(`${dialect.name} is left to judge the ranges (${index})`, (t) => {
    for (const range of ['bytes=0-9', 'bytes=5000-', 'bytes=5-2', 'bytes=-1']) {
      t.deepEqual(plan({ dialect, conditions: { range } }).headers, headers);
    }
    t.is(plan({ dialect, conditions: { ifRange: '"other"' } }).kind, 'offload');
  });

  test(`${dialect.name} is not asked for HEAD: it is answered as GET would be (${index})`, (t) => {
    const { kind, headers: told, why } = plan({ dialect, method: 'HEAD' });
    t.is(kind, 'whole');
    t.is(why, 'no range was asked for');
    t.is(told['content-length'], '1000');
    t.is(told['etag'], dialect.entityTagOf?.({ size: 1000, lastModified: MODIFIED }) ?? '"v1"');
    for (const conditions of [{ range: 'bytes=0-9' }, { range: 'items=0-9', ifRange: '"other"' }]) {
      t.deepEqual(plan({ dialect, method: 'HEAD', conditions }).headers, told);
    }
  });
}

/** Ranges that a server would answer wrongly: what the application answers in its place. */
const objected: readonly (readonly [Dialect, Conditions, DownloadPlan['kind'], why: string])[] = [
  [H2O, { range: 'bytes=0-9', ifRange: HEX_TAG }, 'range', 'it does not honour If-Range'],
  [H2O, { range: 'bytes=0-9', ifRange: '"other"' }, 'whole', 'it does not honour If-Range'],
  [H2O, { range: 'bytes=0-9', ifRange: MODIFIED_DATE }, 'range', 'it does not honour If-Range'],
  [H2O, { range: 'bytes=0-9,500-509' }, 'ranges', 'it does not merge ranges'],
  [H2O, { range: 'items=0-9' }, 'whole', 'it refuses this range unit'],
  [CADDY, { range: 'items=0-9' }, 'whole', 'it refuses this range unit'],
  [CADDY, { range: 'Bytes=0-9' }, 'range', 'it refuses this range unit'],
  [CADDY, { range: 'bytes=-0' }, 'range-not-satisfiable', ''],
  [CADDY_OLD, { range: 'bytes=0-9,-0' }, 'range', 'it sends a range of no bytes'],
  // Servers that keep the application's tag would send it with whatever they find a moment later.
  ...[APACHE, LIGHTTPD, CADDY].flatMap(
    (dialect) =>
      [
        [
          dialect,
          { range: 'bytes=9-', ifRange: '"v1"' },
          'range',
          'it could go on with the next version',
        ],
        [
          dialect,
          { range: 'bytes=9-', ifRange: '"old"' },
          'whole',
          'it could go on with the next version',
        ],
      ] as const,
  ),
];

for (const [dialect, conditions, kind, why] of objected) {
  test(`${JSON.stringify(conditions)} is not left to ${dialect.name}: ${kind}`, (t) => {
    const answer = plan({ dialect, conditions });
    t.is(answer.kind, kind);
    if (why !== '') t.regex(answer.why, new RegExp(`; not sent by ${dialect.name}: ${why}$`));
    assertNoOrder(t, answer);
  });
}

test('a range that H2O cannot send is sent under the tag that H2O sends, so that a resume goes on', (t) => {
  const resumed = plan({ dialect: H2O, conditions: { range: 'bytes=500-', ifRange: HEX_TAG } });
  t.like(resumed, { kind: 'range', window: { start: 500, end: 1000 } });
  t.is(resumed.headers['etag'], HEX_TAG);
});

test('Caddy is left no range of an empty object', (t) => {
  for (const dialect of [CADDY, CADDY_OLD]) {
    const empty = { dialect, stat: { size: 0 } };
    t.is(plan(empty).kind, 'offload');
    const answer = plan({ ...empty, conditions: { range: 'bytes=-1' } });
    t.regex(answer.why, /; not sent by caddy: it knows no range of an empty object$/);
  }
});

/** The application answers these, by the entity tag that the client gets from the server. */
const judged: readonly (readonly [
  title: string,
  dialects: readonly Dialect[],
  conditions: Conditions,
  kind: DownloadPlan['kind'],
])[] = [
  ['hex tag', [NGINX, H2O], { ifNoneMatch: HEX_TAG }, 'not-modified'],
  ['weak form of it', [NGINX, H2O], { ifNoneMatch: `W/${HEX_TAG}` }, 'not-modified'],
  ['base 36 tag', [CADDY_OLD], { ifNoneMatch: BASE36_TAG }, 'not-modified'],
  ['own tag', [APACHE, LIGHTTPD, CADDY], { ifNoneMatch: '"v1"' }, 'not-modified'],
  ['any tag', ALL, { ifNoneMatch: '*' }, 'not-modified'],
  ['another tag', ALL, { ifNoneMatch: '"other"' }, 'offload'],
  ['the tag of the store, never sent', [NGINX, H2O, CADDY_OLD], { ifNoneMatch: '"v1"' }, 'offload'],
  ['304 before the range', ALL, { ifNoneMatch: '*', range: 'bytes=0-9' }, 'not-modified'],
  ['not modified since', ALL, { ifModifiedSince: MODIFIED_DATE }, 'not-modified'],
  ['modified since', ALL, { ifModifiedSince: formatHttpDate(MODIFIED - 1000) }, 'offload'],
  ['If-Match of the hex tag', [NGINX, H2O], { ifMatch: HEX_TAG }, 'offload'],
  ['If-Match of the own tag', [APACHE, LIGHTTPD, CADDY], { ifMatch: '"v1"' }, 'offload'],
  ['If-Match of another', ALL, { ifMatch: '"other"' }, 'precondition-failed'],
  ['unmodified since', ALL, { ifUnmodifiedSince: MODIFIED_DATE }, 'offload'],
  [
    'modified, which was not to be',
    ALL,
    { ifUnmodifiedSince: formatHttpDate(MODIFIED - 1000) },
    'precondition-failed',
  ],
];

for (const [title, dialects, conditions, kind] of judged) {
  test(`${title}: ${kind}, whichever server is in front`, (t) => {
    for (const dialect of dialects) {
      for (const method of ['GET', 'HEAD'] as const) {
        const answer = plan({ dialect, method, conditions });
        t.is(answer.kind, method === 'HEAD' && kind === 'offload' ? 'whole' : kind, dialect.name);
        if (answer.kind !== 'offload') assertNoOrder(t, answer);
      }
    }
  });
}

test('a 304 names the entity tag that the server sends', (t) => {
  const tags = ALL.map(
    (dialect) => plan({ dialect, conditions: { ifNoneMatch: '*' } }).headers['etag'],
  );
  t.deepEqual(tags, [HEX_TAG, '"v1"', '"v1"', '"v1"', BASE36_TAG, HEX_TAG]);
});

/** What is streamed in place of an offload, and what the plan says of it. */
const reasons: readonly (readonly [title: string, ask: Ask, why: string])[] = [
  ['a store without files', { place: 'none' }, 'nginx: the object lies on no local disk'],
  ['no tag', { stat: { entityTag: undefined as never } }, 'nginx: the object has no validators'],
  [
    'no date',
    { stat: { lastModified: undefined as never } },
    'nginx: the object has no validators',
  ],
  ['a date before 1970', { stat: { lastModified: -1 } }, 'nginx: the object has no validators'],
  [
    'a date that is none',
    { stat: { lastModified: Number.NaN } },
    'nginx: the object has no validators',
  ],
  ['a tag that is none', { stat: { entityTag: 'v1' } }, 'nginx: the object has no validators'],
  ['a weak tag', { stat: { entityTag: 'W/"v1"' } }, 'nginx: its entity tag is weak'],
  [
    'a weak tag by policy',
    { obligations: { entityTag: 'W/"p"' } },
    'nginx: its entity tag is weak',
  ],
  [
    'a version of 1999 ms',
    { stat: { lastModified: NOW - 1999 } },
    'nginx: the version is too young',
  ],
  ['a version of now', { stat: { lastModified: NOW } }, 'nginx: the version is too young'],
  [
    'a version of tomorrow',
    { stat: { lastModified: NOW + 86_400_000 } },
    'nginx: the version is too young',
  ],
  [
    'a tag of the policy',
    { obligations: { entityTag: '"hash"' } },
    'nginx: it sends an entity tag of its own',
  ],
  [
    'a tag of the policy, Caddy 2.6',
    { dialect: CADDY_OLD, obligations: { entityTag: HEX_TAG } },
    'caddy: it sends an entity tag of its own',
  ],
  [
    'a header that is not restored',
    { obligations: { headers: { 'X-Request-Id': '7' } } },
    'nginx: it drops the header x-request-id',
  ],
  [
    'an encoded object, Apache',
    { dialect: APACHE, obligations: { contentEncoding: 'gzip' } },
    'apache: it drops the header content-encoding',
  ],
  [
    'an encoded object of the store, Caddy',
    { dialect: CADDY, stat: { contentEncoding: 'br' } },
    'caddy: it drops the header content-encoding',
  ],
  [
    'a media type that H2O is not told',
    { dialect: H2O, obligations: { contentType: 'text/html' } },
    'h2o: it drops the header content-type',
  ],
  [
    'a rate, Apache',
    { dialect: APACHE, obligations: { rate: 9000 } },
    'apache: it cannot bound the rate',
  ],
  [
    'a rate, Caddy',
    { dialect: CADDY, obligations: { rate: 9000 } },
    'caddy: it cannot bound the rate',
  ],
  ['a rate, H2O', { dialect: H2O, obligations: { rate: 9000 } }, 'h2o: it cannot bound the rate'],
  [
    'a rate below the unit of lighttpd',
    { dialect: LIGHTTPD, obligations: { rate: 1023 } },
    'lighttpd: it cannot bound the rate',
  ],
  [
    'a name that Apache may decode',
    { dialect: APACHE, key: '100%.txt' },
    'apache: it cannot be told the name',
  ],
  [
    'a name that ends in a blank',
    { dialect: CADDY_OLD, key: 'a ' },
    'caddy: it cannot be told the name',
  ],
  [
    'a root that is not mapped',
    { dialect: nginx({ prefix: { videos: '/_v/' } }) },
    'nginx: it cannot be told the name',
  ],
  [
    'a key of 4000 bytes, nginx',
    { key: `${'\u00e9'.repeat(100)}/`.repeat(19) + 'x'.repeat(181) },
    'nginx: it does not take so long a head',
  ],
  [
    'a long header, nginx',
    { obligations: { headers: { 'Content-Security-Policy': 'x'.repeat(3000) } } },
    'nginx: it does not take so long a head',
  ],
  [
    'a long header, Apache',
    { dialect: APACHE, obligations: { headers: { 'Content-Security-Policy': 'x'.repeat(8200) } } },
    'apache: it drops the header content-security-policy',
  ],
];

for (const [title, ask, why] of reasons) {
  test(`${title} is streamed: not sent by ${why}`, (t) => {
    const whole = plan(ask);
    t.is(whole.kind, 'whole');
    t.is(whole.why, `no range was asked for; not sent by ${why}`);
    t.is(whole.headers['content-length'], '1000');
    assertNoOrder(t, whole);
    const range = plan({ ...ask, conditions: { range: 'bytes=0-9' } });
    t.is(range.why, `one range; not sent by ${why}`);
    const head = plan({ ...ask, method: 'HEAD' });
    t.deepEqual(head, whole);
    const gone = plan({ ...ask, conditions: { ifMatch: '"gone"' } });
    t.is(gone.why, 'the client asked for another version');
  });
}

/** What is offloaded all the same. */
const offloaded: readonly (readonly [
  title: string,
  ask: Ask,
  headers: Readonly<Record<string, string>>,
])[] = [
  ['a version of 2000 ms', { stat: { lastModified: NOW - 2000 } }, {}],
  ['an empty object', { stat: { size: 0 } }, { 'content-length': '0' }],
  ['an object of the epoch', { stat: { lastModified: 0 } }, {}],
  ['the tag of the policy, if it is the same', { obligations: { entityTag: HEX_TAG } }, {}],
  [
    'a tag of the policy, Apache',
    { dialect: APACHE, obligations: { entityTag: '"hash"' } },
    { etag: '"hash"' },
  ],
  [
    'an encoded object, nginx',
    { obligations: { contentEncoding: 'gzip' } },
    { 'content-encoding': 'gzip' },
  ],
  ['a rate, nginx', { obligations: { rate: 5000 } }, { 'x-accel-limit-rate': '5000' }],
  [
    'a rate, lighttpd',
    { dialect: LIGHTTPD, obligations: { rate: 5000 } },
    { 'x-lighttpd-kbytes-per-second': '4' },
  ],
  [
    'a header, Apache',
    { dialect: APACHE, obligations: { headers: { 'X-Request-Id': '7' } } },
    { 'x-request-id': '7' },
  ],
  [
    'no-store',
    { obligations: { cacheControl: 'no-store' } },
    { 'cache-control': 'no-store, no-transform' },
  ],
  [
    'active content inline',
    { key: 'a.html', obligations: { disposition: 'inline', contentType: 'text/html' } },
    {
      'content-security-policy': "sandbox; default-src 'none'",
      'cross-origin-resource-policy': 'same-origin',
    },
  ],
  [
    'a key of 4000 bytes, with the buffer for it',
    {
      dialect: nginx({ prefix: '/_sluice/', bufferSize: 32_768 }),
      key: `${'\u00e9'.repeat(100)}/`.repeat(19) + 'x'.repeat(181),
    },
    {},
  ],
];

for (const [title, ask, headers] of offloaded) {
  test(`${title} is offloaded`, (t) => {
    const answer = plan(ask);
    t.is(answer.kind, 'offload', answer.why);
    t.is(answer.status, 200);
    t.like(answer.headers, { 'content-length': '0', ...headers });
    const own = (ask.dialect ?? NGINX).header;
    const found = Object.keys(answer.headers).filter(isSendfileHeader);
    t.deepEqual(
      found.filter((name) => !/limit-rate|kbytes/.test(name)),
      [own],
    );
  });
}

test('the longest head that nginx is left with is offloaded, and one byte more is not', (t) => {
  const dialect = nginx({ prefix: '/_sluice/', bufferSize: 2048 });
  const kindOf = (length: number): string =>
    plan({ dialect, obligations: { headers: { vary: 'x'.repeat(length) } } }).kind;
  let longest = 1;
  while (kindOf(longest + 1) === 'offload') longest += 1;
  const { headers } = plan({ dialect, obligations: { headers: { vary: 'x'.repeat(longest) } } });
  const bytes = Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('').length;
  // 128 for what Node adds, and 1024 for other code.
  t.is(bytes, 2048 - 1024 - 128);
});

test('a dialect of somebody else cannot put an unsafe value into the order', (t) => {
  for (const value of [
    '',
    ' /a',
    '/a ',
    '/a\nb',
    '/a\r\nset-cookie: b',
    '/a\0',
    '/\u20ac',
    '/a\t',
    null,
    7,
  ]) {
    const dialect = { ...NGINX, valueFor: () => value as string };
    t.regex(plan({ dialect }).why, /cannot be told the name$/);
  }
});

test('an order is made once for a version, a place, a server and a rate, and for no other', (t) => {
  const place = { root: '/srv/private', prefix: '', path: '/srv/private/a/report.pdf' };
  const order = plan({ place });
  t.is(plan({ place: { ...place } }), order);
  const others: readonly Ask[] = [
    { place: { ...place, path: '/srv/private/b/report.pdf' } },
    { place: { ...place, prefix: 'a/' } },
    { place: { ...place, root: '/srv/private/a' } },
    { place, dialect: nginx({ prefix: '/_other/' }) },
    { place, obligations: { rate: 5 } },
    { place, stat: { size: 2000 } },
  ];
  for (const other of others) {
    t.not(plan(other), order);
    t.deepEqual(plan({ place }), order);
  }
});

test('a driver may use its place again for another object', (t) => {
  const place = { root: '/srv/private', prefix: '', path: '/srv/private/a/report.pdf' };
  t.is(plan({ place }).headers['x-accel-redirect'], '/_sluice/a/report.pdf');
  place.path = '/srv/private/b/report.pdf';
  t.is(plan({ place }).headers['x-accel-redirect'], '/_sluice/b/report.pdf');
});

test('a plan is frozen through and through, whatever it is', (t) => {
  const asks: readonly Ask[] = [
    ...ALL.map((dialect) => ({ dialect })),
    { obligations: { rate: 5 } },
    ...reasons.map(([, ask]) => ask),
    { conditions: { ifNoneMatch: '*' } },
    { conditions: { ifMatch: '"x"' } },
    { place: 'none', conditions: { range: 'bytes=0-9' } },
    { place: 'none', conditions: { range: 'bytes=0-9,500-509' } },
    { place: 'none', conditions: { range: 'bytes=5000-' } },
  ];
  for (const ask of asks) {
    const answer = plan(ask);
    assertFrozen(t, answer);
    t.regex(answer.why, /^[^\n\r]+[^.]$/);
  }
});

function assertNoOrder(t: ExecutionContext, answer: DownloadPlan): void {
  t.deepEqual(Object.keys(answer.headers).filter(isSendfileHeader), []);
}

function assertFrozen(t: ExecutionContext, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  t.true(Object.isFrozen(value));
  for (const inner of Object.values(value)) assertFrozen(t, inner);
}
