import { Readable } from 'node:stream';

import test from 'ava';

import {
  cacheStat,
  driverFromReader,
  limit,
  mount,
  observe,
  prefix,
  readonly,
  retry,
} from '../../src/drivers/index.ts';
import { MAX_KEY_BYTES, type StorageKey } from '../../src/keys/storage-key.ts';
import type { LocalPath, StorageDriver } from '../../src/storage/driver.ts';
import {
  createMemoryDriver,
  type MemoryDriver,
  type MemoryObject,
} from '../../src/testing/index.ts';
import { keyOf } from '../helpers/objects.ts';
import { createTable, readerOn } from './reader-fixture.ts';
import { codeOf, collect, failure, key, statOf, stub } from './stub.ts';

const signed = { url: 'https://store.example/x', expires: 1, pinned: false };

async function memoryOf(...keys: readonly string[]): Promise<MemoryDriver> {
  const driver = createMemoryDriver();
  for (const name of keys) await driver.put(keyOf(name), Buffer.from(name));
  return driver;
}

async function keysOf(driver: StorageDriver, text = ''): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const entry of driver.list?.(text) ?? []) keys.push(entry.key);
  return keys.toSorted();
}

async function textOf(driver: StorageDriver, name: string): Promise<string | undefined> {
  const handle = await driver.open(keyOf(name));
  if (handle === undefined) return undefined;
  const bytes = await collect(await handle.read({ start: 0, end: handle.stat.size }));
  await handle.close();
  return String(bytes);
}

test('what is below a prefix is found, listed and moved under the keys below it', async (t) => {
  const store = await memoryOf('tenant/a', 'tenant/b/c', 'tenants/x', 'tenant', 'other');
  const tenant = prefix(store, 'tenant/');
  t.deepEqual(await keysOf(tenant), ['a', 'b/c']);
  t.deepEqual(await keysOf(tenant, 'b'), ['b/c']);
  t.is(await textOf(tenant, 'a'), 'tenant/a');
  t.is((await tenant.open(keyOf('a')))?.key, keyOf('a'));
  t.is(await tenant.stat(keyOf('x')), undefined);
  await tenant.put(keyOf('d'), Buffer.from('new'));
  t.true(await tenant.move(keyOf('d'), keyOf('e/f')));
  await tenant.delete(keyOf('a'));
  t.deepEqual(await keysOf(store), ['other', 'tenant', 'tenant/b/c', 'tenant/e/f', 'tenants/x']);
});

test('no spelling leads out of a prefix', async (t) => {
  const store = await memoryOf('secret', 'tenant/a');
  const tenant: { stat(name: unknown): Promise<unknown> } = prefix(store, 'tenant') as never;
  for (const name of ['../secret', '/secret', './a', 'a/', '', 'b/../a', undefined, null]) {
    t.is(await codeOf(() => tenant.stat(name)), 'SLUICE_INVALID_KEY');
  }
});

test('a key that is too long below a prefix is invalid, and has no path and no URL', async (t) => {
  const asked: string[] = [];
  const note = (): undefined => void asked.push('asked');
  const driver = prefix(
    stub({
      put: async () => statOf(1),
      delete: async () => undefined,
      move: async () => true,
      localPath: note,
      signUrl: async () => note(),
      internalUrl: async () => note(),
    }),
    'tenant',
  );
  const long = keyOf('x/'.repeat(MAX_KEY_BYTES / 2 - 1).concat('xx'));
  for (const call of [
    () => driver.stat(long),
    () => driver.open(long),
    () => driver.put?.(long, new Uint8Array(1)),
    () => driver.delete?.(long),
    () => driver.move?.(long, key),
    () => driver.move?.(key, long),
  ]) {
    t.is(await codeOf(call), 'SLUICE_INVALID_KEY');
  }
  t.is(driver.localPath?.(long), undefined);
  t.is(await driver.signUrl?.(long, { expiresIn: 1 }), undefined);
  t.is(await driver.internalUrl?.(long, { expiresIn: 1 }), undefined);
  t.deepEqual(asked, []);
});

