import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import { isSluiceError } from '../errors.ts';
import { MAX_KEY_BYTES } from '../keys/storage-key.ts';
import { assertBytes, readBytes } from './body.ts';
import type { ContractCheck } from './check.ts';
import { assertCode } from './failure.ts';
import { listKeys } from './listing.ts';
import { sampleBytes, siblingKeys } from './sample.ts';
import { openExisting, openSeeded } from './seeded.ts';

/** K: one key is one object, and no other key is it. */
export const keyChecks: readonly ContractCheck[] = [
  {
    id: 'K-01',
    title: 'every name that the grammar lets through is a name',
    async run(fixture) {
      const key = siblingKeys();
      for (const [index, name] of ODD_NAMES.entries()) {
        await fixture.seed(key(name), sampleBytes(50, index + 1));
      }
      for (const [index, name] of ODD_NAMES.entries()) {
        const handle = await openExisting(fixture, key(name)).catch((error: unknown) => {
          throw new Error(`the name ${JSON.stringify(name)} is not found`, { cause: error });
        });
        assertBytes(await readBytes(handle), sampleBytes(50, index + 1), JSON.stringify(name));
        await handle.close();
      }
    },
  },
  {
    id: 'K-02',
    title: 'a spelling that is no key finds nothing, and is never repaired',
    async run(fixture) {
      const key = siblingKeys();
      await fixture.seed(key('folder/name'), sampleBytes(10));
      await fixture.seed(key('folder/\ufffd'), sampleBytes(10));
      const base = key('folder').slice(0, -'/folder'.length);
      for (const spelling of malformed(base)) await assertRefused(fixture.driver, spelling);
    },
  },
  finds('K-03', 'a key is never percent-decoded', 'a b%2B', [
    'a%20b%2B',
    'a+b%2B',
    'a b+',
    'a b%2b',
  ]),
  finds('K-04', 'case matters', 'Case.TXT', ['case.txt', 'CASE.TXT', 'Case.txt']),
  {
    id: 'K-05',
    title: 'a key below an object is stored beside it or refused, and takes nothing away',
    needs: ['put'],
    async run(fixture) {
      for (const names of [
        ['a', 'a/b'],
        ['c/d', 'c'],
      ] as const) {
        const key = siblingKeys();
        const [first, second] = [key(names[0]), key(names[1])];
        await fixture.driver.put?.(first, sampleBytes(10, 1));
        try {
          await fixture.driver.put?.(second, sampleBytes(10, 2));
        } catch (error) {
          assertCode(error, 'SLUICE_INVALID_KEY', `put of ${names[1]} beside ${names[0]}`);
          assert.equal(await fixture.driver.stat(second), undefined);
        }
        const handle = await openExisting(fixture, first);
        assertBytes(await readBytes(handle), sampleBytes(10, 1));
        await handle.close();
      }
    },
  },
  finds('K-06', 'composed and decomposed letters are two names', 'caf\u00e9-e\u0301', [
    'caf\u00e9-\u00e9',
    'cafe\u0301-e\u0301',
    'cafe\u0301-\u00e9',
  ]),
  {
    id: 'K-08',
    title: 'two hundred random keys are listed as they were stored',
    needs: ['list'],
    async run(fixture) {
      const key = siblingKeys();
      const keys = Array.from({ length: 200 }, () => key(randomName()));
      await Promise.all(keys.map((one) => fixture.seed(one, sampleBytes(1))));
      const listed = await listKeys(fixture.driver, key('x').slice(0, -1));
      assert.deepEqual(listed, keys.map(String).toSorted());
    },
  },
  finds('K-09', 'no pattern, no short form and no trimming finds an object', 'name.txt', [
    '*',
    'name.*',
    'name.tx?',
    '[n]ame.txt',
    '{name,x}.txt',
    'name.txt ',
    ' name.txt',
    'name.txt.',
    'name.txt~',
    'name.txt::$DATA',
    'name.txt#',
    'name.txt?',
    'name.txt\\',
    'NAME~1.TXT',
    '~/name.txt',
    '\\name.txt',
    '\ufeffname.txt',
  ]),
  {
    id: 'K-10',
    title: 'a key too long for the store is missing, or refused by its code',
    async run({ driver }) {
      const key = siblingKeys();
      const room = MAX_KEY_BYTES - Buffer.byteLength(key('x')) + 1;
      const longest = key('longest/'.repeat(Math.ceil(room / 8) - 1).padEnd(room, 'x'));
      for (const method of ['stat', 'open'] as const) {
        const found = await driver[method](longest).catch((error: unknown) => {
          assertCode(error, 'SLUICE_INVALID_KEY', method);
          return undefined;
        });
        assert.equal(found, undefined);
      }
    },
  },
];

