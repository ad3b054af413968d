import { Readable } from 'node:stream';

import test from 'ava';

import { cacheStatBy } from '../../src/drivers/cache-stat.ts';
import {
  cacheStat,
  observe,
  type ObservedCall,
  type ObservedEnd,
} from '../../src/drivers/index.ts';
import type { ListEntry, ObjectStat, OpenCall, StorageDriver } from '../../src/storage/driver.ts';
import { keyOf } from '../helpers/objects.ts';
import {
  bytesOf,
  codeOf,
  collect,
  failure,
  key,
  open,
  piecesOf,
  settled,
  statOf,
  stub,
  type StubParts,
} from './stub.ts';

// cacheStat

/** A store whose one object has a version that the test sets, and that counts the questions. */
function versioned(parts: StubParts = {}) {
  const state = { token: 'v1', stats: 0, known: [] as (string | undefined)[], now: 0 };
  const inner = stub({
    async stat() {
      state.stats += 1;
      return state.token === '' ? undefined : statOf(100, state.token);
    },
    async put() {
      return statOf(1);
    },
    async delete() {
      return undefined;
    },
    async move() {
      return true;
    },
    async close() {
      return undefined;
    },
    ...parts,
  });
  const opening: StorageDriver = {
    ...inner,
    async open(name, call?: OpenCall) {
      state.known.push(call?.known?.version.token);
      const handle = await inner.open(name, call);
      const stat = call?.known ?? statOf(100, state.token);
      return handle && { ...handle, stat };
    },
  };
  const driver = cacheStatBy(() => state.now, opening, { ttl: 1000, max: 3 });
  const tokenOf = async (name = key): Promise<string | undefined> =>
    (await driver.stat(name))?.version.token;
  return { state, driver, inner, tokenOf };
}

test('a stat is believed for as long as it may be, and no longer', async (t) => {
  const { state, tokenOf } = versioned();
  t.is(await tokenOf(), 'v1');
  state.token = 'v2';
  state.now = 999;
  t.is(await tokenOf(), 'v1');
  state.now = 1000;
  t.is(await tokenOf(), 'v2');
  t.is(state.stats, 2);
});

test('what is missing is asked for every time', async (t) => {
  const { state, tokenOf } = versioned();
  state.token = '';
  t.is(await tokenOf(), undefined);
  t.is(await tokenOf(), undefined);
  t.is(state.stats, 2);
  state.token = 'v1';
  t.is(await tokenOf(), 'v1');
});

test('open is told what is known, and what it finds is known from then on', async (t) => {
  const { state, driver, tokenOf } = versioned();
  await open(driver);
  t.is(await tokenOf(), 'v1');
  state.now = 500;
  await open(driver);
  t.deepEqual(state.known, [undefined, 'v1']);
  t.is(state.stats, 0);
  // A handle that was made of the hint proves nothing, and makes it no younger.
  state.now = 1000;
  await open(driver);
  t.deepEqual(state.known, [undefined, 'v1', undefined]);
});

test('what the caller knows goes before what is kept', async (t) => {
  const { state, driver } = versioned();
  await driver.stat(key);
  await driver.open(key, { known: statOf(100, 'mine') });
  t.deepEqual(state.known, ['mine']);
});

const changes: readonly (readonly [string, StubParts])[] = [
  ['a read', { read: () => Promise.reject(failure('SLUICE_VERSION_CHANGED')) }],
  ['a read that ends short', { read: () => Promise.reject(failure('SLUICE_TRUNCATED')) }],
  [
    'a piece of a body',
    {
      async *read() {
        yield bytesOf({ start: 0, end: 5 });
        throw failure('SLUICE_VERSION_CHANGED');
      },
    },
  ],
  [
    'a read at once',
    {
      handle: {
        readNow() {
          throw failure('SLUICE_VERSION_CHANGED');
        },
      },
    },
  ],
  ['a fill', { handle: { fill: () => Promise.reject(failure('SLUICE_VERSION_CHANGED')) } }],
  [
    'a fill at once',
    {
      handle: {
        fillNow() {
          throw failure('SLUICE_VERSION_CHANGED');
        },
      },
    },
  ],
];

for (const [what, parts] of changes) {
  test(`${what} that finds another version makes the stat forgotten`, async (t) => {
    const { state, driver, tokenOf } = versioned(parts);
    await tokenOf();
    const handle = await open(driver);
    state.token = 'v2';
    t.is(await tokenOf(), 'v1');
    const window = { start: 0, end: 100 };
    const target = new Uint8Array(1);
    const code = await codeOf(async () => {
      if (handle.readNow) return handle.readNow(window);
      if (handle.fillNow) return handle.fillNow(target, 0);
      if (handle.fill) return handle.fill?.(target, 0);
      return collect(await handle.read(window));
    });
    t.regex(String(code), /VERSION_CHANGED|TRUNCATED/);
    t.is(await tokenOf(), 'v2');
  });
}

