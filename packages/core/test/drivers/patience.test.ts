import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import test from 'ava';

import {
  cacheStat,
  limit,
  mount,
  observe,
  prefix,
  readonly,
  retry,
  timeout,
} from '../../src/drivers/index.ts';
import { retryBy } from '../../src/drivers/retry.ts';
import type { RetryWorld } from '../../src/drivers/retry-call.ts';
import { OPTIONAL_METHODS } from '../../src/drivers/wrapped.ts';
import { SluiceError, type SluiceErrorCode } from '../../src/errors.ts';
import { MAX_MILLISECONDS } from '../../src/options.ts';
import type { ByteSource, ListEntry, StorageDriver, Window } from '../../src/storage/driver.ts';
import { keyOf } from '../helpers/objects.ts';
import {
  bytesOf,
  codeOf,
  collect,
  failure,
  key,
  never,
  open,
  piecesOf,
  settled,
  statOf,
  stub,
} from './stub.ts';

// retry

/** A world in which nobody sleeps, and chance always says the same. */
function swift(random = 0): RetryWorld & { readonly slept: number[] } {
  const slept: number[] = [];
  return { slept, random: () => random, sleep: async (duration) => void slept.push(duration) };
}

/** Fails as it is told, one call after the other, and then works. */
function failing<T>(codes: readonly (SluiceErrorCode | SluiceError)[], result: () => T): () => T {
  const left = [...codes];
  return () => {
    const next = left.shift();
    if (next === undefined) return result();
    throw next instanceof SluiceError ? next : failure(next);
  };
}

const codes: readonly (readonly [SluiceErrorCode, number])[] = [
  ['SLUICE_UNAVAILABLE', 3],
  ['SLUICE_TIMEOUT', 3],
  ['SLUICE_VERSION_CHANGED', 1],
  ['SLUICE_TRUNCATED', 1],
  ['SLUICE_ACCESS_DENIED', 1],
  ['SLUICE_IO', 1],
  ['SLUICE_ABORTED', 1],
  ['SLUICE_EXISTS', 1],
  ['SLUICE_INVALID_KEY', 1],
  ['SLUICE_UNSUPPORTED', 1],
  ['SLUICE_RANGE', 1],
  ['SLUICE_CONFIG', 1],
];

for (const [code, attempts] of codes) {
  test(`after ${code} a call is made ${attempts} times in all`, async (t) => {
    let made = 0;
    const fail = async (): Promise<never> => {
      made += 1;
      throw failure(code);
    };
    const methods = { stat: fail, open: fail, delete: fail, signUrl: fail, internalUrl: fail };
    const driver = retryBy(swift(), stub(methods), {});
    for (const call of [
      () => driver.stat(key),
      () => driver.open(key),
      () => driver.delete?.(key),
      () => driver.signUrl?.(key, { expiresIn: 1 }),
      () => driver.internalUrl?.(key, { expiresIn: 1 }),
    ]) {
      made = 0;
      t.is(await codeOf(call), code);
      t.is(made, attempts);
    }
  });
}

test('a fault that is no SluiceError is not tried again', async (t) => {
  const world = swift();
  const fault = new Error('a mistake of the driver');
  const driver = retryBy(world, stub({ stat: () => Promise.reject(fault) }), {});
  t.is(await codeOf(() => driver.stat(key)), fault);
  t.deepEqual(world.slept, []);
});

const pauses: readonly (readonly [
  what: string,
  options: Parameters<typeof retry>[1],
  random: number,
  retryAfter: number | undefined,
  slept: readonly number[],
])[] = [
  ['doubled', { delay: 100, attempts: 5 }, 0, undefined, [100, 200, 400, 800]],
  ['bounded', { delay: 100, attempts: 5, maxDelay: 250 }, 0, undefined, [100, 200, 250, 250]],
  ['left to chance by half', { delay: 100 }, 1, undefined, [50, 100]],
  ['left to chance whole', { delay: 100, jitter: 1 }, 0.75, undefined, [25, 50]],
  ['not left to chance', { delay: 100, jitter: 0 }, 1, undefined, [100, 200]],
  ['as long as the store wants', { delay: 100 }, 0, 2, [2000, 2000]],
  ['longer than the store wants', { delay: 4000 }, 0, 2, [4000, 5000]],
  ['none where the store wants too long', { delay: 100 }, 0, 6, []],
  ['as if it wanted nothing where that is no number', { delay: 100 }, 0, Number.NaN, [100, 200]],
  ['as if it wanted nothing where that is no time', { delay: 100 }, 0, -1, [100, 200]],
  ['as long as it wants, in whole seconds', { delay: 100 }, 0, 1.2, [2000, 2000]],
  ['none for one attempt', { attempts: 1 }, 0, undefined, []],
];

