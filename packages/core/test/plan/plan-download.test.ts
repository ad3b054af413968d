import test from 'ava';

import type { DownloadPlan, Obligations, ObjectStat } from '@sluice/core';
import { type Conditions, formatHttpDate } from '@sluice/core/http';

import { planDownload } from '../../src/plan/plan-download.ts';
import { planDenial, planMissing, planNoKey } from '../../src/plan/refusal.ts';
import { allow, deny } from '../../src/policy/decision.ts';
import { keyOf, statOf } from '../helpers/objects.ts';

interface Ask {
  readonly method?: 'GET' | 'HEAD';
  readonly key?: string;
  readonly conditions?: Conditions;
  readonly obligations?: Obligations;
  readonly stat?: ObjectStat;
  readonly maxRanges?: number;
}

const MODIFIED = Date.UTC(2024, 0, 2, 3, 4, 5);
const MODIFIED_DATE = 'Tue, 02 Jan 2024 03:04:05 GMT';

function plan({ method = 'GET', key = 'a/report.pdf', ...ask }: Ask = {}): DownloadPlan {
  return planDownload({
    method,
    key: keyOf(key),
    conditions: ask.conditions ?? {},
    obligations: ask.obligations ?? {},
    stat: ask.stat ?? statOf(1000),
    now: Date.UTC(2026, 0, 1),
    boundary: () => 'BOUNDARY',
    maxRanges: ask.maxRanges ?? 16,
  });
}

test('the whole object, with every header that makes it safe and resumable', (t) => {
  t.deepEqual(plan(), {
    kind: 'whole',
    status: 200,
    window: { start: 0, end: 1000 },
    why: 'no range was asked for',
    headers: {
      'content-disposition': 'attachment; filename="report.pdf"',
      'cache-control': 'private, no-cache, no-transform',
      etag: '"v1"',
      'last-modified': MODIFIED_DATE,
      'content-type': 'application/pdf',
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
      'content-length': '1000',
    },
  });
});

test('one range', (t) => {
  const answer = plan({ conditions: { range: 'bytes=100-199' } });
  t.like(answer, { kind: 'range', status: 206, window: { start: 100, end: 200 } });
  t.is(answer.headers['content-range'], 'bytes 100-199/1000');
  t.is(answer.headers['content-length'], '100');
  // RFC 9110 §15.3.7: what the 200 would have carried.
  for (const name of ['etag', 'last-modified', 'cache-control', 'content-type']) {
    t.is(answer.headers[name], plan().headers[name]);
  }
});

test('several ranges are framed with their exact length', (t) => {
  const answer = plan({ conditions: { range: 'bytes=0-9,500-509' } });
  if (answer.kind !== 'ranges') return t.fail(answer.kind);
  const length =
    answer.parts.reduce(
      (sum, { head, window }) => sum + head.length + window.end - window.start,
      0,
    ) + answer.tail.length;
  t.is(answer.headers['content-length'], String(length));
  t.is(answer.headers['content-type'], 'multipart/byteranges; boundary=BOUNDARY');
  t.is(answer.headers['content-range'], undefined);
  t.deepEqual(
    answer.parts.map(({ window }) => window),
    [
      { start: 0, end: 10 },
      { start: 500, end: 510 },
    ],
  );
  return t.regex(answer.parts[1]?.head ?? '', /Content-Range: bytes 500-509\/1000\r\n\r\n$/i);
});

