import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';

import { parseEntityTag } from '../http/entity-tag.ts';
import type { StorageKey } from '../keys/storage-key.ts';
import { assertBytes, readBytes } from './body.ts';
import type { ContractCheck, ContractFixture } from './check.ts';
import { INHERITED, sampleBytes, sampleKey, siblingKeys } from './sample.ts';
import { openSeeded, statSeeded } from './seeded.ts';

/** S: the facts of an object. */
export const statChecks: readonly ContractCheck[] = [
  {
    id: 'S-01',
    title: 'stat tells the exact size',
    async run(fixture) {
      for (const size of [1, 4095, 65_537]) {
        const stat = await statSeeded(fixture, sampleKey(), sampleBytes(size));
        assert.equal(stat.size, size);
      }
    },
  },
  {
    id: 'S-02',
    title: 'stat and the stat of an opened object agree',
    async run(fixture) {
      const key = sampleKey('object.txt');
      const stat = await statSeeded(fixture, key, sampleBytes(100));
      const handle = await fixture.driver.open(key);
      assert.ok(handle, 'the object can be opened');
      assert.deepEqual({ ...handle.stat }, { ...stat });
      await handle.close();
    },
  },
  {
    id: 'S-03',
    title: 'stat of a missing object is undefined',
    async run({ driver }) {
      const key = siblingKeys();
      for (const missing of [key('missing'), key('missing/below'), ...INHERITED]) {
        assert.equal(await driver.stat(missing), undefined);
      }
    },
  },
  {
    id: 'S-04',
    title: 'a folder, or a part of a key, is no object',
    async run(fixture) {
      const key = siblingKeys();
      await fixture.seed(key('one/two/three.txt'), sampleBytes(10));
      for (const name of ['one', 'one/two', 'one/two/three', 'one/two/three.tx', 'one/tw']) {
        await assertNothing(fixture, key(name));
      }
    },
  },
  {
    id: 'S-05',
    title: 'below an object there is nothing',
    async run(fixture) {
      const key = siblingKeys();
      await fixture.seed(key('file'), sampleBytes(10));
      for (const name of ['file/x', 'file/x/y', 'file/file']) {
        await assertNothing(fixture, key(name));
      }
    },
  },
  {
    id: 'S-06',
    title: 'an empty object is an object of size 0',
    async run(fixture) {
      assert.equal((await statSeeded(fixture, sampleKey(), new Uint8Array(0))).size, 0);
    },
  },
  {
    id: 'S-07',
    title: 'sizes and offsets above 4 GiB are exact',
    needs: ['seedSparse'],
    async run(fixture) {
      const key = sampleKey();
      const size = 2 ** 32 + 4097;
      await fixture.seedSparse?.(key, size);
      const handle = await fixture.driver.open(key);
      assert.equal(handle?.stat.size, size);
      assertBytes(await readBytes(handle, { start: size - 5, end: size }), new Uint8Array(5));
      await handle.close();
    },
  },
  {
    id: 'S-08',
    title: 'the version and the entity tag of an unchanged object stay the same',
    async run(fixture) {
      const key = sampleKey();
      const first = await statSeeded(fixture, key, sampleBytes(100));
      for (const again of [await fixture.driver.stat(key), await fixture.driver.stat(key)]) {
        assert.deepEqual(again?.version, first.version);
        assertSameTag(again.entityTag, first.entityTag);
      }
    },
  },
  {
    id: 'S-09',
    title: 'other bytes of the same size are another version, and have no equal strong tag',
    async run(fixture) {
      const key = sampleKey();
      const first = await statSeeded(fixture, key, sampleBytes(100, 1));
      const second = await statSeeded(fixture, key, sampleBytes(100, 2));
      assert.notEqual(second.version.token, first.version.token);
      assertOtherTag(second.entityTag, first.entityTag);
    },
  },
  {
    id: 'S-10',
    title: 'a change beside the bytes leaves size and open handles as they are',
    needs: ['touch'],
    async run(fixture) {
      const key = sampleKey();
      const bytes = sampleBytes(100);
      const handle = await openSeeded(fixture, key, bytes);
      await fixture.touch?.(key);
      assertBytes(await readBytes(handle), bytes);
      assert.equal((await fixture.driver.stat(key))?.size, 100);
      await handle.close();
    },
  },
  {
    id: 'S-11',
    title: 'lastModified, where there is one, is milliseconds since 1970 and not in the future',
    async run(fixture) {
      const { lastModified } = await statSeeded(fixture, sampleKey(), sampleBytes(10));
      if (lastModified === undefined) return;
      const skew = 300_000;
      assert.ok(lastModified <= Date.now() + skew, `${lastModified} is in the future`);
      assert.ok(lastModified >= Date.now() - skew, `${lastModified} is long ago, for a new object`);
    },
  },
  {
    id: 'S-12',
    title: 'type and coding are not guessed from the bytes',
    async run(fixture) {
      const key = siblingKeys();
      const page = Buffer.from('<!doctype html><script>alert(1)</script>');
      const contents = [
        new Uint8Array(40),
        page,
        gzipSync(page),
        Buffer.from('\u0089PNG\r\n\u001a\n', 'latin1'),
      ];
      const stats = await Promise.all(
        contents.map((bytes, index) => statSeeded(fixture, key(`object-${index}`), bytes)),
      );
      for (const stat of stats) {
        assert.equal(stat.contentType, stats[0]?.contentType, 'the type depends on the bytes');
        assert.equal(stat.contentEncoding, undefined, 'the coding was told by nobody');
      }
    },
  },
  {
    id: 'S-14',
    title: 'every fact has its form: a size, an opaque token, a hold, an entity tag',
    async run(fixture) {
      const stat = await statSeeded(fixture, sampleKey(), sampleBytes(10));
      assert.ok(Number.isSafeInteger(stat.size) && stat.size >= 0, 'the size is a safe integer');
      assert.match(stat.version.token, /^[\x21-\x7e]{1,256}$/, 'the token is short, visible ASCII');
      assert.match(stat.version.hold, /^(immutable|handle|condition|detect)$/);
      // RFC 9110 §8.8.3: entity-tag = [ weak ] opaque-tag, with its quotes.
      if (stat.entityTag !== undefined) {
        assert.ok(parseEntityTag(stat.entityTag), `${stat.entityTag} is no entity tag`);
      }
    },
  },
];

async function assertNothing({ driver }: ContractFixture, key: StorageKey): Promise<void> {
  assert.equal(await driver.stat(key), undefined, 'stat finds an object where there is none');
  assert.equal(await driver.open(key), undefined, 'open finds an object where there is none');
}

/** A weak tag may become a strong one with time, when the object is no longer new. */
function assertSameTag(actual: string | undefined, expected: string | undefined): void {
  assert.equal(actual?.replace(/^W\//, ''), expected?.replace(/^W\//, ''));
}

/** RFC 9110 §8.8.1: only a strong validator must change with every change of the bytes. */
function assertOtherTag(actual: string | undefined, former: string | undefined): void {
  const bothWeak = actual?.startsWith('W/') === true && former?.startsWith('W/') === true;
  if (actual !== undefined && !bothWeak) assert.notEqual(actual, former);
}
