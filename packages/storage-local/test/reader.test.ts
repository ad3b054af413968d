import {
  appendFileSync,
  chmodSync,
  closeSync,
  openSync,
  renameSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ByteSource, ObjectHandle, Window } from '@sluice/core';
import { isSluiceError } from '@sluice/core';
import ava, { type ExecutionContext, type TestFn } from 'ava';

import { createDriverOn } from '../src/local-driver.ts';
import { hostSystem, type FileIo, type System } from '../src/system.ts';
import {
  ageFile,
  asKey,
  collect,
  faultySystem,
  openBelow,
  patternBytes,
  stillOpenBelow,
  systemError,
  tempRoot,
  type TempRoot,
} from './helpers/temp-root.ts';

const KIB = 1024;

interface Opening {
  /** Whether the object was open before, for somebody else. */
  readonly isCached: boolean;
}

type Run = (t: ExecutionContext<Opening>) => Promise<void> | void;

/** All tests are made twice: whatever an open object promises, it promises from the cache as well. */
const twice =
  (register: (title: string, run: Run) => void) =>
  (title: string, run: Run): void => {
    for (const isCached of [false, true]) {
      register(isCached ? `from the cache: ${title}` : title, (t) => {
        t.context = { isCached };
        return run(t);
      });
    }
  };

const plain = ava as TestFn<Opening>;

const test = Object.assign(twice(plain), { serial: twice(plain.serial) });

/** The driver is closed at once, so that a handle is the last who has the object. */
async function openAt(
  t: ExecutionContext<Opening>,
  temp: TempRoot,
  key: string,
  system: System = hostSystem(),
): Promise<ObjectHandle> {
  const { isCached } = t.context;
  const driver = createDriverOn(system, { root: temp.root, ...(isCached && { openCache: {} }) });
  try {
    if (isCached) await (await driver.open(asKey(key)))?.close();
    const handle = await driver.open(asKey(key));
    if (handle === undefined) throw new Error('the fixture is missing');
    if (isCached) t.is(driver.cacheStats?.().hits, 1);
    return handle;
  } finally {
    await driver.close();
  }
}

function iterate(source: ByteSource): AsyncIterator<Uint8Array> {
  if (source instanceof Uint8Array || !(Symbol.asyncIterator in source)) {
    throw new Error('expected pieces');
  }
  return source[Symbol.asyncIterator]();
}

const edges = [
  0,
  1,
  64 * KIB - 1,
  64 * KIB,
  64 * KIB + 1,
  128 * KIB,
  128 * KIB + 1,
  256 * KIB - 1,
  256 * KIB,
  256 * KIB + 1,
  1000 * KIB,
];

test.serial('every window between the edges of pieces has exactly its bytes', async (t) => {
  const temp = tempRoot(t);
  const bytes = patternBytes(1000 * KIB);
  temp.writeAtRest('o', bytes);
  const handle = await openAt(t, temp, 'o');
  for (const start of edges) {
    for (const end of edges.filter((edge) => edge >= start)) {
      const source = await handle.read({ start, end });
      t.is(source instanceof Uint8Array, end - start <= 128 * KIB, `${start}-${end}`);
      t.true((await collect(source)).equals(bytes.subarray(start, end)), `${start}-${end}`);
    }
  }
  await handle.close();
  t.deepEqual(openBelow(temp.root), []);
});

test.serial(
  'every window of up to 128 KiB that is read at once has exactly its bytes',
  async (t) => {
    const temp = tempRoot(t);
    const bytes = patternBytes(1000 * KIB);
    temp.writeAtRest('o', bytes);
    const handle = await openAt(t, temp, 'o', faultySystem({}, { ticks: () => 0 }));
    for (const start of edges) {
      for (const end of edges.filter((edge) => edge >= start)) {
        const now = handle.readNow?.({ start, end });
        t.is(now !== undefined, end - start <= 128 * KIB, `${start}-${end}`);
        t.true(now === undefined || bytes.subarray(start, end).equals(now), `${start}-${end}`);
      }
    }
    await handle.close();
    t.throws(() => handle.readNow?.({ start: 0, end: 1 }), { code: 'SLUICE_ABORTED' });
    t.deepEqual(openBelow(temp.root), []);
  },
);

