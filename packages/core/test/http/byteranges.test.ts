import { Buffer } from 'node:buffer';
import test from 'ava';
import * as fc from 'fast-check';
import { frameByteranges, type FramedByteranges } from '../../src/http/byteranges.ts';
import { resolveRange } from '../../src/http/range.ts';

const object = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 256));

function toBody(framed: FramedByteranges): Buffer {
  const parts = framed.parts.flatMap(({ head, range }) => [
    Buffer.from(head),
    object.subarray(range.first, range.last + 1),
  ]);
  return Buffer.concat([...parts, Buffer.from(framed.tail)]);
}

test('§14.6: parts, delimiters and lengths are written exactly so', (t) => {
  const framed = frameByteranges(
    [
      { first: 48, last: 50 },
      { first: 97, last: 99 },
    ],
    { boundary: 'THIS_STRING_SEPARATES', contentType: 'application/pdf', completeLength: 1000 },
  );
  t.is(framed.contentType, 'multipart/byteranges; boundary=THIS_STRING_SEPARATES');
  const expected = [
    '--THIS_STRING_SEPARATES',
    'Content-Type: application/pdf',
    'Content-Range: bytes 48-50/1000',
    '',
    '012',
    '--THIS_STRING_SEPARATES',
    'Content-Type: application/pdf',
    'Content-Range: bytes 97-99/1000',
    '',
    'abc',
    '--THIS_STRING_SEPARATES--',
    '',
  ].join('\r\n');
  t.is(toBody(framed).toString('latin1'), expected);
  t.is(framed.contentLength, expected.length);
});

test('without a media type the parts carry none', (t) => {
  const { parts } = frameByteranges([{ first: 0, last: 0 }], { boundary: 'b', completeLength: 1 });
  t.deepEqual(parts, [
    { head: '--b\r\nContent-Range: bytes 0-0/1\r\n\r\n', range: { first: 0, last: 0 } },
  ]);
});

test('ranges beyond 4 GiB are counted exactly', (t) => {
  const completeLength = 2 ** 52;
  const range = { first: 1, last: completeLength - 1 };
  const { contentLength, parts, tail } = frameByteranges([range], {
    boundary: 'b',
    completeLength,
  });
  t.is(contentLength, completeLength - 1 + (parts[0]?.head.length ?? 0) + tail.length);
});

for (const boundary of ['', 'a b', 'a"b', 'a\r\nb', 'a;b', 'a/b', 'é', 'a'.repeat(71)]) {
  test(`the boundary ${JSON.stringify(boundary)} is a mistake of the caller`, (t) => {
    const error = t.throws(
      () => frameByteranges([{ first: 0, last: 0 }], { boundary, completeLength: 1 }),
      { instanceOf: TypeError },
    );
    t.true(error.message.endsWith(JSON.stringify(boundary)));
  });
}

test('a strict reader finds every range again, and the length is the length of the body', (t) => {
  const pair = fc.tuple(fc.nat(999), fc.nat(99)).map(([first, more]) => `${first}-${first + more}`);
  const boundary = fc.stringMatching(/^[0-9A-Za-z'+_.-]{20,70}$/);
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 16 }), boundary, (specs, delimiter) => {
      const outcome = resolveRange(`bytes=${specs.join(',')}`, object.length);
      if (outcome.kind !== 'ranges') return;
      const framed = frameByteranges(outcome.ranges, {
        boundary: delimiter,
        contentType: 'text/plain; charset=utf-8',
        completeLength: object.length,
      });
      const body = toBody(framed);
      t.is(framed.contentLength, body.length);
      t.deepEqual(readParts(body.toString('latin1'), delimiter), [...outcome.ranges]);
    }),
    { numRuns: 300 },
  );
});

/** Reads a body from the wire by RFC 2046 §5.1.1 and returns the ranges whose bytes are right. */
function readParts(body: string, boundary: string): { first: number; last: number }[] {
  const [preamble, ...pieces] = `\r\n${body}`.split(`\r\n--${boundary}`);
  if (preamble !== '' || pieces.pop() !== '--\r\n') throw new Error('delimiters are wrong');
  return pieces.map((piece) => {
    const match = /^\r\n((?:[^\r\n]+\r\n)+)\r\n([^]*)$/.exec(piece);
    const [, fields = '', bytes = ''] = match ?? [];
    const [, first, last] = /^Content-Range: bytes (\d+)-(\d+)\/1000\r$/m.exec(fields) ?? [];
    const range = { first: Number(first), last: Number(last) };
    const expected = object.subarray(range.first, range.last + 1).toString('latin1');
    if (bytes !== expected) throw new Error(`bytes of ${fields} are wrong`);
    return range;
  });
}