test('URLs and paths below a prefix are those of the keys in the store', async (t) => {
  const asked: string[] = [];
  const inner = stub({
    localPath(name): LocalPath {
      asked.push(name);
      return { root: '/srv', prefix: '', path: `/srv/${name}` };
    },
    async signUrl(name) {
      asked.push(name);
      return signed;
    },
    async internalUrl(name) {
      asked.push(name);
      return signed;
    },
  });
  const driver = prefix(inner, 'a/b');
  t.is(driver.localPath?.(keyOf('c'))?.path, '/srv/a/b/c');
  t.is(await driver.signUrl?.(keyOf('c'), { expiresIn: 1 }), signed);
  t.is(await driver.internalUrl?.(keyOf('c'), { expiresIn: 1 }), signed);
  t.deepEqual(asked, ['a/b/c', 'a/b/c', 'a/b/c']);
});

const placePrefixes: readonly (readonly [base: string, inner: string, outer: string])[] = [
  ['tenant', '', ''],
  ['tenant', 'tenant', ''],
  ['tenant/a', 'tenant', ''],
  ['tenant', 'tenant/videos', 'videos'],
  ['tenant', 'tenant/videos/hd', 'videos/hd'],
];

for (const [base, inner, outer] of placePrefixes) {
  test(`a root for the keys below "${inner}" is one for "${outer}" below ${base}`, (t) => {
    const localPath = (): LocalPath => ({ root: '/r', prefix: inner, path: '/r/x' });
    const place = prefix(stub({ localPath }), base).localPath?.(keyOf('videos/hd/x'));
    t.deepEqual(place, { root: '/r', prefix: outer, path: '/r/x' });
  });
}

test('readonly takes the writing methods away, and nothing else', async (t) => {
  const store = await memoryOf('a');
  const driver = readonly(store);
  t.deepEqual(Object.keys(driver).toSorted(), ['close', 'list', 'name', 'open', 'stat']);
  t.is(await textOf(driver, 'a'), 'a');
});

test('the longest prefix of whole segments chooses the driver, which does not see it', async (t) => {
  const rest = await memoryOf('a', 'videos', 'videos/hidden', 'videosx/a', 'videos/hd/hidden');
  const driver = mount({
    '': rest,
    'videos/': await memoryOf('a', 'hd/hidden', 'hdx'),
    'videos/hd': await memoryOf('a'),
  });
  const found: readonly (readonly [string, string | undefined])[] = [
    ['a', 'a'],
    ['videos', 'videos'],
    ['videosx/a', 'videosx/a'],
    ['videos/a', 'a'],
    ['videos/hidden', undefined],
    ['videos/hd/hidden', undefined],
    ['videos/hd/a', 'a'],
    ['videos/hd', undefined],
    ['videos/hdx', 'hdx'],
  ];
  for (const [name, text] of found) t.is(await textOf(driver, name), text, name);
  t.is((await driver.open(keyOf('videos/hd/a')))?.key, keyOf('videos/hd/a'));
});

const listings: readonly (readonly [text: string, keys: readonly string[]])[] = [
  ['', ['a', 'videos', 'videos/a', 'videos/hd/a', 'videos/hdx', 'videosx/a']],
  ['vid', ['videos', 'videos/a', 'videos/hd/a', 'videos/hdx', 'videosx/a']],
  ['videos', ['videos', 'videos/a', 'videos/hd/a', 'videos/hdx', 'videosx/a']],
  ['videos/', ['videos/a', 'videos/hd/a', 'videos/hdx']],
  ['videos/hd', ['videos/hd/a', 'videos/hdx']],
  ['videos/hd/', ['videos/hd/a']],
  ['videos/hd/b', []],
  ['a', ['a']],
];

for (const [text, keys] of listings) {
  test(`a listing of "${text}" merges the drivers below it, without what is hidden`, async (t) => {
    const driver = mount({
      '': await memoryOf('a', 'videos', 'videos/hidden', 'videosx/a', 'videos/hd/hidden'),
      videos: await memoryOf('a', 'hd/hidden', 'hdx'),
      'videos/hd': await memoryOf('a'),
    });
    t.deepEqual(await keysOf(driver, text), keys);
  });
}