/** RFC 9110 §13.2.2 with §14: what comes first decides. `V` is the row of a fact known of peers. */
const steps: readonly (readonly [title: string, ask: Ask, kind: DownloadPlan['kind']])[] = [
  ['V1 HEAD ignores Range', { method: 'HEAD', conditions: { range: 'bytes=0-9' } }, 'whole'],
  [
    'HEAD with a failing If-Range',
    { method: 'HEAD', conditions: { range: 'bytes=0-9', ifRange: '"x"' } },
    'whole',
  ],
  [
    'V23 HEAD with a matching tag',
    { method: 'HEAD', conditions: { ifNoneMatch: '"v1"' } },
    'not-modified',
  ],
  [
    'V24 304 before 206',
    { conditions: { ifNoneMatch: '"v1"', range: 'bytes=0-9' } },
    'not-modified',
  ],
  [
    'V24 304 before 416',
    { conditions: { ifNoneMatch: '"v1"', range: 'bytes=2000-' } },
    'not-modified',
  ],
  [
    'V25 412 before 304',
    { conditions: { ifMatch: '"x"', ifNoneMatch: '"v1"' } },
    'precondition-failed',
  ],
  [
    '412 before 416',
    { conditions: { ifMatch: '"x"', range: 'bytes=2000-' } },
    'precondition-failed',
  ],
  [
    'V28 modified since',
    { conditions: { ifUnmodifiedSince: formatHttpDate(MODIFIED - 1000) } },
    'precondition-failed',
  ],
  [
    'V18 the tag counts, not the date',
    { conditions: { ifNoneMatch: '"x"', ifModifiedSince: MODIFIED_DATE } },
    'whole',
  ],
  ['not modified since', { conditions: { ifModifiedSince: MODIFIED_DATE } }, 'not-modified'],
  ['a matching If-Range', { conditions: { range: 'bytes=0-9', ifRange: '"v1"' } }, 'range'],
  ['V15 another If-Range', { conditions: { range: 'bytes=0-9', ifRange: '"x"' } }, 'whole'],
  [
    'a failing If-Range hides a 416',
    { conditions: { range: 'bytes=2000-', ifRange: '"x"' } },
    'whole',
  ],
  ['If-Range by date', { conditions: { range: 'bytes=0-9', ifRange: MODIFIED_DATE } }, 'range'],
  ['V7 beyond the end', { conditions: { range: 'bytes=1000-' } }, 'range-not-satisfiable'],
  ['V9 an invalid range', { conditions: { range: 'bytes=5-2' } }, 'whole'],
  ['V3 another unit', { conditions: { range: 'items=0-5' } }, 'whole'],
  ['V35 an empty object', { stat: statOf(0), conditions: { range: 'bytes=0-' } }, 'whole'],
  ['adjacent ranges become one', { conditions: { range: 'bytes=0-9,10-19' } }, 'range'],
  ['too many ranges', { maxRanges: 2, conditions: { range: 'bytes=0-1,10-11,20-21' } }, 'whole'],
  [
    'parts that cost more than the whole',
    { stat: statOf(150), conditions: { range: 'bytes=0-1,10-11' } },
    'whole',
  ],
  [
    'a weak tag never resumes',
    {
      stat: statOf(1000, { entityTag: 'W/"v1"' }),
      conditions: { range: 'bytes=0-9', ifRange: 'W/"v1"' },
    },
    'whole',
  ],
  [
    'a weak tag still revalidates',
    { stat: statOf(1000, { entityTag: 'W/"v1"' }), conditions: { ifNoneMatch: '"v1"' } },
    'not-modified',
  ],
  [
    'a policy’s own tag counts',
    { obligations: { entityTag: '"sha"' }, conditions: { ifNoneMatch: '"sha"' } },
    'not-modified',
  ],
  [
    'and the store’s no longer',
    { obligations: { entityTag: '"sha"' }, conditions: { ifNoneMatch: '"v1"' } },
    'whole',
  ],
];
for (const [title, ask, kind] of steps) {
  test(`${title}: ${kind}`, (t) => {
    t.is(plan(ask).kind, kind);
  });
}

test('a 304 carries what updates a stored response, and nothing of the content', (t) => {
  const { headers } = plan({
    conditions: { ifNoneMatch: '*' },
    obligations: { headers: { vary: 'Cookie' } },
  });
  t.deepEqual(headers, {
    vary: 'Cookie',
    'cache-control': 'private, no-cache, no-transform',
    etag: '"v1"',
    'last-modified': MODIFIED_DATE,
  });
});

test('a 416 tells the complete length, a 412 nothing at all', (t) => {
  t.is(plan({ conditions: { range: 'bytes=1000-' } }).headers['content-range'], 'bytes */1000');
  t.deepEqual(Object.keys(plan({ conditions: { ifMatch: '"x"' } }).headers).toSorted(), [
    'cache-control',
    'content-length',
    'content-type',
    'x-content-type-options',
  ]);
});

/** Inline is for what runs no script; the rest is an attachment unless the policy says otherwise. */
const presentations: readonly (readonly [
  type: string | undefined,
  disposition: 'inline' | 'attachment' | undefined,
  shown: 'inline' | 'attachment',
  sandboxed: boolean,
])[] = [
  ['image/png', undefined, 'inline', false],
  ['video/mp4', undefined, 'inline', false],
  ['text/plain; charset=utf-8', undefined, 'inline', false],
  ['text/html', undefined, 'attachment', false],
  ['image/svg+xml', undefined, 'attachment', false],
  ['application/pdf', undefined, 'attachment', false],
  [undefined, undefined, 'attachment', false],
  ['image/png', 'attachment', 'attachment', false],
  ['image/png', 'inline', 'inline', false],
  ['text/html', 'inline', 'inline', true],
  ['image/svg+xml', 'inline', 'inline', true],
  ['application/xhtml+xml', 'inline', 'inline', true],
];
for (const [type, disposition, shown, sandboxed] of presentations) {
  test(`${type ?? 'an unknown type'}, asked ${disposition ?? 'nothing'}, is ${shown}`, (t) => {
    const { headers } = plan({
      stat: { ...statOf(9), contentType: type } as ObjectStat,
      obligations: { disposition },
    });
    t.true(headers['content-disposition']?.startsWith(`${shown}; filename="report.pdf"`));
    t.is(headers['content-security-policy']?.startsWith('sandbox'), sandboxed || undefined);
    t.is(headers['cross-origin-resource-policy'], sandboxed ? 'same-origin' : undefined);
    t.is(headers['content-type'], type ?? 'application/octet-stream');
    t.is(headers['x-content-type-options'], 'nosniff');
  });
}

