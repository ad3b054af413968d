/* oxlint-disable eslint/no-extend-native -- a polluted prototype is what is tried here */
import test from 'ava';

import { allow, type Obligations, type ObjectStat } from '@sluice/core';

import { describe } from '../../src/plan/representation.ts';
import { keyOf, statOf } from '../helpers/objects.ts';

const NOW = Date.UTC(2026, 0, 1);
const PLAIN: Obligations = allow().obligations;

test('one version is described once, whichever object tells its facts', (t) => {
  const key = keyOf('same/version.pdf');
  const first = describe(key, PLAIN, statOf(9), NOW);
  t.is(describe(key, PLAIN, statOf(9), NOW + 1), first);
  t.is(describe(key, Object.freeze({ filename: undefined }), statOf(9), NOW), first);
  t.not(describe(keyOf('other.pdf'), PLAIN, statOf(9), NOW), first);
});

const differences: readonly (readonly [
  what: string,
  stat: Partial<ObjectStat>,
  obligations: Obligations,
])[] = [
  ['its size', { size: 10 }, {}],
  ['its entity tag, as it ages', { entityTag: 'W/"v1"' }, {}],
  ['its date', { lastModified: Date.UTC(2025, 0, 1) }, {}],
  ['its media type', { contentType: 'text/plain' }, {}],
  ['its coding', { contentEncoding: 'gzip' }, {}],
  ['a disposition', {}, { disposition: 'inline' }],
  ['a filename', {}, { filename: 'b' }],
  ['a media type of the policy', {}, { contentType: 'text/html' }],
  ['a coding of the policy', {}, { contentEncoding: 'br' }],
  ['a tag of the policy', {}, { entityTag: '"x"' }],
  ['cache directives', {}, { cacheControl: 'no-store' }],
  ['headers', {}, { headers: Object.freeze({ vary: 'cookie' }) }],
];
for (const [what, stat, obligations] of differences) {
  test(`${what} makes a description of its own, and the one before comes back`, (t) => {
    const key = keyOf(`differs/${what}`);
    const plain = describe(key, PLAIN, statOf(9), NOW);
    const other = describe(key, Object.freeze(obligations), statOf(9, stat), NOW);
    t.notDeepEqual(other, plain);
    t.deepEqual(describe(key, PLAIN, statOf(9), NOW), plain);
    t.deepEqual(describe(key, Object.freeze(obligations), statOf(9, stat), NOW), other);
  });
}

test('a date in the future is told as the time of each answer, and as itself once it is past', (t) => {
  const key = keyOf('from/the/future');
  const stat = statOf(9, { lastModified: NOW + 10_000 });
  const told = (now: number): string | undefined =>
    describe(key, PLAIN, stat, now).headers['last-modified'];
  t.is(told(NOW), 'Thu, 01 Jan 2026 00:00:00 GMT');
  t.is(told(NOW + 5000), 'Thu, 01 Jan 2026 00:00:05 GMT');
  t.is(told(NOW + 20_000), 'Thu, 01 Jan 2026 00:00:10 GMT');
  t.is(told(NOW + 25_000), 'Thu, 01 Jan 2026 00:00:10 GMT');
  // A clock that is set back.
  t.is(told(NOW + 1000), 'Thu, 01 Jan 2026 00:00:01 GMT');
});

test('obligations that somebody may still change are described anew', (t) => {
  const key = keyOf('changing');
  const obligations: { filename: string } = { filename: 'one' };
  const headers: Record<string, string> = { vary: 'a' };
  const dispositionOf = (): string | undefined =>
    describe(key, obligations, statOf(9), NOW).headers['content-disposition'];
  t.regex(String(dispositionOf()), /one/);
  obligations.filename = 'two';
  t.regex(String(dispositionOf()), /two/);
  const varyOf = (): string | undefined =>
    describe(key, Object.freeze({ headers }), statOf(9), NOW).headers['vary'];
  t.is(varyOf(), 'a');
  headers['vary'] = 'b';
  t.is(varyOf(), 'b');
});

test.serial('what stands on Object.prototype is no fact of an object', (t) => {
  const key = keyOf('polluted');
  const tagged = statOf(9, { contentEncoding: 'gzip' });
  t.is(describe(key, PLAIN, tagged, NOW).headers['content-encoding'], 'gzip');
  Object.defineProperty(Object.prototype, 'contentEncoding', { value: 'gzip', configurable: true });
  t.teardown(() => Reflect.deleteProperty(Object.prototype, 'contentEncoding'));
  t.is(describe(key, PLAIN, statOf(9), NOW).headers['content-encoding'], undefined);
});

test('more keys than are remembered are described right all the same', (t) => {
  for (let round = 0; round < 2; round += 1) {
    for (let at = 0; at < 1500; at += 1) {
      const { headers } = describe(keyOf(`many/${at}`), PLAIN, statOf(at), NOW);
      t.is(headers['content-disposition'], `attachment; filename="${at}"`);
    }
  }
  const last = keyOf('many/1499');
  t.is(describe(last, PLAIN, statOf(1499), NOW), describe(last, PLAIN, statOf(1499), NOW));
});