test('a listing over a driver that cannot list fails, and one beside it does not', async (t) => {
  const driver = mount({ '': await memoryOf('a'), dark: stub() });
  t.is(await codeOf(() => keysOf(driver)), 'SLUICE_UNSUPPORTED');
  t.is(await codeOf(() => keysOf(driver, 'dark/x')), 'SLUICE_UNSUPPORTED');
  t.deepEqual(await keysOf(driver, 'a'), ['a']);
});

test('a mount answers for each key by what its driver can', async (t) => {
  const driver = mount({
    files: await memoryOf('a'),
    remote: stub({ signUrl: async () => signed, internalUrl: async () => signed }),
    disk: stub({ localPath: (name) => ({ root: '/d', prefix: 'x', path: `/d/${name}` }) }),
  });
  const options = { expiresIn: 1 };
  t.is(await driver.signUrl?.(keyOf('remote/a'), options), signed);
  t.is(await driver.internalUrl?.(keyOf('remote/a'), options), signed);
  t.is(await driver.signUrl?.(keyOf('files/a'), options), undefined);
  t.is(await driver.signUrl?.(keyOf('nowhere/a'), options), undefined);
  t.is(driver.localPath?.(keyOf('files/a')), undefined);
  t.deepEqual(driver.localPath?.(keyOf('disk/x/a')), {
    root: '/d',
    prefix: 'disk/x',
    path: '/d/x/a',
  });
  const bytes = Buffer.from('new');
  await driver.put(keyOf('files/b'), bytes);
  t.is(await codeOf(() => driver.put(keyOf('remote/b'), bytes)), 'SLUICE_UNSUPPORTED');
  t.is(await codeOf(() => driver.put(keyOf('nowhere/b'), bytes)), 'SLUICE_INVALID_KEY');
  t.is(await codeOf(() => driver.put(keyOf('files'), bytes)), 'SLUICE_INVALID_KEY');
  t.is(await codeOf(() => driver.delete(keyOf('remote/b'))), 'SLUICE_UNSUPPORTED');
  await driver.delete(keyOf('nowhere/b'));
  t.true(await driver.move(keyOf('files/b'), keyOf('files/c')));
  t.is(await codeOf(() => driver.move(keyOf('files/c'), keyOf('remote/c'))), 'SLUICE_UNSUPPORTED');
  t.false(await driver.move(keyOf('nowhere/c'), keyOf('files/d')));
});

test('a move from one driver to another copies when it may, and never loses the object', async (t) => {
  const [here, there] = [await memoryOf('a', 'empty'), await memoryOf()];
  await here.put(keyOf('empty'), new Uint8Array(0), { contentType: 'text/x-told' });
  const driver = mount({ here, there }, { copy: true });
  t.true(await driver.move(keyOf('here/a'), keyOf('there/b')));
  t.true(await driver.move(keyOf('here/empty'), keyOf('there/empty')));
  t.false(await driver.move(keyOf('here/a'), keyOf('there/c')));
  t.deepEqual(await keysOf(driver), ['there/b', 'there/empty']);
  t.is(await textOf(driver, 'there/b'), 'a');
  t.is((await driver.stat(keyOf('there/empty')))?.contentType, 'text/x-told');
  t.is(here.openHandles() + there.openHandles(), 0);
});

test('a copy that fails leaves the object where it was', async (t) => {
  const here = await memoryOf('a');
  const there = stub({ put: () => Promise.reject(failure('SLUICE_UNAVAILABLE')) });
  const driver = mount({ here, there }, { copy: true });
  t.is(await codeOf(() => driver.move(keyOf('here/a'), keyOf('there/a'))), 'SLUICE_UNAVAILABLE');
  t.is(await textOf(driver, 'here/a'), 'a');
  t.is(here.openHandles(), 0);
});

/** A store, and a change of it around its driver. */
type Changing = () => readonly [StorageDriver, change: (bytes: Uint8Array) => unknown];