const badWindows: readonly Window[] = [
  { start: 0, end: 11 },
  { start: 5, end: 4 },
  { start: -1, end: 4 },
  { start: 0, end: 1.5 },
  { start: 0.5, end: 1 },
  { start: Number.NaN, end: 4 },
  { start: 0, end: Number.NaN },
  { start: 11, end: 11 },
  { start: 0, end: Number.POSITIVE_INFINITY },
  { start: 0, end: 2 ** 53 },
];

for (const window of badWindows) {
  test(`a window ${window.start}–${window.end} of ten bytes is refused before any read`, async (t) => {
    const temp = tempRoot(t);
    temp.writeAtRest('o', '0123456789');
    const read: FileIo['read'] = () => Promise.reject(systemError('EIO'));
    const readNow: FileIo['readNow'] = () => {
      throw systemError('EIO');
    };
    const handle = await openAt(t, temp, 'o', faultySystem({ read, readNow }));
    await t.throwsAsync(async () => handle.read(window), { code: 'SLUICE_RANGE' });
    t.throws(() => handle.readNow?.(window), { code: 'SLUICE_RANGE' });
    await handle.close();
  });
}

test('overlapping reads of one handle do not disturb each other', async (t) => {
  const temp = tempRoot(t);
  const bytes = patternBytes(700 * KIB);
  temp.write('o', bytes);
  const handle = await openAt(t, temp, 'o');
  const windows = Array.from({ length: 12 }, (_, index) => ({
    start: index * 1000,
    end: bytes.length - index * 777,
  }));
  const bodies = await Promise.all(
    windows.map(async (window) => collect(await handle.read(window))),
  );
  for (const [index, { start, end }] of windows.entries()) {
    t.true(bodies[index]?.equals(bytes.subarray(start, end)));
  }
  await handle.close();
});

test('pieces grow for a quick reader, shrink for a slow one, and each is memory of its own', async (t) => {
  const temp = tempRoot(t);
  const bytes = patternBytes(2000 * KIB);
  temp.writeAtRest('o', bytes);
  const handle = await openAt(t, temp, 'o');
  const pieces = iterate(await handle.read({ start: 0, end: bytes.length }));
  const seen: Uint8Array[] = [];
  const take = async (): Promise<number> => {
    const { value } = await pieces.next();
    seen.push(value);
    return value.byteLength / KIB;
  };
  const quick = [await take(), await take(), await take(), await take()];
  t.is(quick[0], 64);
  t.true(quick.every((size) => size <= 256));
  await sleep(40);
  t.is(await take(), 64);
  t.true(Buffer.concat(seen).equals(bytes.subarray(0, Buffer.concat(seen).length)));
  t.is(new Set(seen.map(({ buffer }) => buffer)).size, seen.length);
  t.true(seen.every(({ buffer, byteLength }) => buffer.byteLength === byteLength));
  await pieces.return?.();
  await handle.close();
});

test('a quick reader gets pieces of 256 KiB', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('o', patternBytes(3000 * KIB));
  const handle = await openAt(t, temp, 'o');
  const sizes = new Set<number>();
  for await (const piece of (await handle.read({
    start: 0,
    end: 3000 * KIB,
  })) as AsyncIterable<Uint8Array>) {
    sizes.add(piece.byteLength / KIB);
  }
  t.true(sizes.has(256));
  await handle.close();
});

interface ChangeRow {
  readonly remark: string;
  /** `old` bytes, or the codes that the failure may have: a cut is seen by a read or by a look. */
  readonly expected: readonly string[];
  readonly change: (path: string, old: Buffer) => void;
}

const other = (old: Buffer, extra = 0): Buffer => patternBytes(old.length + extra, 99);

