import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  type BigIntStats,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import {
  allow,
  createPathMap,
  createSluice,
  deny,
  type ObjectHandle,
  type StorageKey,
} from '@sluice/core';
import { createLocalDriver, type OpenCacheOptions } from '@sluice/storage-local';
import test, { type ExecutionContext } from 'ava';

import { createDriverOn, type LocalDriver } from '../src/local-driver.ts';
import { type FileIo, hostSystem, type System } from '../src/system.ts';
import { openNaively, races, startAttacker } from './helpers/races.ts';
import {
  asKey,
  collect,
  faultySystem,
  filesOpenBelow,
  makeFifo,
  openBelow,
  patternBytes,
  SECRET,
  stillOpenBelow,
  systemError,
  tempRoot,
  type TempRoot,
} from './helpers/temp-root.ts';

const isRoot = process.getuid?.() === 0;

const KEY = asKey('folder/file.txt');

/** A clock on which everything that the tests write is old: only such bytes are kept. */
const LATER: Partial<System> = { now: () => Date.now() + 60_000 };

function fixture(t: ExecutionContext): TempRoot {
  const temp = tempRoot(t);
  temp.writeAtRest(KEY, 'old');
  return temp;
}

function driverOn(
  t: ExecutionContext,
  { root }: TempRoot,
  openCache: OpenCacheOptions = {},
  system: System = hostSystem(),
): LocalDriver {
  const driver = createDriverOn(system, { root, openCache });
  t.teardown(() => driver.close());
  return driver;
}

/** Opens, reads whole, first at once, and closes. */
async function contentOf(driver: LocalDriver, key: StorageKey = KEY): Promise<string | undefined> {
  const handle = await driver.open(key);
  return handle && readAndClose(handle);
}

async function readAndClose(handle: ObjectHandle): Promise<string> {
  const window = { start: 0, end: handle.stat.size };
  try {
    const bytes = handle.readNow?.(window) ?? (await handle.read(window));
    return (await collect(bytes)).toString();
  } finally {
    await handle.close();
  }
}

/** Makes a driver hold an object as firmly as it can: with its bytes, where they are to be kept. */
async function warm(driver: LocalDriver, key: StorageKey = KEY): Promise<void> {
  for (let round = 0; round < 3; round += 1) await contentOf(driver, key);
}

/** What a driver has counted since it was asked last. */
function counter(driver: LocalDriver): () => { hits: number; misses: number; changed: number } {
  let last = { hits: 0, misses: 0, changed: 0 };
  return () => {
    const stats = driver.cacheStats?.();
    if (stats === undefined) throw new Error('no cache');
    const { hits, misses, changed } = stats;
    const since = {
      hits: hits - last.hits,
      misses: misses - last.misses,
      changed: changed - last.changed,
    };
    last = { hits, misses, changed };
    return since;
  };
}

test('nothing is kept, nor counted, unless it is asked for', async (t) => {
  const temp = fixture(t);
  const driver = createLocalDriver({ root: temp.root });
  t.is(await contentOf(driver), 'old');
  t.deepEqual(openBelow(temp.root), []);
  t.false('cacheStats' in driver);
});

test('an object is opened once for many downloads, and its facts are the same object', async (t) => {
  const temp = fixture(t);
  const { io } = hostSystem();
  let opens = 0;
  const open: FileIo['open'] = (...given) => {
    opens += 1;
    return io.open(...given);
  };
  const driver = driverOn(t, temp, {}, faultySystem({ open }));
  opens = 0;
  const stat = await driver.stat(KEY);
  t.deepEqual(stat, await createLocalDriver({ root: temp.root }).stat(KEY));
  for (let round = 0; round < 5; round += 1) {
    const handle = await driver.open(KEY);
    t.is(handle?.stat, stat);
    t.is(await readAndClose(handle!), 'old');
  }
  t.is(await driver.stat(KEY), stat);
  t.is(opens, 1);
  t.deepEqual(driver.cacheStats?.(), {
    objects: 1,
    bytes: 0,
    hits: 6,
    misses: 1,
    changed: 0,
    evicted: 0,
  });
});

interface ChangeRow {
  readonly remark: string;
  /** What is served afterwards. */
  readonly served: string | undefined;
  /** Whether it can be seen without a look at the path. */
  readonly isOfFile: boolean;
  readonly change: (path: string, temp: TempRoot) => void;
}

/** Moves the folder of the object to another place and leaves a link. */
const moveFolder =
  (place: (temp: TempRoot) => string) =>
  (_path: string, temp: TempRoot): void => {
    renameSync(join(temp.root, 'folder'), place(temp));
    symlinkSync(place(temp), join(temp.root, 'folder'));
  };