const onTable =
  (hold: 'condition' | 'detect'): Changing =>
  () => {
    const table = createTable();
    return [driverFromReader(readerOn(table, hold)), (bytes) => table.write('a', bytes)];
  };

const changing: Readonly<Record<string, Changing>> = {
  'a memory': () => {
    const objects = new Map<string, MemoryObject>();
    return [createMemoryDriver({ objects }), (bytes) => objects.set('a', { bytes })];
  },
  'a reader under condition': onTable('condition'),
  'a reader under detect': onTable('detect'),
};

for (const [name, create] of Object.entries(changing)) {
  for (const [how, wrap] of [
    ['', (driver: StorageDriver) => driver],
    [' whose stats are kept', (driver: StorageDriver) => cacheStat(driver, { ttl: 60_000 })],
  ] as const) {
    test(`an object of ${name}${how} that is replaced while it is copied is not removed`, async (t) => {
      const [store, change] = create();
      const here = wrap(store);
      change(Buffer.from('older'));
      await here.stat(keyOf('a'));
      const there = createMemoryDriver();
      const slow: StorageDriver = {
        ...there,
        async put(object, source, options) {
          const stat = await there.put(object, source, options);
          change(Buffer.from('newer'));
          return stat;
        },
      };
      const driver: StorageDriver = mount({ here, slow }, { copy: true });
      const code = await codeOf(() => driver.move?.(keyOf('here/a'), keyOf('slow/a')));
      t.is(code, 'SLUICE_VERSION_CHANGED');
      t.is(await textOf(store, 'a'), 'newer');
    });
  }
}

test('an object of a driver that is mounted twice is moved within it, and never lost', async (t) => {
  const withoutMove = (inner: MemoryDriver): StorageDriver => ({
    name: 'copying',
    stat: (name) => inner.stat(name),
    open: (name) => inner.open(name),
    put: (name, source) => inner.put(name, source),
    delete: (name) => inner.delete(name),
  });
  for (const store of [await memoryOf('x', 'y'), withoutMove(await memoryOf('x', 'y'))]) {
    const driver: StorageDriver = mount({ '': store, all: store }, { copy: true });
    t.true(await driver.move?.(keyOf('x'), keyOf('all/x')));
    t.true(await driver.move?.(keyOf('all/y'), keyOf('z')));
    t.deepEqual([await textOf(store, 'x'), await textOf(store, 'z')], ['x', 'y']);
  }
});

const outside = '../a' as StorageKey;

const refusals: readonly (readonly [
  name: string,
  wrap: (store: MemoryDriver) => StorageDriver,
  refused: StorageKey,
])[] = [
  ['a memory', (store) => store, outside],
  ['a prefix', (store) => prefix(store, 'tenant'), outside],
  ['a mount', (store) => mount({ videos: store }), outside],
  ['a mount with no driver there', (store) => mount({ videos: store }), keyOf('a')],
  [
    'a mount that cannot write there',
    (store) => mount({ '': readonly(store), videos: store }),
    keyOf('a'),
  ],
];

for (const [name, wrap, refused] of refusals) {
  test(`a stream that ${name} refuses to store is let go of, and may fail unheard`, async (t) => {
    const driver = wrap(await memoryOf('there'));
    const source = new Readable({ read: () => undefined });
    await t.throwsAsync(async () => driver.put?.(refused, source));
    t.true(source.destroyed);
    // Without a listener, this would end the process.
    t.true(source.emit('error', new Error('the upload was broken off')));
  });
}

const stores: Readonly<Record<string, (store: MemoryDriver) => StorageDriver>> = {
  'a memory': (store) => store,
  limit: (store) => limit(store),
  mount: (store) => mount({ '': store }),
  observe: (store) => observe(store, {}),
  retry: (store) => retry(store),
};

for (const [name, wrap] of Object.entries(stores)) {
  test(`${name} does not take a stream that somebody has read already for an empty object`, async (t) => {
    const store = await memoryOf('a');
    const source = Readable.from([Buffer.from('newer')]);
    await source.toArray();
    const put = async (): Promise<unknown> => wrap(store).put?.(keyOf('a'), source);
    await t.throwsAsync(put, { instanceOf: TypeError, message: /read to its end/ });
    t.is(await textOf(store, 'a'), 'a');
  });
}