for (const [what, options, random, retryAfter, slept] of pauses) {
  test(`pauses are ${what}`, async (t) => {
    const world = swift(random);
    const error = failure('SLUICE_UNAVAILABLE', retryAfter);
    const driver = retryBy(world, stub({ stat: () => Promise.reject(error) }), options ?? {});
    t.is(await t.throwsAsync(driver.stat(key)), error);
    t.deepEqual(world.slept, [...slept]);
  });
}

/** Gives a window in pieces, and fails where it is told, once for each place. */
function breaksAt(places: number[], code: SluiceErrorCode = 'SLUICE_UNAVAILABLE') {
  return async function* ({ start, end }: Window): AsyncGenerator<Uint8Array, void> {
    for (let at = start; at < end; at += 10) {
      if (places[0] === at) {
        places.shift();
        throw failure(code);
      }
      yield bytesOf({ start: at, end: Math.min(at + 10, end) });
    }
  };
}

test('a body that breaks goes on where it was broken off, by the same handle', async (t) => {
  const inner = stub({ read: breaksAt([5, 25, 25, 65]) });
  const handle = await open(retryBy(swift(), inner, {}));
  const body = await handle.read({ start: 5, end: 95 });
  t.deepEqual(await collect(body), Buffer.from(bytesOf({ start: 5, end: 95 })));
  t.deepEqual(inner.calls, [
    'open',
    'read 5–95',
    'read 5–95',
    'read 25–95',
    'read 25–95',
    'read 65–95',
  ]);
});

test('a body that gets no further is given up, after what it has given', async (t) => {
  const world = swift();
  const handle = await open(retryBy(world, stub({ read: breaksAt([20, 20, 20, 20]) }), {}));
  const pieces = piecesOf(await handle.read({ start: 0, end: 100 }));
  t.is((await pieces.next()).value?.byteLength, 10);
  t.is((await pieces.next()).value?.byteLength, 10);
  t.is(await codeOf(() => pieces.next()), 'SLUICE_UNAVAILABLE');
  t.is(world.slept.length, 2);
});

const lost: readonly (readonly [string, (window: Window) => ByteSource])[] = [
  ['breaks for good', breaksAt([20], 'SLUICE_VERSION_CHANGED')],
  ['ends short', ({ start, end }) => Readable.from([bytesOf({ start, end: end - 1 })])],
  ['has too much', ({ start, end }) => Readable.from([bytesOf({ start, end: end + 1 })])],
];

for (const [what, read] of lost) {
  test(`a body that ${what} is not gone on with`, async (t) => {
    const inner = stub({ read });
    const handle = await open(retryBy(swift(), inner, {}));
    const body = await handle.read({ start: 0, end: 100 });
    t.regex(String(await codeOf(() => collect(body))), /VERSION_CHANGED|TRUNCATED/);
    t.deepEqual(inner.calls, ['open', 'read 0–100']);
  });
}

test('a handle that is closed under a body still lets it go on', async (t) => {
  const inner = stub({ read: breaksAt([50]) });
  const handle = await open(retryBy(swift(), inner, {}));
  const body = await handle.read({ start: 0, end: 100 });
  await handle.close();
  t.is(await codeOf(() => handle.read({ start: 0, end: 1 })), 'SLUICE_ABORTED');
  t.is(inner.opened, 1);
  t.deepEqual(await collect(body), Buffer.from(bytesOf({ start: 0, end: 100 })));
  await settled();
  t.is(inner.opened, 0);
});

test('an abort ends the wait for the next attempt, of a call and of a body', async (t) => {
  const inner = stub({
    stat: () => Promise.reject(failure('SLUICE_UNAVAILABLE')),
    read: breaksAt([50]),
  });
  const driver = retry(inner, { delay: MAX_MILLISECONDS, maxDelay: MAX_MILLISECONDS });
  const handle = await open(driver);
  for (const call of [
    (signal: AbortSignal) => driver.stat(key, { signal }),
    async (signal: AbortSignal) => collect(await handle.read({ start: 0, end: 100 }, { signal })),
  ]) {
    const controller = new AbortController();
    const code = codeOf(() => call(controller.signal));
    await settled();
    controller.abort();
    t.is(await code, 'SLUICE_ABORTED');
  }
});

