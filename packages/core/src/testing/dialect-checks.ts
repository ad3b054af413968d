import assert from 'node:assert/strict';

import { parseEntityTag } from '../http/entity-tag.ts';
import { isSendfileHeader } from '../http/sendfile-header.ts';
import { assertDialect } from '../offload/assert-dialect.ts';
import type { Dialect, FileFacts } from '../offload/dialect.ts';
import type { PlanHeaders } from '../plan/download-plan.ts';
import type { DialectCheck, DialectSubject } from './dialect-check.ts';
import { planFor, SAMPLE_HEADERS as HEADERS, show } from './dialect-sample.ts';

/** Every check of a dialect. */
export const dialectChecks: readonly DialectCheck[] = [
  {
    id: 'D-01',
    title: 'createSluice takes it, and its name is one word for logs',
    run({ dialect }) {
      assertDialect('checkDialect', dialect);
      assert.match(dialect.name, /^[\w.-]+$/, 'the name is not one word');
    },
  },
  {
    id: 'D-02',
    title: 'what it makes is a list that nobody can change, each header once',
    run({ dialect: { makes } }) {
      assert.ok(Object.isFrozen(makes), 'makes is not frozen');
      assert.equal(new Set(makes).size, makes.length, 'makes names a header twice');
    },
  },
  {
    id: 'D-03',
    title: 'no question makes it throw',
    run({ dialect, odd, wrong }) {
      for (const { name, place } of [...odd, ...wrong]) {
        noThrow(`valueFor ${show(name)}`, () => dialect.valueFor(place, HEADERS));
        noThrow(`carries for ${show(name)}`, () => dialect.carries('vary', 'cookie', place));
      }
      for (const facts of FACTS) noThrow('entityTagOf', () => dialect.entityTagOf?.(facts));
      for (const rate of RATES) noThrow('rateHeaderFor', () => dialect.rateHeaderFor?.(rate));
      for (const range of ODD_RANGES) {
        noThrow(`objectionTo ${show(range)}`, () =>
          dialect.objectionTo?.({ range, ifRange: '', size: 1000 }),
        );
      }
    },
  },
  {
    id: 'D-04',
    title: 'a value is text that a header carries as it is',
    run(subject) {
      for (const [name, value] of valuesOf(subject)) {
        assert.equal(typeof value, 'string', `the value for ${show(name)} is no text`);
        assert.match(value, SAFE, `the value for ${show(name)} is not safe in a header`);
      }
    },
  },
  {
    id: 'D-05',
    title: 'no two files share a value',
    run(subject) {
      const names = new Map<string, string>();
      for (const [name, value] of valuesOf(subject)) {
        const twin = names.get(value);
        assert.equal(twin, undefined, `${show(name)} has the value of ${show(twin ?? '')}`);
        names.set(value, name);
      }
    },
  },
  {
    id: 'D-06',
    title: 'nothing is told of what is no file below a root',
    run({ dialect, wrong }) {
      for (const { name, place } of wrong) {
        const value = dialect.valueFor(place, HEADERS);
        assert.equal(value, undefined, `${show(name)} is passed on`);
      }
    },
  },
  {
    id: 'D-07',
    title: 'the server reads every value back to the path that it was made of',
    needs: 'decode',
    run({ dialect, decode, odd }) {
      for (const { name, place } of odd) {
        const value = dialect.valueFor(place, HEADERS);
        if (value === undefined) continue;
        const path = decode?.(value);
        assert.equal(path, place.path, `${show(name)} is told, and read as ${show(String(path))}`);
      }
    },
  },
  {
    id: 'D-08',
    title: 'plain names below every root are told',
    run({ dialect, plain }) {
      for (const { name, place } of plain) {
        const value = dialect.valueFor(place, HEADERS);
        assert.notEqual(value, undefined, `${show(name)} cannot be told`);
      }
    },
  },
  {
    id: 'D-09',
    title: 'an ordinary download is offloaded',
    run({ dialect, plain }) {
      for (const { name, place } of plain.filter(({ name }) => name.endsWith('.pdf'))) {
        const plan = planFor(dialect, place);
        assert.equal(plan.kind, 'offload', `${show(name)}: ${plan.why}`);
      }
    },
  },
  {
    id: 'D-10',
    title: 'the same question has the same answer, and changes nothing',
    run({ dialect, odd }) {
      for (const { name, place } of odd) {
        const asked = { place: { ...place }, headers: { ...HEADERS } };
        const first = dialect.valueFor(asked.place, asked.headers);
        const carried = dialect.carries('vary', 'cookie', asked.place);
        assert.deepEqual(asked, { place, headers: HEADERS }, `${show(name)} was changed`);
        const again = dialect.valueFor(place, HEADERS);
        assert.equal(again, first, `${show(name)} has another value the second time`);
        assert.equal(dialect.carries('vary', 'cookie', place), carried, 'carries another time');
      }
    },
  },
  {
    id: 'D-11',
    title: 'a value has the form that its header takes',
    run(subject) {
      const form = FORMS.find(({ header }) => header.test(subject.dialect.header));
      if (form === undefined) return;
      for (const [name, value] of valuesOf(subject)) {
        assert.match(value, form.value, `the value for ${show(name)} is not ${form.expected}`);
      }
    },
  },
  {
    id: 'D-12',
    title: 'whether a header arrives is true or false',
    run({ dialect, plain }) {
      for (const { place } of plain) {
        for (const [header, value] of Object.entries({ ...HEADERS, ...MORE_HEADERS })) {
          const answer: unknown = dialect.carries(header, value, place);
          assert.equal(typeof answer, 'boolean', `carries says ${show(String(answer))}`);
        }
      }
    },
  },
  {
    id: 'D-13',
    title: 'where Content-Encoding arrives, so does Vary, by which caches tell the codings apart',
    run({ dialect, plain }) {
      for (const { place } of plain) {
        if (!dialect.carries('content-encoding', 'gzip', place)) continue;
        assert.ok(dialect.carries('vary', 'accept-encoding', place), 'Vary is lost');
      }
    },
  },
  {
    id: 'D-14',
    title: 'an entity tag is strong, and another one for another size or second',
    needs: 'entityTagOf',
    run({ dialect }) {
      const tags = FACTS.map((facts) => dialect.entityTagOf?.(facts) ?? '');
      for (const tag of tags) {
        const isStrong = parseEntityTag(tag)?.weak === false;
        assert.ok(isStrong, `${show(tag)} is no strong entity tag with its quotes`);
      }
      assert.equal(new Set(tags).size, tags.length, 'two versions share an entity tag');
      assert.deepEqual(
        FACTS.map((facts) => dialect.entityTagOf?.(facts)),
        tags,
        'an entity tag is another one the second time',
      );
    },
  },
  {
    id: 'D-15',
    title: 'a rate is told in a header that no client is told',
    needs: 'rateHeaderFor',
    run({ dialect }) {
      for (const [name, value] of RATES.flatMap((rate) => pairsOf(dialect, rate))) {
        const isHint = name === name.toLowerCase() && isSendfileHeader(name);
        assert.ok(isHint, `${show(name)} is no header that only a front server reads`);
        assert.notEqual(name, dialect.header, 'the rate takes the place of the order');
        assert.match(value, SAFE, `the rate ${show(value)} is not safe in a header`);
      }
    },
  },
  {
    id: 'D-16',
    title: 'a rate has its own words, which nobody who got them can change',
    needs: 'rateHeaderFor',
    run({ dialect }) {
      const [first] = pairsOf(dialect, 1_000_000);
      const words = first?.join(': ');
      const other = pairsOf(dialect, 4_000_000)[0]?.join(': ');
      assert.ok(words !== other || words === undefined, 'two rates are told in the same words');
      if (first !== undefined && !Object.isFrozen(first)) Object.assign(first, ['x-other', '0']);
      const again = pairsOf(dialect, 1_000_000)[0]?.join(': ');
      assert.equal(again, words, 'the answer can be changed for whoever asks next');
    },
  },
  {
    id: 'D-17',
    title: 'an objection is one line, and there is none without a range',
    needs: 'objectionTo',
    run({ dialect }) {
      for (const ifRange of [undefined, '"1"']) {
        const objection = dialect.objectionTo?.({ range: undefined, ifRange, size: 1000 });
        assert.equal(objection, undefined, 'it objects to a request without a range');
      }
      for (const range of ODD_RANGES) {
        const objection: unknown = dialect.objectionTo?.({ range, ifRange: undefined, size: 1000 });
        const isLine = typeof objection === 'string' && /^[^\n\r]+$/.test(objection);
        assert.ok(objection === undefined || isLine, `the objection to ${show(range)} is no line`);
      }
    },
  },
  {
    id: 'D-18',
    title: 'a URL of the store has a value of its own, which is that of no file',
    needs: 'store',
    run(subject) {
      const { dialect, store = '' } = subject;
      const owners = new Map(valuesOf(subject).map(([name, value]) => [value, name]));
      for (const url of urlsOf(store)) {
        const value: unknown = dialect.valueForUrl?.(url);
        if (value === undefined) continue;
        assert.ok(typeof value === 'string', `the value for ${show(url)} is no text`);
        assert.match(value, SAFE, `the value for ${show(url)} is not safe in a header`);
        const twin = owners.get(value);
        assert.equal(twin, undefined, `${show(url)} has the value of ${show(twin ?? '')}`);
        owners.set(value, url);
        assert.equal(dialect.valueForUrl?.(url), value, `${show(url)} has another value later`);
      }
      const [plain = ''] = urlsOf(store);
      assert.ok(typeof dialect.valueForUrl?.(plain) === 'string', `${show(plain)} cannot be told`);
    },
  },
  {
    id: 'D-19',
    title: 'no URL of another origin is told, and none makes it throw',
    needs: 'store',
    run({ dialect, store = '' }) {
      for (const url of foreignUrlsOf(store)) {
        noThrow(`valueForUrl ${show(url)}`, () => dialect.valueForUrl?.(url));
        assert.equal(dialect.valueForUrl?.(url), undefined, `${show(url)} is passed on`);
      }
    },
  },
];