const changes: readonly ChangeRow[] = [
  { remark: 'nothing happens', expected: ['old'], change: () => undefined },
  { remark: 'it is unlinked', expected: ['old'], change: (path) => unlinkSync(path) },
  { remark: 'its mode changes', expected: ['old'], change: (path) => chmodSync(path, 0o600) },
  {
    remark: 'it is replaced by renaming',
    expected: ['old'],
    change(path, old) {
      writeFileSync(`${path}.new`, other(old, 100));
      renameSync(`${path}.new`, path);
    },
  },
  {
    remark: 'it is rewritten in place at the same size',
    expected: ['SLUICE_VERSION_CHANGED'],
    change: (path, old) => writeFileSync(path, other(old), { flag: 'r+' }),
  },
  {
    remark: 'it is rewritten in place and longer',
    expected: ['SLUICE_VERSION_CHANGED'],
    change: (path, old) => writeFileSync(path, other(old, 5000)),
  },
  {
    remark: 'it is rewritten in place and shorter',
    expected: ['SLUICE_TRUNCATED', 'SLUICE_VERSION_CHANGED'],
    change: (path, old) => writeFileSync(path, other(old).subarray(0, old.length / 2)),
  },
  {
    remark: 'it is emptied',
    expected: ['SLUICE_TRUNCATED', 'SLUICE_VERSION_CHANGED'],
    change: (path) => truncateSync(path, 0),
  },
  {
    remark: 'its last byte is cut off',
    expected: ['SLUICE_TRUNCATED', 'SLUICE_VERSION_CHANGED'],
    change: (path, old) => truncateSync(path, old.length - 1),
  },
  {
    remark: 'it grows',
    expected: ['old'],
    change: (path) => appendFileSync(path, 'one line more\n'),
  },
];

async function outcomeOf(body: Promise<Buffer>, old: Buffer): Promise<string> {
  try {
    return (await body).equals(old) ? 'old' : 'other bytes';
  } catch (error) {
    return isSluiceError(error) ? error.code : String(error);
  }
}

for (const { remark, expected, change } of changes) {
  for (const size of [10 * KIB, 600 * KIB]) {
    test(`an active object of ${size / KIB} KiB gives ${expected.join(' or ')} when ${remark} before it is read`, async (t) => {
      const temp = tempRoot(t);
      const old = patternBytes(size);
      const path = temp.write('o', old);
      const handle = await openAt(t, temp, 'o');
      await sleep(20); // The clock of a file system has ticks.
      change(path, old);
      const read = async (): Promise<Buffer> => collect(await handle.read({ start: 0, end: size }));
      t.true(expected.includes(await outcomeOf(read(), old)));
      await handle.close();
    });
  }

  test(`an object gives ${expected.join(' or ')} at once, or nothing, when ${remark} before it is read`, async (t) => {
    const temp = tempRoot(t);
    const old = patternBytes(10 * KIB);
    const path = temp.writeAtRest('o', old);
    const handle = await openAt(t, temp, 'o');
    change(path, old);
    const hasGrown = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    const read = async (): Promise<Buffer> => {
      const now = handle.readNow?.({ start: 0, end: old.length });
      return now === undefined
        ? collect(await handle.read({ start: 0, end: old.length }))
        : Buffer.from(now);
    };
    const outcome = await outcomeOf(read(), old);
    // Of a file at rest no evidence is taken beforehand: what has grown is not known to be a log.
    t.true(
      [...expected, ...(hasGrown > old.length ? ['SLUICE_VERSION_CHANGED'] : [])].includes(outcome),
      outcome,
    );
    await handle.close();
  });

  test(`an object at rest gives ${expected.join(' or ')} when ${remark} while it is read`, async (t) => {
    const temp = tempRoot(t);
    const old = patternBytes(600 * KIB);
    const path = temp.writeAtRest('o', old);
    const handle = await openAt(t, temp, 'o');
    const pieces = iterate(await handle.read({ start: 0, end: old.length }));
    const { value: first } = await pieces.next();
    change(path, old);
    const rest = (async () => {
      const taken: Uint8Array[] = [first];
      for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
        taken.push(next.value);
      }
      return Buffer.concat(taken);
    })();
    const outcome = await outcomeOf(rest, old);
    t.true(expected.includes(outcome), outcome);
    const again = outcomeOf(
      pieces.next().then(() => Buffer.alloc(0)),
      Buffer.alloc(0),
    );
    t.is(await again, outcome, 'what failed never seems to have ended well');
    await handle.close();
  });
}

test('bytes of a rewritten object are not taken for the old ones because it also grew', async (t) => {
  const temp = tempRoot(t);
  const old = patternBytes(10 * KIB);
  const path = temp.writeAtRest('o', old);
  const handle = await openAt(t, temp, 'o');
  writeFileSync(path, other(old, 5000));
  await t.throwsAsync(async () => handle.read({ start: 0, end: old.length }), {
    code: 'SLUICE_VERSION_CHANGED',
  });
  await handle.close();
});