test('a body that is left while it waits for the next attempt is asked for no more', async (t) => {
  let wake: () => void = () => undefined;
  const sleep = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  const inner = stub({ read: breaksAt([50]) });
  const handle = await open(retryBy({ sleep, random: () => 0 }, inner, {}));
  const pieces = piecesOf(await handle.read({ start: 50, end: 100 }));
  const piece = pieces.next();
  await settled();
  await pieces.return?.();
  t.true((await piece).done);
  wake();
  await settled();
  t.deepEqual(inner.calls, ['open', 'read 50–100']);
});

test('what fails at once for now is left to those who can wait', async (t) => {
  const fails = failing(['SLUICE_UNAVAILABLE', 'SLUICE_UNAVAILABLE'], () => undefined);
  const inner = stub({
    handle: {
      readNow: () => fails(),
      fill: async (target, start) => {
        fails();
        target.set(bytesOf({ start, end: start + target.byteLength }));
      },
      fillNow: () => {
        throw failure('SLUICE_TIMEOUT');
      },
    },
  });
  const handle = await open(retryBy(swift(), inner, {}));
  t.is(handle.readNow?.({ start: 0, end: 10 }), undefined);
  const target = new Uint8Array(10);
  t.is(handle.fillNow?.(target, 20), false);
  await handle.fill?.(target, 20);
  t.deepEqual(target, bytesOf({ start: 20, end: 30 }));
  await handle.close();
  t.is(await codeOf(() => handle.readNow?.({ start: 0, end: 1 })), 'SLUICE_ABORTED');
  t.is(await codeOf(() => handle.fillNow?.(target, 0)), 'SLUICE_ABORTED');
  t.is(await codeOf(() => handle.fillNow?.(target, 95)), 'SLUICE_RANGE');
});

async function* entries(...names: readonly string[]): AsyncGenerator<ListEntry, void> {
  for (const name of names) yield { key: keyOf(name), size: 1 };
}

test('a listing is begun anew until its first entry, and never after', async (t) => {
  const begin = failing(['SLUICE_UNAVAILABLE', 'SLUICE_TIMEOUT'], () => undefined);
  const list = async function* (): AsyncGenerator<ListEntry, void> {
    begin();
    yield* entries('a', 'b');
    throw failure('SLUICE_UNAVAILABLE');
  };
  const world = swift();
  const listed: string[] = [];
  const code = await codeOf(async () => {
    for await (const entry of retryBy(world, stub({ list }), {}).list?.('') ?? []) {
      listed.push(entry.key);
    }
  });
  t.is(code, 'SLUICE_UNAVAILABLE');
  t.deepEqual(listed, ['a', 'b']);
  t.is(world.slept.length, 2);
});

const puts: readonly (readonly [
  what: string,
  put: (source: ByteSource) => Promise<unknown>,
  source: () => ByteSource,
  ifAbsent: boolean,
  attempts: number,
])[] = [
  ['bytes', async () => undefined, () => bytesOf({ start: 0, end: 9 }), false, 3],
  ['bytes that must be new', async () => undefined, () => new Uint8Array(9), true, 1],
  [
    'a stream that nobody took from',
    async () => undefined,
    () => Readable.from([Buffer.alloc(1)]),
    false,
    3,
  ],
  ['a stream that was taken', collect, () => Readable.from([Buffer.alloc(1)]), false, 1],
  [
    'a stream that was begun',
    (source) => piecesOf(source).next(),
    () => Readable.from([Buffer.alloc(1)]),
    false,
    1,
  ],
];

for (const [what, take, source, ifAbsent, attempts] of puts) {
  test(`a put of ${what} is tried ${attempts} times`, async (t) => {
    let made = 0;
    const put = async (_key: unknown, bytes: ByteSource): Promise<never> => {
      made += 1;
      await take(bytes as Exclude<ByteSource, Uint8Array>);
      throw failure('SLUICE_UNAVAILABLE');
    };
    const given = source();
    const driver = retryBy(swift(), stub({ put }), {});
    t.is(await codeOf(() => driver.put?.(key, given, { ifAbsent })), 'SLUICE_UNAVAILABLE');
    t.is(made, attempts);
    await settled();
    if (given instanceof Readable) t.true(given.destroyed);
  });
}