/** Signed URLs; each is another one, and many are what another one becomes when it is decoded. */
function urlsOf(origin: string): readonly string[] {
  const paths = [
    'a',
    'A',
    'b/a',
    'a%2Fb',
    'a/b',
    'a%252Fb',
    '%41',
    '%2541',
    'a+b',
    'a%2Bb',
    'a%20b',
  ];
  const more = ['%E6%97%A5', '%e6%97%a5', "(1)!*'", '%281%29', 'a%3Fb', 'a%23b', 'a;b=c,d', '...'];
  const queries = ['?X-Amz-Signature=5ec', '?X-Amz-Signature=5Ec', '?s=%2F', '?s=/', '?s=%2f+&&='];
  return [...paths, ...more].flatMap((path) =>
    queries.map((query) => `${origin}/bucket/${path}${query}`),
  );
}

/** What begins like the origin, or ends like it, and leads elsewhere. */
function foreignUrlsOf(origin: string): readonly string[] {
  const { protocol, host, hostname } = new URL(origin);
  const other = protocol === 'https:' ? 'http:' : 'https:';
  const rest = '/bucket/a?s=1';
  return [
    `${other}//${host}${rest}`,
    `${protocol}//${hostname}:1${rest}`,
    `${protocol}//elsewhere.example${rest}`,
    `${origin}.elsewhere.example${rest}`,
    `${origin}@elsewhere.example${rest}`,
    `${protocol}//user:password@${host}${rest}`,
    `${protocol}//elsewhere.example/${host}${rest}`,
  ];
}