test('a rewrite is found at the next piece, and an unproven growth at the first', async (t) => {
  const temp = tempRoot(t);
  const old = patternBytes(900 * KIB);
  const code = 'SLUICE_VERSION_CHANGED';
  for (const extra of [0, 5000]) {
    const path = temp.writeAtRest('o', old);
    const handle = await openAt(t, temp, 'o');
    const window = { start: 0, end: old.length };
    const running = iterate(await handle.read(window));
    await running.next();
    writeFileSync(path, other(old, extra), { flag: 'r+' });
    if (extra === 0) await t.throwsAsync(running.next(), { code });
    await t.throwsAsync(iterate(await handle.read(window)).next(), { code });
    await running.return?.();
    await handle.close();
  }
});

test('a log stays downloadable while a line is added after every piece', async (t) => {
  const temp = tempRoot(t);
  const old = patternBytes(900 * KIB);
  const path = temp.write('log', old);
  const handle = await openAt(t, temp, 'log');
  appendFileSync(path, 'line\n');
  for (let round = 0; round < 2; round += 1) {
    const taken: Uint8Array[] = [];
    for await (const piece of (await handle.read({
      start: 0,
      end: old.length,
    })) as AsyncIterable<Uint8Array>) {
      taken.push(piece);
      appendFileSync(path, 'line\n');
    }
    t.true(Buffer.concat(taken).equals(old));
  }
  await handle.close();
});

test('a page in the middle that is rewritten while the file grows is caught by the first piece of its window', async (t) => {
  const temp = tempRoot(t);
  const old = patternBytes(900 * KIB);
  const path = temp.writeAtRest('o', old);
  const handle = await openAt(t, temp, 'o');
  const pieces = iterate(await handle.read({ start: 300 * KIB, end: old.length }));
  await pieces.next();
  const fd = openSync(path, 'r+');
  writeSync(fd, 'other', 300 * KIB);
  closeSync(fd);
  appendFileSync(path, 'more');
  const rest = (async () => {
    while ((await pieces.next()).done !== true);
  })();
  await t.throwsAsync(rest, { code: 'SLUICE_VERSION_CHANGED' });
  await handle.close();
});

const behindFirstPiece = (path: string, old: Buffer): void => {
  const fd = openSync(path, 'r+');
  writeSync(fd, other(old, 1), 64 * KIB, undefined, 64 * KIB);
  closeSync(fd);
};

test('an object at rest that is rewritten behind its first piece, and is longer, is not taken for a log', async (t) => {
  const temp = tempRoot(t);
  const old = patternBytes(8000 * KIB);
  const path = temp.writeAtRest('o', old);
  const handle = await openAt(t, temp, 'o');
  const pieces = iterate(await handle.read({ start: 0, end: old.length }));
  await pieces.next();
  behindFirstPiece(path, old);
  await t.throwsAsync(pieces.next(), { code: 'SLUICE_VERSION_CHANGED' });
  await handle.close();
});

for (const { remark, expected, change } of [
  ...changes,
  {
    remark: 'it is rewritten behind its first piece, and longer',
    expected: ['SLUICE_VERSION_CHANGED'],
    change: behindFirstPiece,
  },
]) {
  for (const [atRest, atOnce] of [
    [true, false],
    [false, false],
    [true, true],
    [false, true],
  ] as const) {
    const title = `memory is filled ${atOnce ? 'at once ' : ''}with ${expected.join(' or ')} when ${remark} between two fills of an ${atRest ? 'object at rest' : 'active object'}`;
    test(title, async (t) => {
      const temp = tempRoot(t);
      const old = patternBytes(600 * KIB);
      const path = atRest ? temp.writeAtRest('o', old) : temp.write('o', old);
      const handle = await openAt(t, temp, 'o', faultySystem({}, { ticks: () => 0 }));
      const target = Buffer.alloc(old.length);
      const fill = async (start: number, end: number): Promise<void> => {
        const memory = target.subarray(start, end);
        if (!atOnce || handle.fillNow?.(memory, start) !== true) await handle.fill?.(memory, start);
      };
      await fill(0, 64 * KIB);
      await sleep(20); // The clock of a file system has ticks.
      change(path, old);
      const filled = (async () => {
        await fill(64 * KIB, 320 * KIB);
        await fill(320 * KIB, old.length);
        return target;
      })();
      t.true(expected.includes(await outcomeOf(filled, old)));
      await handle.close();
    });
  }
}

