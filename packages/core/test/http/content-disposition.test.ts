import { Buffer } from 'node:buffer';
import { validateHeaderValue } from 'node:http';
import test from 'ava';
import * as fc from 'fast-check';
import { formatContentDisposition } from '../../src/http/content-disposition.ts';
import { filenameRows } from '../tables/filenames.ts';

interface Disposition {
  readonly type: string;
  /** Value of `filename`, unquoted. */
  readonly fallback: string | undefined;
  /** Value of `filename*`, decoded. */
  readonly exact: string | undefined;
}

// RFC 6266 §4.1 and RFC 8187 §3.2.1, narrowed to the one order that appendix D recommends.
const QUOTED_STRING = String.raw`"((?:[ !#-\[\]-~]|\\[ -~])*)"`;
const VALUE_CHARS = String.raw`((?:[A-Za-z0-9!#$&+.^_\x60|~-]|%[0-9A-F]{2})+)`;
const DISPOSITION = new RegExp(
  String.raw`^(inline|attachment)(?:; filename=${QUOTED_STRING}(?:; filename\*=UTF-8''${VALUE_CHARS})?)?$`,
);

function parseDisposition(header: string): Disposition {
  const match = DISPOSITION.exec(header);
  if (match === null) throw new Error(`Not well-formed: ${JSON.stringify(header)}`);
  const [, type = '', quoted, encoded] = match;
  return {
    type,
    fallback: quoted?.replaceAll(/\\(.)/g, '$1'),
    exact: encoded === undefined ? undefined : decodeURIComponent(encoded),
  };
}

for (const [filename, saved, fallback] of filenameRows) {
  test(`${describe(filename)} is saved as ${describe(saved ?? 'whatever the URL says')}`, (t) => {
    const header = formatContentDisposition('attachment', filename);
    const isPlain = fallback === undefined;
    t.deepEqual(parseDisposition(header), {
      type: 'attachment',
      fallback: fallback ?? saved,
      exact: isPlain ? undefined : saved,
    });
  });
}

test('the table has at least 140 different names', (t) => {
  t.true(new Set(filenameRows.map(([filename]) => filename)).size >= 140);
});

test('headers are written exactly so', (t) => {
  t.is(formatContentDisposition('inline'), 'inline');
  t.is(formatContentDisposition('attachment'), 'attachment');
  t.is(formatContentDisposition('attachment', '..'), 'attachment');
  t.is(formatContentDisposition('inline', 'a b.txt'), 'inline; filename="a b.txt"');
  t.is(
    formatContentDisposition('attachment', "\u20ac '(1)*.txt"),
    `attachment; filename="_ '(1)*.txt"; filename*=UTF-8''%E2%82%AC%20%27%281%29%2A.txt`,
  );
});

const anyString = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCharCode(code)) }),
  fc.string({
    unit: fc.constantFrom(
      '.',
      '/',
      '\\',
      '"',
      '%',
      '4',
      '=',
      '?',
      ' ',
      '\n',
      '\u202e',
      '\ud83d',
      'é',
    ),
  }),
  fc.string({ unit: 'binary', minLength: 200, maxLength: 700, size: 'max' }),
);

test('for every string of 16-bit units the header is well-formed ASCII that Node sends', (t) => {
  fc.assert(
    fc.property(anyString, (filename) => {
      const header = formatContentDisposition('attachment', filename);
      t.regex(header, /^[ -~]+$/);
      t.notThrows(() => validateHeaderValue('Content-Disposition', header));
      t.is(parseDisposition(header).type, 'attachment');
      t.true(header.length < 1200);
    }),
    { numRuns: 2000 },
  );
});

test('for every string the saved name is one harmless path component', (t) => {
  fc.assert(
    fc.property(anyString, (filename) => {
      const { fallback, exact } = parseDisposition(formatContentDisposition('inline', filename));
      const saved = exact ?? fallback;
      if (saved === undefined) return;
      for (const name of [saved, fallback ?? '']) {
        t.notRegex(name, /[/\\]/);
        t.notRegex(name, /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
        t.notRegex(name, /^(?:\.|\.\.|)$/);
        t.is(name, name.trim());
      }
      t.true(Buffer.byteLength(saved) <= 255);
      t.true(saved.isWellFormed());
      t.notRegex(fallback ?? '', /["%](?=[0-9A-Fa-f]{2})|["\\]|=\?/);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('a name that needs no cleaning survives, and a saved name is saved again as it is', (t) => {
  const harmless = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((name) => !/[/\\]|^\.{1,2}$|[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(name))
    .filter((name) => name.trim() === name && Buffer.byteLength(name) <= 255);
  fc.assert(
    fc.property(harmless, (name) => {
      t.is(savedName(name), name);
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(anyString, (filename) => {
      const saved = savedName(filename);
      t.is(saved === undefined ? undefined : savedName(saved), saved);
    }),
    { numRuns: 1000 },
  );
});

function savedName(filename: string): string | undefined {
  const { fallback, exact } = parseDisposition(formatContentDisposition('inline', filename));
  return exact ?? fallback;
}

/** A test title: escaped, because names hold terminal controls, and short, but still unique. */
function describe(text: string): string {
  const escaped = Array.from(JSON.stringify(text.slice(0, 40)), (character) =>
    /[ -~]/.test(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  ).join('');
  return text.length > 40 ? `${escaped}… (${text.length}, ends ${text.slice(-4).trim()})` : escaped;
}
