import { setImmediate as turn } from 'node:timers/promises';
import { Readable } from 'node:stream';

import test from 'ava';

import { driverFromReader, type Reader, type ReaderStat } from '../../src/drivers/index.ts';
import { isSluiceError, SluiceError } from '../../src/errors.ts';
import type { ByteSource, ObjectHandle, StorageDriver, Window } from '../../src/storage/driver.ts';
import { contractWithAva } from '../../src/testing/index.ts';
import { keyOf } from '../helpers/objects.ts';
import { createTable, readerFixture, readerOn, streamsOn, WITHOUT } from './reader-fixture.ts';

for (const hold of ['condition', 'detect'] as const) {
  await contractWithAva(test, () => readerFixture((t) => driverFromReader(readerOn(t, hold))), {
    name: `windows under ${hold}`,
    without: WITHOUT,
  });
  await contractWithAva(test, () => readerFixture((t) => driverFromReader(streamsOn(t, hold))), {
    name: `streams under ${hold}`,
    without: WITHOUT,
  });
}

const key = keyOf('a/key');
const never = new Promise<never>(() => undefined);
const fault = new Error('the table is on fire');
const fails = (): never => {
  throw fault;
};
const rejects = (): Promise<never> => Promise.reject(fault);

function statOf(size: number, hold: ReaderStat['version']['hold'] = 'condition'): ReaderStat {
  return { size, version: { token: 'v1', hold } };
}

function driverOn(reader: Partial<Reader>): StorageDriver {
  return driverFromReader({
    name: 'table',
    stat: () => statOf(10),
    read: (_key, _stat, { start, end }) => new Uint8Array(end - start),
    ...reader,
  });
}

async function opened(reader: Partial<Reader>): Promise<ObjectHandle> {
  const handle = await driverOn(reader).open(key);
  if (handle === undefined) throw new Error('there is no object');
  return handle;
}

async function bytesOf(source: ByteSource): Promise<Buffer> {
  return source instanceof Uint8Array
    ? Buffer.from(source)
    : Buffer.concat(await Readable.from(source).toArray());
}

async function readAll(reader: Partial<Reader>, window?: Window): Promise<Buffer> {
  const handle = await opened(reader);
  return bytesOf(await handle.read(window ?? { start: 0, end: handle.stat.size }));
}

async function codeOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return 'nothing';
  } catch (error) {
    return isSluiceError(error) ? error.code : error;
  }
}

async function firstOf<T>(entries: AsyncIterable<T> | undefined): Promise<T | undefined> {
  for await (const entry of entries ?? []) return entry;
  return undefined;
}

for (const [how, failing] of [
  ['throws', fails],
  ['rejects', rejects],
] as const) {
  const calls: readonly (readonly [string, () => unknown])[] = [
    ['stat', () => driverOn({ stat: failing }).stat(key)],
    ['stat, at the open', () => driverOn({ stat: failing }).open(key)],
    ['read', () => readAll({ read: failing })],
    ['list', () => firstOf(driverOn({ list: failing }).list?.(''))],
    ['put', () => driverOn({ put: failing }).put?.(key, new Uint8Array(1))],
    ['delete', () => driverOn({ delete: failing }).delete?.(key)],
    ['move', () => driverOn({ move: failing }).move?.(key, keyOf('b'))],
    ['signUrl', () => driverOn({ signUrl: failing }).signUrl?.(key, { expiresIn: 1 })],
    ['internalUrl', () => driverOn({ internalUrl: failing }).internalUrl?.(key, { expiresIn: 1 })],
    ['close', () => driverOn({ close: failing }).close?.()],
  ];
  for (const [name, call] of calls) {
    test(`a reader whose ${name} ${how} fails as SLUICE_IO, with its error as the cause`, async (t) => {
      const error = await t.throwsAsync(async () => call());
      t.true(isSluiceError(error) && error.code === 'SLUICE_IO');
      t.is(error.cause, fault);
      t.notRegex(error.message, /fire|key/);
    });
  }
}

test('a SluiceError of the reader stays what it is', async (t) => {
  const refused = new SluiceError('SLUICE_ACCESS_DENIED', 'refused', { retryAfter: 3 });
  const stat = (): never => {
    throw refused;
  };
  t.is(await t.throwsAsync(driverOn({ stat }).stat(key)), refused);
});