test('one driver that cannot move is no reason not to copy within it', async (t) => {
  const store: StorageDriver = { ...(await memoryOf('a')) };
  Reflect.deleteProperty(store, 'move');
  t.false('move' in mount({ '': store }));
  const driver = mount({ '': store }, { copy: true });
  t.true(await driver.move?.(keyOf('a'), keyOf('b')));
  t.true(await driver.move?.(keyOf('b'), keyOf('b')));
  t.deepEqual(await keysOf(driver), ['b']);
});

test('a mount closes every driver, tells a failure, and answers nobody afterwards', async (t) => {
  const memory = await memoryOf('a');
  const broken = stub({ close: () => Promise.reject(failure('SLUICE_IO')) });
  const driver = mount({ broken, memory, stub: stub() });
  t.is(await codeOf(() => driver.close()), 'SLUICE_IO');
  t.is(await codeOf(() => memory.stat(key)), 'SLUICE_ABORTED');
  t.is(await codeOf(() => driver.stat(keyOf('stub/a'))), 'SLUICE_ABORTED');
  t.is(await codeOf(() => driver.open(keyOf('nowhere'))), 'SLUICE_ABORTED');
});

test('types tell the methods that are there for certain, that may be, and that are not', (t) => {
  const memory = createMemoryDriver();
  const some: StorageDriver = memory;
  const least = {
    name: 'least',
    stat: async () => undefined,
    open: async () => undefined,
  } satisfies StorageDriver;
  // Each line is checked by the compiler: a call without a question mark, a driver that may lack it.
  t.truthy(prefix(memory, 'a').list(''));
  t.truthy(prefix(some, 'a').list?.(''));
  const plain: StorageDriver = prefix(some, 'a');
  const both: StorageDriver = mount({ a: memory, b: some });
  t.truthy(mount({ a: memory, b: least }).list(''));
  t.truthy(mount({ a: some, b: least }).list?.(''));
  const written: 'put' extends keyof ReturnType<typeof readonly<MemoryDriver>> ? 1 : 0 = 0;
  const listed: 'list' extends keyof ReturnType<typeof prefix<typeof least>> ? 1 : 0 = 0;
  t.deepEqual([written, listed, plain.name, both.name], [0, 0, 'memory', 'mount']);
});

const refused: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['an empty prefix', () => prefix(stub(), ''), /"" is not a prefix/],
  ['a prefix that climbs', () => prefix(stub(), 'a/../b'), /"a\/..\/b" is not a prefix/],
  ['a prefix of two slashes', () => prefix(stub(), 'a//'), /is not a prefix/],
  ['a prefix that is no text', () => prefix(stub(), 7 as never), /7 is not a prefix/],
  ['no driver', () => prefix(undefined as never, 'a'), /must be given a driver, got undefined/],
  [
    'half a driver',
    () => readonly({ name: 'x' } as never),
    /must be given a driver, got an object/,
  ],
  ['no mount', () => mount({}), /at least one driver/],
  ['a list of drivers', () => mount([stub()] as never), /got an array/],
  ['a mount that is none', () => mount({ a: 1 as never }), /"a": must be given a driver, got 1/],
  ['a mount at a slash', () => mount({ '/': stub() }), /"\/" is not a prefix/],
  ['a mount that climbs', () => mount({ '..': stub() }), /"\.\." is not a prefix/],
  ['two mounts at one place', () => mount({ a: stub(), 'a/': stub() }), /given twice/],
  [
    'an unknown option',
    () => mount({ a: stub() }, { cpoy: true } as never),
    /unknown option "cpoy"/,
  ],
  ['a copy that is no choice', () => mount({ a: stub() }, { copy: 'yes' as never }), /got "yes"/],
];

for (const [what, call, message] of refused) {
  test(`${what} is refused`, (t) => {
    t.throws(call, { instanceOf: TypeError, message });
  });
}
