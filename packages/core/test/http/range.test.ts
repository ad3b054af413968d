import test from 'ava';
import * as fc from 'fast-check';
import { formatContentRange, resolveRange, type RangeOutcome } from '../../src/http/range.ts';
import { rangeRows } from '../tables/ranges.ts';

for (const [remark, field, expected, completeLength = 1000] of rangeRows) {
  test(`${remark}: ${JSON.stringify(field.slice(0, 60))} of ${completeLength}`, (t) => {
    t.is(toText(resolveRange(field, completeLength)), expected);
  });
}

test('maxRanges moves the limit, and 0 ignores every Range', (t) => {
  const resolve = (field: string, maxRanges: number): string =>
    toText(resolveRange(field, 1000, { maxRanges }));
  t.is(resolve('bytes=0-0,2-2', 2), '0-0,2-2');
  t.is(resolve('bytes=0-0,2-2', 1), 'too-many-ranges');
  t.is(resolve('bytes=0-0', 1), '0-0');
  t.is(resolve('bytes=0-0', 0), 'too-many-ranges');
  t.is(resolve(`bytes=${'5-5,'.repeat(500)}`, Infinity), '5-5');
});

for (const completeLength of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
  test(`an object of ${completeLength} bytes is a mistake of the caller`, (t) => {
    const error = t.throws(() => resolveRange('bytes=0-', completeLength), {
      instanceOf: TypeError,
    });
    t.true(error.message.endsWith(`got ${completeLength}`));
  });
}

for (const maxRanges of [-1, Number.NaN]) {
  test(`maxRanges ${maxRanges} is a mistake of the caller`, (t) => {
    const error = t.throws(() => resolveRange('bytes=0-', 1, { maxRanges }), {
      instanceOf: TypeError,
    });
    t.true(error.message.endsWith(`got ${maxRanges}`));
  });
}

test('Content-Range names the range and the length, or an asterisk and the length', (t) => {
  t.is(formatContentRange({ first: 0, last: 99 }, 1000), 'bytes 0-99/1000');
  t.is(formatContentRange({ first: 0, last: 0 }, 1), 'bytes 0-0/1');
  t.is(formatContentRange(undefined, 1000), 'bytes */1000');
  t.is(formatContentRange(undefined, 0), 'bytes */0');
});

const position = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: 0n, max: 70n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 53n + 2n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 70n }) },
);
const digits = fc.tuple(fc.constantFrom('', '', '', '00'), position).map(([zeros, n]) => zeros + n);
const spec = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(digits, digits).map(([first, last]) => `${first}-${last}`) },
  { weight: 2, arbitrary: digits.map((first) => `${first}-`) },
  { weight: 2, arbitrary: digits.map((length) => `-${length}`) },
  { weight: 1, arbitrary: fc.constantFrom('', ' ', '\t') },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom('0', '1', '9', '-', ' ', '+', 'a') }) },
);
const separator = fc.constantFrom(',', ', ', ' ,', '\t,\t', ',,');
const rangeSet = fc
  .array(fc.tuple(spec, separator), { minLength: 1, maxLength: 18 })
  .map((items) => items.map(([text, comma], i) => (i === 0 ? text : comma + text)).join(''));

test('every Range agrees with an oracle that looks at single bytes', (t) => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(rangeSet, fc.integer({ min: 1, max: 64 }), (set, completeLength) => {
      const outcome = resolveRange(`bytes=${set}`, completeLength);
      t.is(toByteText(outcome), oracle(set, completeLength));
      kinds.add(outcome.kind);
    }),
    { numRuns: 3000, seed: 9110 },
  );
  t.deepEqual([...kinds].toSorted(), ['ranges', 'unsatisfiable', 'whole'], 'no case is missed');
});

test('ranges lie within the object, in the order asked for, and never touch one another', (t) => {
  fc.assert(
    fc.property(rangeSet, fc.integer({ min: 1, max: 64 }), (set, completeLength) => {
      const outcome = resolveRange(`bytes=${set}`, completeLength);
      if (outcome.kind !== 'ranges') return;
      for (const { first, last } of outcome.ranges) {
        t.true(first >= 0 && first <= last && last < completeLength);
      }
      const sorted = outcome.ranges.toSorted((a, b) => a.first - b.first);
      for (const [index, { first }] of sorted.entries()) {
        t.true(index === 0 || first > (sorted[index - 1]?.last ?? 0) + 1);
      }
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

test('any text gives an outcome and never an exception', (t) => {
  const field = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'binary' }).map((text) => `bytes=${text}`),
    fc.string({ unit: fc.constantFrom('bytes=', '=', '-', ',', '0', '9', ' ') }),
  );
  fc.assert(
    fc.property(field, fc.maxSafeNat(), (text, completeLength) => {
      t.regex(resolveRange(text, completeLength).kind, /^(?:whole|ranges|unsatisfiable)$/);
    }),
    { numRuns: 500 },
  );
});

function toText(outcome: RangeOutcome): string {
  if (outcome.kind === 'whole') return outcome.why;
  if (outcome.kind === 'unsatisfiable') return outcome.kind;
  return outcome.ranges.map(({ first, last }) => `${first}-${last}`).join(',');
}

/** The outcome with its ranges as the selected bytes in ascending order. */
function toByteText(outcome: RangeOutcome): string {
  if (outcome.kind !== 'ranges') return toText(outcome);
  const bytes = outcome.ranges.flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  );
  return bytes.toSorted((a, b) => a - b).join(' ');
}

/** RFC 9110 §14.1 spelled out byte by byte, with exact integers and no cleverness. */
function oracle(set: string, completeLength: number): string {
  const elements = `,${set},`.split(/[ \t]*,[ \t]*/).filter((element) => element !== '');
  const startsWithSpace = /^[ \t]/.test(set) && !/^[ \t]*(?:,|$)/.test(set);
  if (elements.length === 0 || startsWithSpace) return 'malformed';
  const asked: number[][] = [];
  for (const element of elements) {
    const [first, last, ...more] = element.split('-');
    if (first === undefined || last === undefined || more.length > 0) return 'malformed';
    if (!/^[0-9]*$/.test(first + last) || first + last === '') return 'malformed';
    if (first !== '' && last !== '' && BigInt(first) > BigInt(last)) return 'malformed';
    asked.push(
      Array.from({ length: completeLength }, (_, index) => index).filter((byte) => {
        if (first === '') return BigInt(completeLength - byte) <= BigInt(last);
        return BigInt(byte) >= BigInt(first) && (last === '' || BigInt(byte) <= BigInt(last));
      }),
    );
  }
  if (elements.length > 16) return 'too-many-ranges';
  const bytes = asked.flat();
  if (bytes.length === 0) return 'unsatisfiable';
  if (bytes.length > completeLength) return 'more-than-whole';
  return [...new Set(bytes)].toSorted((a, b) => a - b).join(' ');
}