const changes: readonly ChangeRow[] = [
  {
    remark: 'is replaced by renaming',
    served: 'new',
    isOfFile: true,
    change(path) {
      writeFileSync(`${path}.new`, 'new');
      renameSync(`${path}.new`, path);
    },
  },
  {
    remark: 'is replaced by renaming a file of the same times',
    served: 'new',
    isOfFile: true,
    change(path) {
      const { atime, mtime } = statSync(path);
      writeFileSync(`${path}.new`, 'new');
      utimesSync(`${path}.new`, atime, mtime);
      renameSync(`${path}.new`, path);
    },
  },
  { remark: 'is removed', served: undefined, isOfFile: true, change: (path) => unlinkSync(path) },
  {
    remark: 'is renamed',
    served: undefined,
    isOfFile: true,
    change: (path) => renameSync(path, `${path}.away`),
  },
  {
    remark: 'is rewritten in place',
    served: 'new',
    isOfFile: true,
    change: (path) => writeFileSync(path, 'new', { flag: 'r+' }),
  },
  {
    remark: 'is rewritten in place, and its time put back',
    served: 'new',
    isOfFile: true,
    change(path) {
      const { atime, mtime } = statSync(path);
      writeFileSync(path, 'new', { flag: 'r+' });
      utimesSync(path, atime, mtime);
    },
  },
  {
    remark: 'grows',
    served: 'older',
    isOfFile: true,
    change: (path) => appendFileSync(path, 'er'),
  },
  { remark: 'is cut short', served: 'ol', isOfFile: true, change: (path) => truncateSync(path, 2) },
  {
    remark: 'may no longer be read',
    served: isRoot ? 'old' : undefined,
    isOfFile: true,
    change: (path) => chmodSync(path, 0o000),
  },
  {
    remark: 'becomes a link to outside',
    served: undefined,
    isOfFile: true,
    change(path, { outside }) {
      unlinkSync(path);
      symlinkSync(join(outside, 'secret.txt'), path);
    },
  },
  {
    remark: 'moves outside and leaves a link',
    served: undefined,
    isOfFile: true,
    change(path, { outside }) {
      renameSync(path, join(outside, 'file.txt'));
      symlinkSync(join(outside, 'file.txt'), path);
    },
  },
  {
    remark: 'becomes a FIFO',
    served: undefined,
    isOfFile: true,
    change(path) {
      unlinkSync(path);
      makeFifo(path);
    },
  },
  {
    remark: 'becomes a folder',
    served: undefined,
    isOfFile: true,
    change(path) {
      unlinkSync(path);
      mkdirSync(path);
    },
  },
  {
    remark: 'has a folder above that becomes a link to outside',
    served: undefined,
    isOfFile: false,
    change(_path, { root, outside }) {
      renameSync(join(root, 'folder'), join(root, 'aside'));
      writeFileSync(join(outside, 'file.txt'), SECRET);
      symlinkSync(outside, join(root, 'folder'));
    },
  },
  {
    remark: 'has a folder above that moves outside and leaves a link',
    served: undefined,
    isOfFile: false,
    change: moveFolder(({ outside }) => join(outside, 'folder')),
  },
  {
    remark: 'has a folder above that moves inside and leaves a link',
    served: undefined,
    isOfFile: false,
    change: moveFolder(({ root }) => join(root, 'aside')),
  },
  {
    remark: 'has a folder above that is replaced',
    served: 'new',
    isOfFile: false,
    change(_path, temp) {
      renameSync(join(temp.root, 'folder'), join(temp.root, 'aside'));
      temp.write(KEY, 'new');
    },
  },
  {
    remark: 'has a folder above that is renamed',
    served: undefined,
    isOfFile: false,
    change: (_path, { root }) => renameSync(join(root, 'folder'), join(root, 'aside')),
  },
];

const modes: readonly (readonly [remark: string, openCache: OpenCacheOptions])[] = [
  ['open', {}],
  ['in memory', { maxBytes: 1000 }],
];

for (const [mode, openCache] of modes) {
  for (const { remark, served, change } of changes) {
    test(`an object that is kept ${mode} and ${remark} is found changed`, async (t) => {
      const temp = fixture(t);
      const driver = driverOn(t, temp, openCache, faultySystem({}, LATER));
      await warm(driver);
      const count = counter(driver);
      t.like(count(), { hits: 2, misses: 1 });
      t.is(driver.cacheStats?.().bytes, openCache.maxBytes === undefined ? 0 : 3);
      change(join(temp.root, KEY), temp);
      t.is(await contentOf(driver), served);
      t.like(count(), { hits: 0, misses: 1, changed: 1 });
      t.deepEqual(
        await driver.stat(KEY),
        await createDriverOn(faultySystem({}, LATER), { root: temp.root }).stat(KEY),
      );
    });
  }

  for (const { remark, served, isOfFile, change } of changes) {
    const title = isOfFile
      ? 'is found changed though its path is believed'
      : 'is found changed when its path is believed no longer';
    test(`an object that is kept ${mode} and ${remark} ${title}`, async (t) => {
      const temp = fixture(t);
      let clock = 0;
      const system = faultySystem({}, { ...LATER, ticks: () => clock });
      const driver = driverOn(t, temp, { ...openCache, revalidate: 1000 }, system);
      await warm(driver);
      change(join(temp.root, KEY), temp);
      clock = 999;
      t.is(await contentOf(driver), isOfFile ? served : 'old');
      clock = 1000;
      t.is(await contentOf(driver), served);
    });
  }
}

test('the path of an object that is believed is not looked up', async (t) => {
  const temp = fixture(t);
  const { io } = hostSystem();
  let lookUps = 0;
  let clock = 0;
  const lookUp: FileIo['lookUp'] = (path) => {
    lookUps += 1;
    return io.lookUp(path);
  };
  const system = faultySystem({ lookUp }, { ticks: () => clock });
  const driver = driverOn(t, temp, { revalidate: 1000 }, system);
  await warm(driver);
  t.is(lookUps, 0);
  for (const [at, expected] of [
    [999, 0],
    [1000, 1],
    [1999, 1],
    [2000, 2],
  ] as const) {
    clock = at;
    t.is(await contentOf(driver), 'old');
    t.is(lookUps, expected, `${at}`);
  }
  t.is(driver.cacheStats?.().misses, 1);
});

