import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import type { StorageKey } from '../keys/storage-key.ts';
import type { SignedUrl, SignOptions } from '../storage/driver.ts';
import { assertBytes } from './body.ts';
import type { ContractCheck, ContractFixture } from './check.ts';
import { assertCode } from './failure.ts';
import { ODD_NAMES } from './odd-keys.ts';
import { sampleBytes, sampleKey, siblingKeys } from './sample.ts';
import { openSeeded, statSeeded } from './seeded.ts';

/** U: where bytes are to be had without the driver. */
export const urlChecks: readonly ContractCheck[] = [
  signs('U-01', 'a signed URL gives the object, and says until when', async (fixture, sign) => {
    const key = sampleKey('a name.txt');
    const bytes = sampleBytes(100_000);
    await fixture.seed(key, bytes);
    const before = Date.now();
    const { url, expires } = signed(await sign(key, { expiresIn: 60 }));
    assertBytes(await fetched(url), bytes);
    // Stores count whole seconds.
    const [least, most] = [before + 58_000, Date.now() + 61_000];
    assert.ok(least <= expires && expires <= most, `${expires} is not in a minute`);
  }),
  signs(
    'U-02',
    'headers that were signed are the answer’s, to the letter',
    async (fixture, sign) => {
      const key = sampleKey();
      await fixture.seed(key, sampleBytes(100));
      for (const [name, value] of HEADERS) {
        const url = await sign(key, { expiresIn: 60, headers: { [name]: value } });
        // Who cannot give this very header signs nothing.
        if (url === undefined) continue;
        const response = await fetch(url.url);
        assertBytes(await bodyOf(response), sampleBytes(100));
        assert.equal(response.headers.get(name), value);
      }
    },
  ),
  signs('U-03', 'a signed URL gives one window as 206', async (fixture, sign) => {
    const key = sampleKey();
    const bytes = sampleBytes(1000);
    await fixture.seed(key, bytes);
    const { url } = signed(await sign(key, { expiresIn: 60 }));
    const response = await fetch(url, { headers: { range: 'bytes=10-19' } });
    assert.equal(response.status, 206);
    assert.equal(response.headers.get('content-range'), 'bytes 10-19/1000');
    assertBytes(new Uint8Array(await response.arrayBuffer()), bytes.subarray(10, 20));
  }),
  signs(
    'U-04',
    'a signed URL of which anything is changed gives nothing',
    async (fixture, sign) => {
      const key = siblingKeys();
      await fixture.seed(key('one'), sampleBytes(100, 1));
      await fixture.seed(key('onf'), sampleBytes(100, 2));
      const headers = { 'content-type': 'text/plain' };
      const url =
        (await sign(key('one'), { expiresIn: 60, headers })) ??
        (await sign(key('one'), { expiresIn: 60 }));
      for (const tampered of tamperedWith(signed(url).url)) await assertNothingAt(tampered);
    },
  ),
  signs('U-05', 'a signed URL is over when it says so', async (fixture, sign) => {
    const key = sampleKey();
    await fixture.seed(key, sampleBytes(100));
    const { url, expires } = signed(await sign(key, { expiresIn: 1 }));
    assert.ok(expires <= Date.now() + 2000, 'a second is longer');
    await delay(Math.max(0, expires - Date.now()));
    await assertOverSoon(url);
  }),
  signs(
    'U-06',
    'URLs of odd names lead to their objects, through clients too',
    async (fixture, sign) => {
      const key = siblingKeys();
      await Promise.all(
        ODD_NAMES.map((name, index) => fixture.seed(key(name), sampleBytes(50, index + 1))),
      );
      for (const [index, name] of ODD_NAMES.entries()) {
        const url = (await sign(key(name), { expiresIn: 60 }))?.url;
        if (url === undefined) continue;
        assert.equal(new URL(url).href, url, `a client changes the URL of ${JSON.stringify(name)}`);
        assertBytes(await fetched(url), sampleBytes(50, index + 1), JSON.stringify(name));
      }
    },
  ),
  signs('U-07', 'a pinned URL gives its version or nothing', async (fixture, sign) => {
    const key = sampleKey();
    const bytes = sampleBytes(1000, 1);
    const { version } = await statSeeded(fixture, key, bytes);
    const url = await sign(key, { expiresIn: 60, version });
    await fixture.seed(key, sampleBytes(1000, 2));
    if (url?.pinned === true) await assertHeldAt(url.url, bytes);
    await fixture.remove(key);
    if (url?.pinned === true) await assertHeldAt(url.url, bytes);
    else if (url !== undefined) await assertNothingAt(url.url);
  }),
  signs('U-08', 'a signed URL answers no HEAD', async (fixture, sign) => {
    const key = sampleKey();
    await fixture.seed(key, sampleBytes(100));
    const { url } = signed(await sign(key, { expiresIn: 60 }));
    await assertNothingAt(url, { method: 'HEAD' });
  }),
  signs(
    'U-09',
    'a term that the store does not sign is refused, not shortened',
    async (fixture, sign) => {
      const key = sampleKey();
      await fixture.seed(key, sampleBytes(10));
      for (const expiresIn of [2 ** 31, 0, -1, 1.5, Number.NaN]) {
        const before = Date.now();
        const url = await sign(key, { expiresIn }).catch((error: unknown) => {
          if (!(error instanceof TypeError)) assertCode(error, 'SLUICE_CONFIG', `${expiresIn} s`);
          return undefined;
        });
        if (url === undefined) continue;
        assert.ok(expiresIn >= 1, `${expiresIn} seconds are signed`);
        assert.ok(url.expires >= before + (expiresIn - 2) * 1000, 'the term is shortened');
        assertBytes(await fetched(url.url), sampleBytes(10));
      }
    },
  ),
  {
    ...signs('U-10', 'no signed URL tells a credential', async (fixture, sign) => {
      const key = sampleKey();
      await fixture.seed(key, sampleBytes(10));
      const { url } = signed(await sign(key, { expiresIn: 60 }));
      for (const [index, secret] of (fixture.credentials ?? []).entries()) {
        const told = [url, decodeURIComponent(url)].some((text) => text.includes(secret));
        assert.ok(!told, `a URL tells a credential (number ${index})`);
      }
    }),
    needs: ['signUrl', 'credentials'],
  },
  signs('U-11', 'a URL for what is not there is signed, and gives 404', async (_fixture, sign) => {
    const { url } = signed(await sign(sampleKey(), { expiresIn: 60 }));
    const response = await fetch(url);
    await response.arrayBuffer();
    assert.equal(response.status, 404);
  }),
  {
    id: 'U-12',
    title: 'the path of an object lies in its root, and leads to its bytes',
    needs: ['localPath', 'readPath'],
    async run(fixture) {
      const key = siblingKeys();
      for (const [index, name] of ['one.txt', 'a folder/ü', '100%25', '..two'].entries()) {
        const bytes = sampleBytes(1000, index + 1);
        await (await openSeeded(fixture, key(name), bytes)).close();
        const place = fixture.driver.localPath?.(key(name));
        if (place === undefined) continue;
        const { root, prefix, path } = place;
        assert.ok(root.startsWith('/') || /^[A-Za-z]:[\\/]/.test(root), 'the root is absolute');
        assert.ok(path.startsWith(root), 'the path is not below the root');
        assert.ok(key(name).startsWith(prefix), 'the prefix is another key’s');
        assertBytes((await fixture.readPath?.(path)) ?? new Uint8Array(0), bytes, 'the file');
      }
    },
  },
  {
    id: 'U-13',
    title: 'a URL for a front server gives the object, its windows and its headers',
    needs: ['internalUrl'],
    async run(fixture) {
      const key = siblingKeys();
      const bytes = sampleBytes(1000);
      const names = ['one', 'a name#?.txt', '日本語'];
      for (const name of names) {
        await fixture.seed(key(name), bytes);
        const { url } = signed(await fixture.driver.internalUrl?.(key(name), { expiresIn: 60 }));
        assert.equal(new URL(url).href, url, 'a client changes the URL');
        assertBytes(await fetched(url), bytes);
        const response = await fetch(url, { headers: { range: 'bytes=-5' } });
        assert.equal(response.status, 206);
        assertBytes(await bodyOf(response), bytes.subarray(995));
      }
    },
  },
  signs('U-14', 'a signed URL writes nothing and removes nothing', async (fixture, sign) => {
    const key = sampleKey();
    const bytes = sampleBytes(100);
    await fixture.seed(key, bytes);
    const { url } = signed(await sign(key, { expiresIn: 60 }));
    for (const method of ['PUT', 'POST', 'DELETE']) {
      const body = method === 'DELETE' ? {} : { body: Buffer.from('other bytes') };
      await assertNothingAt(url, { method, ...body });
    }
    assertBytes(await fetched(url), bytes);
  }),
  signs('U-15', 'signing under an aborted signal is aborted', async (_, sign) => {
    const reason = new Error('the client has left');
    await assert.rejects(
      sign(sampleKey(), { expiresIn: 60, signal: AbortSignal.abort(reason) }),
      (error) => {
        assert.equal(assertCode(error, 'SLUICE_ABORTED', 'signUrl').cause, reason);
        return true;
      },
    );
  }),
];

