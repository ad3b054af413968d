import test from 'ava';
import * as fc from 'fast-check';

import { assertKey, keyFromUrlPath, parseKey, urlForKey } from '@sluice/core';

import { BAD_KEYS, GOOD_KEYS, TARGETS } from '../tables/storage-keys.ts';

for (const key of GOOD_KEYS) {
  test(`${show(key)} is a key and stays as it is`, (t) => {
    t.is(parseKey(key), key as never);
    t.is(assertKey('test', key), key as never);
  });
}

for (const [index, [value, why]] of BAD_KEYS.entries()) {
  test(`${show(value)} is no key: ${why} (${index})`, (t) => {
    t.is(parseKey(value), undefined);
    t.throws(() => assertKey('sendDownload', value), {
      instanceOf: TypeError,
      message: /^sendDownload: /,
    });
  });
}

for (const [target, key] of TARGETS) {
  test(`the target ${show(target)} names ${show(key)}`, (t) => {
    t.is(keyFromUrlPath(target), key as never);
  });
}

test('the error for a wrong key quotes it on one short line', (t) => {
  const error = t.throws(() => assertKey('sendDownload', `a\n${'b'.repeat(500)}`));
  t.regex(error.message, /"a\\nb+…"/);
  t.true(error.message.length < 300);
  t.notRegex(error.message, /\n/);
});

const keys = fc
  .array(fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 6 })
  .map((segments) => parseKey(segments.join('/')))
  .filter((key) => key !== undefined);

test('every key comes back from its URL', (t) => {
  fc.assert(
    fc.property(keys, (key) => keyFromUrlPath(urlForKey(key)) === key),
    { numRuns: 2000 },
  );
  for (const key of GOOD_KEYS) {
    t.is(keyFromUrlPath(urlForKey(assertKey('test', key))), key as never);
  }
});

test('the URL of a key is unreserved ASCII, and no URL parser moves its segments', (t) => {
  fc.assert(
    fc.property(keys, (key) => {
      const url = urlForKey(key);
      const parsed = new URL(`http://localhost/files/${url}`);
      return /^[A-Za-z0-9\-._~%/]+$/.test(url) && parsed.pathname === `/files/${url}`;
    }),
  );
  t.pass();
});

test('a target that is taken encodes back to itself, but for hex case and needless escapes', (t) => {
  const targets = fc.string({
    unit: fc.constantFrom(
      'a',
      'B',
      '.',
      '/',
      '%',
      '2',
      'e',
      'f',
      '5',
      'c',
      '0',
      '?',
      '\\',
      '#',
      ' ',
      'é',
    ),
    maxLength: 14,
  });
  fc.assert(
    fc.property(targets, (target) => {
      const key = keyFromUrlPath(target);
      return key === undefined || sameSegments(target, urlForKey(key));
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

/** Compares without decoding twice: both sides are brought to full escapes, segment by segment. */
function sameSegments(target: string, url: string): boolean {
  const path = target.split('?', 1)[0] ?? '';
  return fullyEscaped(path) === fullyEscaped(url);
}

function fullyEscaped(path: string): string {
  return path.replaceAll(/%[0-9a-f]{2}|[^/]/gi, (unit) =>
    unit.length === 3
      ? unit.toUpperCase()
      : `%${unit.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function show(value: unknown): string {
  const text = (JSON.stringify(value) ?? String(value)).replaceAll(
    /[^!-~]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return text.length > 40 ? `${text.slice(0, 36)}… (${text.length})` : text;
}
