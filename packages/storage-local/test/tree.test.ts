import { execFileSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  type ByteSource,
  createPathMap,
  isSluiceError,
  SluiceError,
  type StorageDriver,
  type StorageKey,
} from '@sluice/core';
import test, { type ExecutionContext } from 'ava';

import { createJail, type JailRules } from '../src/jail.ts';
import { createDriverOn, createLocalDriver, type LocalDriver } from '../src/local-driver.ts';
import { hostSystem, type System } from '../src/system.ts';
import { draftName } from '../src/write/draft.ts';
import { createTree } from '../src/write/tree.ts';
import {
  asKey,
  faultySystem,
  openBelow,
  stillOpenBelow,
  patternBytes,
  SECRET,
  systemError,
  tempRoot,
  type TempRoot,
  makeFifo,
} from './helpers/temp-root.ts';

const withoutProc: System = faultySystem({}, { descriptorLinks: undefined });

const systems = { descriptor: hostSystem(), realpath: withoutProc };

async function listed(driver: Pick<LocalDriver, 'list'>, prefix = ''): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { key, size } of driver.list(prefix)) found.push(`${key}:${size}`);
  return found.toSorted();
}

async function contentOf(driver: StorageDriver, key: string): Promise<string | undefined> {
  const handle = await driver.open(asKey(key));
  if (handle === undefined) return undefined;
  try {
    const source = await handle.read({ start: 0, end: handle.stat.size });
    return source instanceof Uint8Array ? Buffer.from(source).toString() : 'long';
  } finally {
    await handle.close();
  }
}

/** Everything below a folder, also what no key can name. */
function debris(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('.sluice'),
  );
}

function setUp(
  t: ExecutionContext,
  rules: Partial<JailRules> & { fsync?: boolean } = {},
  system = hostSystem(),
): { temp: TempRoot; driver: LocalDriver } {
  const temp = tempRoot(t);
  return { temp, driver: createDriverOn(system, { root: temp.root, ...rules }) };
}

const big = patternBytes(300_000);

const sources: Readonly<Record<string, () => ByteSource>> = {
  bytes: () => big,
  'a Readable': () => Readable.from([big.subarray(0, 1), big.subarray(1)]),
  'a web stream': () => new Blob([big]).stream(),
  async *'a generator'() {
    yield big.subarray(0, 150_000);
    yield new Uint8Array(0);
    yield big.subarray(150_000);
  },
};

for (const [proof, system] of Object.entries(systems)) {
  for (const [kind, source] of Object.entries(sources)) {
    test(`put stores ${kind} and gives the stat that readers see, proof: ${proof}`, async (t) => {
      const { temp, driver } = setUp(t, { fsync: true }, system);
      const stat = await driver.put(asKey('a/new/folder/o.txt'), source());
      t.true(readFileSync(join(temp.root, 'a/new/folder/o.txt')).equals(big));
      t.deepEqual(await driver.stat(asKey('a/new/folder/o.txt')), stat);
      t.deepEqual(debris(temp.root), []);
    });
  }

  test(`objects are replaced, moved, removed and listed, proof: ${proof}`, async (t) => {
    const { temp, driver } = setUp(t, { fsync: true }, system);
    await driver.put(asKey('a'), Buffer.from('one'));
    await driver.put(asKey('a'), Buffer.from('three'));
    t.is(await contentOf(driver, 'a'), 'three');
    t.true(await driver.move(asKey('a'), asKey('x/y/b')));
    t.deepEqual(await listed(driver), ['x/y/b:5']);
    await driver.put(asKey('c'), Buffer.from('four'));
    t.true(await driver.move(asKey('c'), asKey('x/y/b')));
    t.deepEqual(await listed(driver), ['x/y/b:4']);
    t.true(await driver.move(asKey('x/y/b'), asKey('x/y/b')));
    t.is(await contentOf(driver, 'x/y/b'), 'four');
    await driver.delete(asKey('x/y/b'));
    await driver.delete(asKey('x/y/b'));
    t.deepEqual(await listed(driver), []);
    t.deepEqual(debris(temp.root), []);
  });

  test(`what lies behind a link is not written, moved, removed or listed, proof: ${proof}`, async (t) => {
    for (const symlinks of ['deny', 'inside'] as const) {
      const { temp, driver } = setUp(t, { symlinks }, system);
      symlinkSync(temp.outside, join(temp.root, 'l'));
      symlinkSync(join(temp.outside, 'nowhere'), join(temp.root, 'd'));
      temp.write('o', 'bytes');
      await t.throwsAsync(driver.put(asKey('l/new'), big), { code: 'SLUICE_INVALID_KEY' });
      await t.throwsAsync(driver.put(asKey('l/sub/new'), big), { code: 'SLUICE_INVALID_KEY' });
      await t.throwsAsync(driver.put(asKey('d/new'), big), { code: 'SLUICE_INVALID_KEY' });
      await t.throwsAsync(driver.move(asKey('o'), asKey('l/o')), { code: 'SLUICE_INVALID_KEY' });
      t.false(await driver.move(asKey('l/secret.txt'), asKey('stolen')));
      await driver.delete(asKey('l/secret.txt'));
      t.deepEqual(await listed(driver), ['o:5']);
      t.deepEqual(await listed(driver, 'l/'), []);
      t.deepEqual(readdirSync(temp.outside), ['secret.txt']);
      t.is(readFileSync(join(temp.outside, 'secret.txt'), 'utf8'), SECRET);
      t.deepEqual(debris(temp.root), []);
    }
  });
}