const malformed: readonly (readonly [string, unknown])[] = [
  ['size', { ...statOf(1), size: '10' }],
  ['size', { ...statOf(1), size: 1.5 }],
  ['size', { ...statOf(1), size: -1 }],
  ['size', { ...statOf(1), size: 2 ** 53 }],
  ['version', { ...statOf(1), version: 'v1' }],
  ['version.token', { ...statOf(1), version: { token: '', hold: 'detect' } }],
  ['version.token', { ...statOf(1), version: { token: 'a b', hold: 'detect' } }],
  ['version.token', { ...statOf(1), version: { token: 'x'.repeat(257), hold: 'detect' } }],
  ['version.token', { ...statOf(1), version: { token: 7, hold: 'detect' } }],
  ['version.hold', { ...statOf(1), version: { token: 'a', hold: 'handle' } }],
  ['version.hold', { ...statOf(1), version: { token: 'a' } }],
  ['entityTag', { ...statOf(1), entityTag: 'unquoted' }],
  ['entityTag', { ...statOf(1), entityTag: '"a\r\nset-cookie: b"' }],
  ['lastModified', { ...statOf(1), lastModified: new Date() }],
  ['lastModified', { ...statOf(1), lastModified: Number.NaN }],
  ['contentType', { ...statOf(1), contentType: 7 }],
  ['contentEncoding', { ...statOf(1), contentEncoding: ['gzip'] }],
];

for (const [index, [fact, stat]] of malformed.entries()) {
  test(`a stat with a malformed ${fact} is a fault of the reader (${index})`, async (t) => {
    const reader = driverOn({ stat: () => stat as ReaderStat });
    const error = await t.throwsAsync(reader.stat(key), { code: 'SLUICE_IO' });
    t.true(error.message.includes(`whose ${fact} is`));
    t.is(await codeOf(() => reader.open(key)), 'SLUICE_IO');
  });
}

test('an entity tag is made of the token, and one that the reader gives is kept', async (t) => {
  const tagOf = async (stat: ReaderStat) =>
    (await driverOn({ stat: () => stat }).stat(key))?.entityTag;
  const version = { token: 'a"b', hold: 'detect' } as const;
  t.is(await tagOf(statOf(1)), '"v1"');
  t.regex((await tagOf({ size: 1, version })) ?? '', /^"[\w-]{43}"$/);
  t.is(await tagOf({ ...statOf(1), entityTag: 'W/"mine"' }), 'W/"mine"');
});

const wrongBodies: readonly (readonly [string, Reader['read'], unknown])[] = [
  ['gives fewer bytes', () => new Uint8Array(9), 'SLUICE_TRUNCATED'],
  ['gives more bytes', () => new Uint8Array(11), 'SLUICE_TRUNCATED'],
  ['gives no piece at all', () => Readable.from([]), 'SLUICE_TRUNCATED'],
  [
    'gives fewer in pieces',
    () => Readable.from([Buffer.alloc(4), Buffer.alloc(5)]),
    'SLUICE_TRUNCATED',
  ],
  [
    'gives more in pieces',
    () => Readable.from([Buffer.alloc(4), Buffer.alloc(7)]),
    'SLUICE_TRUNCATED',
  ],
  ['gives text', () => Readable.from(['0123456789']), 'SLUICE_IO'],
  ['gives what is no source', () => '0123456789' as unknown as Uint8Array, 'SLUICE_IO'],
  ['has nothing', () => undefined, 'SLUICE_VERSION_CHANGED'],
];

for (const [what, read, code] of wrongBodies) {
  test(`a read that ${what} is ${String(code)}, at once and in a stream`, async (t) => {
    t.is(await codeOf(() => readAll({ read })), code);
    const large: Partial<Reader> = {
      maxRead: Infinity,
      stat: () => statOf(1_000_000),
      async read(...call) {
        const source = await read(...call);
        if (!(source instanceof Uint8Array)) return source;
        return Readable.from([Buffer.alloc(999_990), source]);
      },
    };
    t.is(await codeOf(() => readAll(large)), code);
  });
}

test('a reader that knows nothing of versions has a changed object told from a failing store', async (t) => {
  let token = 'v1';
  const stat = (): ReaderStat => ({ size: 10, version: { token, hold: 'detect' } });
  const cases: readonly (readonly [Reader['read'], string])[] = [
    [fails, 'SLUICE_IO'],
    [() => new Uint8Array(3), 'SLUICE_TRUNCATED'],
    [() => new Uint8Array(10), 'nothing'],
  ];
  for (const [read, code] of cases) {
    token = 'v1';
    t.is(await codeOf(() => readAll({ stat, read })), code);
    const changing: Reader['read'] = (...call) => {
      token = 'v2';
      return read(...call);
    };
    t.is(await codeOf(() => readAll({ stat, read: changing })), 'SLUICE_VERSION_CHANGED');
  }
});