if (!isRoot) {
  test('an object below a folder that may no longer be entered is found changed', async (t) => {
    const temp = fixture(t);
    const driver = driverOn(t, temp);
    await warm(driver);
    chmodSync(join(temp.root, 'folder'), 0o000);
    t.teardown(() => chmodSync(join(temp.root, 'folder'), 0o700));
    t.is(await contentOf(driver), undefined);
  });
}

test('the path of an object is not looked up where a link was put above it', async (t) => {
  const temp = fixture(t);
  const { io } = hostSystem();
  const lookedUp: string[] = [];
  const lookUp: FileIo['lookUp'] = (path) => {
    lookedUp.push(path);
    return io.lookUp(path);
  };
  const driver = driverOn(t, temp, {}, faultySystem({ lookUp }));
  await warm(driver);
  lookedUp.length = 0;
  moveFolder(({ outside }) => join(outside, 'folder'))('', temp);
  t.is(await contentOf(driver), undefined);
  t.deepEqual(lookedUp, []);
});

for (const code of ['EACCES', 'ELOOP', 'EIO']) {
  test(`an object whose path cannot be looked up for ${code} is opened anew`, async (t) => {
    const temp = fixture(t);
    const lookUp: FileIo['lookUp'] = () => {
      throw systemError(code);
    };
    const driver = driverOn(t, temp, {}, faultySystem({ lookUp }));
    await warm(driver);
    t.like(driver.cacheStats?.(), { hits: 0, misses: 3, changed: 2, objects: 1 });
  });
}

const mountedOver: readonly (readonly [string, (stats: BigIntStats) => BigIntStats | undefined])[] =
  [
    ['nothing', () => undefined],
    ['another file', (stats) => Object.assign(stats, { ino: stats.ino + 1n })],
    ['a file on another device', (stats) => Object.assign(stats, { dev: stats.dev + 1n })],
  ];

for (const [remark, change] of mountedOver) {
  test(`an object is opened anew when ${remark} has its path, though nothing was done to the file`, async (t) => {
    const temp = fixture(t);
    const { io } = hostSystem();
    const lookUp: FileIo['lookUp'] = (path) => {
      const stats = io.lookUp(path);
      return stats && change(stats);
    };
    const driver = driverOn(t, temp, {}, faultySystem({ lookUp }));
    await warm(driver);
    t.like(driver.cacheStats?.(), { hits: 0, misses: 3, changed: 2, objects: 1 });
  });
}

test('a file of which a tick of the clock hides the removal is told by its count of names', async (t) => {
  const temp = fixture(t);
  const { io } = hostSystem();
  // As if nothing had happened but what the count tells.
  let frozen: bigint | undefined;
  const fstat: FileIo['fstat'] = (fd) => {
    const stats = io.fstat(fd);
    if (stats.isFile()) frozen ??= stats.ctimeNs;
    return stats.isFile() ? Object.assign(stats, { ctimeNs: frozen }) : stats;
  };
  const driver = driverOn(t, temp, { revalidate: 60_000 }, faultySystem({ fstat }));
  await warm(driver);
  unlinkSync(join(temp.root, KEY));
  t.is(await contentOf(driver), undefined);
});

test('what this driver changes is known at once, also under another name and below another root', async (t) => {
  const temp = fixture(t);
  const paths = createPathMap({ '': temp.root, other: join(temp.root, 'folder') });
  const driver = createLocalDriver({ paths, openCache: { revalidate: 60_000 } });
  t.teardown(() => driver.close());
  const alias = asKey('other/file.txt');
  const both = async (): Promise<unknown> => [
    await contentOf(driver),
    await contentOf(driver, alias),
  ];
  t.deepEqual(await both(), ['old', 'old']);
  await driver.put(KEY, Buffer.from('new'));
  t.deepEqual(await both(), ['new', 'new']);
  await driver.move(alias, asKey('elsewhere'));
  t.deepEqual(await both(), [undefined, undefined]);
  t.is(await contentOf(driver, asKey('elsewhere')), 'new');
  await driver.move(asKey('elsewhere'), KEY);
  t.deepEqual(await both(), ['new', 'new']);
  t.is(await contentOf(driver, asKey('elsewhere')), undefined);
  await driver.delete(KEY);
  t.deepEqual(await both(), [undefined, undefined]);
  t.deepEqual(filesOpenBelow(temp.root), [], 'what was removed keeps no place on the disk');
});

test.serial('what this driver replaces, moves or removes is let go at once', async (t) => {
  const temp = tempRoot(t);
  const [a, b] = [asKey('a'), asKey('b')];
  const driver = driverOn(t, temp);
  const bytes = Buffer.from('bytes');
  const steps: readonly (() => Promise<unknown>)[] = [
    () => driver.put(a, bytes),
    () => driver.move(a, b),
    () => driver.move(b, a),
    () => driver.delete(a),
  ];
  for (const step of steps) {
    for (const key of [a, b]) temp.writeAtRest(key, bytes);
    for (const key of [a, b]) await warm(driver, key);
    t.is(filesOpenBelow(temp.root).length, 2);
    await step();
    t.false(openBelow(temp.root).some((path) => path.endsWith(' (deleted)')));
    t.is(driver.cacheStats?.().objects, steps.indexOf(step) % 3 === 0 ? 1 : 0);
  }
});