test('a link under the key is replaced by put and never written through', async (t) => {
  for (const symlinks of ['deny', 'inside'] as const) {
    const { temp, driver } = setUp(t, { symlinks });
    symlinkSync(join(temp.outside, 'secret.txt'), join(temp.root, 'o'));
    await driver.put(asKey('o'), Buffer.from('own'));
    t.is(await contentOf(driver, 'o'), 'own');
    t.is(readFileSync(join(temp.outside, 'secret.txt'), 'utf8'), SECRET);
  }
});

const unwritable: readonly (readonly [remark: string, key: string])[] = [
  ['a folder is there', 'folder'],
  ['a file is where a folder is needed', 'file/below'],
  ['a file is where two folders are needed', 'file/below/further'],
];

for (const [remark, key] of unwritable) {
  test(`put fails with SLUICE_INVALID_KEY when ${remark}`, async (t) => {
    const { temp, driver } = setUp(t);
    temp.write('file', 'bytes');
    temp.write('folder/file', 'bytes');
    temp.write('other', 'bytes');
    const error = await t.throwsAsync(driver.put(asKey(key), big), { code: 'SLUICE_INVALID_KEY' });
    t.notRegex(error?.message ?? '', /file|folder|seg|\//);
    await t.throwsAsync(driver.move(asKey('other'), asKey(key)), { code: 'SLUICE_INVALID_KEY' });
    t.is(await contentOf(driver, 'other'), 'bytes');
    t.deepEqual(debris(temp.root), []);
  });
}

test('a key that makes a path too long has no object, and none can be put there', async (t) => {
  const temp = tempRoot(t);
  const root = join(temp.root, 'd'.repeat(200));
  mkdirSync(root);
  for (const system of Object.values(systems)) {
    const driver = createDriverOn(system, { root });
    const key = asKey('seg/'.repeat(999).slice(0, -1));
    t.is(await driver.stat(key), undefined);
    t.is(await driver.open(key), undefined);
    await t.notThrowsAsync(driver.delete(key));
    await t.throwsAsync(driver.put(key, big), { code: 'SLUICE_INVALID_KEY' });
    t.deepEqual(await listed(driver), []);
    t.deepEqual(readdirSync(root), []);
  }
});

test('folders are no objects: they are neither removed nor moved', async (t) => {
  const { temp, driver } = setUp(t);
  temp.write('folder/file', 'bytes');
  mkdirSync(join(temp.root, 'empty'));
  makeFifo(join(temp.root, 'fifo'));
  for (const key of ['folder', 'empty', 'fifo', 'folder/file/x', 'nowhere/x'].map(asKey)) {
    await driver.delete(key);
    t.false(await driver.move(key, asKey('to')));
  }
  t.deepEqual(readdirSync(temp.root).toSorted(), ['empty', 'fifo', 'folder']);
  t.is(await contentOf(driver, 'folder/file'), 'bytes');
});

test('of twenty writers that want to be the first exactly one is', async (t) => {
  const { temp, driver } = setUp(t, { fsync: true });
  const writes = Array.from({ length: 20 }, (_, index) =>
    driver
      .put(asKey('new/folder/o'), Readable.from([Buffer.from(`writer ${index}`)]), {
        ifAbsent: true,
      })
      .then(
        () => `writer ${index}`,
        (error: unknown) => (isSluiceError(error) ? error.code : String(error)),
      ),
  );
  const outcomes = await Promise.all(writes);
  const winners = outcomes.filter((outcome) => outcome !== 'SLUICE_EXISTS');
  t.is(winners.length, 1);
  t.is(await contentOf(driver, 'new/folder/o'), winners[0]);
  t.is(lstatSync(join(temp.root, 'new/folder/o')).nlink, 1);
  t.deepEqual(debris(temp.root), []);
});

test('readers see one whole version or the other while an object is replaced', async (t) => {
  const { driver } = setUp(t);
  const versions = ['a'.repeat(50_000), 'b'.repeat(60_000)];
  await driver.put(asKey('o'), Buffer.from(versions[0]!));
  const writing = (async () => {
    for (let round = 0; round < 40; round += 1) {
      await driver.put(asKey('o'), Readable.from([Buffer.from(versions[round % 2]!)]));
    }
  })();
  for (let round = 0; round < 60; round += 1) {
    t.true(versions.includes((await contentOf(driver, 'o')) ?? 'missing'));
  }
  await writing;
});

const failingSources: Readonly<Record<string, () => ByteSource>> = {
  async *'a generator that throws'() {
    yield big;
    throw new Error('source failed');
  },
  'a stream that is destroyed': () => {
    const stream = new Readable({ read() {} });
    stream.push(big);
    setTimeout(() => stream.destroy(new Error('source failed')), 20);
    return stream;
  },
  'a stream that has failed before': () => {
    const stream = new Readable({ read() {} });
    stream.destroy(new Error('source failed'));
    return stream;
  },
  'a web stream that errors': () =>
    new ReadableStream({
      pull(controller) {
        controller.error(new Error('source failed'));
      },
    }),
};

for (const [kind, source] of Object.entries(failingSources)) {
  test(`put from ${kind} leaves the old object and no debris`, async (t) => {
    const { temp, driver } = setUp(t);
    await driver.put(asKey('o'), Buffer.from('old'));
    await t.throwsAsync(driver.put(asKey('o'), source()), { message: 'source failed' });
    t.is(await contentOf(driver, 'o'), 'old');
    t.deepEqual(debris(temp.root), []);
    t.deepEqual(openBelow(temp.root), []);
  });
}

test('what gives no bytes is a mistake of the program', async (t) => {
  const { temp, driver } = setUp(t);
  for (const source of ['text', 5, {}, null, Readable.from(['text'])]) {
    await t.throwsAsync(driver.put(asKey('o'), source as ByteSource), {
      instanceOf: TypeError,
      message: /must be bytes.*, got/,
    });
  }
  t.deepEqual(readdirSync(temp.root), []);
});

test('a put that is refused lets go of its source, and hears its failure', async (t) => {
  const { driver } = setUp(t);
  const closed = setUp(t).driver;
  await closed.close();
  const signal = AbortSignal.abort();
  const refusals: readonly ((source: ByteSource) => Promise<unknown>)[] = [
    (source) => driver.put('../o' as StorageKey, source),
    (source) => driver.put(asKey('o'), source, { signal }),
    (source) => closed.put(asKey('o'), source),
  ];
  for (const refused of refusals) {
    const source = new Readable({ read() {} });
    await t.throwsAsync(refused(source), { instanceOf: SluiceError });
    t.true(source.destroyed);
    const failed = new Readable({ read() {} });
    // Told a moment later. Where nobody listens by then, it ends the process.
    failed.destroy(new Error('source failed'));
    await t.throwsAsync(refused(failed), { instanceOf: SluiceError });
  }
});

test('an abort ends a put that waits for its source, and lets go of the source', async (t) => {
  const { temp, driver } = setUp(t);
  await driver.put(asKey('o'), Buffer.from('old'));
  const readable = new Readable({ read() {} });
  let isCancelled = false;
  const web = new ReadableStream({
    cancel() {
      isCancelled = true;
    },
  });
  let isReturned = false;
  const iterable = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => undefined),
      return: async () => {
        isReturned = true;
        return { done: true as const, value: undefined };
      },
    }),
  };
  for (const source of [readable, web, iterable]) {
    const controller = new AbortController();
    const pending = driver.put(asKey('o'), source as ByteSource, { signal: controller.signal });
    setTimeout(() => controller.abort('enough'), 20);
    const error = await t.throwsAsync(pending, { code: 'SLUICE_ABORTED' });
    t.is(error?.cause, 'enough');
  }
  await sleep(0);
  t.deepEqual([readable.destroyed, isCancelled, isReturned], [true, true, true]);
  t.is(await contentOf(driver, 'o'), 'old');
  await t.throwsAsync(driver.put(asKey('o'), big, { signal: AbortSignal.abort() }), {
    code: 'SLUICE_ABORTED',
  });
  t.deepEqual(debris(temp.root), []);
});