test.serial(
  'every window of up to 256 KiB that is filled at once has exactly its bytes',
  async (t) => {
    const temp = tempRoot(t);
    const bytes = patternBytes(1000 * KIB);
    temp.writeAtRest('o', bytes);
    const handle = await openAt(t, temp, 'o', faultySystem({}, { ticks: () => 0 }));
    for (const start of edges) {
      for (const end of edges.filter((edge) => edge >= start)) {
        const target = Buffer.alloc(end - start);
        const isFilled = handle.fillNow?.(target, start) === true;
        t.is(isFilled, end - start <= 256 * KIB, `${start}-${end}`);
        t.true(!isFilled || target.equals(bytes.subarray(start, end)), `${start}-${end}`);
      }
    }
    await handle.close();
    t.throws(() => handle.fillNow?.(Buffer.alloc(1), 0), { code: 'SLUICE_ABORTED' });
    t.deepEqual(openBelow(temp.root), []);
  },
);

for (const [place, atOnce] of [
  [0, true],
  [0, false],
  [255 * KIB, true],
  [255 * KIB, false],
] as const) {
  test(`bytes at ${place} of a first piece of 256 KiB, filled ${atOnce ? 'at once' : 'later'}, tell a rewrite from an append`, async (t) => {
    const temp = tempRoot(t);
    const path = temp.writeAtRest('o', patternBytes(900 * KIB));
    const handle = await openAt(t, temp, 'o', faultySystem({}, { ticks: () => 0 }));
    const target = Buffer.alloc(256 * KIB);
    if (atOnce) t.true(handle.fillNow?.(target, 0));
    else await handle.fill?.(target, 0);
    const fd = openSync(path, 'r+');
    writeSync(fd, 'other', place);
    closeSync(fd);
    appendFileSync(path, 'more');
    t.is(handle.fillNow?.(target, 256 * KIB), false, 'it takes a closer look, which may wait');
    await t.throwsAsync(async () => handle.fill?.(target, 256 * KIB), {
      code: 'SLUICE_VERSION_CHANGED',
    });
    await handle.close();
  });
}

test('a read through the pool that no disk was asked for lets a large object be read at once, for a while', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('o', patternBytes(1100 * KIB));
  let clock = 0;
  let blocks = 0;
  let costs = (): void => undefined;
  const { io } = hostSystem();
  const readNow: FileIo['readNow'] = (...given) => {
    costs();
    return io.readNow(...given);
  };
  const read: FileIo['read'] = (...given) => {
    costs();
    return io.read(...given);
  };
  const system = faultySystem({ read, readNow }, { ticks: () => clock, blocksRead: () => blocks });
  // From the cache an object that is asked for again counts as one that lies in memory.
  const driver = createDriverOn(system, { root: temp.root });
  const handle = await driver.open(asKey('o'));
  const target = Buffer.alloc(KIB);
  const fillsAtOnce = (): boolean => handle?.fillNow?.(target, 0) === true;
  const allowed = (): number => {
    let count = 0;
    while (count < 200 && fillsAtOnce()) count += 1;
    return count;
  };
  t.is(allowed(), 0, 'of a large object nothing is known at first');
  await handle?.fill?.(target, 0);
  t.is(allowed(), 16);
  await handle?.read({ start: 0, end: 10 });
  t.not(handle?.readNow?.({ start: 0, end: 10 }), undefined);
  costs = () => void (clock += 6);
  t.true(fillsAtOnce());
  costs = () => undefined;
  t.is(allowed(), 0, 'one took its time');
  clock += 119;
  t.is(allowed(), 0);
  clock += 2;
  t.is(allowed(), 14);
  for (let count = 0; count < 20; count += 1) await handle?.fill?.(target, 0);
  for (let row = 0; row < 8; row += 1) {
    t.is(allowed(), 16, 'then one goes through the pool, whatever is left');
    // The next ones do not wait for it.
    void handle?.fill?.(target, 0);
  }
  t.is(allowed(), 0, 'no more than 128 are kept');
  await handle?.fill?.(target, 0);
  costs = () => void (blocks += 8);
  await handle?.fill?.(target, 0);
  t.is(allowed(), 0, 'the disk was asked');
  await handle?.close();
  await driver.close();
});