/** What an obligation may add, and what nobody has heard of. */
const MORE_HEADERS: PlanHeaders = Object.freeze({
  'content-encoding': 'gzip',
  'content-security-policy': "sandbox; default-src 'none'",
  vary: '',
  'set-cookie': 'a=b',
  'x-unheard-of': '1',
  constructor: '1',
});

/** Each differs from every other in its size or in its second. */
const FACTS: readonly FileFacts[] = [
  { size: 0, lastModified: 1_704_164_645_000 },
  { size: 1000, lastModified: 1_704_164_645_000 },
  { size: 1001, lastModified: 1_704_164_645_000 },
  { size: 1000, lastModified: 1_704_164_646_999 },
  { size: 5_368_709_120, lastModified: 1_704_164_645_000 },
  { size: 1000, lastModified: 0 },
];

/** Bytes a second. */
const RATES: readonly number[] = [1, 1023, 1024, 1_000_000, Number.MAX_SAFE_INTEGER];

const ODD_RANGES: readonly string[] = [
  '',
  'bytes',
  'bytes=',
  'bytes=0-9',
  'Bytes=0-9',
  'bytes=-0',
  'bytes=9-0',
  'bytes=0-0,-1',
  'bytes=a-b',
  'items=0-9',
  `bytes=${'0-,'.repeat(1000)}`,
];

/** Visible, with blanks between; each character is a byte. */
const SAFE = /^[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/;

/** What the servers that know a header take for its value. */
const FORMS = [
  {
    header: /^(?:x-accel-redirect|x-litespeed-location)$/,
    value: /^\/[^?]*$/,
    expected: 'a path without a query',
  },
  {
    header: /^(?:x-sendfile|x-lighttpd-send-file)$/,
    value: /^(?:\/|[A-Za-z](?::|%3A)[\\/])/,
    expected: 'an absolute path',
  },
  { header: /^x-reproxy-url$/, value: /^(?:https?:\/\/[^/]+)?\//, expected: 'a URL' },
];

/** What is told, of all that may be: names and values. */
function valuesOf({ dialect, odd }: DialectSubject): readonly (readonly [string, string])[] {
  return odd.flatMap(({ name, place }) => {
    const value = dialect.valueFor(place, HEADERS);
    return value === undefined ? [] : [[name, value] as const];
  });
}

function pairsOf(dialect: Dialect, rate: number): readonly (readonly [string, string])[] {
  const pair = dialect.rateHeaderFor?.(rate);
  return pair === undefined ? [] : [pair];
}

function noThrow(what: string, ask: () => unknown): void {
  try {
    ask();
  } catch (error) {
    const cause = error instanceof Error ? error : undefined;
    throw new assert.AssertionError({ message: `${what} throws ${String(cause ?? error)}` });
  }
}