test('an unfinished object is neither served nor listed, and no key can name it', async (t) => {
  const { temp, driver } = setUp(t);
  const source = new Readable({ read() {} });
  source.push(big);
  const pending = driver.put(asKey('o'), source);
  while (debris(temp.root).length === 0) await sleep(5);
  const [draft = ''] = debris(temp.root);
  t.deepEqual(await listed(driver), []);
  t.is(await driver.stat(asKey(draft)), undefined);
  t.is(await driver.stat(asKey('o')), undefined);
  source.push(null);
  await pending;
  t.deepEqual(await listed(driver), ['o:300000']);
});

test('fsync waits for the object and for every folder that changed, and only where it is asked for', async (t) => {
  const { io } = hostSystem();
  for (const fsync of [true, false]) {
    const temp = tempRoot(t);
    const synced: string[] = [];
    const sync = (fd: number): Promise<void> => {
      synced.push(
        readlinkSync(`/proc/self/fd/${fd}`)
          .slice(temp.root.length)
          .replace(/\.sluice.*/, 'draft'),
      );
      return io.sync(fd);
    };
    const driver = createDriverOn(faultySystem({ sync }), { root: temp.root, fsync });
    await driver.put(asKey('a/b/o'), big);
    await driver.move(asKey('a/b/o'), asKey('p'));
    await driver.put(asKey('q'), big, { ifAbsent: true });
    await driver.delete(asKey('p'));
    const put = ['', '/a', '/a/b/draft', '/a/b'];
    t.deepEqual(synced, fsync ? [...put, '', '/a/b', '/draft', '', ''] : []);
  }
});