test.serial(
  'the process does not wait for the blocks of a large object that was removed to be freed',
  async (t) => {
    const temp = tempRoot(t);
    const path = temp.writeAtRest('o', patternBytes(1100 * KIB));
    const { io } = hostSystem();
    let late = 0;
    const closeLater: FileIo['closeLater'] = (fd) => {
      late += 1;
      return io.closeLater(fd);
    };
    const system = faultySystem({ closeLater });
    await (await openAt(t, temp, 'o', system)).close();
    t.is(late, 0);
    const handle = await openAt(t, temp, 'o', system);
    unlinkSync(path);
    await handle.close();
    t.is(late, 1);
    t.deepEqual(await stillOpenBelow(temp.root), []);
  },
);

test('a fill takes the window of another place into its evidence', async (t) => {
  const temp = tempRoot(t);
  const old = patternBytes(900 * KIB);
  const path = temp.writeAtRest('o', old);
  const handle = await openAt(t, temp, 'o');
  const target = Buffer.alloc(64 * KIB);
  for (const start of [0, 300 * KIB]) await handle.fill?.(target, start);
  const fd = openSync(path, 'r+');
  writeSync(fd, 'other', 300 * KIB);
  closeSync(fd);
  appendFileSync(path, 'more');
  await t.throwsAsync(async () => handle.fill?.(target, 364 * KIB), {
    code: 'SLUICE_VERSION_CHANGED',
  });
  await handle.close();
});

test('a fill that fails or is aborted is over when it says so, and the descriptor is closed', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('o', patternBytes(200 * KIB));
  const { io } = hostSystem();
  let underWay = 0;
  const read: FileIo['read'] = async (...given) => {
    underWay += 1;
    await sleep(10);
    try {
      return await io.read(...given);
    } finally {
      underWay -= 1;
    }
  };
  const handle = await openAt(t, temp, 'o', faultySystem({ read }));
  const controller = new AbortController();
  const filling = handle.fill?.(Buffer.alloc(100 * KIB), 0, { signal: controller.signal });
  controller.abort();
  await handle.close();
  await t.throwsAsync(async () => filling, { code: 'SLUICE_ABORTED' });
  t.is(underWay, 0);
  t.deepEqual(await stillOpenBelow(temp.root), []);
});

test('an object that has only the time of its change set anew is another version', async (t) => {
  const temp = tempRoot(t);
  const path = temp.writeAtRest('o', 'bytes');
  const handle = await openAt(t, temp, 'o');
  utimesSync(path, 1_000_000_000, 1_000_000_000);
  await t.throwsAsync(async () => handle.read({ start: 0, end: 5 }), {
    code: 'SLUICE_VERSION_CHANGED',
  });
  await handle.close();
});

test('reads at once that come up short are read on, and one that fails fails', async (t) => {
  const temp = tempRoot(t);
  const bytes = patternBytes(100 * KIB);
  temp.writeAtRest('o', bytes);
  const { io } = hostSystem();
  let isBroken = false;
  const readNow: FileIo['readNow'] = (fd, buffer, filled, position) => {
    if (isBroken) throw systemError('EIO');
    return io.readNow(
      fd,
      buffer.subarray(0, Math.min(buffer.length, filled + 1000)),
      filled,
      position,
    );
  };
  const handle = await openAt(t, temp, 'o', faultySystem({ readNow }, { ticks: () => 0 }));
  const window = { start: 1, end: 9999 };
  t.deepEqual(handle.readNow?.(window), bytes.subarray(1, 9999));
  isBroken = true;
  const error = t.throws(() => handle.readNow?.(window), { code: 'SLUICE_IO' });
  t.notRegex(error?.message ?? '', /secret/);
  await handle.close();
});

