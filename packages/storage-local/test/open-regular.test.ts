import {
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { isSluiceError } from '@sluice/core';
import test, { type ExecutionContext } from 'ava';

import { createJail, type Jail, type JailRules, placeOf } from '../src/jail.ts';
import { openRegular } from '../src/open-regular.ts';
import { hostSystem, type System } from '../src/system.ts';
import {
  asKey,
  faultySystem,
  openBelow,
  SECRET,
  systemError,
  tempRoot,
  type TempRoot,
  makeFifo,
} from './helpers/temp-root.ts';
import { openNaively, races, startAttacker } from './helpers/races.ts';
import { entryRows, hostileKeys } from './tables/entries.ts';

const RULES: JailRules = { symlinks: 'deny', hardLinks: 'allow', dotfiles: 'allow' };

function jailOf(
  temp: TempRoot,
  rules: Partial<JailRules> = {},
  system: System = hostSystem(),
): Jail {
  return createJail({ '': temp.root }, { ...RULES, ...rules }, system);
}

/** What a key gives: its content, or `undefined`; the descriptor is closed. */
async function contentOf(key: string, jail: Jail): Promise<string | undefined> {
  const place = placeOf(asKey(key), jail);
  const confined = place && (await openRegular(place, jail));
  if (confined === undefined) return undefined;
  try {
    return readFileSync(confined.fd, 'utf8');
  } finally {
    closeSync(confined.fd);
  }
}

function fixture(t: ExecutionContext): TempRoot {
  const temp = tempRoot(t);
  temp.write('file.txt', 'inside');
  temp.write('folder/file.txt', 'inside');
  return temp;
}

const withoutProc: Partial<System> = { descriptorLinks: undefined };

for (const symlinks of ['deny', 'inside'] as const) {
  for (const [proof, changes] of Object.entries({ descriptor: {}, realpath: withoutProc })) {
    for (const { remark, key, served, make } of entryRows) {
      const expected = served === 'always' || served === symlinks;
      const title = `${expected ? 'serves' : 'refuses'} ${remark}, links: ${symlinks}, proof: ${proof}, ${JSON.stringify(key.slice(0, 30))}`;
      test.serial(title, async (t) => {
        const temp = fixture(t);
        make?.(temp);
        const jail = jailOf(temp, { symlinks }, faultySystem({}, changes));
        t.is<string, string>(jail.proof, proof);
        const content = await contentOf(key, jail);
        t.is(content !== undefined, expected);
        t.not(content, SECRET);
        t.deepEqual(
          openBelow(temp.root).filter((path) => !path.includes('socket')),
          [],
        );
      });
    }
  }
}

for (const key of hostileKeys) {
  test(`is not a key and is never looked up: ${JSON.stringify(key.slice(0, 40))}`, (t) => {
    const temp = fixture(t);
    t.is(placeOf(asKey(key), jailOf(temp)), undefined);
  });
}

for (const key of [
  'a:b',
  'file.txt::$DATA',
  'c:',
  'a\\b',
  'file.txt.',
  'file.txt ',
  'NUL',
  'folder/con.txt',
  'com1 .txt',
  'LPT³',
  'PROGRA~1',
  'LONGNA~2.TXT',
  'a?b',
  '\\\\host\\share',
  'folder./file.txt',
  'aux.tar.gz',
  'CONIN$',
]) {
  test(`on Windows is refused before anything is looked up: ${JSON.stringify(key)}`, (t) => {
    const temp = fixture(t);
    const jail = jailOf(
      temp,
      {},
      faultySystem({}, { platform: 'win32', descriptorLinks: undefined }),
    );
    t.is(placeOf(asKey(key), jail), undefined);
    t.not(placeOf(asKey(key), jailOf(temp)), undefined, 'and is a name like any other elsewhere');
  });
}

test('on Windows ordinary names stay names', (t) => {
  const jail = jailOf(
    fixture(t),
    {},
    faultySystem({}, { platform: 'win32', descriptorLinks: undefined }),
  );
  for (const key of [
    'file.txt',
    'console.log',
    'common/com10.txt',
    'a~b.txt',
    '.hidden',
    'a b',
    'nulls',
  ]) {
    t.not(placeOf(asKey(key), jail), undefined, key);
  }
});

test.serial('a file with a second name is refused where hard links are denied', async (t) => {
  const temp = fixture(t);
  linkSync(join(temp.outside, 'secret.txt'), join(temp.root, 'second.txt'));
  const jail = jailOf(temp, { hardLinks: 'deny' });
  t.is(await contentOf('second.txt', jail), undefined);
  t.is(await contentOf('file.txt', jail), 'inside');
  t.deepEqual(openBelow(temp.root), []);
});

test.serial(
  'a second name that is removed once it is open is no way round, where hard links are denied',
  async (t) => {
    const temp = fixture(t);
    const { io } = hostSystem();
    for (const replaces of [true, false]) {
      linkSync(join(temp.outside, 'secret.txt'), join(temp.root, 'second.txt'));
      const open = async (path: string, flags: number): Promise<number> => {
        const fd = await io.open(path, flags);
        if (!path.endsWith('second.txt')) return fd;
        if (replaces) renameSync(temp.write('new', 'inside'), path);
        else rmSync(path, { force: true });
        return fd;
      };
      const jail = jailOf(temp, { hardLinks: 'deny' }, faultySystem({ open }));
      t.is(await contentOf('second.txt', jail), replaces ? 'inside' : undefined);
      rmSync(join(temp.root, 'second.txt'), { force: true });
    }
    t.deepEqual(openBelow(join(temp.root, '..')), []);
  },
);

test('a segment that begins with a dot is refused where dotfiles are denied, but not in the root', async (t) => {
  const temp = fixture(t);
  const root = join(temp.root, '.store');
  for (const key of ['.store/file', '.store/.env', '.store/.git/config', '.store/a..b']) {
    temp.write(key, 'inside');
  }
  const jail = createJail({ '.p': root }, { ...RULES, dotfiles: 'deny' }, hostSystem());
  t.is(await contentOf('.p/file', jail), 'inside');
  t.is(await contentOf('.p/a..b', jail), 'inside');
  t.is(await contentOf('.p/.env', jail), undefined);
  t.is(await contentOf('.p/.git/config', jail), undefined);
});

test('two names that are not UTF-8 and read alike are not taken for each other', async (t) => {
  const temp = fixture(t);
  writeFileSync(Buffer.concat([Buffer.from(`${temp.root}/x`), Buffer.from([0xff])]), 'odd');
  t.is(await contentOf('x\ufffd', jailOf(temp)), undefined);
});

test.serial(
  'a file that is replaced or removed while it is opened is still the one that was opened',
  async (t) => {
    const temp = fixture(t);
    const { io } = hostSystem();
    for (const change of [
      () => renameSync(temp.write('new', 'new'), join(temp.root, 'file.txt')),
      () => execFileSync('rm', [join(temp.root, 'file.txt')]),
    ]) {
      temp.write('file.txt', 'inside');
      const open = async (path: string, flags: number): Promise<number> => {
        const fd = await io.open(path, flags);
        if (path.endsWith('file.txt')) change();
        return fd;
      };
      t.is(await contentOf('file.txt', jailOf(temp, {}, faultySystem({ open }))), 'inside');
    }
  },
);

test.serial(
  'a folder above that moves once while a file is opened is tried again; twice is missing',
  async (t) => {
    const temp = fixture(t);
    const { io } = hostSystem();
    for (const [moves, expected] of [
      [1, 'inside'],
      [2, undefined],
    ] as const) {
      let opens = 0;
      const open = async (path: string, flags: number): Promise<number> => {
        if (!path.endsWith('file.txt')) return io.open(path, flags);
        opens += 1;
        if (opens > moves) return io.open(path, flags);
        return io.open(join(temp.outside, 'secret.txt'), flags);
      };
      t.is(await contentOf('folder/file.txt', jailOf(temp, {}, faultySystem({ open }))), expected);
    }
    t.deepEqual(openBelow(join(temp.root, '..')), []);
  },
);

test.serial(
  'without /proc a file that is swapped between the looks is refused, and nothing stays open',
  async (t) => {
    const temp = fixture(t);
    const { io } = hostSystem();
    const open = (path: string, flags: number): Promise<number> =>
      io.open(path.endsWith('file.txt') ? join(temp.outside, 'secret.txt') : path, flags);
    const jail = jailOf(temp, {}, faultySystem({ open }, withoutProc));
    t.is(await contentOf('file.txt', jail), undefined);
    t.deepEqual(openBelow(join(temp.root, '..')), []);
  },
);

test.serial(
  'without /proc a path that leads elsewhere at the second look is refused',
  async (t) => {
    const temp = fixture(t);
    const { io } = hostSystem();
    const secret = join(temp.outside, 'secret.txt');
    let isSwapped = false;
    const open = (path: string, flags: number): Promise<number> => {
      if (!path.endsWith('file.txt')) return io.open(path, flags);
      isSwapped = true;
      return io.open(secret, flags);
    };
    const realpath = async (path: string): Promise<string> =>
      isSwapped && path.endsWith('file.txt') ? secret : io.realpath(path);
    const jail = jailOf(temp, {}, faultySystem({ open, realpath }, withoutProc));
    t.is(await contentOf('file.txt', jail), undefined);
    t.deepEqual(openBelow(join(temp.root, '..')), []);
  },
);

test('a name that a file system folds is refused where links are followed', async (t) => {
  const temp = fixture(t);
  const { io } = hostSystem();
  const folding = {
    realpath: async (path: string) => io.realpath(path.replace('FILE', 'file')),
    open: async (path: string, flags: number) => io.open(path.replace('FILE', 'file'), flags),
  };
  const jail = jailOf(temp, { symlinks: 'inside' }, faultySystem(folding, withoutProc));
  t.is(await contentOf('FILE.txt', jail), undefined);
  t.is(await contentOf('file.txt', jail), 'inside');
});

test('macOS is asked to refuse a link in any segment, and only where links are denied', async (t) => {
  const temp = fixture(t);
  const { io } = hostSystem();
  const flags: number[] = [];
  const open = (path: string, given: number): Promise<number> => {
    flags.push(given);
    return io.open(path, given & ~0x2000_0000);
  };
  for (const symlinks of ['deny', 'inside'] as const) {
    const jail = jailOf(
      temp,
      { symlinks },
      faultySystem({ open }, { ...withoutProc, platform: 'darwin' }),
    );
    t.is(await contentOf('file.txt', jail), 'inside');
  }
  const wanted = constants.O_NOFOLLOW | 0x2000_0000;
  t.deepEqual(
    flags.map((given) => given & wanted),
    [wanted, 0],
  );
});

const faults: readonly (readonly [string, string | undefined])[] = [
  ...[
    'ENOENT',
    'ENOTDIR',
    'ELOOP',
    'ENAMETOOLONG',
    'EACCES',
    'EPERM',
    'ENXIO',
    'EINVAL',
    'EISDIR',
    'ENODEV',
  ].map((code) => [code, undefined] as const),
  ...['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'].map((code) => [code, 'SLUICE_UNAVAILABLE'] as const),
  ...['EIO', 'ESTALE', 'EWHATEVER', ''].map((code) => [code, 'SLUICE_IO'] as const),
];

for (const [code, expected] of faults) {
  test.serial(
    `${code || 'an error without a code'} at opening is ${expected ?? 'a missing object'}`,
    async (t) => {
      const temp = fixture(t);
      const fault = code === '' ? new Error('/secret/path') : systemError(code);
      const jail = jailOf(temp, {}, faultySystem({ open: () => Promise.reject(fault) }));
      if (expected === undefined) {
        t.is(await contentOf('file.txt', jail), undefined);
        return;
      }
      const error = await t.throwsAsync(contentOf('file.txt', jail), { code: expected });
      t.true(isSluiceError(error) && error.cause === fault);
      t.is(
        isSluiceError(error) ? error.retryAfter : 0,
        expected === 'SLUICE_UNAVAILABLE' ? 1 : undefined,
      );
      t.notRegex(error?.message ?? '', /secret|file\.txt|\//);
    },
  );
}

for (const call of ['fstat', 'readlink'] as const) {
  test.serial(`a descriptor is closed when ${call} fails on it`, async (t) => {
    const temp = fixture(t);
    let isBroken = false;
    const jail = jailOf(
      temp,
      {},
      faultySystem({
        [call]: (argument: never) => {
          if (isBroken) throw systemError('EIO');
          return hostSystem().io[call](argument);
        },
      }),
    );
    isBroken = true;
    await t.throwsAsync(contentOf('file.txt', jail), { code: 'SLUICE_IO' });
    t.deepEqual(openBelow(temp.root), []);
  });
}

test('a root that is gone, or has become a link, is a fault of the set-up and not a missing object', async (t) => {
  const temp = fixture(t);
  for (const jail of [jailOf(temp), jailOf(temp, {}, faultySystem({}, withoutProc))]) {
    renameSync(temp.root, `${temp.root}-away`);
    await t.throwsAsync(contentOf('file.txt', jail), {
      code: 'SLUICE_CONFIG',
      message: 'the root of the store is gone',
    });
    symlinkSync(temp.outside, temp.root);
    await t.throwsAsync(contentOf('secret.txt', jail), { code: 'SLUICE_CONFIG' });
    execFileSync('rm', [temp.root]);
    renameSync(`${temp.root}-away`, temp.root);
    t.is(await contentOf('file.txt', jail), 'inside');
  }
  const broken = jailOf(
    temp,
    {},
    faultySystem({ realpath: () => Promise.reject(systemError('EIO')) }),
  );
  await t.throwsAsync(contentOf('missing', broken), { code: 'SLUICE_IO' });
});

test('eight requests for a FIFO do not keep the ninth for a file from its answer', async (t) => {
  const temp = fixture(t);
  makeFifo(join(temp.root, 'fifo'));
  const jail = jailOf(temp);
  const flood = Array.from({ length: 8 }, () => contentOf('fifo', jail));
  t.is(await contentOf('file.txt', jail), 'inside');
  t.deepEqual(await Promise.all(flood), Array.from({ length: 8 }));
});

for (const { remark, key, script } of races) {
  test.serial(`nothing leaks while ${remark}, though a naive opening leaks`, async (t) => {
    const temp = tempRoot(t);
    temp.write(key, 'inside');
    const jails = [jailOf(temp), jailOf(temp, { symlinks: 'inside' })];
    const worker = startAttacker(t, script, { root: temp.root, outside: temp.outside });
    const seen = { naiveLeaks: 0, leaks: 0, served: 0 };
    for (const until = Date.now() + 2500; Date.now() < until;) {
      const contents = await Promise.all([...jails, ...jails].map((jail) => contentOf(key, jail)));
      seen.leaks += contents.filter((content) => content === SECRET).length;
      seen.served += contents.filter((content) => content === 'inside').length;
      if ((await openNaively(key, temp.root)) === SECRET) seen.naiveLeaks += 1;
    }
    await worker.terminate();
    t.is(seen.leaks, 0);
    t.true(seen.naiveLeaks > 0, 'the control must leak, or this test shows nothing');
    t.true(seen.served > 0, 'something must be served, or this test shows nothing');
    t.deepEqual(openBelow(join(temp.root, '..')), []);
  });
}

test('a root that is reached by a link is resolved when the jail is made', async (t) => {
  const temp = fixture(t);
  const alias = join(temp.outside, 'alias');
  symlinkSync(temp.root, alias);
  mkdirSync(join(temp.outside, 'next'));
  const jail = createJail({ '': alias }, RULES, hostSystem());
  t.is(jail.paths.roots[0]?.root, temp.root);
  t.is(await contentOf('file.txt', jail), 'inside');
});
