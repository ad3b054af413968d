import test from 'ava';

import { checkProbeSecret, isProbe, PROBE_WINDOW, signProbe } from '../../src/probe/signature.ts';

const SECRET = '0123456789abcdef0123456789abcdef';
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const FACTS = { method: 'GET', key: 'sluice-probe/a b.txt' };
const HEADER = signProbe(SECRET, { ...FACTS, time: NOW });

/** What is done to a header, or to what it is compared with, and whether it still proves anything. */
const rows: readonly (readonly [
  title: string,
  holds: boolean,
  change: {
    readonly secret?: string;
    readonly header?: unknown;
    readonly method?: string;
    readonly key?: string;
    readonly later?: number;
  },
])[] = [
  ['a fresh signature', true, {}],
  ['a signature as old as is allowed', true, { later: PROBE_WINDOW }],
  ['a signature of a clock that is ahead as far as is allowed', true, { later: -PROBE_WINDOW }],
  ['a stale signature', false, { later: PROBE_WINDOW + 1 }],
  ['a signature of the future', false, { later: -PROBE_WINDOW - 1 }],
  ['another method', false, { method: 'HEAD' }],
  ['a method in lower case', false, { method: 'get' }],
  ['another key', false, { key: 'sluice-probe/a c.txt' }],
  ['another secret', false, { secret: SECRET.replace('0', '1') }],
  ['no header', false, { header: undefined }],
  ['two headers', false, { header: [HEADER, HEADER] }],
  ['two headers that were joined', false, { header: `${HEADER}, ${HEADER}` }],
  ['an empty header', false, { header: '' }],
  ['a later time under the same signature', false, { header: HEADER.replace(/t=\d/, 't=2') }],
  ['a time with a sign', false, { header: HEADER.replace('t=', 't=+') }],
  ['a signature that is cut short', false, { header: HEADER.slice(0, -1) }],
  ['a signature with one more character', false, { header: `${HEADER}A` }],
  ['a signature with padding', false, { header: `${HEADER}=` }],
  ['a signature in the other alphabet', false, { header: `t=${NOW}; s=${'+'.repeat(43)}` }],
];

for (const [title, holds, change] of rows) {
  test(`${title} ${holds ? 'proves' : 'does not prove'} to hold the secret`, (t) => {
    const { secret = SECRET, method = FACTS.method, key = FACTS.key, later = 0 } = change;
    const header = 'header' in change ? change.header : HEADER;
    t.is(isProbe(secret, header, { method, key }, NOW + later), holds);
  });
}

test('the header holds neither the secret nor the key', (t) => {
  t.regex(HEADER, /^t=\d+; s=[\w-]{43}$/);
  t.false(HEADER.includes(SECRET.slice(0, 8)));
});

test('a secret that is too short, or none, is refused without being told', (t) => {
  const short = SECRET.slice(1);
  const error = t.throws(() => checkProbeSecret('downloads', short), { instanceOf: TypeError });
  t.false(error.message.includes(short));
  t.regex(error.message, /^downloads: .* at least 32 characters, got 31$/);
  for (const value of [undefined, null, 42, Buffer.from(SECRET), [SECRET]]) {
    t.throws(() => checkProbeSecret('downloads', value), { instanceOf: TypeError });
  }
  t.is(checkProbeSecret('downloads', SECRET), SECRET);
});