test('a read that finds an old version gone leaves a newer stat known', async (t) => {
  const read = (): Promise<never> => Promise.reject(failure('SLUICE_VERSION_CHANGED'));
  const { state, driver, tokenOf } = versioned({ read });
  const handle = await open(driver);
  state.token = 'v2';
  state.now = 1000;
  t.is(await tokenOf(), 'v2');
  await codeOf(() => handle.read({ start: 0, end: 1 }));
  state.token = 'v3';
  t.is(await tokenOf(), 'v2');
});

const writes: readonly (readonly [string, (driver: StorageDriver) => unknown])[] = [
  ['put', (driver) => driver.put?.(key, new Uint8Array(1))],
  ['delete', (driver) => driver.delete?.(key)],
  ['move from it', (driver) => driver.move?.(key, keyOf('other'))],
  ['move to it', (driver) => driver.move?.(keyOf('other'), key)],
];

for (const [what, write] of writes) {
  test(`a ${what} makes a stat forgotten, and what was seen while it went on`, async (t) => {
    let during: () => Promise<unknown> = async () => undefined;
    const wait = async () => during();
    const { state, driver, tokenOf } = versioned({
      put: async () => {
        await wait();
        return statOf(1);
      },
      delete: async () => void (await wait()),
      move: async () => {
        await wait();
        return true;
      },
    });
    t.is(await tokenOf(), 'v1');
    during = async () => {
      t.is(await tokenOf(), 'v1');
      await open(driver);
      state.token = 'v2';
    };
    await write(driver);
    t.is(await tokenOf(), 'v2');
  });
}

test('a stat that was asked for before a write is not kept after it, nor shared', async (t) => {
  const answers: ((stat: ObjectStat) => void)[] = [];
  const { driver } = versioned({ stat: () => new Promise((resolve) => answers.push(resolve)) });
  const before = driver.stat(key);
  await driver.put?.(key, new Uint8Array(1));
  const after = driver.stat(key);
  t.is(answers.length, 2);
  answers[1]?.(statOf(1, 'new'));
  answers[0]?.(statOf(1, 'old'));
  t.is((await before)?.version.token, 'old');
  t.is((await after)?.version.token, 'new');
  t.is((await driver.stat(key))?.version.token, 'new');
});

test('several who ask at once share a question, and one who leaves does not end it', async (t) => {
  const signals: (AbortSignal | undefined)[] = [];
  let answer: (stat: ObjectStat) => void = () => undefined;
  const { driver } = versioned({
    stat(_key, call) {
      signals.push(call?.signal);
      return new Promise((resolve) => (answer = resolve));
    },
  });
  const controller = new AbortController();
  const leaving = codeOf(() => driver.stat(key, controller));
  const staying = [driver.stat(key), driver.stat(key, new AbortController())];
  await settled();
  t.is(signals.length, 1);
  controller.abort();
  t.is(await leaving, 'SLUICE_ABORTED');
  t.false(signals[0]?.aborted);
  answer(statOf(100));
  for (const stat of await Promise.all(staying)) t.is(stat?.size, 100);
});

test('the last one who leaves ends the question, and the next one asks anew', async (t) => {
  const signals: (AbortSignal | undefined)[] = [];
  const { driver } = versioned({
    stat(_key, call) {
      signals.push(call?.signal);
      return signals.length === 1 ? new Promise(() => undefined) : Promise.resolve(statOf(7));
    },
  });
  const controllers = [new AbortController(), new AbortController()];
  const leaving = controllers.map(({ signal }) => codeOf(() => driver.stat(key, { signal })));
  await settled();
  for (const controller of controllers) controller.abort();
  t.deepEqual(await Promise.all(leaving), ['SLUICE_ABORTED', 'SLUICE_ABORTED']);
  t.true(signals[0]?.aborted);
  t.is((await driver.stat(key))?.size, 7);
});

test('a question that fails, fails for all who share it, and is not kept', async (t) => {
  let asked = 0;
  const { driver } = versioned({
    stat() {
      asked += 1;
      if (asked === 1) throw failure('SLUICE_UNAVAILABLE');
      return Promise.resolve(statOf(1));
    },
  });
  const codes = [codeOf(() => driver.stat(key)), codeOf(() => driver.stat(key))];
  t.deepEqual(await Promise.all(codes), ['SLUICE_UNAVAILABLE', 'SLUICE_UNAVAILABLE']);
  t.is((await driver.stat(key))?.size, 1);
});