test('a window larger than maxRead is read in parts, one after the other', async (t) => {
  const windows: Window[] = [];
  const stat = (): ReaderStat => statOf(1000);
  const read: Reader['read'] = (_key, _stat, window) => {
    windows.push(window);
    return new Uint8Array(window.end - window.start);
  };
  const handle = await opened({ maxRead: 400, stat, read });
  const body = await handle.read({ start: 50, end: 1000 });
  t.deepEqual(windows, []);
  t.is((await bytesOf(body)).byteLength, 950);
  t.deepEqual(windows, [
    { start: 50, end: 450 },
    { start: 450, end: 850 },
    { start: 850, end: 1000 },
  ]);
});

test('pieces of more than a mebibyte are cut', async (t) => {
  const stat = (): ReaderStat => statOf(3_000_000);
  const handle = await opened({ maxRead: Infinity, stat });
  const body = await handle.read({ start: 0, end: 3_000_000 });
  const sizes: number[] = [];
  for await (const piece of body as AsyncIterable<Uint8Array>) sizes.push(piece.byteLength);
  t.deepEqual(sizes, [1_048_576, 1_048_576, 902_848]);
});

test('whoever aborts is answered at once by a reader that never answers', async (t) => {
  const calls: readonly ((signal: AbortSignal) => unknown)[] = [
    (signal) => driverOn({ stat: () => never }).stat(key, { signal }),
    (signal) => driverOn({ stat: () => never }).open(key, { signal }),
    async (signal) => (await opened({ read: () => never })).read({ start: 0, end: 1 }, { signal }),
    async (signal) => {
      const handle = await opened({ read: () => never, stat: () => statOf(1e6) });
      return bytesOf(await handle.read({ start: 0, end: 1e6 }, { signal }));
    },
    (signal) => firstOf(driverOn({ list: () => never }).list?.('', { signal })),
    (signal) => driverOn({ delete: () => never }).delete?.(key, { signal }),
    (signal) => driverOn({ move: () => never }).move?.(key, keyOf('b'), { signal }),
    (signal) =>
      driverOn({ put: async (_key, pieces) => bytesOf(pieces) }).put?.(
        key,
        (async function* () {
          yield await never;
        })(),
        { signal },
      ),
  ];
  for (const [index, call] of calls.entries()) {
    const controller = new AbortController();
    const code = codeOf(() => call(controller.signal));
    await turn();
    controller.abort();
    t.is(await code, 'SLUICE_ABORTED', `call ${index}`);
  }
});

test('a stream that comes after the abort is destroyed', async (t) => {
  const controller = new AbortController();
  const late = Readable.from([Buffer.alloc(10)]);
  let answer: (source: ByteSource) => void = () => undefined;
  const read = (): Promise<ByteSource> => new Promise((resolve) => (answer = resolve));
  const handle = await opened({ read });
  const code = codeOf(() => handle.read({ start: 0, end: 10 }, controller));
  await turn();
  controller.abort();
  t.is(await code, 'SLUICE_ABORTED');
  answer(late);
  await turn();
  t.true(late.destroyed);
});

test('what comes after the abort and is no source harms nobody', async (t) => {
  const controller = new AbortController();
  let answer: (source: ByteSource) => void = () => undefined;
  const read = (): Promise<ByteSource> => new Promise((resolve) => (answer = resolve));
  const handle = await opened({ read });
  const code = codeOf(() => handle.read({ start: 0, end: 10 }, controller));
  await turn();
  controller.abort();
  t.is(await code, 'SLUICE_ABORTED');
  // Unheard, the failure of letting go of it would end the process.
  answer(null as never);
  await turn();
});

test('a body that is left while it waits lets go at once, and tells the reader', async (t) => {
  let told: AbortSignal | undefined;
  const stuck = new Readable({ read: () => undefined });
  const read: Reader['read'] = (_key, _stat, _window, { signal }) => {
    told = signal;
    return stuck;
  };
  const handle = await opened({ maxRead: Infinity, stat: () => statOf(1e6), read });
  const body = (await handle.read({ start: 0, end: 1e6 })) as AsyncIterable<Uint8Array>;
  const pieces = body[Symbol.asyncIterator]();
  const piece = pieces.next();
  await turn();
  await pieces.return?.();
  t.true((await piece).done);
  t.true(stuck.destroyed);
  t.true(told?.aborted);
  t.true((await pieces.next()).done);
});

test('a reader is closed once, when the last open object and the last body are over', async (t) => {
  let closed = 0;
  const reader = { stat: () => statOf(1e6), close: () => void (closed += 1) };
  const driver = driverOn(reader);
  const handle = await driver.open(key);
  const body = (await handle?.read({ start: 0, end: 1e6 })) as AsyncIterable<Uint8Array>;
  await driver.close?.();
  await driver.close?.();
  t.is(closed, 0);
  t.is(await codeOf(() => driver.open(key)), 'SLUICE_ABORTED');
  await handle?.close();
  t.is(closed, 0);
  t.is((await bytesOf(body)).byteLength, 1e6);
  t.is(closed, 1);
  await handle?.close();
  await driver.close?.();
  t.is(closed, 1);
});