test('what this driver changes makes it look every path up again', async (t) => {
  const temp = fixture(t);
  const driver = driverOn(t, temp, { revalidate: 60_000 });
  await warm(driver);
  renameSync(join(temp.root, 'folder'), join(temp.root, 'aside'));
  await t.throwsAsync(driver.put(asKey('p'), Readable.from(['no bytes'])));
  t.is(await contentOf(driver), undefined);
});

test('a missing object is not remembered', async (t) => {
  const temp = fixture(t);
  const driver = driverOn(t, temp, { revalidate: 60_000 });
  const key = asKey('later');
  t.is(await contentOf(driver, key), undefined);
  temp.write(key, 'here');
  t.is(await contentOf(driver, key), 'here');
});

/** Lets openings end only when the gate is opened; what they find, they find before. */
function gatedSystem(isGated: (path: string) => boolean): {
  readonly system: System;
  readonly openings: () => number;
  readonly openGate: () => void;
} {
  const { io } = hostSystem();
  let openGate = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    openGate = resolve;
  });
  let openings = 0;
  const open: FileIo['open'] = async (path, flags) => {
    if (!isGated(path)) return io.open(path, flags);
    openings += 1;
    try {
      return await io.open(path, flags);
    } finally {
      await gate;
    }
  };
  return { system: faultySystem({ open }), openings: () => openings, openGate };
}

test('fifty who miss one object at once cause one opening, and one who gives up spoils it for nobody', async (t) => {
  const temp = fixture(t);
  const { system, openings, openGate } = gatedSystem((path) => path.endsWith('file.txt'));
  const driver = driverOn(t, temp, {}, system);
  const controller = new AbortController();
  const first = driver.open(KEY, { signal: controller.signal });
  const others = Array.from({ length: 49 }, () => contentOf(driver));
  controller.abort();
  openGate();
  await t.throwsAsync(first, { code: 'SLUICE_ABORTED' });
  t.deepEqual(new Set(await Promise.all(others)), new Set(['old']));
  t.is(openings(), 1);
  t.like(driver.cacheStats?.(), { hits: 49, misses: 1, objects: 1 });
  await driver.close();
  t.deepEqual(openBelow(temp.root), []);
});

const meanwhile: readonly (readonly [string, (path: string) => void, string | undefined])[] = [
  ['created', (path) => writeFileSync(path, 'new'), 'new'],
  [
    'replaced',
    (path) => {
      writeFileSync(`${path}.new`, 'new');
      renameSync(`${path}.new`, path);
    },
    'new',
  ],
  ['removed', (path) => unlinkSync(path), undefined],
];

for (const [remark, change, expected] of meanwhile) {
  for (const revalidate of [0, 60_000]) {
    test(`an opening that began before an object was ${remark} does not answer who asks afterwards, revalidate: ${revalidate}`, async (t) => {
      const temp = tempRoot(t);
      const path = join(temp.root, 'o');
      if (remark !== 'created') writeFileSync(path, 'old');
      const { system, openGate, openings } = gatedSystem((opened) => opened === path);
      const driver = driverOn(t, temp, { revalidate }, system);
      const before = contentOf(driver, asKey('o'));
      while (openings() === 0) await sleep(1);
      await sleep(20); // It has found what there was; the gate holds its answer back.
      change(path);
      const after = contentOf(driver, asKey('o'));
      openGate();
      t.is(await after, expected);
      t.is(await before, remark === 'created' ? undefined : 'old');
      t.is(await contentOf(driver, asKey('o')), expected);
    });
  }
}

test('an opening that began before this driver replaced the object is not believed afterwards', async (t) => {
  const temp = tempRoot(t);
  const path = temp.write('folder/o', 'old');
  const { system, openGate, openings } = gatedSystem((opened) => opened === path);
  const driver = driverOn(t, temp, { revalidate: 60_000 }, system);
  const before = contentOf(driver, asKey('folder/o'));
  while (openings() === 0) await sleep(1);
  await sleep(20);
  renameSync(join(temp.root, 'folder'), join(temp.root, 'aside'));
  await driver.put(asKey('folder/o'), Buffer.from('new'));
  openGate();
  await before;
  t.is(await contentOf(driver, asKey('folder/o')), 'new');
});

test.serial('an object that has to make room is not closed under its readers', async (t) => {
  const temp = tempRoot(t);
  const bytes = patternBytes(900_000);
  temp.writeAtRest('a', bytes);
  for (const key of ['b', 'c', 'd']) temp.writeAtRest(key, patternBytes(900_000, 99));
  const driver = driverOn(t, temp, { maxObjects: 1 });
  await (await driver.open(asKey('a')))?.close();
  const handles = [await driver.open(asKey('a')), await driver.open(asKey('a'))];
  const bodies = handles.map(async (handle) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of (await handle!.read({
      start: 0,
      end: bytes.length,
    })) as AsyncIterable<Uint8Array>) {
      pieces.push(piece);
      // Whatever is opened now would get the number of a descriptor that was closed too early.
      for (const key of ['b', 'c', 'd']) await (await driver.open(asKey(key)))?.close();
    }
    return Buffer.concat(pieces);
  });
  for (const body of await Promise.all(bodies)) t.true(body.equals(bytes));
  t.is(driver.cacheStats?.().objects, 1);
  t.is(filesOpenBelow(temp.root).length, 2);
  await handles[0]?.close();
  await handles[0]?.close();
  t.is(filesOpenBelow(temp.root).length, 2, 'two closings of one handle are not the other’s');
  await handles[1]?.close();
  t.is((await stillOpenBelow(join(temp.root, 'a'))).length, 0);
  t.is(filesOpenBelow(temp.root).length, 1);
});