test('the stats that were not asked for longest make way', async (t) => {
  const { state, tokenOf } = versioned();
  const names = ['a', 'b', 'c'].map(keyOf);
  for (const name of names) await tokenOf(name);
  await tokenOf(keyOf('a'));
  await tokenOf(keyOf('d'));
  t.is(state.stats, 4);
  for (const name of ['a', 'c', 'd']) await tokenOf(keyOf(name));
  t.is(state.stats, 4);
  await tokenOf(keyOf('b'));
  t.is(state.stats, 5);
});

test('a cache answers nobody after the close', async (t) => {
  const { state, driver } = versioned({
    async stat() {
      state.stats += 1;
      return statOf(1);
    },
  });
  await driver.stat(key);
  await driver.close?.();
  await driver.stat(key);
  t.is(state.stats, 2);
});

test('a stat that comes after the close is not kept', async (t) => {
  const answers: ((stat: ObjectStat) => void)[] = [];
  const { driver } = versioned({ stat: () => new Promise((resolve) => answers.push(resolve)) });
  const asked = driver.stat(key);
  await driver.close?.();
  answers[0]?.(statOf(1));
  t.is((await asked)?.size, 1);
  const again = driver.stat(key);
  await settled();
  answers[1]?.(statOf(2));
  t.is((await again)?.size, 2);
});

// observe

function watched(parts: StubParts, keys?: boolean) {
  const starts: ObservedCall[] = [];
  const ends: ObservedEnd[] = [];
  const driver = observe(stub(parts), {
    onStart: (call) => starts.push(call),
    onEnd: (end) => ends.push(end),
    ...(keys === undefined ? {} : { keys }),
  });
  const told = (): readonly Partial<ObservedEnd>[] =>
    ends.splice(0).map(({ ms, ...rest }) => {
      if (!(ms >= 0)) throw new Error(`${ms} is no time`);
      return rest;
    });
  return { driver, starts, told };
}

async function* entries(): AsyncGenerator<ListEntry, void> {
  for (const name of ['a', 'b']) yield { key: keyOf(name), size: 1 };
}

const ok = { driver: 'stub' } as const;

const observed: readonly (readonly [
  string,
  StubParts,
  (driver: StorageDriver) => unknown,
  Partial<ObservedEnd>,
])[] = [
  ['a stat', {}, (driver) => driver.stat(key), { op: 'stat' }],
  ['an open', {}, (driver) => driver.open(key), { op: 'open' }],
  [
    'a stat that fails',
    { stat: () => Promise.reject(failure('SLUICE_TIMEOUT')) },
    (driver) => driver.stat(key),
    { op: 'stat', code: 'SLUICE_TIMEOUT' },
  ],
  [
    'a stat that fails with what is no SluiceError',
    { stat: () => Promise.reject(new Error('a mistake')) },
    (driver) => driver.stat(key),
    { op: 'stat', code: 'SLUICE_IO' },
  ],
  [
    'a put',
    { put: async () => statOf(42) },
    (driver) => driver.put?.(key, new Uint8Array(42)),
    { op: 'put', bytes: 42 },
  ],
  [
    'a delete',
    { delete: async () => undefined },
    (driver) => driver.delete?.(key),
    { op: 'delete' },
  ],
  ['a move', { move: async () => true }, (driver) => driver.move?.(key, key), { op: 'move' }],
  [
    'a signed URL',
    { signUrl: async () => undefined },
    (driver) => driver.signUrl?.(key, { expiresIn: 1 }),
    { op: 'signUrl' },
  ],
  [
    'an internal URL',
    { internalUrl: async () => undefined },
    (driver) => driver.internalUrl?.(key, { expiresIn: 1 }),
    { op: 'internalUrl' },
  ],
  ['a close', { close: async () => undefined }, (driver) => driver.close?.(), { op: 'close' }],
  [
    'a listing',
    { list: entries },
    async (driver) => {
      for await (const entry of driver.list?.('') ?? []) entry.size.toFixed();
    },
    { op: 'list' },
  ],
  [
    'a listing that is left',
    { list: entries },
    async (driver) => {
      for await (const entry of driver.list?.('') ?? []) if (entry.size === 1) break;
    },
    { op: 'list', left: true },
  ],
];

for (const [what, parts, call, end] of observed) {
  test(`${what} is told of once, when it is over, without its key`, async (t) => {
    const { driver, starts, told } = watched(parts);
    await codeOf(() => call(driver));
    t.deepEqual(told(), [{ ...ok, ...end }]);
    t.deepEqual(starts, [{ ...ok, op: end.op ?? 'stat' }]);
  });
}

const pieces = () =>
  Readable.from([bytesOf({ start: 0, end: 60 }), bytesOf({ start: 60, end: 100 })]);