test('a put that succeeds at the second attempt stores the whole stream', async (t) => {
  const begin = failing(['SLUICE_UNAVAILABLE'], () => undefined);
  let stored: Uint8Array = new Uint8Array(0);
  const put: StorageDriver['put'] = async (_key, source) => {
    begin();
    stored = await collect(source);
    return statOf(stored.byteLength);
  };
  const driver = retryBy(swift(), stub({ put }), {});
  await driver.put?.(key, Readable.from([Buffer.from('one'), Buffer.from('two')]));
  t.is(Buffer.from(stored).toString(), 'onetwo');
});

test('a move is made once', async (t) => {
  const move = (): Promise<never> => Promise.reject(failure('SLUICE_TIMEOUT'));
  const world = swift();
  t.is(await codeOf(() => retryBy(world, stub({ move }), {}).move?.(key, key)), 'SLUICE_TIMEOUT');
  t.deepEqual(world.slept, []);
});

// timeout

const SHORT = { stat: 2, firstByte: 2, idle: 2 };
const LONG = { stat: 60_000, firstByte: 60_000, idle: 60_000 };

/** Never answers, and keeps the signal that it was given. */
function stuck() {
  const signals: (AbortSignal | undefined)[] = [];
  const wait = (signal: AbortSignal | undefined): Promise<never> => {
    signals.push(signal);
    return never;
  };
  return { signals, wait };
}

async function* stall(): AsyncGenerator<never, void> {
  yield await never;
}

test('a store that does not answer is timed out, and what was asked of it is aborted', async (t) => {
  const { signals, wait } = stuck();
  const inner = stub({
    stat: (_key, call) => wait(call?.signal),
    open: (_key, call) => wait(call?.signal),
    delete: (_key, call) => wait(call?.signal),
    signUrl: (_key, { signal }) => wait(signal),
    internalUrl: (_key, { signal }) => wait(signal),
    async *list(_prefix, call) {
      yield await wait(call?.signal);
    },
  });
  const driver = timeout(inner, SHORT);
  const calls: readonly (() => unknown)[] = [
    () => driver.stat(key),
    () => driver.open(key),
    () => driver.delete?.(key),
    () => driver.signUrl?.(key, { expiresIn: 1 }),
    () => driver.internalUrl?.(key, { expiresIn: 1 }),
    () => driver.list?.('')[Symbol.asyncIterator]().next(),
  ];
  for (const call of calls) t.is(await codeOf(call), 'SLUICE_TIMEOUT');
  t.is(signals.length, calls.length);
  t.true(signals.every((signal) => signal?.aborted));
});

test('a store is asked for nothing under a signal that is aborted already', async (t) => {
  const { signals, wait } = stuck();
  const ask = (_key: unknown, call?: { readonly signal?: AbortSignal | undefined }) =>
    wait(call?.signal);
  const inner = stub({ stat: ask, open: ask, delete: ask, signUrl: ask, internalUrl: ask });
  const driver = timeout(inner, LONG);
  const signal = AbortSignal.abort();
  for (const call of [
    () => driver.stat(key, { signal }),
    () => driver.open(key, { signal }),
    () => driver.delete?.(key, { signal }),
    () => driver.signUrl?.(key, { expiresIn: 1, signal }),
    () => driver.internalUrl?.(key, { expiresIn: 1, signal }),
  ]) {
    t.is(await codeOf(call), 'SLUICE_ABORTED');
  }
  t.deepEqual(signals, []);
});

test('an abort ends the wait for a store that does not answer, before its time', async (t) => {
  const { wait } = stuck();
  const inner = stub({ stat: () => wait(undefined), open: () => wait(undefined), list: stall });
  const driver = timeout(inner, LONG);
  const reading = await open(timeout(stub({ size: 1e6, read: () => never }), LONG));
  const stalling = await open(timeout(stub({ size: 1e6, read: stall }), LONG));
  for (const call of [
    (signal: AbortSignal) => driver.stat(key, { signal }),
    (signal: AbortSignal) => driver.open(key, { signal }),
    (signal: AbortSignal) => driver.list?.('', { signal })[Symbol.asyncIterator]().next(),
    (signal: AbortSignal) => reading.read({ start: 0, end: 9 }, { signal }),
    async (signal: AbortSignal) => collect(await stalling.read({ start: 0, end: 9 }, { signal })),
  ]) {
    const controller = new AbortController();
    const reason = new Error('the client has left');
    const failed = t.throwsAsync(async () => call(controller.signal), { code: 'SLUICE_ABORTED' });
    await settled();
    controller.abort(reason);
    t.is((await failed)?.cause, reason);
  }
});