test.serial('what was used least lately makes room first', async (t) => {
  const temp = tempRoot(t);
  for (const key of ['a', 'b', 'c']) temp.writeAtRest(key, key);
  const driver = driverOn(t, temp, { maxObjects: 2 });
  for (const key of ['a', 'b', 'a', 'c']) await contentOf(driver, asKey(key));
  t.deepEqual(
    filesOpenBelow(temp.root)
      .map((path) => path.slice(-1))
      .toSorted(),
    ['a', 'c'],
  );
  t.like(driver.cacheStats?.(), { objects: 2, evicted: 1, hits: 1, misses: 3 });
});

test.serial('descriptors and bytes stay within their bounds over many objects', async (t) => {
  const temp = tempRoot(t);
  const keys = Array.from({ length: 1000 }, (_, index) => asKey(`f${index % 10}/${index}`));
  for (const key of keys) temp.writeAtRest(key, key.padEnd(200));
  const openCache = { maxObjects: 50, maxBytes: 2000 };
  const driver = driverOn(t, temp, openCache, faultySystem({}, LATER));
  const most = { open: 0, objects: 0, bytes: 0 };
  for (let round = 0; round < 10_000; round += 20) {
    const wanted = Array.from({ length: 20 }, (_, index) =>
      // Some are asked for often.
      index < 12 ? keys[index] : keys[(round * 7 + index * 131) % keys.length],
    );
    const contents = await Promise.all(wanted.map((key) => contentOf(driver, key)));
    t.deepEqual(
      contents,
      wanted.map((key) => key?.padEnd(200)),
    );
    const { objects = 0, bytes = 0 } = driver.cacheStats?.() ?? {};
    most.objects = Math.max(most.objects, objects);
    most.bytes = Math.max(most.bytes, bytes);
    if (round % 1000 === 0) most.open = Math.max(most.open, filesOpenBelow(temp.root).length);
  }
  t.deepEqual(most, { open: 50, objects: 50, bytes: 2000 });
  t.true((driver.cacheStats?.().hits ?? 0) > 1000);
  await driver.close();
  t.deepEqual(openBelow(temp.root), []);
  t.like(driver.cacheStats?.(), { objects: 0, bytes: 0 });
});

test.serial(
  'a driver that is closed closes what nobody reads, and the rest with its last reader',
  async (t) => {
    const temp = fixture(t);
    temp.writeAtRest('other', 'other');
    const { system, openGate, openings } = gatedSystem((path) => path.endsWith('late'));
    temp.writeAtRest('late', 'late');
    const driver = driverOn(t, temp, { revalidate: 60_000 }, system);
    await warm(driver);
    await warm(driver, asKey('other'));
    const handle = await driver.open(KEY);
    const late = contentOf(driver, asKey('late'));
    while (openings() === 0) await sleep(1);
    await driver.close();
    t.deepEqual(
      openBelow(temp.root).filter((path) => !path.endsWith('late')),
      [join(temp.root, KEY)],
    );
    t.is(await readAndClose(handle!), 'old');
    openGate();
    t.is(await late, 'late');
    t.deepEqual(openBelow(temp.root), []);
    await t.throwsAsync(driver.open(KEY), { code: 'SLUICE_ABORTED' });
  },
);

test.serial(
  'an object that nobody asks for is closed after a while, one that is asked for is not',
  async (t) => {
    const temp = fixture(t);
    temp.writeAtRest('busy', 'busy');
    let clock = 0;
    const driver = driverOn(t, temp, { idle: 20 }, faultySystem({}, { ticks: () => clock }));
    await warm(driver);
    clock = 10;
    await warm(driver, asKey('busy'));
    clock = 20;
    for (let round = 0; round < 200 && filesOpenBelow(temp.root).length > 1; round += 1) {
      await sleep(10);
    }
    t.deepEqual(filesOpenBelow(temp.root), [join(temp.root, 'busy')]);
    clock = 30;
    t.deepEqual(await stillOpenBelow(temp.root), []);
    t.is(driver.cacheStats?.().evicted, 0);
  },
);

test('a process ends though a driver keeps objects open', (t) => {
  const temp = fixture(t);
  const script = `import { createLocalDriver } from ${JSON.stringify(import.meta.resolve('@sluice/storage-local'))};
    const driver = createLocalDriver({ root: process.argv[1], openCache: {} });
    const handle = await driver.open('${KEY}');
    console.log(handle.stat.size);`;
  const given = ['--input-type=module', '-e', script, temp.root];
  t.is(execFileSync(process.execPath, given, { encoding: 'utf8', timeout: 20_000 }), '3\n');
});

test('the entity tag of a young object becomes strong as it would without a cache', async (t) => {
  const temp = tempRoot(t);
  const changedAt = 1_600_000_000_000;
  utimesSync(temp.write('o', 'bytes'), changedAt / 1000, changedAt / 1000);
  let now = changedAt + 500;
  const system = faultySystem({}, { now: () => now });
  const driver = driverOn(t, temp, { revalidate: 60_000 }, system);
  const fresh = createDriverOn(system, { root: temp.root });
  const seen: unknown[] = [];
  for (const age of [500, 1500, 1999, 2000, 9000]) {
    now = changedAt + age;
    const stat = await driver.stat(asKey('o'));
    t.deepEqual(stat, await fresh.stat(asKey('o')), `${age} ms`);
    t.is(stat?.entityTag?.startsWith('W/'), age < 2000);
    seen.push(stat);
  }
  t.is(new Set(seen).size, 2, 'one for each tag');
  t.is(driver.cacheStats?.().misses, 1);
});