test('names of drafts differ', (t) => {
  t.not(draftName(), draftName());
});

/** A tree whose renaming fails as across devices. */
function treeAcrossDevices(
  temp: TempRoot,
  code = 'EXDEV',
): { move(from: string, to: string): Promise<boolean> } {
  const jail = createJail(
    { '': temp.root },
    { symlinks: 'deny', hardLinks: 'allow', dotfiles: 'allow' },
    hostSystem(),
  );
  let fails = true;
  const tree = createTree({
    jail,
    fsync: false,
    describe: (_key, stats) => ({
      size: Number(stats.size),
      version: { token: 'x', hold: 'handle' },
    }),
    async rename(from, to) {
      if (fails) {
        fails = false;
        throw systemError(code);
      }
      const { rename } = await import('node:fs/promises');
      await rename(from, to);
    },
  });
  return { move: (from, to) => tree.move(asKey(from), asKey(to)) };
}

test('across devices an object is copied with its times before its old name goes', async (t) => {
  const { temp, driver } = setUp(t);
  temp.writeAtRest('a', big);
  const before = await driver.stat(asKey('a'));
  t.true(await treeAcrossDevices(temp).move('a', 'there/b'));
  const after = await driver.stat(asKey('there/b'));
  t.is(await driver.stat(asKey('a')), undefined);
  t.deepEqual(
    [after?.entityTag, after?.lastModified, after?.size],
    [before?.entityTag, before?.lastModified, before?.size],
  );
  t.true(readFileSync(join(temp.root, 'there/b')).equals(big));
  t.deepEqual(debris(temp.root), []);
});

const writeFaults = [
  ['EACCES', 'SLUICE_ACCESS_DENIED'],
  ['EROFS', 'SLUICE_ACCESS_DENIED'],
  ['ENOSPC', 'SLUICE_IO'],
  ['EMFILE', 'SLUICE_UNAVAILABLE'],
] as const;

