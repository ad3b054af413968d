import test from 'ava';

import { allow, checkObligations, deny, type DenyOptions, type Obligations } from '@sluice/core';

import { joinObligations } from '../../src/policy/obligations.ts';

test('an allow is frozen, with its obligations', (t) => {
  const headers = { 'Content-Language': 'de' };
  const decision = allow({ disposition: 'inline', headers });
  headers['Content-Language'] = 'fr';
  t.deepEqual(decision.obligations, {
    disposition: 'inline',
    headers: { 'content-language': 'de' },
  });
  t.true(Object.isFrozen(decision) && Object.isFrozen(decision.obligations));
  t.true(Object.isFrozen(decision.obligations.headers));
});

test('an obligation that is undefined is none', (t) => {
  t.notThrows(() => allow({ filename: undefined, headers: undefined }));
});

const wrong: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['unknown', { fileName: 'a' }, /unknown option "fileName"; known options are disposition, /],
  [
    'disposition',
    { disposition: 'form-data' },
    /disposition must be "inline" or "attachment", got "form-data"/,
  ],
  ['filename', { filename: 7 }, /filename must be a string, got 7/],
  [
    'content type',
    { contentType: 'pdf' },
    /contentType must be a media type such as text\/plain, got "pdf"/,
  ],
  ['split type', { contentType: 'a/b\r\nX: y' }, /contentType must be a media type/],
  [
    'encoding',
    { contentEncoding: 'g zip' },
    /contentEncoding must be a content coding such as gzip, got "g zip"/,
  ],
  [
    'bare tag',
    { entityTag: 'v7' },
    /entityTag must be an entity tag with its quotes, such as '"v7"', got "v7"/,
  ],
  ['split cache control', { cacheControl: 'a\nb' }, /cacheControl must be cache directives/],
  ['a rate of nothing', { rate: 0 }, /rate must be an integer of at least 1, .* got 0/],
  ['a rate in parts', { rate: 0.5 }, /rate must be an integer/],
  ['a rate as text', { rate: '1000' }, /rate must be an integer .* got "1000"/],
  ['empty cache control', { cacheControl: '' }, /cacheControl must be cache directives/],
  [
    'headers that are no object',
    { headers: ['a'] },
    /headers must be an object of header fields, got an array/,
  ],
  ['header name', { headers: { 'a b': 'c' } }, /"a b" cannot be set/],
  [
    'header value',
    { headers: { a: 'ü\n' } },
    /the header "a" must have visible ASCII as its value/,
  ],
  ['header value of another type', { headers: { a: 1 } }, /visible ASCII as its value, got 1/],
  ['length', { headers: { 'Content-Length': '1' } }, /"Content-Length" cannot be set/],
  ['framing', { headers: { 'Transfer-Encoding': 'chunked' } }, /cannot be set/],
  ['sniffing', { headers: { 'X-Content-Type-Options': '' } }, /cannot be set/],
  ['nginx', { headers: { 'X-Accel-Redirect': '/etc' } }, /cannot be set/],
  ['nginx rate', { headers: { 'x-accel-limit-rate': '1' } }, /cannot be set/],
  ['apache', { headers: { 'X-Sendfile': '/etc' } }, /cannot be set/],
  ['apache temporary', { headers: { 'X-SENDFILE-TEMPORARY': '/etc' } }, /cannot be set/],
  ['lighttpd', { headers: { 'X-LIGHTTPD-send-file': '/etc' } }, /cannot be set/],
  ['h2o', { headers: { 'X-Reproxy-URL': 'http://x' } }, /cannot be set/],
];
for (const [title, obligations, message] of wrong) {
  test(`a wrong obligation is a TypeError: ${title}`, (t) => {
    t.throws(() => allow(obligations as Obligations), { instanceOf: TypeError, message });
    t.throws(() => checkObligations('sendDownload', obligations as Obligations), {
      message: /^sendDownload: /,
    });
  });
}

for (const value of [null, 'a', [], () => ({})]) {
  test(`obligations that are ${typeof value} ${JSON.stringify(value)} are a TypeError`, (t) => {
    t.throws(() => allow(value as never), { instanceOf: TypeError });
  });
}

test('a denial is a concealed 404 unless it says otherwise', (t) => {
  t.like(deny('not yours'), { effect: 'deny', reason: 'not yours', status: 404 });
  t.like(deny('gone', { status: 410 }), { status: 410 });
  t.like(deny('sign in', { status: 401, challenge: 'Basic realm="x"' }), {
    challenge: 'Basic realm="x"',
  });
  t.like(deny('slow down', { status: 429, retryAfter: 60 }), { status: 429, retryAfter: 60 });
});

const wrongDenials: readonly (readonly [string, unknown, unknown, RegExp])[] = [
  ['no reason', undefined, {}, /reason must be a string/],
  ['unknown option', 'a', { code: 403 }, /unknown option "code"/],
  ['another status', 'a', { status: 200 }, /one of 401, 403, 404, 410, 429, got 200/],
  ['a status as text', 'a', { status: '403' }, /got "403"/],
  ['401 without challenge', 'a', { status: 401 }, /401 needs a challenge/],
  [
    'a challenge without 401',
    'a',
    { status: 403, challenge: 'Basic' },
    /no other status takes one/,
  ],
  ['a split challenge', 'a', { status: 401, challenge: 'a\r\nb' }, /not a field value/],
  ['a negative wait', 'a', { status: 429, retryAfter: -1 }, /retryAfter must be an integer/],
  ['a wait with another status', 'a', { retryAfter: 5 }, /retryAfter goes with status 429 only/],
  ['a wait that is no number', 'a', { status: 429, retryAfter: Number.NaN }, /got NaN/],
];
for (const [title, reason, options, message] of wrongDenials) {
  test(`a wrong denial is a TypeError: ${title}`, (t) => {
    t.throws(() => deny(reason as string, options as DenyOptions), {
      instanceOf: TypeError,
      message,
    });
  });
}

test('of two sets of obligations the stronger counts, header by header', (t) => {
  const weaker = { filename: 'w', contentType: 'a/b', headers: { a: 'w', b: 'w' } };
  const stronger = { filename: 's', contentType: undefined, headers: { b: 's' } };
  t.deepEqual(joinObligations(weaker, stronger), {
    filename: 's',
    contentType: 'a/b',
    headers: { a: 'w', b: 's' },
  });
  t.is(joinObligations(undefined, stronger), stronger);
});