const bodies: readonly (readonly [
  string,
  StubParts,
  (body: AsyncIterator<Uint8Array>, controller: AbortController) => unknown,
  Partial<ObservedEnd>,
])[] = [
  [
    'is read to its end',
    { read: pieces },
    async (body) => {
      while ((await body.next()).done !== true);
    },
    { bytes: 100 },
  ],
  [
    'is left',
    { read: pieces },
    async (body) => {
      await body.next();
      await body.return?.();
    },
    { bytes: 60, left: true },
  ],
  [
    'is aborted',
    { read: pieces },
    async (body, controller) => {
      await body.next();
      controller.abort();
    },
    { bytes: 60, code: 'SLUICE_ABORTED' },
  ],
  [
    'fails',
    {
      async *read() {
        yield bytesOf({ start: 0, end: 7 });
        throw failure('SLUICE_UNAVAILABLE');
      },
    },
    async (body) => {
      while ((await body.next()).done !== true);
    },
    { bytes: 7, code: 'SLUICE_UNAVAILABLE' },
  ],
];

for (const [what, parts, act, end] of bodies) {
  test(`a body that ${what} is told of when it is over, with its bytes`, async (t) => {
    const { driver, told } = watched(parts);
    const handle = await open(driver);
    const controller = new AbortController();
    const body = piecesOf(await handle.read({ start: 0, end: 100 }, controller));
    t.deepEqual(told(), [{ ...ok, op: 'open' }]);
    await codeOf(() => act(body, controller));
    t.deepEqual(told(), [{ ...ok, op: 'read', ...end }]);
  });
}

test('what comes at once is told of with its bytes, and what does not is no call', async (t) => {
  let has = true;
  const { driver, told } = watched({
    handle: {
      readNow: (window) => (has ? bytesOf(window) : undefined),
      fill: async () => undefined,
      fillNow: () => has,
    },
  });
  const handle = await open(driver);
  told();
  handle.readNow?.({ start: 0, end: 9 });
  handle.fillNow?.(new Uint8Array(5), 0);
  await handle.fill?.(new Uint8Array(6), 0);
  await handle.read({ start: 0, end: 8 });
  has = false;
  handle.readNow?.({ start: 0, end: 9 });
  handle.fillNow?.(new Uint8Array(5), 0);
  t.deepEqual(told(), [
    { ...ok, op: 'read', bytes: 9 },
    { ...ok, op: 'fill', bytes: 5 },
    { ...ok, op: 'fill', bytes: 6 },
    { ...ok, op: 'read', bytes: 8 },
  ]);
});

test('keys are told to those who ask for them', async (t) => {
  const { driver, starts, told } = watched({}, true);
  await (await open(driver)).read({ start: 0, end: 1 });
  t.deepEqual(starts, [
    { ...ok, op: 'open', key },
    { ...ok, op: 'read', key },
  ]);
  t.deepEqual(told(), [
    { ...ok, op: 'open', key },
    { ...ok, op: 'read', key, bytes: 1 },
  ]);
});

test('a hook that throws, or is rejected, disturbs nothing', async (t) => {
  const hooks = [
    (): never => {
      throw new Error('the metrics are down');
    },
    (): Promise<never> => Promise.reject(new Error('the metrics are down')),
  ];
  for (const hook of hooks) {
    const driver = observe(stub({ read: pieces }), { onStart: hook, onEnd: hook });
    t.is((await driver.stat(key))?.size, 100);
    const handle = await open(driver);
    t.is((await collect(await handle.read({ start: 0, end: 100 }))).byteLength, 100);
    // A rejection that nobody waits for would come up here, as an unhandled one.
    await settled();
  }
});

const refused: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['a ttl of 0', () => cacheStat(stub(), { ttl: 0 }), /ttl must be an integer from 1 .*got 0/],
  ['a ttl of a month', () => cacheStat(stub(), { ttl: 2 ** 31 }), /got 2147483648/],
  ['a max of 0', () => cacheStat(stub(), { max: 0 }), /max must be .*got 0/],
  ['a misspelled cache', () => cacheStat(stub(), { TTL: 1 } as never), /unknown option "TTL"/],
  ['no driver to cache', () => cacheStat({} as never), /cacheStat: must be given a driver/],
  ['no hooks', () => observe(stub(), undefined as never), /options must be an object/],
  [
    'a hook that is none',
    () => observe(stub(), { onEnd: 'log' as never }),
    /onEnd must be a function, got "log"/,
  ],
  [
    'keys that are no choice',
    () => observe(stub(), { keys: 1 as never }),
    /keys must be true or false, got 1/,
  ],
  [
    'a misspelled hook',
    () => observe(stub(), { onend: () => 0 } as never),
    /unknown option "onend"/,
  ],
];

for (const [what, call, message] of refused) {
  test(`${what} is refused`, (t) => {
    t.throws(call, { instanceOf: TypeError, message });
  });
}