test('the bytes of a young object are not kept, since a tick of the clock could hide a change', async (t) => {
  const temp = tempRoot(t);
  const { ctimeMs } = statSync(temp.writeAtRest('o', 'bytes'));
  let now = ctimeMs;
  const driver = driverOn(t, temp, { maxBytes: 1000 }, faultySystem({}, { now: () => now }));
  for (const [age, bytes] of [
    [0, 0],
    [1990, 0],
    [2010, 5],
  ] as const) {
    now = ctimeMs + age;
    await warm(driver, asKey('o'));
    t.is(driver.cacheStats?.().bytes, bytes, `${age} ms`);
  }
});

test('bytes are kept from the second download on, of small objects only, and never of a part', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('small', '12345');
  temp.writeAtRest('large', '123456');
  const openCache = { maxBytes: 100, maxObjectBytes: 5 };
  const driver = driverOn(t, temp, openCache, faultySystem({}, LATER));
  const bytes = (): number | undefined => driver.cacheStats?.().bytes;
  await contentOf(driver, asKey('small'));
  t.is(bytes(), 0);
  const handle = await driver.open(asKey('small'));
  handle?.readNow?.({ start: 1, end: 5 });
  t.is(bytes(), 0);
  handle?.readNow?.({ start: 0, end: 5 });
  t.is(bytes(), 5);
  await handle?.close();
  await warm(driver, asKey('large'));
  t.is(bytes(), 5);
});

test.serial('a file that is removed while it is opened is served, but not kept', async (t) => {
  const temp = fixture(t);
  const { io } = hostSystem();
  const open: FileIo['open'] = async (path, flags) => {
    const fd = await io.open(path, flags);
    if (path.endsWith('file.txt')) unlinkSync(path);
    return fd;
  };
  const driver = driverOn(t, temp, { revalidate: 60_000 }, faultySystem({ open }));
  t.is(await contentOf(driver), 'old');
  t.deepEqual(openBelow(temp.root), []);
});

test('a file that is not small is read at once only when it was opened for another before', async (t) => {
  const temp = tempRoot(t);
  const system = faultySystem({}, { ticks: () => 0 });
  const driver = createDriverOn(system, { root: temp.root });
  const caching = driverOn(t, temp, {}, system);
  for (const [size, isSmall] of [
    [1_048_576, true],
    [1_048_577, false],
  ] as const) {
    temp.writeAtRest('o', patternBytes(size));
    const window = { start: size - 1000, end: size };
    const seen: boolean[] = [];
    for (const from of [driver, caching, caching]) {
      const handle = await from.open(asKey('o'));
      seen.push(handle?.readNow?.(window) !== undefined);
      await handle?.close();
    }
    t.deepEqual(seen, [isSmall, isSmall, true]);
  }
});

test('bytes that are not of the version that is kept are not kept', async (t) => {
  const temp = tempRoot(t);
  const path = temp.writeAtRest('o', 'old');
  const { atime, mtime } = statSync(path);
  const driver = driverOn(t, temp, { maxBytes: 100 }, faultySystem({}, LATER));
  await contentOf(driver, asKey('o'));
  const handle = await driver.open(asKey('o'));
  writeFileSync(path, 'new', { flag: 'r+' });
  utimesSync(path, atime, mtime);
  // Size and time are as they were, and no reader can tell. The time of change tells the cache.
  await readAndClose(handle!);
  t.is(driver.cacheStats?.().bytes, 0);
  t.is(await contentOf(driver, asKey('o')), 'new');
});

test('an object in memory is read as one on the disk is', async (t) => {
  const temp = tempRoot(t);
  const bytes = patternBytes(1000);
  temp.writeAtRest('o', bytes);
  const driver = driverOn(t, temp, { maxBytes: 1000 }, faultySystem({}, LATER));
  await warm(driver, asKey('o'));
  t.is(driver.cacheStats?.().bytes, 1000);
  const handle = (await driver.open(asKey('o')))!;
  writeFileSync(join(temp.root, 'o'), patternBytes(500));
  const window = { start: 10, end: 600 };
  const wanted = bytes.subarray(10, 600);
  const read = (await handle.read(window)) as Uint8Array;
  t.deepEqual(Buffer.from(read), wanted);
  read.fill(0);
  t.deepEqual(handle.readNow?.(window), wanted, 'what was read is the reader’s');
  const target = Buffer.alloc(600);
  await handle.fill?.(target.subarray(5, 595), 10);
  t.deepEqual(target, Buffer.concat([Buffer.alloc(5), wanted, Buffer.alloc(5)]));
  for (const bad of [
    { start: 0, end: 1001 },
    { start: 5, end: 4 },
    { start: -1, end: 4 },
    { start: 0.5, end: 1 },
    { start: Number.NaN, end: 1 },
  ]) {
    t.throws(() => handle.readNow?.(bad), { code: 'SLUICE_RANGE' });
    await t.throwsAsync(async () => handle.read(bad), { code: 'SLUICE_RANGE' });
  }
  await t.throwsAsync(async () => handle.fill?.(Buffer.alloc(2), 999), { code: 'SLUICE_RANGE' });
  const signal = AbortSignal.abort('enough');
  await t.throwsAsync(async () => handle.read(window, { signal }), { code: 'SLUICE_ABORTED' });
  await t.throwsAsync(async () => handle.fill?.(target, 0, { signal }), { code: 'SLUICE_ABORTED' });
  await handle.close();
  await handle.close();
  t.throws(() => handle.readNow?.(window), { code: 'SLUICE_ABORTED' });
  await t.throwsAsync(async () => handle.read(window), { code: 'SLUICE_ABORTED' });
  await t.throwsAsync(async () => handle.fill?.(target, 0), { code: 'SLUICE_ABORTED' });
});

