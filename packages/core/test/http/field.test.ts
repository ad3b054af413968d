import { validateHeaderName, validateHeaderValue } from 'node:http';
import test from 'ava';
import * as fc from 'fast-check';
import { isFieldName, isFieldValue, trimWhitespace } from '../../src/http/field.ts';

const names: readonly (readonly [string, boolean])[] = [
  ['Content-Type', true],
  ['x', true],
  ["!#$%&'*+.^_`|~-09AZaz", true],
  ['', false],
  ['Content Type', false],
  ['Content-Type:', false],
  ['Content-Type ', false],
  ['X\r\nY', false],
  ['X\n', false],
  ['X\0', false],
  ['X(1)', false],
  ['X/Y', false],
  ['"X"', false],
  ['\u00e9', false],
  ['\u212a', false],
];

for (const [name, expected] of names) {
  test(`§5.1: ${JSON.stringify(name)} ${expected ? 'is' : 'is not'} a field name`, (t) => {
    t.is(isFieldName(name), expected);
  });
}

const values: readonly (readonly [string, boolean])[] = [
  ['', true],
  ['a', true],
  ['a b', true],
  ['a\tb', true],
  ['!~', true],
  ['"quoted, with; everything"', true],
  [' a', false],
  ['a ', false],
  ['\ta', false],
  ['a\t', false],
  [' ', false],
  ['a\r\nX-Injected: 1', false],
  ['a\rb', false],
  ['a\n', false],
  ['a\0b', false],
  ['a\u001bb', false],
  ['a\u007fb', false],
  ['caf\u00e9', false],
  ['\u0080', false],
  ['\u20ac', false],
  ['\ud800', false],
  [`a${' '.repeat(1_000_000)}`, false],
  [`a${' '.repeat(1_000_000)}b`, true],
];

for (const [value, expected] of values) {
  const shown = `${JSON.stringify(value.slice(0, 40))} of ${value.length}`;
  test(`§5.5: ${shown} ${expected ? 'is' : 'is not'} a field value`, (t) => {
    t.is(isFieldValue(value), expected);
  });
}

const unit = fc.oneof(
  fc.constantFrom(' ', '\t', '\r', '\n', 'a', ':', '\u007f', '\u0080', '\u0100'),
  fc.integer({ min: 0, max: 0x17f }).map((code) => String.fromCharCode(code)),
);

test('what is accepted, Node accepts as well, so that setting a header never throws', (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 4 }), (text) => {
      if (isFieldName(text)) t.notThrows(() => validateHeaderName(text));
      if (isFieldValue(text)) t.notThrows(() => validateHeaderValue('x', text));
      accepted += Number(isFieldValue(text));
    }),
    { numRuns: 2000 },
  );
  t.true(accepted > 100);
});

test('§5.6.3: trimming takes spaces and tabs and nothing else', (t) => {
  t.is(trimWhitespace(' \t a b\t '), 'a b');
  t.is(trimWhitespace(''), '');
  t.is(trimWhitespace(' \t'), '');
  t.is(trimWhitespace('\u00a0a\r\n'), '\u00a0a\r\n');
  t.is(trimWhitespace(`${' '.repeat(1_000_000)}x${'\t'.repeat(1_000_000)}`), 'x');
});