test('a read that had to wait for a disk forbids others to keep the process waiting, for a time', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('o', patternBytes(10 * KIB));
  let clock = 0;
  let blocks = 0;
  let costs = (): void => undefined;
  const { io } = hostSystem();
  const system = faultySystem(
    {
      readNow(...given) {
        costs();
        return io.readNow(...given);
      },
    },
    { ticks: () => clock, blocksRead: () => blocks },
  );
  const handle = await openAt(t, temp, 'o', system);
  const isRead = (): boolean => handle.readNow?.({ start: 0, end: 10 }) !== undefined;
  const rows: readonly (readonly [milliseconds: number, blocksRead: number, rest: number])[] = [
    [0.5, 8, 0],
    [1.5, 0, 0],
    [1.5, 8, 30],
    [10, 8, 200],
    [19, 0, 0],
    [21, 0, 420],
  ];
  for (const [milliseconds, blocksRead, rest] of rows) {
    costs = () => {
      clock += milliseconds;
      blocks += blocksRead;
    };
    t.true(isRead(), 'the bytes are there, and are given');
    costs = () => undefined;
    clock += rest - 0.001;
    t.is(isRead(), rest === 0, `${milliseconds} ms`);
    clock += 0.002;
    t.true(isRead());
    blocks += 1;
    costs = () => void (clock += 1.5);
    isRead();
    clock += 1000;
  }
  await handle.close();
});

test('reads that come up short are read on', async (t) => {
  const temp = tempRoot(t);
  const bytes = patternBytes(200 * KIB);
  temp.writeAtRest('o', bytes);
  const { io } = hostSystem();
  const read: FileIo['read'] = (fd, buffer, filled, position) =>
    io.read(fd, buffer.subarray(0, Math.min(buffer.length, filled + 1000)), filled, position);
  const handle = await openAt(t, temp, 'o', faultySystem({ read }));
  t.true((await collect(await handle.read({ start: 0, end: bytes.length }))).equals(bytes));
  t.true(
    (await collect(await handle.read({ start: 1, end: 9999 }))).equals(bytes.subarray(1, 9999)),
  );
  await handle.close();
});

test.serial('a failing medium fails the read, and everything is closed', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('o', patternBytes(200 * KIB));
  for (const [code, expected] of [
    ['EIO', 'SLUICE_IO'],
    ['ESTALE', 'SLUICE_IO'],
    ['ENOMEM', 'SLUICE_UNAVAILABLE'],
  ] as const) {
    const handle = await openAt(
      t,
      temp,
      'o',
      faultySystem({ read: () => Promise.reject(systemError(code)) }),
    );
    for (const end of [100, 200 * KIB]) {
      const error = await t.throwsAsync(async () => collect(await handle.read({ start: 0, end })), {
        code: expected,
      });
      t.notRegex(error?.message ?? '', /secret/);
    }
    await handle.close();
  }
  t.deepEqual(openBelow(temp.root), []);
});

test.serial('a fault at the last look at an active object closes it', async (t) => {
  const temp = tempRoot(t);
  temp.write('o', 'bytes');
  const readNow: FileIo['readNow'] = () => {
    throw systemError('EIO');
  };
  await t.throwsAsync(openAt(t, temp, 'o', faultySystem({ readNow })), { code: 'SLUICE_IO' });
  t.deepEqual(openBelow(temp.root), []);
});

test('an aborted signal ends a read before any I/O and between pieces, with its reason', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('o', patternBytes(400 * KIB));
  const handle = await openAt(t, temp, 'o');
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  for (const end of [10, 400 * KIB]) {
    const error = await t.throwsAsync(async () => handle.read({ start: 0, end }, { signal }), {
      code: 'SLUICE_ABORTED',
    });
    t.is(error?.cause, reason);
  }
  const controller = new AbortController();
  const pieces = iterate(
    await handle.read({ start: 0, end: 400 * KIB }, { signal: controller.signal }),
  );
  await pieces.next();
  const pending = pieces.next();
  controller.abort(reason);
  const error = await t.throwsAsync(pending, { code: 'SLUICE_ABORTED' });
  t.is(error?.cause, reason);
  await t.throwsAsync(pieces.next(), { code: 'SLUICE_ABORTED' });
  await handle.close();
});

test('a body that is aborted at its last piece never seems to have ended well', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('o', patternBytes(150 * KIB));
  const handle = await openAt(t, temp, 'o');
  const controller = new AbortController();
  const { signal } = controller;
  const pieces = iterate(await handle.read({ start: 0, end: 150 * KIB }, { signal }));
  await pieces.next();
  const last = pieces.next();
  controller.abort();
  await t.throwsAsync(last, { code: 'SLUICE_ABORTED' });
  await t.throwsAsync(pieces.next(), { code: 'SLUICE_ABORTED' });
  await handle.close();
});