test('descriptors that are only kept are given back when there are none left', async (t) => {
  const temp = tempRoot(t);
  for (const key of ['a', 'b', 'c']) temp.writeAtRest(key, key);
  const { io } = hostSystem();
  const open: FileIo['open'] = async (path, flags) => {
    if (openBelow(temp.root).length >= 2) throw systemError('EMFILE');
    return io.open(path, flags);
  };
  const driver = driverOn(t, temp, {}, faultySystem({ open }));
  for (const key of ['a', 'b', 'c']) t.is(await contentOf(driver, asKey(key)), key);
  t.is(driver.cacheStats?.().objects, 1);
  const handles = [await driver.open(asKey('a')), await driver.open(asKey('b'))];
  await t.throwsAsync(driver.open(asKey('c')), { code: 'SLUICE_UNAVAILABLE' });
  for (const handle of handles) await handle?.close();
  t.deepEqual(openBelow(temp.root), []);
});

test('openings that find no descriptor at the same moment all get one that was only kept', async (t) => {
  const temp = tempRoot(t);
  const keys = Array.from({ length: 8 }, (_, index) => `k${index}`);
  for (const key of keys) temp.writeAtRest(key, key);
  const { io } = hostSystem();
  let most = Number.POSITIVE_INFINITY;
  const open: FileIo['open'] = async (path, flags) => {
    await Promise.resolve();
    if (openBelow(temp.root).length >= most) throw systemError('EMFILE');
    return io.open(path, flags);
  };
  const driver = driverOn(t, temp, {}, faultySystem({ open }));
  for (const key of keys.slice(0, 4)) t.is(await contentOf(driver, asKey(key)), key);
  most = 4;
  const found = await Promise.all(keys.slice(4).map((key) => driver.stat(asKey(key))));
  t.true(found.every((stat) => stat?.size === 2));
});

const machines: readonly (readonly [
  remark: string,
  changes: Partial<System>,
  openCache: OpenCacheOptions,
  kept: boolean,
])[] = [
  ['this machine', {}, {}, true],
  ['macOS', { platform: 'darwin', descriptorLinks: undefined }, {}, false],
  ['macOS', { platform: 'darwin', descriptorLinks: undefined }, { revalidate: 1000 }, true],
  ['Linux without /proc', { descriptorLinks: undefined }, {}, false],
  ['Linux without /proc', { descriptorLinks: undefined }, { revalidate: 1000 }, true],
  ['a network disk', { fileSystemOf: () => 0x6969 }, {}, false],
  ['a network disk', { fileSystemOf: () => 0x6969 }, { revalidate: 1000 }, true],
  ['Windows', { platform: 'win32', descriptorLinks: undefined }, {}, false],
  ['Windows', { platform: 'win32', descriptorLinks: undefined }, { revalidate: 1000 }, false],
];

for (const [remark, changesOf, openCache, kept] of machines) {
  test(`on ${remark} with revalidate: ${openCache.revalidate ?? 0} objects are ${kept ? '' : 'not '}kept`, async (t) => {
    const temp = fixture(t);
    let clock = 0;
    const { io } = hostSystem();
    const withoutMacFlag: FileIo['open'] = (path, flags) => io.open(path, flags & ~0x2000_0000);
    const system = faultySystem(
      { open: withoutMacFlag },
      { ...LATER, ...changesOf, ticks: () => clock },
    );
    const driver = driverOn(t, temp, { ...openCache, maxBytes: 1000 }, system);
    const count = counter(driver);
    await warm(driver);
    t.like(count(), kept ? { hits: 2, misses: 1 } : { hits: 0, misses: 3 });
    t.is(filesOpenBelow(temp.root).length, kept ? 1 : 0);
    // Bytes are kept only where the kernel knows of every change.
    t.is(driver.cacheStats?.().bytes, remark === 'this machine' ? 3 : 0);
    const [stat, handle] = [await driver.stat(KEY), await driver.open(KEY)];
    t.is(
      handle?.readNow !== undefined,
      remark === 'this machine' || remark === 'Linux without /proc',
    );
    await handle?.close();
    clock = 5000;
    count();
    const again = await driver.stat(KEY);
    t.deepEqual(again, stat);
    if (kept) t.is(again, stat, 'opened anew, it was found to be the same');
    t.like(count(), remark === 'this machine' ? { hits: 1, misses: 0 } : { hits: 0, misses: 1 });
    t.is(filesOpenBelow(temp.root).length, kept ? 1 : 0);
    renameSync(temp.write('new', 'new'), join(temp.root, KEY));
    clock = 10_000;
    t.is(await contentOf(driver), 'new');
  });
}