test('every obligation is honoured', (t) => {
  const { headers } = plan({
    obligations: {
      disposition: 'inline',
      filename: 'Überblick.html',
      contentType: 'text/html; charset=utf-8',
      contentEncoding: 'gzip',
      entityTag: 'W/"7"',
      cacheControl: 'public, max-age=60',
      headers: { 'content-security-policy': "default-src 'self'", vary: 'Accept' },
    },
  });
  t.deepEqual(headers, {
    'content-security-policy': "default-src 'self'",
    'cross-origin-resource-policy': 'same-origin',
    'content-disposition': `inline; filename="${/filename="([^"]*)"/.exec(headers['content-disposition'] ?? '')?.[1]}"; filename*=UTF-8''%C3%9Cberblick.html`,
    vary: 'Accept',
    'cache-control': 'public, max-age=60, no-transform',
    etag: 'W/"7"',
    'last-modified': MODIFIED_DATE,
    'content-encoding': 'gzip',
    'content-type': 'text/html; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'accept-ranges': 'bytes',
    'content-length': '1000',
  });
});

for (const cacheControl of [
  'no-transform',
  'private, No-Transform',
  'no-store,no-transform,max-age=1',
]) {
  test(`no-transform is not added to ${cacheControl}`, (t) => {
    t.is(plan({ obligations: { cacheControl } }).headers['cache-control'], cacheControl);
  });
}

test('what a driver says cannot break a header', (t) => {
  const { headers, kind } = plan({
    stat: statOf(9, {
      entityTag: '"a"\r\nX: y',
      contentType: 'text/html\r\nX: y',
      lastModified: Number.NaN,
    }),
    conditions: { ifNoneMatch: '"a"' },
  });
  t.is(kind, 'whole');
  t.is(headers['etag'], undefined);
  t.is(headers['last-modified'], undefined);
  t.is(headers['content-type'], 'application/octet-stream');
});

test('an object from the future was modified just now, as far as a client can tell', (t) => {
  const { headers } = plan({ stat: statOf(9, { lastModified: 8.64e15 }) });
  t.is(headers['last-modified'], 'Thu, 01 Jan 2026 00:00:00 GMT');
  t.is(plan({ stat: statOf(9, { lastModified: -1 }) }).headers['last-modified'], undefined);
});

test('a plan is frozen to its last value', (t) => {
  for (const answer of [
    plan(),
    plan({ conditions: { range: 'bytes=0-1' } }),
    plan({ conditions: { range: 'bytes=0-1,9-9' } }),
    plan({ conditions: { range: 'bytes=9999-' } }),
    plan({ conditions: { ifNoneMatch: '*' } }),
    plan({ conditions: { ifMatch: '"x"' } }),
    planMissing(),
  ]) {
    t.deepEqual(thawed(answer), []);
  }
});

test('a denial, a missing object and a target without a key get one and the same answer', (t) => {
  const visible = ({ status, headers, text }: ReturnType<typeof planMissing>) => ({
    status,
    headers,
    text,
  });
  t.deepEqual(visible(planDenial(deny('not yours'))), visible(planMissing()));
  t.deepEqual(visible(planNoKey()), visible(planMissing()));
});

test('a chosen status carries what its RFC asks for', (t) => {
  const challenged = planDenial(deny('x', { status: 401, challenge: 'Basic realm="a"' }));
  t.is(challenged.headers['www-authenticate'], 'Basic realm="a"');
  t.is(challenged.text, 'Unauthorized');
  const limited = planDenial(deny('x', { status: 429, retryAfter: 60 }));
  t.is(limited.headers['retry-after'], '60');
  t.notRegex(JSON.stringify([challenged.headers, limited.headers]), /"x"/);
  t.is(allow().effect, 'allow');
});

function thawed(value: unknown, path = 'plan'): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const inside = Object.entries(value).flatMap(([name, inner]) => thawed(inner, `${path}.${name}`));
  return Object.isFrozen(value) ? inside : [path, ...inside];
}