type Sign = (key: StorageKey, options: SignOptions) => Promise<SignedUrl | undefined>;

/** Values that a header must keep to the letter, and that a query must be escaped for. */
const HEADERS: readonly (readonly [name: string, value: string])[] = [
  [
    'content-disposition',
    `attachment; filename="a b; c.txt"; filename*=UTF-8''a%20b%3B%20%C3%BC.txt`,
  ],
  ['content-type', 'text/plain; charset=utf-8'],
  ['cache-control', 'private, max-age=60, no-transform'],
  ['x-sluice-contract', 'a+b & c=d'],
];

function signs(
  id: string,
  title: string,
  run: (fixture: ContractFixture, sign: Sign) => Promise<void>,
): ContractCheck {
  return {
    id,
    title,
    needs: ['signUrl'],
    run: (fixture) => run(fixture, async (key, options) => fixture.driver.signUrl?.(key, options)),
  };
}

function signed(url: SignedUrl | undefined): SignedUrl {
  assert.ok(url, 'a common key cannot be signed');
  return url;
}

async function fetched(url: string): Promise<Uint8Array> {
  return bodyOf(await fetch(url));
}

async function bodyOf(response: Response): Promise<Uint8Array> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  assert.ok(response.ok, `a signed URL is answered ${response.status}`);
  return bytes;
}