test('a small read that is aborted on the way fails with the reason', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('o', 'bytes');
  const handle = await openAt(t, temp, 'o');
  const controller = new AbortController();
  const reading = Promise.resolve(handle.read({ start: 0, end: 5 }, { signal: controller.signal }));
  controller.abort('enough');
  const error = await t.throwsAsync(reading, { code: 'SLUICE_ABORTED' });
  t.is(error?.cause, 'enough');
  await handle.close();
});

test.serial('the signal alone frees a body that nobody reads on', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('o', patternBytes(400 * KIB));
  const handle = await openAt(t, temp, 'o');
  const controller = new AbortController();
  const pieces = iterate(
    await handle.read({ start: 0, end: 400 * KIB }, { signal: controller.signal }),
  );
  await pieces.next();
  await handle.close();
  t.is(openBelow(temp.root).length, 1);
  controller.abort();
  t.deepEqual(await stillOpenBelow(temp.root), []);
  await t.throwsAsync(pieces.next(), { code: 'SLUICE_ABORTED' });
});

test.serial(
  'a closed handle ends what runs in its own time, refuses what is new, and closes once',
  async (t) => {
    const temp = tempRoot(t);
    const bytes = patternBytes(3000 * KIB);
    temp.writeAtRest('o', bytes);
    const closed: number[] = [];
    const { io } = hostSystem();
    const close: FileIo['close'] = (fd) => {
      closed.push(fd);
      io.close(fd);
    };
    const handle = await openAt(t, temp, 'o', faultySystem({ close }));
    closed.length = 0;
    const whole = Promise.resolve(handle.read({ start: 0, end: bytes.length })).then(collect);
    const small = Promise.resolve(handle.read({ start: 0, end: 10 })).then(collect);
    const abandoned = iterate(await handle.read({ start: 5, end: bytes.length }));
    await Promise.all([handle.close(), handle.close()]);
    await handle.close();
    for (const end of [0, 10, bytes.length]) {
      await t.throwsAsync(async () => handle.read({ start: 0, end }), { code: 'SLUICE_ABORTED' });
    }
    t.true((await whole).equals(bytes));
    t.is((await small).length, 10);
    t.is(closed.length, 0);
    await abandoned.return?.();
    await abandoned.return?.();
    t.deepEqual(await abandoned.next(), { done: true, value: undefined });
    t.deepEqual(await stillOpenBelow(temp.root), []);
    t.is(closed.length, 1);
  },
);

test('closing that fails is nobody’s business', async (t) => {
  const temp = tempRoot(t);
  temp.writeAtRest('o', 'bytes');
  const { io } = hostSystem();
  const close: FileIo['close'] = (fd) => {
    io.close(fd);
    throw systemError('EIO');
  };
  let isArmed = false;
  const handle = await openAt(
    t,
    temp,
    'o',
    faultySystem({ close: (fd) => (isArmed ? close(fd) : io.close(fd)) }),
  );
  isArmed = true;
  await t.notThrowsAsync(handle.close());
});

test('calls of one body are answered in their order', async (t) => {
  const temp = tempRoot(t);
  const bytes = patternBytes(300 * KIB);
  temp.writeAtRest('o', bytes);
  const handle = await openAt(t, temp, 'o');
  const pieces = iterate(await handle.read({ start: 0, end: bytes.length }));
  const results = await Promise.all([
    pieces.next(),
    pieces.next(),
    pieces.next(),
    pieces.next(),
    pieces.next(),
  ]);
  t.true(
    Buffer.concat(results.flatMap(({ done, value }) => (done === true ? [] : [value]))).equals(
      bytes,
    ),
  );
  await handle.close();
});

test.serial(
  'two hundred bodies that are left half-way, unread or aborted leave nothing open',
  async (t) => {
    const temp = tempRoot(t);
    const path = temp.write('o', patternBytes(1500 * KIB));
    ageFile(path);
    for (let round = 0; round < 200; round += 1) {
      const controller = new AbortController();
      const handle = await openAt(t, temp, 'o');
      const pieces = iterate(
        await handle.read({ start: 0, end: 1500 * KIB }, { signal: controller.signal }),
      );
      if (round % 4 > 0) await pieces.next();
      if (round % 2 === 0) {
        await pieces.return?.();
      } else {
        const pending = pieces.next();
        controller.abort();
        await t.throwsAsync(pending);
      }
      await handle.close();
    }
    t.deepEqual(await stillOpenBelow(temp.root), []);
  },
);