test('a handle that comes too late is closed, whoever has left meanwhile', async (t) => {
  for (const limits of [SHORT, LONG]) {
    const inner = stub();
    let answer: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (answer = resolve));
    const slow = {
      ...inner,
      open: async (...call: Parameters<StorageDriver['open']>) => {
        await late;
        return inner.open(...call);
      },
    };
    const controller = new AbortController();
    const code = codeOf(() => timeout(slow, limits).open(key, controller));
    if (limits === LONG) controller.abort();
    t.is(await code, limits === LONG ? 'SLUICE_ABORTED' : 'SLUICE_TIMEOUT');
    answer();
    await settled();
    t.deepEqual(inner.calls, ['open']);
    t.is(inner.opened, 0);
  }
});

test('an abort in the very moment of the answer gives the handle to one, and closes it for the other', async (t) => {
  const inner = stub();
  const controller = new AbortController();
  const open = async (...call: Parameters<StorageDriver['open']>) => {
    const handle = await inner.open(...call);
    queueMicrotask(() => controller.abort());
    return handle;
  };
  for (const driver of [timeout({ ...inner, open }), limit({ ...inner, open })]) {
    const handle = await driver.open(key, { signal: controller.signal }).catch(() => undefined);
    const bytes = await handle?.read({ start: 0, end: 5 });
    if (bytes !== undefined) t.is((await collect(bytes)).byteLength, 5);
    await handle?.close();
    await settled();
    t.is(inner.opened, 0);
  }
});

test('bytes that come too late are let go of', async (t) => {
  const source = Readable.from([Buffer.alloc(10)]);
  let answer: (bytes: ByteSource) => void = () => undefined;
  const read = (): Promise<ByteSource> => new Promise((resolve) => (answer = resolve));
  const handle = await open(timeout(stub({ read }), SHORT));
  t.is(await codeOf(() => handle.read({ start: 0, end: 10 })), 'SLUICE_TIMEOUT');
  answer(source);
  await settled();
  t.true(source.destroyed);
});

test('a body that stalls is timed out, at its first piece and at a later one, and is let go of', async (t) => {
  for (const given of [0, 1, 2]) {
    let told: AbortSignal | undefined;
    const source = new Readable({ read: () => undefined });
    const handle = await open(
      timeout(
        stub({
          read(_window, call) {
            told = call?.signal;
            return source;
          },
        }),
        SHORT,
      ),
    );
    const pieces = piecesOf(await handle.read({ start: 0, end: 100 }));
    for (let count = 0; count < given; count++) {
      source.push(Buffer.alloc(10));
      t.is((await pieces.next()).value?.byteLength, 10);
    }
    t.is(await codeOf(() => pieces.next()), 'SLUICE_TIMEOUT');
    t.true(source.destroyed);
    t.true(told?.aborted);
    t.true((await pieces.next()).done);
  }
});

test('the first byte and those after it have times of their own', async (t) => {
  const begins = async function* (): AsyncGenerator<Uint8Array, void> {
    yield bytesOf({ start: 0, end: 10 });
    yield await never;
  };
  const later = await open(timeout(stub({ read: begins }), { ...LONG, idle: 2 }));
  t.is(
    await codeOf(async () => collect(await later.read({ start: 0, end: 20 }))),
    'SLUICE_TIMEOUT',
  );
  const first = await open(timeout(stub({ read: stall }), { ...LONG, firstByte: 2 }));
  t.is(
    await codeOf(async () => collect(await first.read({ start: 0, end: 20 }))),
    'SLUICE_TIMEOUT',
  );
});

test('a body that is left while the store stalls is over at once, and the store is told', async (t) => {
  let told: AbortSignal | undefined;
  const inner = stub({
    read(_window, call) {
      told = call?.signal;
      return stall();
    },
  });
  const handle = await open(timeout(inner, LONG));
  const pieces = piecesOf(await handle.read({ start: 0, end: 20 }));
  const piece = pieces.next();
  await settled();
  await pieces.return?.();
  t.true((await piece).done);
  t.true(told?.aborted);
});

