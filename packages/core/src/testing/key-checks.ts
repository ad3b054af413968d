import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import { isSluiceError } from '../errors.ts';
import { MAX_KEY_BYTES, type StorageKey } from '../keys/storage-key.ts';
import type { StorageDriver } from '../storage/driver.ts';
import { assertBytes, readBytes } from './body.ts';
import type { ContractCheck } from './check.ts';
import { assertCode } from './failure.ts';
import { listKeys } from './listing.ts';
import { malformed, ODD_NAMES } from './odd-keys.ts';
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
    id: 'K-07',
    title: 'a spelling that is no key is not signed, and lies on no path',
    async run(fixture) {
      const key = siblingKeys();
      await fixture.seed(key('folder/name'), sampleBytes(10));
      const base = key('folder').slice(0, -'/folder'.length);
      const { driver } = fixture;
      const asks: readonly ((spelling: StorageKey) => unknown)[] = [
        (spelling) => driver.localPath?.(spelling),
        (spelling) => driver.signUrl?.(spelling, { expiresIn: 60 }),
        (spelling) => driver.internalUrl?.(spelling, { expiresIn: 60 }),
      ];
      for (const spelling of malformed(base)) {
        for (const ask of asks) assert.equal(await unlessRefused(ask, spelling), undefined);
      }
    },
  },
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
  {
    id: 'K-11',
    title: 'under a spelling that is no key nothing is written, renamed or removed',
    needs: ['put'],
    async run(fixture) {
      const { driver } = fixture;
      const key = siblingKeys();
      await fixture.seed(key('folder/name'), sampleBytes(10));
      const base = key('folder').slice(0, -'/folder'.length);
      const writes: readonly ((spelling: StorageKey) => unknown)[] = [
        (spelling) => driver.put?.(spelling, sampleBytes(20)).then(() => 'it was put'),
        (spelling) => driver.delete?.(spelling),
        (spelling) => driver.move?.(spelling, key('new')).then((moved) => moved || undefined),
        (spelling) =>
          driver.move?.(key('folder/name'), spelling).then((moved) => moved || undefined),
      ];
      for (const spelling of malformed(base)) {
        for (const write of writes) assert.equal(await unlessRefused(write, spelling), undefined);
      }
      const handle = await openExisting(fixture, key('folder/name'));
      assertBytes(await readBytes(handle), sampleBytes(10));
      await handle.close();
      if (driver.list) {
        assert.deepEqual(await listKeys(driver, `${base}/`), [String(key('folder/name'))]);
      }
    },
  },
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

async function assertRefused(driver: StorageDriver, spelling: string): Promise<void> {
  for (const method of ['stat', 'open'] as const) {
    const found = await unlessRefused((key) => driver[method](key), spelling);
    assert.equal(found, undefined, `${method} finds ${JSON.stringify(spelling)}`);
  }
}

/** Calls a driver as a program without types may, with a key that nobody has checked. */
async function unlessRefused(
  call: (spelling: StorageKey) => unknown,
  spelling: string,
): Promise<unknown> {
  try {
    // It is no key: that is what is tried.
    return await call(spelling as StorageKey); // oxlint-disable-line typescript/no-unsafe-type-assertion
  } catch (error) {
    const refused = error instanceof TypeError || isInvalidKey(error);
    assert.ok(refused, `a call with ${JSON.stringify(spelling)} fails as something else`);
    return undefined;
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