async function assertNothingAt(url: string, init?: RequestInit): Promise<void> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  await response.arrayBuffer();
  // The URL itself is a secret; the message names none.
  assert.ok(!response.ok, `${init?.method ?? 'GET'} is answered ${response.status}`);
}

/** Asserts that a URL comes to give nothing, in about a second and a half: stores count whole ones. */
async function assertOverSoon(url: string): Promise<void> {
  for (let wait = 50; wait < 1000; wait *= 2) {
    if (!(await isAnswered(url))) return;
    await delay(wait);
  }
  await assertNothingAt(url);
}

async function isAnswered(url: string): Promise<boolean> {
  const response = await fetch(url, { redirect: 'manual' });
  await response.arrayBuffer();
  return response.ok;
}

async function assertHeldAt(url: string, bytes: Uint8Array): Promise<void> {
  const response = await fetch(url);
  const given = new Uint8Array(await response.arrayBuffer());
  if (response.ok) assertBytes(given, bytes, 'what a pinned URL gives');
}

/** The URL with each of its parts changed in turn: the path, and each value of the query. */
function tamperedWith(url: string): readonly string[] {
  const path = new URL(url);
  path.pathname = path.pathname.replace(/.$/, (last) => next(last));
  const queries = Array.from(new Set(path.searchParams.keys()), (name) => {
    const other = new URL(url);
    const value = other.searchParams.get(name) ?? '';
    // In the middle: the last letter of a base64 text may say nothing.
    const middle = Math.floor(value.length / 2);
    const changed = value.slice(0, middle) + next(value.charAt(middle)) + value.slice(middle + 1);
    other.searchParams.set(name, changed);
    return other.href;
  });
  return [path.href, ...queries];
}

/** Another letter or digit. */
function next(character: string): string {
  if (/[0-8a-yA-Y]/.test(character)) return String.fromCharCode(character.charCodeAt(0) + 1);
  return character === 'a' ? 'b' : 'a';
}