test('a reader who takes his time is no store that stalls', async (t) => {
  const handle = await open(timeout(stub({ read: breaksAt([]) }), SHORT));
  const pieces = piecesOf(await handle.read({ start: 0, end: 30 }));
  for (let count = 0; count < 3; count++) {
    await delay(10);
    t.is((await pieces.next()).value?.byteLength, 10);
  }
  await delay(10);
  t.true((await pieces.next()).done);
});

test('a handle with a limit has what comes at once, and no memory of its caller', async (t) => {
  const fill = async (): Promise<void> => undefined;
  const inner = stub({ handle: { readNow: bytesOf, fill, fillNow: () => true } });
  const handle = await open(timeout(inner));
  t.deepEqual(handle.readNow?.({ start: 1, end: 3 }), bytesOf({ start: 1, end: 3 }));
  t.false('fill' in handle || 'fillNow' in handle);
});

// limit

test('what comes beyond the places waits its turn, and beyond the queue is told to come back', async (t) => {
  const answers: (() => void)[] = [];
  const inner = stub({
    stat: () => new Promise((resolve) => answers.push(() => resolve(undefined))),
  });
  const driver = limit(inner, { concurrent: 2, queue: 2 });
  const ended: number[] = [];
  const calls = [0, 1, 2, 3].map(async (index) => {
    await driver.stat(key);
    ended.push(index);
  });
  await settled();
  t.is(answers.length, 2);
  const error = await t.throwsAsync(driver.stat(key), { code: 'SLUICE_UNAVAILABLE' });
  t.is(error instanceof SluiceError && error.retryAfter, 1);
  for (let count = 1; count <= 4; count++) {
    answers.shift()?.();
    await settled();
    t.is(ended.length, count);
    t.is(answers.length, Math.min(2, 4 - count));
  }
  await Promise.all(calls);
  t.deepEqual(ended, [0, 1, 2, 3]);
});

test('whoever is aborted leaves the queue, and those behind move up', async (t) => {
  const answers: (() => void)[] = [];
  const asked: string[] = [];
  const inner = stub({
    stat: (name) => {
      asked.push(name);
      return new Promise((resolve) => answers.push(() => resolve(undefined)));
    },
  });
  const driver = limit(inner, { concurrent: 1, queue: 2 });
  const controller = new AbortController();
  const [first, second, third] = [
    driver.stat(keyOf('1')),
    codeOf(() => driver.stat(keyOf('2'), controller)),
    driver.stat(keyOf('3')),
  ];
  await settled();
  controller.abort();
  t.is(await second, 'SLUICE_ABORTED');
  answers.shift()?.();
  await first;
  await settled();
  t.deepEqual(asked, ['1', '3']);
  answers.shift()?.();
  await third;
});

test('a body has its place until it is over, however it ends', async (t) => {
  const endings: readonly (readonly [
    string,
    (pieces: AsyncIterator<Uint8Array>, controller: AbortController) => unknown,
  ])[] = [
    [
      'read to its end',
      async (pieces) => {
        while ((await pieces.next()).done !== true);
      },
    ],
    ['left unread', (pieces) => pieces.return?.()],
    [
      'left half-way',
      async (pieces) => {
        await pieces.next();
        await pieces.return?.();
      },
    ],
    ['aborted, and not asked any more', (_pieces, controller) => controller.abort()],
  ];
  for (const [what, end] of endings) {
    const driver = limit(stub({ read: breaksAt([]) }), { concurrent: 1, queue: 5 });
    const handle = await open(driver);
    const controller = new AbortController();
    const body = await handle.read({ start: 0, end: 100 }, controller);
    let isIn = false;
    const next = driver.stat(key).then(() => (isIn = true));
    await settled();
    t.false(isIn, what);
    await end(piecesOf(body), controller);
    t.true(await next, what);
  }
});

test('a body that fails gives its place back, and so does a read that fails', async (t) => {
  const reads: ((window: Window) => ByteSource | Promise<ByteSource>)[] = [
    breaksAt([10]),
    () => Promise.reject(failure('SLUICE_IO')),
    () => {
      throw failure('SLUICE_IO');
    },
  ];
  for (const read of reads) {
    const driver = limit(stub({ read }), { concurrent: 1, queue: 0 });
    const handle = await open(driver);
    t.truthy(await codeOf(async () => collect(await handle.read({ start: 0, end: 100 }))));
    t.is((await driver.stat(key))?.size, 100);
  }
});

