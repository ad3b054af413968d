import { execFile } from 'node:child_process';
import { mkdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { createPathMap, isSluiceError } from '@sluice/core';
import * as storageLocal from '@sluice/storage-local';
import { createLocalDriver, type LocalDriverOptions } from '@sluice/storage-local';
import test from 'ava';

import { createDriverOn } from '../src/local-driver.ts';
import type { FileIo } from '../src/system.ts';
import {
  asKey,
  collect,
  faultySystem,
  openBelow,
  systemError,
  tempRoot,
} from './helpers/temp-root.ts';
import { hostileKeys } from './tables/entries.ts';

const run = promisify(execFile);

test('the package exports one function', (t) => {
  t.deepEqual(Object.keys(storageLocal), ['createLocalDriver']);
});

const mistakes: readonly (readonly [unknown, string])[] = [
  [undefined, 'options must be an object, got undefined'],
  [{}, 'give either root or paths, got neither'],
  [{ root: '/tmp', paths: createPathMap({ '': '/tmp' }) }, 'give either root or paths, got both'],
  [{ root: 5 }, 'the root 5 must be a string'],
  [{ root: '' }, 'the root "" must be an absolute path'],
  [{ root: 'files' }, 'the root "files" must be an absolute path'],
  [{ root: './files' }, 'the root "./files" must be an absolute path'],
  [{ root: '/no/such/folder' }, 'the root "/no/such/folder" does not exist'],
  [{ root: '/tmp\0' }, 'the root "/tmp\\u0000" cannot be used: ERR_INVALID_ARG_VALUE'],
  [{ root: '/etc/passwd' }, 'the root "/etc/passwd" is not a folder'],
  [{ root: '/' }, 'the root "/" is a whole file system'],
  [{ root: '/etc/..' }, 'the root "/etc/.." is a whole file system'],
  [{ root: '/proc/self' }, 'the root "/proc/self" lies in a file system of the kernel'],
  [
    { root: '/proc/self/root/proc' },
    'the root "/proc/self/root/proc" lies in a file system of the kernel',
  ],
  [{ root: '/sys' }, 'the root "/sys" lies in a file system of the kernel'],
  [{ root: '/dev/shm' }, 'the root "/dev/shm" lies in a file system of the kernel'],
  [{ paths: { '': '/tmp' } }, 'paths must be a path map, got an object'],
  [{ paths: 'x' }, 'paths must be a path map, got "x"'],
  [{ paths: createPathMap({ a: '/no/such/other' }) }, 'the root "/no/such/other" does not exist'],
  [{ root: '/tmp', symlinks: 'follow' }, 'symlinks must be "deny" or "inside", got "follow"'],
  [{ root: '/tmp', symlinks: true }, 'symlinks must be "deny" or "inside", got true'],
  [{ root: '/tmp', hardLinks: 'no' }, 'hardLinks must be "allow" or "deny", got "no"'],
  [{ root: '/tmp', dotfiles: 'ignore' }, 'dotfiles must be "allow" or "deny", got "ignore"'],
  [{ root: '/tmp', fsync: 'yes' }, 'fsync must be true or false, got "yes"'],
  [
    { root: '/tmp', contentTypes: { md: 'text/x' } },
    'contentTypes has extensions such as ".md", got "md"',
  ],
  [
    { root: '/tmp', contentTypes: { '.md': 'a\r\nb: c' } },
    'contentTypes[".md"] must be a media type, got "a\\r\\nb: c"',
  ],
  [{ root: '/tmp', contentTypes: ['.md'] }, 'contentTypes must be an object, got an array'],
  [{ root: '/tmp', contentTypes: { '.md': 5 } }, 'contentTypes[".md"] must be a media type, got 5'],
  [{ root: '/tmp', openCache: true }, 'openCache must be an object, got true'],
  [{ root: '/tmp', openCache: [] }, 'openCache must be an object, got an array'],
  [{ root: '/tmp', openCache: null }, 'openCache must be an object, got null'],
  [
    { root: '/tmp', openCache: { maxObjects: 0 } },
    'openCache.maxObjects must be an integer from 1 to 1000000, got 0',
  ],
  [
    { root: '/tmp', openCache: { maxBytes: -1 } },
    'openCache.maxBytes must be an integer of at least 0, got -1',
  ],
  [
    { root: '/tmp', openCache: { maxObjectBytes: 131_073 } },
    'openCache.maxObjectBytes must be an integer from 0 to 131072, got 131073',
  ],
  [
    { root: '/tmp', openCache: { revalidate: 0.5 } },
    'openCache.revalidate must be an integer from 0 to 2147483647, got 0.5',
  ],
  [
    { root: '/tmp', openCache: { idle: 0 } },
    'openCache.idle must be an integer from 1 to 2147483647, got 0',
  ],
  [
    { root: '/tmp', openCache: { max: 5 } },
    'openCache: unknown option "max"; known options are maxObjects, maxBytes, maxObjectBytes, revalidate, idle',
  ],
  [
    { root: '/tmp', symlink: 'deny' },
    'unknown option "symlink"; known options are root, paths, symlinks, hardLinks, dotfiles, fsync, contentTypes, openCache',
  ],
];

for (const [options, message] of mistakes) {
  test(`a mistake in the options is told at once: ${message}`, (t) => {
    t.throws(() => createLocalDriver(options as LocalDriverOptions), {
      instanceOf: TypeError,
      message: `createLocalDriver: ${message}`,
    });
  });
}

test('a file system of the kernel is known by its number, wherever it is mounted', (t) => {
  const { root } = tempRoot(t);
  for (const fileSystem of [0x9fa0, 0x6265_6572]) {
    const system = faultySystem({}, { fileSystemOf: () => fileSystem });
    t.throws(() => createDriverOn(system, { root }), { message: /a file system of the kernel/ });
  }
});

test('a root whose real name is not UTF-8 is refused, since no path could name it', (t) => {
  const temp = tempRoot(t);
  const odd = Buffer.concat([Buffer.from(`${temp.outside}/x`), Buffer.from([0xff])]);
  mkdirSync(odd);
  symlinkSync(odd, join(temp.outside, 'alias'));
  t.throws(() => createLocalDriver({ root: join(temp.outside, 'alias') }), {
    message: /is not UTF-8/,
  });
});

const SECOND = 1_600_000_000;

const validators: readonly (readonly [
  remark: string,
  mtime: number,
  now: number,
  tag: string,
  lastModified: number | undefined,
])[] = [
  ['at rest', SECOND, SECOND + 60, '"5f5e1000-5"', SECOND * 1000],
  ['two seconds old', SECOND, SECOND + 2, '"5f5e1000-5"', SECOND * 1000],
  ['just under two seconds old', SECOND, SECOND + 1.999, 'W/"5f5e1000-5"', SECOND * 1000],
  ['new', SECOND, SECOND, 'W/"5f5e1000-5"', SECOND * 1000],
  ['with parts of a second', SECOND + 0.5, SECOND + 60, '"5f5e1000-5"', SECOND * 1000 + 500],
  ['of the future', SECOND + 3600, SECOND, 'W/"5f5e1e10-5"', (SECOND + 3600) * 1000],
  ['of the epoch', 0, SECOND, 'W/"0-5"', undefined],
  ['of the Nix store', 1, SECOND, 'W/"1-5"', undefined],
  ['of the second after', 2, SECOND, '"2-5"', 2000],
  ['of npm pack', 499_162_500, SECOND, 'W/"1dc09d84-5"', undefined],
  ['of before the epoch', -60, SECOND, 'W/"-3c-5"', undefined],
];

for (const [remark, mtime, now, tag, lastModified] of validators) {
  test(`an object ${remark} has the entity tag ${tag}`, async (t) => {
    const temp = tempRoot(t);
    const time = new Date(mtime * 1000); // A negative number would mean now.
    utimesSync(temp.write('o', 'bytes'), time, time);
    const driver = createDriverOn(faultySystem({}, { now: () => now * 1000 }), { root: temp.root });
    const stat = await driver.stat(asKey('o'));
    // A weak tag goes on with a sum of the version.
    t.is(stat?.entityTag?.replace(/^(W\/.*)-[0-9a-f]{1,8}"$/, '$1"'), tag);
    t.is(stat?.lastModified, lastModified);
    t.is('lastModified' in (stat ?? {}), lastModified !== undefined);
    t.is(stat?.size, 5);
    t.is(stat?.version.hold, 'handle');
  });
}

test('a weak tag never stands for another version, old or new', async (t) => {
  const temp = tempRoot(t);
  for (const time of [Date.now() / 1000, Date.now() / 1000 + 3600, 0]) {
    const driver = createLocalDriver({ root: temp.root });
    const tags = new Set<string | undefined>();
    for (const bytes of ['first', 'other', 'third']) {
      utimesSync(temp.write('o', bytes), time, time);
      tags.add((await driver.stat(asKey('o')))?.entityTag);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    t.is(tags.size, 3);
    t.true([...tags].every((tag) => tag?.startsWith('W/"')));
  }
});

test('stat and open agree, and the token names the version', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('a.txt', 'bytes');
  const driver = createLocalDriver({ root: temp.root });
  const stat = await driver.stat(asKey('a.txt'));
  const handle = await driver.open(asKey('a.txt'));
  t.deepEqual(handle?.stat, stat);
  t.is(handle?.key, asKey('a.txt'));
  t.false('contentEncoding' in (stat ?? {}));
  await handle?.close();
  t.is((await driver.stat(asKey('a.txt')))?.version.token, stat?.version.token);
  temp.writeAtRest('a.txt', 'other');
  t.not((await driver.stat(asKey('a.txt')))?.version.token, stat?.version.token);
});

const types: readonly (readonly [key: string, type: string | undefined])[] = [
  ['a.txt', 'text/plain; charset=utf-8'],
  ['A.HTML', 'text/html; charset=utf-8'],
  ['a.json', 'application/json; charset=utf-8'],
  ['a.svg', 'image/svg+xml'],
  ['a.tar.gz', 'application/gzip'],
  ['a.png', 'image/png'],
  ['a.mp4', 'video/mp4'],
  ['a.md', 'text/x-own'],
  ['a.OWN', 'application/x-own'],
  ['a', undefined],
  ['txt', undefined],
  ['.html', undefined],
  ['a.', undefined],
  ['a.unknownextension', undefined],
  ['a.html/b', undefined],
  ['a.__proto__', undefined],
  ['a.constructor', undefined],
];

for (const [key, type] of types) {
  test(`the object ${key} is of type ${type ?? 'unknown'}, whatever it holds`, async (t) => {
    const temp = tempRoot(t);
    temp.write(key, '<html>\x89PNG');
    const contentTypes = { '.md': 'text/x-own', '.Own': 'application/x-own' };
    const stat = await createLocalDriver({ root: temp.root, contentTypes }).stat(asKey(key));
    t.truthy(stat);
    t.is(stat?.contentType, type);
  });
}

test('what is not a key has no object, and no call reaches the disk for it', async (t) => {
  const temp = tempRoot(t);
  const calls: string[] = [];
  const record = (path: string): Promise<never> => {
    calls.push(path);
    return Promise.reject(systemError('EIO'));
  };
  const driver = createDriverOn(faultySystem({ open: record, realpath: record, stat: record }), {
    root: temp.root,
    dotfiles: 'deny',
  });
  for (const key of [...hostileKeys, '.hidden', 'a/.hidden/b'].map(asKey)) {
    t.is(await driver.stat(key), undefined);
    t.is(await driver.open(key), undefined);
    t.is(driver.localPath(key), undefined);
    await t.notThrowsAsync(driver.delete(key));
    t.false(await driver.move(key, asKey('to')));
    await t.throwsAsync(driver.put(key, Buffer.alloc(0)), { code: 'SLUICE_INVALID_KEY' });
    await t.throwsAsync(driver.move(asKey('from'), key), { code: 'SLUICE_INVALID_KEY' });
  }
  t.deepEqual(calls, []);
});

test('several roots hold the keys below their prefixes, the longest prefix first', async (t) => {
  const temp = tempRoot(t);
  for (const [path, content] of Object.entries({
    'main/a': 'main',
    'main/videos/a': 'shadowed',
    'big/a': 'video',
  })) {
    temp.write(path, content);
  }
  const alias = join(temp.outside, 'alias');
  symlinkSync(join(temp.root, 'big'), alias);
  const paths = createPathMap({ '': join(temp.root, 'main'), videos: alias });
  const driver = createLocalDriver({ paths });
  for (const [key, content] of [
    ['a', 'main'],
    ['videos/a', 'video'],
  ] as const) {
    const handle = await driver.open(asKey(key));
    t.is(
      (await collect(await handle!.read({ start: 0, end: handle!.stat.size }))).toString(),
      content,
    );
    await handle!.close();
  }
  t.is(await driver.open(asKey('videos')), undefined);
  t.deepEqual(driver.localPath(asKey('videos/a')), {
    prefix: 'videos',
    root: join(temp.root, 'big'),
    path: join(temp.root, 'big', 'a'),
  });
  const own = createLocalDriver({ paths: createPathMap({ videos: alias }) });
  t.is(own.localPath(asKey('a')), undefined);
  t.is(await own.stat(asKey('a')), undefined);
});

test('a driver has no state to free, and after its closing calls fail', async (t) => {
  const temp = tempRoot(t);
  temp.write('o', 'bytes');
  const driver = createLocalDriver({ root: temp.root });
  const handle = await driver.open(asKey('o'));
  await driver.close();
  await driver.close();
  t.is((await collect(await handle!.read({ start: 0, end: 5 }))).toString(), 'bytes');
  await handle!.close();
  const key = asKey('o');
  const calls = [
    () => driver.stat(key),
    () => driver.open(key),
    () => driver.put(key, Buffer.alloc(0)),
    () => driver.delete(key),
    () => driver.move(key, asKey('p')),
    async () => {
      for await (const entry of driver.list('')) t.fail(entry.key);
    },
  ];
  for (const call of calls) await t.throwsAsync(call, { code: 'SLUICE_ABORTED' });
  t.is(statSync(join(temp.root, 'o')).size, 5);
});

test.serial(
  'a call under an aborted signal does nothing, and one that is aborted on its way closes what it opened',
  async (t) => {
    const temp = tempRoot(t);
    temp.write('o', 'bytes');
    const driver = createLocalDriver({ root: temp.root });
    const reason = new Error('enough');
    for (const method of ['stat', 'open', 'delete'] as const) {
      const error = await t.throwsAsync<Error>(
        driver[method](asKey('o'), { signal: AbortSignal.abort(reason) }),
        { code: 'SLUICE_ABORTED' },
      );
      t.is(error?.cause, reason);
    }
    for (const method of ['stat', 'open'] as const) {
      const controller = new AbortController();
      const pending = driver[method](asKey('o'), { signal: controller.signal });
      controller.abort(reason);
      const error = await t.throwsAsync<Error>(pending, { code: 'SLUICE_ABORTED' });
      t.is(error?.cause, reason);
    }
    t.truthy(await driver.stat(asKey('o')));
    t.deepEqual(openBelow(temp.root), []);
  },
);

test('with no descriptor left a driver asks to come again later, and recovers', async (t) => {
  const temp = tempRoot(t);
  temp.write('o', 'bytes');
  const script = join(temp.outside, 'exhaust.mjs');
  writeFileSync(
    script,
    `import { createLocalDriver } from ${JSON.stringify(import.meta.resolve('@sluice/storage-local'))};
     const driver = createLocalDriver({ root: process.argv[2] });
     const handles = [];
     let failure;
     while (failure === undefined) await driver.open('o').then((h) => handles.push(h), (e) => { failure = e; });
     const put = await driver.put('p', Buffer.from('x')).then(() => 'stored', (e) => e.code);
     for (const handle of handles) await handle.close();
     const again = await driver.open('o');
     console.log(JSON.stringify([failure.code, failure.retryAfter, failure.message, put, again !== undefined]));`,
  );
  const { stdout } = await run('sh', [
    '-c',
    'ulimit -n 60; exec "$0" "$@"',
    process.execPath,
    script,
    temp.root,
  ]);
  t.deepEqual(JSON.parse(stdout), [
    'SLUICE_UNAVAILABLE',
    1,
    'the process has no descriptor or memory left',
    'SLUICE_UNAVAILABLE',
    true,
  ]);
});

test('a medium that fails is no missing object, and its message stays out of ours', async (t) => {
  const temp = tempRoot(t);
  temp.write('o', 'bytes');
  const { io } = faultySystem({});
  const failing: FileIo['open'] = (path, flags) =>
    path.endsWith('/o') ? Promise.reject(systemError('EIO')) : io.open(path, flags);
  const driver = createDriverOn(faultySystem({ open: failing }), { root: temp.root });
  for (const call of [() => driver.stat(asKey('o')), () => driver.open(asKey('o'))]) {
    const error = await t.throwsAsync(call, { code: 'SLUICE_IO', message: 'the disk failed' });
    t.true(isSluiceError(error) && error.cause instanceof Error);
  }
});

test('where the kernel gives no paths of descriptors, the driver looks the paths up', async (t) => {
  const temp = tempRoot(t);
  temp.write('o', 'bytes');
  for (const system of [
    faultySystem({}, { descriptorLinks: undefined }),
    faultySystem({}, { descriptorLinks: '/proc/nowhere' }),
    faultySystem({ readlink: () => '/elsewhere' }),
  ]) {
    const driver = createDriverOn(system, { root: temp.root });
    t.is((await driver.stat(asKey('o')))?.size, 5);
  }
});