for (const [code, expected] of writeFaults) {
  test(`a move that fails with ${code} is ${expected} and leaves the object`, async (t) => {
    const { temp, driver } = setUp(t);
    temp.write('a', 'bytes');
    const error = await t.throwsAsync(treeAcrossDevices(temp, code).move('a', 'b'), {
      code: expected,
    });
    t.notRegex(error?.message ?? '', /secret|\//);
    t.is(await contentOf(driver, 'a'), 'bytes');
  });
}

test('of several moves of one object at once exactly one moves it', async (t) => {
  const { temp, driver } = setUp(t);
  for (let round = 0; round < 10; round += 1) {
    temp.write('a', 'bytes');
    const targets = ['x/1', 'x/2', 'x/3', 'x/4'];
    const moved = await Promise.all(targets.map((to) => driver.move(asKey('a'), asKey(to))));
    t.is(moved.filter(Boolean).length, 1);
    const winner = targets[moved.indexOf(true)]!;
    t.is(await contentOf(driver, winner), 'bytes');
    await driver.delete(asKey(winner));
  }
});

test.serial('a copy that fails leaves the object, and nothing open', async (t) => {
  const { temp, driver } = setUp(t, { symlinks: 'inside' });
  temp.write('file', big);
  symlinkSync('file', join(temp.root, 'l'));
  mkdirSync(join(temp.root, 'folder'));
  await t.throwsAsync(driver.move(asKey('l'), asKey('file/below')), { code: 'SLUICE_INVALID_KEY' });
  await t.throwsAsync(driver.move(asKey('l'), asKey('folder')), { code: 'SLUICE_INVALID_KEY' });
  const controller = new AbortController();
  const { signal } = controller;
  const pending = driver.move(asKey('l'), asKey('m'), { signal });
  controller.abort();
  await t.throwsAsync(pending, { code: 'SLUICE_ABORTED' });
  t.is(readlinkSync(join(temp.root, 'l')), 'file');
  t.deepEqual(await stillOpenBelow(temp.root), []);
  t.deepEqual(debris(temp.root), []);
});

test('options of a put cannot reach beyond the call', async (t) => {
  const { temp, driver } = setUp(t);
  const polluted = { jail: undefined, rename: () => t.fail(), fsync: 1 };
  await driver.put(asKey('o'), Buffer.from('bytes'), polluted as object);
  t.is(await contentOf(driver, 'o'), 'bytes');
  t.deepEqual(debris(temp.root), []);
});

test('objects move between roots', async (t) => {
  const { temp } = setUp(t);
  for (const name of ['one', 'two']) mkdirSync(join(temp.root, name));
  const paths = createPathMap({ one: join(temp.root, 'one'), two: join(temp.root, 'two') });
  const driver = createLocalDriver({ paths });
  await driver.put(asKey('one/a'), Buffer.from('bytes'));
  t.true(await driver.move(asKey('one/a'), asKey('two/b/c')));
  t.deepEqual(await listed(driver), ['two/b/c:5']);
});

test('a put beside somebody who removes empty folders comes to its end', async (t) => {
  const temp = tempRoot(t);
  const driver = createLocalDriver({ root: temp.root });
  const over = new AbortController();
  const remover = (async () => {
    while (!over.signal.aborted) {
      // It fails where a draft appears in a folder that it is about to remove.
      await rm(join(temp.root, 'd'), { recursive: true, force: true }).catch(() => undefined);
      await sleep(0);
    }
  })();
  const outcomes = new Set<unknown>();
  const put = async (round: number): Promise<void> => {
    try {
      await driver.put(asKey(`d/e/f${round}`), Buffer.from('bytes'));
    } catch (error) {
      // The folder may vanish under the draft; then it is told so, and not that the disk failed.
      outcomes.add(isSluiceError(error) && error.code);
    }
  };
  for (let round = 0; round < 100; round += 1) {
    await Promise.all([put(0), put(1), put(2), put(3)]);
  }
  over.abort();
  await remover;
  outcomes.delete('SLUICE_UNAVAILABLE');
  t.deepEqual([...outcomes], []);
});

test('a link that is moved onto itself by way of another link stays', async (t) => {
  const temp = tempRoot(t);
  temp.write('data.txt', 'bytes');
  mkdirSync(join(temp.root, 'dir'));
  symlinkSync('../data.txt', join(temp.root, 'dir/x'));
  symlinkSync('dir', join(temp.root, 'alias'));
  const driver = createLocalDriver({ root: temp.root, symlinks: 'inside' });
  t.true(await driver.move(asKey('alias/x'), asKey('dir/x')));
  t.is(await contentOf(driver, 'alias/x'), 'bytes');
  t.is(await contentOf(driver, 'dir/x'), 'bytes');
});

test('a link that is moved becomes a copy, since elsewhere it would lead elsewhere', async (t) => {
  const { temp, driver } = setUp(t, { symlinks: 'inside' });
  temp.write('folder/file', 'bytes');
  symlinkSync('file', join(temp.root, 'folder/l'));
  symlinkSync('nowhere', join(temp.root, 'folder/dangling'));
  t.true(await driver.move(asKey('folder/l'), asKey('to/l')));
  t.false(await driver.move(asKey('folder/dangling'), asKey('to/d')));
  t.is(await contentOf(driver, 'to/l'), 'bytes');
  t.is(await contentOf(driver, 'folder/file'), 'bytes');
  t.is(readlinkSync(join(temp.root, 'folder/dangling')), 'nowhere');
  symlinkSync('file', join(temp.root, 'folder/l'));
  await driver.delete(asKey('folder/l'));
  t.is(await contentOf(driver, 'folder/file'), 'bytes');
});

const listings: readonly (readonly [prefix: string, keys: readonly string[]])[] = [
  ['', ['ab:2', 'abc/d:1', 'abc/e/f:1', 'ax:1', 'b/c:1', 'b/.hidden:1']],
  ['a', ['ab:2', 'abc/d:1', 'abc/e/f:1', 'ax:1']],
  ['ab', ['ab:2', 'abc/d:1', 'abc/e/f:1']],
  ['abc', ['abc/d:1', 'abc/e/f:1']],
  ['abc/', ['abc/d:1', 'abc/e/f:1']],
  ['abc/e', ['abc/e/f:1']],
  ['abc/e/f', ['abc/e/f:1']],
  ['abc/e/f/', []],
  ['zzz', []],
  ['zzz/', []],
  ['/', []],
  ['../', []],
  ['../outside/', []],
  ['a/../', []],
  ['abc//', []],
  ['./', []],
  ['abc\0/', []],
];

for (const [prefix, keys] of listings) {
  test(`list ${JSON.stringify(prefix)} gives ${keys.length} keys`, async (t) => {
    const { temp, driver } = setUp(t);
    for (const key of ['ab', 'ax', 'abc/d', 'abc/e/f', 'b/c', 'b/.hidden']) {
      temp.write(key, key === 'ab' ? '22' : '1');
    }
    t.deepEqual(await listed(driver, prefix), keys.toSorted());
  });
}

test('list gives what open serves, by the same rules', async (t) => {
  const rules = [{}, { symlinks: 'inside' }, { hardLinks: 'deny' }, { dotfiles: 'deny' }] as const;
  for (const rule of rules) {
    const { temp, driver } = setUp(t, rule);
    temp.write('file', 'bytes');
    temp.write('folder/.hidden/deep', 'bytes');
    temp.write('folder/real', 'bytes');
    linkSync(join(temp.root, 'folder/real'), join(temp.root, 'second'));
    symlinkSync('file', join(temp.root, 'link'));
    symlinkSync('folder', join(temp.root, 'linked-folder'));
    symlinkSync('..', join(temp.root, 'folder/loop'));
    symlinkSync('.', join(temp.root, 'folder/self'));
    symlinkSync('nowhere', join(temp.root, 'dangling'));
    symlinkSync(temp.outside, join(temp.root, 'out'));
    symlinkSync(join(temp.outside, 'secret.txt'), join(temp.root, 'out.txt'));
    makeFifo(join(temp.root, 'fifo'));
    writeFileSync(join(temp.root, 'line\nfeed'), 'no key');
    writeFileSync(Buffer.concat([Buffer.from(`${temp.root}/x`), Buffer.from([0xff])]), 'no key');
    writeFileSync(Buffer.concat([Buffer.from(`${temp.root}/x`), Buffer.from([0xfe])]), 'no key');
    temp.write('x\ufffd', 'bytes');
    const keys = (await listed(driver)).map((entry) => entry.replace(/:\d+$/, ''));
    const candidates = [
      'file',
      'folder/real',
      'folder/.hidden/deep',
      'second',
      'link',
      'linked-folder/real',
      'linked-folder/.hidden/deep',
      'dangling',
      'out',
      'out/secret.txt',
      'out.txt',
      'fifo',
      'x\ufffd',
    ];
    const served: string[] = [];
    for (const key of candidates) {
      if ((await driver.stat(asKey(key))) !== undefined) served.push(key);
    }
    t.deepEqual(keys, served.toSorted(), JSON.stringify(rule));
  }
});

test('list of several roots gives each key once, from the root that serves it', async (t) => {
  const { temp } = setUp(t);
  for (const path of ['main/a', 'main/videos/shadowed', 'main/videos2/b', 'big/a', 'big/b/c']) {
    temp.write(path, '1');
  }
  const driver = createLocalDriver({
    paths: createPathMap({ '': join(temp.root, 'main'), videos: join(temp.root, 'big') }),
  });
  t.deepEqual(await listed(driver), ['a:1', 'videos/a:1', 'videos/b/c:1', 'videos2/b:1']);
  t.deepEqual(await listed(driver, 'vid'), ['videos/a:1', 'videos/b/c:1', 'videos2/b:1']);
  t.deepEqual(await listed(driver, 'videos/'), ['videos/a:1', 'videos/b/c:1']);
  t.deepEqual(await listed(driver, 'videos/b'), ['videos/b/c:1']);
  t.deepEqual(await listed(driver, 'a'), ['a:1']);
});

test('a listing that is left early or aborted leaves nothing open', async (t) => {
  const { temp, driver } = setUp(t);
  for (let index = 0; index < 100; index += 1) temp.write(`folder/${index}`, '1');
  for await (const { key } of driver.list('')) {
    t.true(key.startsWith('folder/'));
    break;
  }
  const controller = new AbortController();
  const aborted = (async () => {
    for await (const { key } of driver.list('', { signal: controller.signal })) {
      t.truthy(key);
      controller.abort('enough');
    }
  })();
  const error = await t.throwsAsync(aborted, { code: 'SLUICE_ABORTED' });
  t.is(error?.cause, 'enough');
  t.deepEqual(openBelow(temp.root), []);
  await t.throwsAsync(async () => listed(driver, 5 as unknown as string), {
    instanceOf: TypeError,
  });
});

test('a folder without a permission is not taken for an empty or a missing one', async (t) => {
  const temp = tempRoot(t);
  temp.write('folder/o', 'bytes');
  const { io } = hostSystem();
  const refuse = (path: string): Promise<void> =>
    path.endsWith('/folder') ? Promise.reject(systemError('EACCES')) : Promise.resolve();
  const open = async (path: string, flags: number): Promise<number> => {
    await refuse(path);
    return io.open(path, flags);
  };
  const realpath = async (path: string): Promise<string> => {
    await refuse(path);
    return io.realpath(path);
  };
  for (const system of [
    faultySystem({ open }),
    faultySystem({ realpath }, { descriptorLinks: undefined }),
  ]) {
    const driver = createDriverOn(system, { root: temp.root });
    const code = 'SLUICE_ACCESS_DENIED';
    await t.throwsAsync(driver.delete(asKey('folder/o')), { code });
    await t.throwsAsync(driver.move(asKey('folder/o'), asKey('p')), { code });
    await t.throwsAsync(driver.put(asKey('folder/p'), big), { code });
    await t.throwsAsync(listed(driver), { code });
  }
});

test('a listing fails when the root is gone or the disk fails', async (t) => {
  const { temp, driver } = setUp(t);
  execFileSync('rm', ['-r', temp.root]);
  await t.throwsAsync(listed(driver), { code: 'SLUICE_CONFIG' });
  await t.throwsAsync(driver.put(asKey('a/o'), big), { code: 'SLUICE_CONFIG' });
  mkdirSync(temp.root);
  const failing = faultySystem(
    { realpath: () => Promise.reject(systemError('EIO')) },
    { descriptorLinks: undefined },
  );
  await t.throwsAsync(listed(createDriverOn(failing, { root: temp.root })), { code: 'SLUICE_IO' });
});
