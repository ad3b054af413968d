import test from 'ava';
import * as fc from 'fast-check';
import {
  type EntityTag,
  formatEntityTag,
  matchesStrongly,
  matchesWeakly,
  parseEntityTag,
  parseEntityTagList,
} from '../../src/http/entity-tag.ts';
import { entityTagListRows, entityTagRows } from '../tables/entity-tags.ts';

for (const [remark, value, tag] of entityTagRows) {
  test(`parseEntityTag: ${remark} ${JSON.stringify(value)}`, (t) => {
    t.deepEqual(parseEntityTag(value), tag);
  });
}

for (const [remark, value, tags] of entityTagListRows) {
  test(`parseEntityTagList: ${remark} ${JSON.stringify(value)}`, (t) => {
    t.deepEqual(parseEntityTagList(value), tags);
  });
}

// RFC 9110 §8.8.3.2, table 3.
const comparisons = [
  ['W/"1"', 'W/"1"', false, true],
  ['W/"1"', 'W/"2"', false, false],
  ['W/"1"', '"1"', false, true],
  ['"1"', 'W/"1"', false, true],
  ['"1"', '"1"', true, true],
  ['"1"', '"2"', false, false],
  ['"a"', '"A"', false, false],
] as const;

for (const [left, right, strongly, weakly] of comparisons) {
  test(`§8.8.3.2: ${left} and ${right} match strongly: ${strongly}, weakly: ${weakly}`, (t) => {
    const a = parseEntityTag(left);
    const b = parseEntityTag(right);
    t.truthy(a && b);
    t.is(a && b && matchesStrongly(a, b), strongly);
    t.is(a && b && matchesWeakly(a, b), weakly);
  });
}

for (const opaque of ['a"b', 'a b', 'a\r\nX-Injected: 1', 'a\0', '\u007f', '\u0100', '\ud800']) {
  test(`formatEntityTag refuses ${JSON.stringify(opaque)} and quotes it`, (t) => {
    const error = t.throws(() => formatEntityTag({ weak: false, opaque }), {
      instanceOf: TypeError,
    });
    t.true(error.message.endsWith(JSON.stringify(opaque)));
  });
}

const etagc = fc
  .integer({ min: 0x21, max: 0xff })
  .filter((code) => code !== 0x22 && code !== 0x7f)
  .map((code) => String.fromCharCode(code));
const anyTag: fc.Arbitrary<EntityTag> = fc.record({
  weak: fc.boolean(),
  opaque: fc.string({ unit: etagc }),
});

test('every tag that can be formatted is parsed back, alone and in a list', (t) => {
  fc.assert(
    fc.property(fc.array(anyTag), (tags) => {
      const values = tags.map(formatEntityTag);
      t.deepEqual(values.map(parseEntityTag), tags);
      t.deepEqual(parseEntityTagList(values.join(', ')), tags);
      t.deepEqual(parseEntityTagList(`,${values.join('\t,,')}`), tags);
    }),
  );
});

test('any text gives a list, an asterisk or undefined, and never an exception', (t) => {
  const text = fc.string({ unit: fc.constantFrom('"', 'W', '/', ',', ' ', '\t', 'a', '*', '\\') });
  fc.assert(
    fc.property(text, (value) => {
      const tags = parseEntityTagList(value);
      const again =
        tags === '*' || tags === undefined ? tags : tags.map(formatEntityTag).join(', ');
      t.deepEqual(again === undefined ? undefined : parseEntityTagList(again), tags);
    }),
  );
});

// A quadratic parser would run into AVA's time limit on these.
const hostileLists: readonly (readonly [string, string, number | undefined])[] = [
  ['unclosed quotes', '"a, '.repeat(250_001), undefined],
  ['one unclosed quote', `"${'a'.repeat(1_000_000)}`, undefined],
  ['commas', ','.repeat(1_000_000), 0],
  ['whitespace before a bad character', `"a"${' '.repeat(1_000_000)}x`, undefined],
  ['whitespace after a comma', `,${'\t'.repeat(1_000_000)}x`, undefined],
  ['weak marks', 'W/'.repeat(500_000), undefined],
  ['good tags', '"a",'.repeat(250_000), 250_000],
];

for (const [remark, value, count] of hostileLists) {
  test(`a million characters of ${remark} are read in one pass`, (t) => {
    t.is(parseEntityTagList(value)?.length, count);
  });
}