test('what a link leads to is believed for as long as was asked for, and judged anew then', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('a', 'a');
  temp.writeAtRest('b', 'b');
  const link = join(temp.root, 'link');
  const pointTo = (target: string): void => {
    rmSync(link, { force: true });
    symlinkSync(target, link);
  };
  pointTo('a');
  let clock = 0;
  const create = (revalidate: number): LocalDriver =>
    createDriverOn(faultySystem({}, { ...LATER, ticks: () => clock }), {
      root: temp.root,
      symlinks: 'inside',
      openCache: { revalidate, maxBytes: 1000 },
    });
  const [looking, believing] = [create(0), create(1000)];
  for (const driver of [looking, believing]) await warm(driver, asKey('link'));
  const read = async (): Promise<unknown> => [
    await contentOf(looking, asKey('link')),
    await contentOf(believing, asKey('link')),
  ];
  pointTo('b');
  t.deepEqual(await read(), ['b', 'a']);
  clock = 1000;
  t.deepEqual(await read(), ['b', 'b']);
  pointTo(join(temp.outside, 'secret.txt'));
  clock = 2000;
  t.deepEqual(await read(), [undefined, undefined]);
  for (const driver of [looking, believing]) await driver.close();
  t.deepEqual(openBelow(temp.root), []);
});

test('a second name of the same file that lies outside does not serve for the first', async (t) => {
  const temp = fixture(t);
  const path = join(temp.root, KEY);
  linkSync(path, join(temp.outside, 'file.txt'));
  const driver = driverOn(t, temp);
  await warm(driver);
  renameSync(join(temp.root, 'folder'), join(temp.root, 'aside'));
  symlinkSync(temp.outside, join(temp.root, 'folder'));
  t.is(await contentOf(driver), undefined);
});

test('a policy that says no is not passed by what is kept', async (t) => {
  const temp = fixture(t);
  const openCache = { revalidate: 60_000, maxBytes: 1000 };
  const storage = driverOn(t, temp, openCache, faultySystem({}, LATER));
  let isAllowed = true;
  const sluice = createSluice({ storage, policy: () => (isAllowed ? allow() : deny('no')) });
  const kindOf = async (): Promise<string> => {
    const { plan, settle } = await sluice.open({ method: 'GET', key: KEY, subject: undefined });
    settle({ end: 'finished', bytes: 3 });
    return plan.kind;
  };
  for (let round = 0; round < 3; round += 1) t.is(await kindOf(), 'whole');
  const count = counter(storage);
  count();
  isAllowed = false;
  t.is(await kindOf(), 'refused');
  t.deepEqual(count(), { hits: 0, misses: 0, changed: 0 });
});

const racing: readonly (readonly [string, OpenCacheOptions])[] = [
  ['looking each time', { maxBytes: 1000 }],
  ['believing for some milliseconds', { revalidate: 5, maxBytes: 1000 }],
];

for (const { remark, key, script } of races) {
  for (const [mode, openCache] of racing) {
    test.serial(
      `nothing leaks from a cache ${mode} while ${remark}, though a naive opening leaks`,
      async (t) => {
        const temp = tempRoot(t);
        temp.write(key, 'inside');
        const drivers = (['deny', 'inside'] as const).map((symlinks) =>
          createDriverOn(faultySystem({}, LATER), { root: temp.root, symlinks, openCache }),
        );
        const worker = startAttacker(t, script, { root: temp.root, outside: temp.outside });
        const seen = { naiveLeaks: 0, leaks: 0, served: 0 };
        for (const until = Date.now() + 2000; Date.now() < until;) {
          const contents = await Promise.all(
            [...drivers, ...drivers].map((driver) => contentOf(driver, asKey(key))),
          );
          seen.leaks += contents.filter((content) => content === SECRET).length;
          seen.served += contents.filter((content) => content === 'inside').length;
          if ((await openNaively(key, temp.root)) === SECRET) seen.naiveLeaks += 1;
        }
        await worker.terminate();
        t.is(seen.leaks, 0);
        t.true(seen.naiveLeaks > 0, 'the control must leak, or this test shows nothing');
        t.true(seen.served > 0, 'something must be served, or this test shows nothing');
        for (const driver of drivers) await driver.close();
        t.deepEqual(openBelow(join(temp.root, '..')), []);
      },
    );
  }
}

test.serial(
  'what is served is never older than the last replacement that was over when it was asked for',
  async (t) => {
    const temp = tempRoot(t);
    temp.write('o', '0');
    const shared = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(
      `const fs = require('node:fs'); const { root, shared } = require('node:worker_threads').workerData;
     for (let count = 1; ; count += 1) {
       fs.writeFileSync(root + '/n', String(count)); fs.renameSync(root + '/n', root + '/o');
       Atomics.store(shared, 0, count);
       if (count % 5 === 0) Atomics.wait(shared, 0, count, count % 4);
     }`,
      { eval: true, workerData: { root: temp.root, shared } },
    );
    t.teardown(() => worker.terminate());
    const drivers = [{}, { maxBytes: 100 }].map((openCache) =>
      driverOn(t, temp, openCache, faultySystem({}, LATER)),
    );
    let stale = 0;
    for (const until = Date.now() + 2000; Date.now() < until;) {
      await Promise.all(
        [...drivers, ...drivers, ...drivers].map(async (driver) => {
          const least = Atomics.load(shared, 0);
          if (Number(await contentOf(driver, asKey('o'))) < least) stale += 1;
        }),
      );
    }
    await worker.terminate();
    t.is(stale, 0);
    t.true(Atomics.load(shared, 0) > 100, 'it was replaced many times');
    for (const driver of drivers) t.true((driver.cacheStats?.().hits ?? 0) > 0);
  },
);