/** Names of one segment or more. Each is a name to the grammar, and something else to somebody. */
const ODD_NAMES: readonly string[] = [
  'with space',
  ' leading',
  'trailing ',
  'trailing.',
  '.hidden',
  '...',
  '..two',
  'two..',
  '-dash',
  '~',
  `it's "quoted"`,
  '`$(id)`;&|<>',
  '$HOME ${x} %PATH%',
  '#?&=;,@:+()[]{}*!^',
  'back\\slash',
  '..\\up',
  'C:',
  'nul.txt',
  'object::$DATA',
  '100%',
  '100%25',
  'a%2Fb',
  '%2e%2e',
  '%00',
  '%C3%A9',
  'caf\u00e9',
  'cafe\u0301',
  '日本語.txt',
  '\u{1f984}',
  '\u202egnp.exe',
  '\u00a0\u2028\u0085',
  '\ufeffmark',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'x'.repeat(255),
  '\u00e9'.repeat(127),
  `deep/${'d/'.repeat(100)}name`,
  `long/${'segment-'.repeat(25)}/${'segment-'.repeat(25)}/${'segment-'.repeat(25)}/name`,
];

/** Checks that one object is found by its name and by no other that somebody might take for it. */
function finds(id: string, title: string, name: string, others: readonly string[]): ContractCheck {
  return {
    id,
    title,
    async run(fixture) {
      const key = siblingKeys();
      await (await openSeeded(fixture, key(name), sampleBytes(10))).close();
      for (const other of others) {
        const what = `${JSON.stringify(other)} finds ${JSON.stringify(name)}`;
        assert.equal(await fixture.driver.stat(key(other)), undefined, what);
        const handle = await fixture.driver.open(key(other));
        await handle?.close();
        assert.equal(handle, undefined, what);
      }
    },
  };
}

/** Spellings of `<base>/folder/name` and its folders that break the grammar of keys. */
function malformed(base: string): readonly string[] {
  return [
    '',
    '.',
    '..',
    '/',
    `${base}/`,
    `${base}/folder/`,
    `${base}/folder/.`,
    `${base}/folder/..`,
    `/${base}/folder/name`,
    `./${base}/folder/name`,
    `x/../${base}/folder/name`,
    `${base}//folder/name`,
    `${base}/folder//name`,
    `${base}/folder/name/`,
    `${base}/folder/name/.`,
    `${base}/./folder/name`,
    `${base}/x/../folder/name`,
    `${base}/folder/../folder/name`,
    `${base}/folder/name\0`,
    `${base}/folder/name\0.txt`,
    `${base}/folder/name\n`,
    // As UTF-8 a lone surrogate is U+FFFD, and that is a name which is there.
    `${base}/folder/\ud800`,
  ];
}

/** A driver as a program without types may call it, with a key that nobody has checked. */
interface UncheckedDriver {
  stat(key: string): Promise<unknown>;
  open(key: string): Promise<unknown>;
}

async function assertRefused(driver: UncheckedDriver, spelling: string): Promise<void> {
  for (const method of ['stat', 'open'] as const) {
    let found: unknown;
    try {
      found = await driver[method](spelling);
    } catch (error) {
      const refused = error instanceof TypeError || isInvalidKey(error);
      assert.ok(refused, `${method} of ${JSON.stringify(spelling)} fails as something else`);
    }
    assert.equal(found, undefined, `${method} finds ${JSON.stringify(spelling)}`);
  }
}

function isInvalidKey(error: unknown): boolean {
  return isSluiceError(error) && error.code === 'SLUICE_INVALID_KEY';
}

function randomName(): string {
  const bytes = randomBytes(8);
  return (
    [...bytes].map((byte) => ALPHABET[byte % ALPHABET.length]).join('') + bytes.toString('hex')
  );
}

const ALPHABET = [
  'a',
  'Z',
  '0',
  ' ',
  '%',
  '+',
  '&',
  '?',
  '#',
  '-',
  '.',
  '\\',
  '"',
  'é',
  '日',
  '\u{1f984}',
];
