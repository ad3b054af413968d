import {
  closeSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { MappedPath } from '@sluice/core';
import test, { type ExecutionContext } from 'ava';

import { createJail, type JailRules, placeOf } from '../src/jail.ts';
import type { Confined } from '../src/open-regular.ts';
import { createOpener, type Opener } from '../src/quick-opens.ts';
import { type FileIo, hostSystem, type System } from '../src/system.ts';
import { openNaively, races, startAttacker } from './helpers/races.ts';
import {
  asKey,
  faultySystem,
  makeFifo,
  openBelow,
  SECRET,
  stillOpenBelow,
  systemError,
  tempRoot,
  type TempRoot,
} from './helpers/temp-root.ts';
import { entryRows } from './tables/entries.ts';

interface Fixture {
  readonly temp: TempRoot;
  readonly opener: Opener;
  readonly place: (key: string) => MappedPath;
  /** What is opened at once under a key: its content. */
  readonly now: (key: string) => string | undefined;
  /** What is opened through the pool. */
  readonly later: (key: string) => Promise<string | undefined>;
  /** Opens one object so often that its folder has earned it. */
  readonly heat: (key: string) => Promise<void>;
}

const RULES: JailRules = { symlinks: 'deny', hardLinks: 'allow', dotfiles: 'allow' };

function fixture(
  t: ExecutionContext,
  { system = clocked().system, rules = {} }: { system?: System; rules?: Partial<JailRules> } = {},
): Fixture {
  const temp = tempRoot(t);
  temp.write('folder/file.txt', 'inside');
  const jail = createJail({ '': temp.root }, { ...RULES, ...rules }, system);
  const opener = createOpener(jail);
  t.teardown(() => opener.close());
  const place = (key: string): MappedPath => {
    const found = placeOf(asKey(key), jail);
    if (found === undefined) throw new TypeError(`no place for ${key}`);
    return found;
  };
  const later = async (key: string): Promise<string | undefined> =>
    contentOf(await opener.open(place(key)));
  return {
    temp,
    opener,
    place,
    now: (key) => contentOf(opener.openNow(place(key))),
    later,
    async heat(key) {
      await Promise.all(Array.from({ length: 4 }, () => later(key)));
      // The folder is opened in the background.
      for (let round = 0; round < 40; round += 1) {
        await sleep(10);
        if (round > 1 && openBelow(temp.root).length > 0) return;
      }
    },
  };
}

function contentOf(confined: Confined | undefined): string | undefined {
  if (confined === undefined) return undefined;
  try {
    return readFileSync(confined.fd, 'utf8');
  } finally {
    closeSync(confined.fd);
  }
}

/** This machine with a clock that goes by hand, in milliseconds. */
function clocked(io: Partial<FileIo> = {}): {
  readonly system: System;
  readonly go: (by: number) => void;
} {
  let clock = 0;
  return {
    system: faultySystem(io, { ticks: () => clock }),
    go(by) {
      clock += by;
    },
  };
}

test.serial('a folder must have earned it, and is believed in for a moment', async (t) => {
  const { system, go } = clocked();
  const { now, later, heat } = fixture(t, { system });
  for (let round = 0; round < 3; round += 1) {
    t.is(await later('folder/file.txt'), 'inside');
    t.is(now('folder/file.txt'), undefined);
  }
  await heat('folder/file.txt');
  t.is(now('folder/file.txt'), 'inside');
  go(49);
  t.is(now('folder/file.txt'), 'inside', 'and it is opened anew in the background');
  await sleep(100);
  go(49);
  t.is(now('folder/file.txt'), 'inside');
  await sleep(100);
  go(50);
  t.is(now('folder/file.txt'), undefined);
});

test.serial('a name is looked up in the open folder, and nowhere else', async (t) => {
  const paths: string[] = [];
  const { io } = hostSystem();
  const openNow = (path: string, flags: number): number => {
    paths.push(path);
    return io.openNow(path, flags);
  };
  const { now, heat, temp } = fixture(t, { system: clocked({ openNow }).system });
  await heat('folder/file.txt');
  renameSync(join(temp.root, 'folder'), join(temp.outside, 'aside'));
  symlinkSync(temp.outside, join(temp.root, 'folder'));
  t.is(now('folder/file.txt'), undefined, 'it no longer lies where it was looked for');
  t.is(now('folder/secret.txt'), undefined);
  t.is(paths.length, 2);
  for (const path of paths) t.regex(path, /^\/proc\/self\/fd\/\d+\/[a-z.]+$/);
});

for (const rules of [{}, { symlinks: 'inside' }, { hardLinks: 'deny' }] as const) {
  for (const { remark, key, make } of entryRows) {
    if (placeOf(asKey(key), createJail({ '': '/tmp/' }, RULES, hostSystem())) === undefined) {
      continue;
    }
    const title = `at once nothing is opened that is not opened else: ${remark}, ${JSON.stringify([rules, key.slice(0, 30)])}`;
    test.serial(title, async (t) => {
      const { temp, now, later, heat } = fixture(t, { rules });
      temp.write('file.txt', 'inside');
      make?.(temp);
      const slash = key.lastIndexOf('/') + 1;
      const beside = `${key.slice(0, slash)}file.txt`;
      await heat(beside).catch(() => undefined);
      const content = now(key);
      t.true(content === undefined || content === (await later(key)));
      t.not(content, SECRET);
    });
  }
}

test.serial('what is planted in a hot folder is left to the long way', async (t) => {
  const { temp, now, heat, later } = fixture(t, { rules: { hardLinks: 'deny' } });
  await heat('folder/file.txt');
  const at = (name: string): string => join(temp.root, 'folder', name);
  makeFifo(at('fifo'));
  mkdirSync(at('inner'));
  symlinkSync(join(temp.outside, 'secret.txt'), at('link'));
  linkSync(join(temp.outside, 'secret.txt'), at('hard'));
  for (const name of ['fifo', 'inner', 'link', 'hard', 'none']) {
    t.is(now(`folder/${name}`), undefined, name);
  }
  t.is(now('folder/file.txt'), 'inside');
  rmSync(at('file.txt'));
  t.is(now('folder/file.txt'), undefined);
  t.is(await later('folder/file.txt'), undefined);
  t.deepEqual(
    openBelow(join(temp.root, '..')).filter((path) => path !== join(temp.root, 'folder')),
    [],
  );
});

test.serial('an opening that waited forbids more for twenty times as long', async (t) => {
  const { io } = hostSystem();
  const clock = clocked({
    openNow(path, flags) {
      clock.go(2);
      return io.openNow(path, flags);
    },
  });
  let blocks = 0;
  const system = { ...clock.system, blocksRead: () => blocks++ };
  const { now, heat } = fixture(t, { system });
  await heat('folder/file.txt');
  t.is(now('folder/file.txt'), 'inside');
  t.is(now('folder/file.txt'), undefined);
  clock.go(39);
  await heat('folder/file.txt');
  t.is(now('folder/file.txt'), undefined);
  clock.go(1);
  t.is(now('folder/file.txt'), 'inside');
});

const refusals: readonly (readonly [string, Partial<System>])[] = [
  ['a network', { fileSystemOf: () => 0x6969 }],
  ['a system without /proc', { descriptorLinks: undefined }],
  ['macOS', { platform: 'darwin', descriptorLinks: undefined }],
];
for (const [remark, changes] of refusals) {
  test.serial(`nothing is opened at once on ${remark}`, async (t) => {
    const { now, heat, temp } = fixture(t, { system: faultySystem({}, changes) });
    await heat('folder/file.txt');
    t.is(now('folder/file.txt'), undefined);
    t.deepEqual(openBelow(temp.root), []);
  });
}

test.serial('few folders are held, and none for long', async (t) => {
  const { temp, heat, now, opener } = fixture(t, { system: hostSystem() });
  for (let folder = 0; folder < 40; folder += 1) {
    temp.write(`f${folder}/file.txt`, `${folder}`);
    await heat(`f${folder}/file.txt`);
    t.true(openBelow(temp.root).length <= 16);
  }
  t.deepEqual(await stillOpenBelow(temp.root), []);
  await heat('f1/file.txt');
  t.deepEqual(openBelow(temp.root), [join(temp.root, 'f1')]);
  await opener.close();
  t.deepEqual(openBelow(temp.root), []);
  await heat('f1/file.txt');
  t.is(now('f1/file.txt'), undefined);
  t.deepEqual(openBelow(temp.root), []);
});

test.serial('a folder that cannot be opened is not tried again with every object', async (t) => {
  const { io } = hostSystem();
  let tried = 0;
  const open = async (path: string, flags: number): Promise<number> => {
    if (!path.endsWith('/folder')) return io.open(path, flags);
    tried += 1;
    throw systemError('EACCES');
  };
  const { system, go } = clocked({ open });
  const { later, now } = fixture(t, { system });
  for (let count = 0; count < 50; count += 1) t.is(await later('folder/file.txt'), 'inside');
  t.is(tried, 1);
  t.is(now('folder/file.txt'), undefined);
  go(1000);
  for (let count = 0; count < 50; count += 1) t.is(await later('folder/file.txt'), 'inside');
  t.is(tried, 2);
});

test.serial('a folder that is being opened when all is closed is not held', async (t) => {
  const { temp, later, opener } = fixture(t);
  await Promise.all(Array.from({ length: 4 }, () => later('folder/file.txt')));
  await opener.close();
  t.deepEqual(await stillOpenBelow(temp.root), []);
});

for (const call of ['fstat', 'readlink'] as const) {
  test.serial(`a failing ${call} leaves nothing open, and the rest to the long way`, async (t) => {
    const { io } = hostSystem();
    let fails = false;
    const replaced = {
      fstat: (fd: number) => {
        if (fails && call === 'fstat') throw systemError('EIO');
        return io.fstat(fd);
      },
      readlink: (path: string) => {
        if (fails && call === 'readlink') throw systemError('EIO');
        return io.readlink(path);
      },
    };
    const { temp, now, heat } = fixture(t, { system: clocked(replaced).system });
    await heat('folder/file.txt');
    fails = true;
    t.is(now('folder/file.txt'), undefined);
    t.deepEqual(openBelow(temp.root), [join(temp.root, 'folder')]);
    fails = false;
    t.is(now('folder/file.txt'), 'inside');
  });
}

for (const { remark, key, script } of races) {
  test.serial(`nothing leaks at once while ${remark}, though a naive opening leaks`, async (t) => {
    const { temp, opener, place } = fixture(t, { system: hostSystem() });
    temp.write(key, 'inside');
    const worker = startAttacker(t, script, { root: temp.root, outside: temp.outside });
    const seen = { naiveLeaks: 0, leaks: 0, served: 0 };
    for (const until = Date.now() + 2500; Date.now() < until;) {
      const content = contentOf(await opener.open(place(key)));
      if (content === SECRET) seen.leaks += 1;
      for (let round = 0; round < 20; round += 1) {
        const found = contentOf(opener.openNow(place(key)));
        if (found === SECRET) seen.leaks += 1;
        if (found === 'inside') seen.served += 1;
      }
      if ((await openNaively(key, temp.root)) === SECRET) seen.naiveLeaks += 1;
    }
    await worker.terminate();
    t.is(seen.leaks, 0);
    t.true(seen.naiveLeaks > 0, 'the control must leak, or this test shows nothing');
    t.true(seen.served > 0, 'something must be served at once, or this test shows nothing');
    await opener.close();
    t.deepEqual(openBelow(join(temp.root, '..')), []);
  });
}