test('an object whose stat is known is opened without a question, and a change is found by the read', async (t) => {
  const table = createTable();
  table.write(key, Buffer.from('first'));
  let asked = 0;
  const inner = readerOn(table, 'condition');
  const driver = driverFromReader({
    ...inner,
    stat(...call) {
      asked += 1;
      return inner.stat(...call);
    },
  });
  const known = await driver.stat(key);
  const handle = await driver.open(key, { known });
  t.is(asked, 1);
  t.is(
    String(await bytesOf((await handle?.read({ start: 0, end: 5 })) ?? Buffer.alloc(0))),
    'first',
  );
  table.write(key, Buffer.from('other'));
  t.is(await codeOf(() => handle?.read({ start: 0, end: 5 })), 'SLUICE_VERSION_CHANGED');
});

test('a listing leaves out what does not match and what is no key, and lets go when it is left', async (t) => {
  let isLeft = false;
  const list: Reader['list'] = function* () {
    try {
      for (const name of ['A/1', 'a/1', 'b/1', '', 'a//2', '/a', 'a/3', 'a/4']) {
        yield { key: name, size: 1 };
      }
    } finally {
      isLeft = true;
    }
  };
  const keys: string[] = [];
  for await (const entry of driverOn({ list }).list?.('a/') ?? []) {
    keys.push(entry.key);
    if (entry.key === 'a/3') break;
  }
  t.deepEqual(keys, ['a/1', 'a/3']);
  t.true(isLeft);
});

const notListings: readonly (readonly [string, unknown])[] = [
  ['is none', 7],
  ['is text of no entries', 'ab'],
  ['has an entry of nothing', [null]],
  ['has an entry without a size', [{ key: 'a/1' }]],
  ['has an entry of a negative size', [{ key: 'a/1', size: -1 }]],
  ['cannot be begun', { [Symbol.asyncIterator]: fails }],
  ['fails later', { [Symbol.iterator]: () => ({ next: fails }) }],
];

for (const [what, listing] of notListings) {
  test(`a listing that ${what} is a fault of the reader, and keeps nothing open`, async (t) => {
    let closed = 0;
    const list = (): never => listing as never;
    const driver = driverOn({ list, close: () => void (closed += 1) });
    t.is(await codeOf(() => firstOf(driver.list?.(''))), 'SLUICE_IO');
    await driver.close?.();
    t.is(closed, 1);
  });
}

test('a put that fails for its signal is aborted, whatever it throws', async (t) => {
  const controller = new AbortController();
  const put: Reader['put'] = (_key, _pieces, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('the upload was cut off')));
    });
  const code = codeOf(() => driverOn({ put }).put?.(key, new Uint8Array(1), controller));
  await turn();
  controller.abort();
  t.is(await code, 'SLUICE_ABORTED');
});

test('a put that fails lets go of its source', async (t) => {
  const source = Readable.from([Buffer.alloc(1), Buffer.alloc(1)]);
  t.is(await codeOf(() => driverOn({ put: fails }).put?.(key, source)), 'SLUICE_IO');
  await turn();
  t.true(source.destroyed);
});

test('optional methods are there where the reader has them, and only there', (t) => {
  const read: Reader['read'] = () => undefined;
  const least = driverFromReader({ name: 'least', stat: () => undefined, read });
  t.deepEqual(Object.keys(least).toSorted(), ['close', 'name', 'open', 'stat']);
  const more = driverFromReader({ name: 'more', stat: () => undefined, read, list: () => [] });
  // Typed as there: a call without a question mark compiles.
  t.truthy(more.list(''));
  const isAbsent: 'put' extends keyof typeof more ? 'there' : 'absent' = 'absent';
  t.is(isAbsent, 'absent');
});

const refused: readonly (readonly [string, unknown, RegExp])[] = [
  ['no name', { name: '' }, /name must be a text, got ""/],
  ['no stat', { stat: undefined }, /stat must be a function, got undefined/],
  ['a read that is none', { read: 'bytes' }, /read must be a function, got "bytes"/],
  ['a put that is none', { put: true }, /put must be a function, got true/],
  ['a maxRead of 0', { maxRead: 0 }, /maxRead must be an integer from 1 to 1048576, got 0/],
  ['a maxRead of 2 MiB', { maxRead: 2 ** 21 }, /got 2097152/],
  ['a misspelled method', { lsit: () => [] }, /unknown option "lsit"/],
];

for (const [what, wrong, message] of refused) {
  test(`a reader with ${what} is refused`, (t) => {
    t.throws(() => driverOn(wrong as Partial<Reader>), { instanceOf: TypeError, message });
  });
}