test('an open handle, a window of no bytes and what comes at once take no place', async (t) => {
  const inner = stub({ read: breaksAt([]), handle: { readNow: bytesOf } });
  const driver = limit(inner, { concurrent: 1, queue: 0 });
  const handles = [await open(driver), await open(driver), await open(driver)];
  const body = await handles[0]?.read({ start: 0, end: 100 });
  t.is(await codeOf(() => driver.stat(key)), 'SLUICE_UNAVAILABLE');
  t.is(
    (await collect((await handles[1]?.read({ start: 5, end: 5 })) ?? bytesOf({ start: 0, end: 1 })))
      .byteLength,
    0,
  );
  t.is(handles[2]?.readNow?.({ start: 0, end: 3 })?.byteLength, 3);
  t.is(await codeOf(() => handles[2]?.read({ start: 0, end: 101 })), 'SLUICE_RANGE');
  t.is((await collect(body ?? bytesOf({ start: 0, end: 1 }))).byteLength, 100);
});

test('a read that waits for its place is not lost when the handle is closed', async (t) => {
  const inner = stub({ read: breaksAt([]) });
  const driver = limit(inner, { concurrent: 1, queue: 5 });
  const [one, two] = [await open(driver), await open(driver)];
  const first = await one.read({ start: 0, end: 100 });
  const second = two.read({ start: 0, end: 100 });
  await settled();
  await Promise.all([one.close(), two.close()]);
  t.is((await collect(first)).byteLength, 100);
  t.is((await collect(await second)).byteLength, 100);
  await settled();
  t.is(inner.opened, 0);
});

test('one place is enough to list and look, and to store a body of the same store', async (t) => {
  const put: StorageDriver['put'] = async (_key, source) =>
    statOf((await collect(source)).byteLength);
  const inner = stub({ put, list: () => entries('a', 'b', 'c'), read: breaksAt([]) });
  const driver = limit(inner, { concurrent: 1, queue: 0 });
  const sizes: unknown[] = [];
  for await (const entry of driver.list?.('') ?? []) {
    sizes.push((await driver.stat(entry.key))?.size);
  }
  t.deepEqual(sizes, [100, 100, 100]);
  const handle = await open(driver);
  t.is((await driver.put?.(key, await handle.read({ start: 0, end: 100 })))?.size, 100);
});

test('a stream that waits to be stored, and fails or is not wanted, harms nobody', async (t) => {
  const put = (): Promise<never> => never;
  const driver = limit(stub({ put }), { concurrent: 1, queue: 1 });
  void driver.put?.(key, new Uint8Array(1));
  const controller = new AbortController();
  const source = new Readable({ read: () => undefined });
  const waiting = codeOf(() => driver.put?.(key, source, controller));
  const refused = Readable.from([Buffer.alloc(1)]);
  t.is(await codeOf(() => driver.put?.(key, refused)), 'SLUICE_UNAVAILABLE');
  // Without a listener, this would end the process.
  source.destroy(new Error('the upload was broken off'));
  await settled();
  controller.abort();
  t.is(await waiting, 'SLUICE_ABORTED');
  t.true(refused.destroyed);
});

// all of them

const around: Readonly<Record<string, (driver: StorageDriver) => StorageDriver>> = {
  cacheStat: (driver) => cacheStat(driver),
  limit: (driver) => limit(driver, { concurrent: 1 }),
  mount: (driver) => mount({ '': driver }),
  observe: (driver) => observe(driver, { onEnd: () => undefined }),
  prefix: (driver) => prefix(driver, 'tenant'),
  retry: (driver) => retry(driver),
  timeout: (driver) => timeout(driver),
};

