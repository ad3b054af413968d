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
  ['disposition', { disposition: 'form-data' }, /"form-data" cannot be the disposition/],
  ['filename', { filename: 7 }, /7 cannot be the filename/],
  ['content type', { contentType: 'pdf' }, /"pdf" cannot be the contentType/],
  ['split type', { contentType: 'a/b\r\nX: y' }, /cannot be the contentType/],
  ['encoding', { contentEncoding: 'g zip' }, /"g zip" cannot be the contentEncoding/],
  ['bare tag', { entityTag: 'v7' }, /"v7" cannot be the entityTag/],
  ['split cache control', { cacheControl: 'a\nb' }, /cannot be the cacheControl/],
  ['empty cache control', { cacheControl: '' }, /cannot be the cacheControl/],
  ['headers that are no object', { headers: ['a'] }, /an array cannot be the headers/],
  ['header name', { headers: { 'a b': 'c' } }, /"a b" cannot be set/],
  ['header value', { headers: { a: 'ü\n' } }, /cannot be the value of "a"/],
  ['header value of another type', { headers: { a: 1 } }, /1 cannot be the value of "a"/],
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
