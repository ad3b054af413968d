import test from 'ava';
import * as fc from 'fast-check';
import { match as referenceMatch } from 'path-to-regexp';

import { compilePattern } from '../../src/policy/pattern.ts';

type Params = Readonly<Record<string, string>>;

const rows: readonly (readonly [pattern: string, key: string, params: Params | undefined])[] = [
  ['a', 'a', {}],
  ['a', 'A', undefined],
  ['a', 'ab', undefined],
  ['a', 'a/b', undefined],
  ['public/*path', 'public/a', { path: 'a' }],
  ['public/*path', 'public/a/b/c', { path: 'a/b/c' }],
  ['public/*path', 'public', undefined],
  ['public/*path', 'publicity/a', undefined],
  ['users/:id/*path', 'users/7/a/b', { id: '7', path: 'a/b' }],
  ['users/:id/*path', 'users/7', undefined],
  ['users/:id', 'users/7', { id: '7' }],
  ['users/:id', 'users/7/8', undefined],
  [':a/:b', 'x/y', { a: 'x', b: 'y' }],
  ['*all', 'a/b', { all: 'a/b' }],
  ['*dir/:name.pdf', 'a/b/c.pdf', { dir: 'a/b', name: 'c' }],
  [':name.:ext', 'a.tar.gz', { name: 'a.tar', ext: 'gz' }],
  [':from-:to', 'x--y', { from: 'x-', to: 'y' }],
  ['a{/:b}', 'a', {}],
  ['a{/:b}', 'a/x', { b: 'x' }],
  ['a{/:b{/:c}}', 'a/x/y', { b: 'x', c: 'y' }],
  ['{x/}*rest', 'x/y', { rest: 'y' }],
  ['{x/}*rest', 'y', { rest: 'y' }],
  ['*a/mid/*b', 'x/mid/mid/y', { a: 'x/mid', b: 'y' }],
  ['\\:id', ':id', {}],
  ['a\\{b\\}', 'a{b}', {}],
  [':"odd name"/x', 'v/x', { 'odd name': 'v' }],
  [':été', 'x', { été: 'x' }],
  ['a b/%2f', 'a b/%2f', {}],
  ['__proto__/:__proto__', '__proto__/x', Object.fromEntries([['__proto__', 'x']])],
];
for (const [pattern, key, params] of rows) {
  test(`${pattern} against ${key}`, (t) => {
    t.deepEqual(compilePattern(pattern)(key), params);
  });
}

const malformed: readonly (readonly [string, RegExp])[] = [
  ['', /1 to 1024 characters/],
  ['a'.repeat(1025), /1 to 1024 characters/],
  ['a/:', /a parameter without a name at 2/],
  ['a/*', /a parameter without a name at 2/],
  ['a/:1', /a parameter without a name at 2/],
  [':a:b', /two parameters without text between them at 2/],
  [':a/:a', /the parameter "a" for a second time/],
  ['{a', /"\{" without "\}"/],
  ['a}', /"\}" without "\{"/],
  ['a\\', /nothing to escape/],
  ['a(b)', /"\(" is reserved/],
  ['a?', /"\?" is reserved/],
  ['a+', /"\+" is reserved/],
  ['a!', /"!" is reserved/],
  ['[a]', /"\[" is reserved/],
  ['/a', /can match no key/],
  ['a/', /can match no key/],
  ['a//:b', /can match no key/],
];
for (const [pattern, message] of malformed) {
  test(`the pattern ${pattern.slice(0, 20)} is malformed: ${message.source}`, (t) => {
    t.throws(() => compilePattern(pattern), { instanceOf: TypeError, message });
  });
}

const keys = fc.string({
  unit: fc.constantFrom('a', 'b', '/', '-', '.'),
  minLength: 1,
  maxLength: 12,
});

const segments = fc.constantFrom('a', 'b', 'ab', ':', ':', 'a-:', ':.a');

/** Whole paths as people write them: at most one parameter a segment, one wildcard at the end. */
const routes = fc
  .tuple(fc.array(segments, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '/*rest'))
  .map(([parts, end]) => parts.map((part, at) => part.replace(':', `:p${at}`)).join('/') + end);

test('it matches what path-to-regexp 8 matches, and captures the same', (t) => {
  fc.assert(
    fc.property(routes, keys, (pattern, key) => {
      const options = { sensitive: true, trailing: false, decode: false } as const;
      const found = referenceMatch(pattern, options)(key);
      const expected = found === false ? undefined : Object.entries(found.params).map(joined);
      const ours = compilePattern(pattern)(key);
      return same(ours && Object.entries(ours), expected);
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

/** Any sequence at all, also those that path-to-regexp narrows to keep its expression fast. */
const sequences = fc
  .array(fc.constantFrom('a', 'b', '/', '-', 'a/b', ':', '*'), { minLength: 1, maxLength: 7 })
  .map((tokens) => tokens.map((token, at) => (/[:*]/.test(token) ? `${token}"p${at}"` : token)))
  .map((tokens) => tokens.join(''));

test('it matches what a greedy expression matches, and captures the same', (t) => {
  fc.assert(
    fc.property(sequences, keys, (pattern, key) => {
      if (/"[:*]/.test(pattern) || /^\/|\/$|\/\//.test(pattern)) return true;
      const source = pattern
        .replaceAll(/[-./]/g, String.raw`\$&`)
        .replaceAll(/:"(p\d)"/g, '(?<$1>[^/]+)')
        .replaceAll(/\*"(p\d)"/g, '(?<$1>.+)');
      const found = new RegExp(`^${source}$`).exec(key);
      const expected = found === null ? undefined : Object.entries(found.groups ?? {});
      const ours = compilePattern(pattern)(key);
      return same(ours && Object.entries(ours), expected);
    }),
    { numRuns: 10_000 },
  );
  t.pass();
});

test('two wildcards against a long key that cannot match end in a table, not in a search', (t) => {
  const pattern = compilePattern('*a/*b/x/*c/y/*d/z');
  const key = `${'a/x/y/'.repeat(660)}end`;
  t.true(key.length > 3900);
  t.is(pattern(key), undefined);
});

function same(ours: unknown, expected: unknown): boolean {
  return JSON.stringify(ours) === JSON.stringify(expected);
}

function joined([name, value]: [string, string | string[] | undefined]): [string, unknown] {
  return [name, Array.isArray(value) ? value.join('/') : value];
}