for (const [name, wrap] of Object.entries(around)) {
  test(`${name} ends a body whose return gives no promise, or throws`, async (t) => {
    const returns = [
      () => undefined as never,
      () => {
        throw new Error('it cannot be left');
      },
    ];
    for (const leave of returns) {
      const pieces = { next: async () => ({ value: new Uint8Array(1) }), return: leave };
      const source = { [Symbol.asyncIterator]: () => pieces };
      const handle = await open(wrap(stub({ read: () => source })));
      const controller = new AbortController();
      const body = piecesOf(await handle.read({ start: 0, end: 100 }, controller));
      await body.next();
      // What is thrown in a listener ends the process.
      t.notThrows(() => controller.abort());
      if (name !== 'mount' && name !== 'prefix') {
        t.is(await codeOf(() => body.next()), 'SLUICE_ABORTED');
      }
      await handle.close();
    }
  });

  test(`${name} forgets a signal that outlives its calls`, async (t) => {
    const fill = async (): Promise<void> => undefined;
    const inner = stub({
      read: breaksAt([]),
      list: () => entries('tenant/a', 'tenant/b'),
      put: async (_key, source) => statOf((await collect(source)).byteLength),
      delete: async () => undefined,
      handle: { fill },
    });
    const driver = wrap(inner);
    const { signal } = new AbortController();
    await Promise.all([driver.stat(key, { signal }), driver.stat(keyOf('b'), { signal })]);
    const handle = await open(driver, { signal });
    await collect(await handle.read({ start: 0, end: 100 }, { signal }));
    await piecesOf(await handle.read({ start: 0, end: 100 }, { signal })).return?.();
    await handle.fill?.(new Uint8Array(1), 0, { signal });
    for await (const entry of driver.list?.('', { signal }) ?? []) t.is(entry.size, 1);
    await driver.put?.(key, Readable.from([Buffer.alloc(1)]), { signal });
    await driver.delete?.(key, { signal });
    await handle.close();
    t.is(getEventListeners(signal, 'abort').length, 0);
  });

  test(`${name} gives a driver the methods that it has, and no other`, (t) => {
    for (const method of OPTIONAL_METHODS) {
      const driver = wrap(stub({ [method]: async () => undefined }));
      t.deepEqual(
        OPTIONAL_METHODS.filter((one) => one in driver),
        [method],
      );
    }
  });
}

test('a method of a class keeps its object', async (t) => {
  class Store implements StorageDriver {
    readonly name = 'store';
    readonly #inner = stub({ size: 7, list: () => entries('tenant/a', 'tenant/b') });
    stat: StorageDriver['stat'] = (...call) => this.#inner.stat(...call);
    open(...call: Parameters<StorageDriver['open']>): ReturnType<StorageDriver['open']> {
      return this.#inner.open(...call);
    }
    list(prefix: string): AsyncIterable<ListEntry> {
      return this.#inner.list?.(prefix) ?? entries();
    }
  }
  for (const wrap of [...Object.values(around), readonly]) {
    const driver = wrap(new Store());
    t.is((await open(driver)).stat.size, 7);
    let count = 0;
    for await (const entry of driver.list?.('') ?? []) count += entry.size;
    t.is(count, 2);
  }
});

// options

const refusedOptions: readonly (readonly [string, () => unknown, RegExp])[] = [
  [
    'attempts of 0',
    () => retry(stub(), { attempts: 0 }),
    /attempts must be an integer of at least 1, got 0/,
  ],
  ['a delay of 0.5', () => retry(stub(), { delay: 0.5 }), /delay must be an integer .*got 0.5/],
  ['a maxDelay beyond all timers', () => retry(stub(), { maxDelay: 2 ** 31 }), /got 2147483648/],
  [
    'a jitter of 2',
    () => retry(stub(), { jitter: 2 }),
    /jitter must be a number from 0 to 1, got 2/,
  ],
  ['a jitter that is no number', () => retry(stub(), { jitter: Number.NaN }), /got NaN/],
  ['a misspelled retry', () => retry(stub(), { tries: 3 } as never), /unknown option "tries"/],
  ['an idle of 0', () => timeout(stub(), { idle: 0 }), /idle must be an integer from 1 .*got 0/],
  ['a firstByte in words', () => timeout(stub(), { firstByte: '1s' as never }), /got "1s"/],
  ['a stat without end', () => timeout(stub(), { stat: Infinity }), /got Infinity/],
  ['a misspelled timeout', () => timeout(stub(), { open: 3 } as never), /unknown option "open"/],
  ['no place', () => limit(stub(), { concurrent: 0 }), /concurrent must be .*got 0/],
  ['a queue of -1', () => limit(stub(), { queue: -1 }), /queue must be .*got -1/],
  ['a misspelled limit', () => limit(stub(), { max: 3 } as never), /unknown option "max"/],
  ['no driver to limit', () => limit(null as never), /limit: must be given a driver, got null/],
];

for (const [what, call, message] of refusedOptions) {
  test(`${what} is refused`, (t) => {
    t.throws(call, { instanceOf: TypeError, message });
  });
}
