import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import test from 'ava';

import {
  allow,
  createSluice,
  deny,
  type Download,
  DOWNLOAD_CHANNEL,
  type DownloadEvent,
  type DownloadRequest,
  type Policy,
  SluiceError,
  type SluiceErrorCode,
  type SluiceOptions,
  type Window,
} from '@sluice/core';

import { keyOf, pattern, probe, statOf } from './helpers/objects.ts';

const yes: Policy = () => allow();
const get = (more: Partial<DownloadRequest> = {}): DownloadRequest => ({
  method: 'GET',
  key: keyOf('a'),
  subject: { id: '7' },
  ...more,
});

function set(
  bytes: Uint8Array,
  options: Partial<SluiceOptions> & Parameters<typeof probe>[1] = {},
) {
  const { stat, read, driver, ...rest } = options;
  const events: DownloadEvent[] = [];
  const store = probe(bytes, {
    ...(stat && { stat }),
    ...(read && { read }),
    ...(driver && { driver }),
  });
  const sluice = createSluice({
    storage: store.driver,
    policy: yes,
    onCompletion: (event) => events.push(event),
    ...rest,
  });
  return { sluice, store, events };
}

async function bytesOf({ body }: Download): Promise<Uint8Array | undefined> {
  return body instanceof Readable
    ? new Uint8Array(await buffer(body))
    : body && new Uint8Array(body);
}

const SMALL = pattern(1000);
const LARGE = pattern(300_000);

for (const bytes of [SMALL, LARGE, new Uint8Array(0), pattern(131_072), pattern(131_073)]) {
  test(`an object of ${bytes.byteLength} bytes is given whole, and closed`, async (t) => {
    const { sluice, store, events } = set(bytes);
    const download = await sluice.open(get());
    t.like(download.plan, { kind: 'whole', status: 200 });
    t.deepEqual(await bytesOf(download), bytes);
    download.settle({ end: 'finished', bytes: bytes.byteLength });
    await turn();
    t.is(store.open, 0);
    t.like(events, [{ outcome: 'complete', bytes: bytes.byteLength, key: 'a', rule: 'yes' }]);
  });
}

for (const [title, size, range, reads] of [
  ['an object of 128 KiB', 131_072, undefined, 0],
  ['a window of an object of 1 MiB', 1_048_576, 'bytes=100-131171', 0],
  ['a window of more than 128 KiB', 1_048_576, 'bytes=100-131172', 1],
] as const) {
  test(`${title} is taken at once where the driver has it, and read ${reads} times`, async (t) => {
    const bytes = pattern(size);
    const { sluice, store } = setAtOnce(bytes, ({ start, end }) => bytes.subarray(start, end));
    const download = await sluice.open(get({ conditions: { range } }));
    const whole = range === undefined ? bytes : bytes.subarray(100, 131_172 + reads);
    t.deepEqual(await bytesOf(download), whole);
    t.is(store.calls.filter((call) => call === 'read').length, reads);
    download.settle({ end: 'finished', bytes: size });
    await turn();
    t.is(store.open, 0);
  });
}

test('what the driver would have to wait for is read', async (t) => {
  const { sluice, store } = setAtOnce(SMALL, () => undefined);
  const download = await sluice.open(get());
  t.deepEqual(await bytesOf(download), SMALL);
  t.deepEqual(store.calls, ['open a', 'at once', 'read']);
});

test('an object that changes under what is taken at once is opened once more, and closed each time', async (t) => {
  let tries = 0;
  const { sluice, store } = setAtOnce(SMALL, () => {
    tries += 1;
    if (tries === 1) throw new SluiceError('SLUICE_VERSION_CHANGED', 'rewritten');
    return SMALL;
  });
  const download = await sluice.open(get());
  t.is(download.plan.status, 200);
  t.deepEqual(await bytesOf(download), SMALL);
  t.is(tries, 2);
  await turn();
  t.is(store.open, 0);
});

test('bytes at once that are fewer or more than the window are a failure of the store', async (t) => {
  for (const size of [0, 999, 1001]) {
    const { sluice, store } = setAtOnce(SMALL, () => new Uint8Array(size));
    const { plan, body } = await sluice.open(get());
    t.is(plan.status, 503);
    t.is(body, undefined);
    await turn();
    t.is(store.open, 0);
  }
});

for (const [title, range, isAtOnce, reads] of [
  ['few', 'bytes=0-9,1000-1009', true, 0],
  ['few, of which the driver has none at hand', 'bytes=0-9,1000-1009', false, 2],
  ['many', 'bytes=0-99999,200000-299999', true, 2],
] as const) {
  test(`several ranges of ${title} bytes are taken at once, or read ${reads} times`, async (t) => {
    const bytes = pattern(1_048_576);
    const { sluice, store } = setAtOnce(bytes, ({ start, end }) =>
      isAtOnce ? bytes.subarray(start, end) : undefined,
    );
    const download = await sluice.open(get({ conditions: { range } }));
    t.is(download.body instanceof Uint8Array, range === 'bytes=0-9,1000-1009');
    const body = Buffer.from((await bytesOf(download)) ?? []);
    t.is(`${body.byteLength}`, `${download.plan.headers['content-length']}`);
    for (const [, start, end] of range.matchAll(/(\d+)-(\d+)/g)) {
      t.true(body.includes(Buffer.from(bytes.subarray(Number(start), Number(end) + 1))));
    }
    t.is(store.calls.filter((call) => call === 'read').length, reads);
    download.settle({ end: 'finished', bytes: body.byteLength });
    await turn();
    t.is(store.open, 0);
  });
}

/** A store whose handles give windows at once. */
function setAtOnce(bytes: Uint8Array, readNow: (window: Window) => Uint8Array | undefined) {
  const made = set(bytes, {
    read: ({ start, end }) => {
      made.store.calls.push('read');
      return bytes.subarray(start, end);
    },
  });
  const { driver } = made.store;
  const open = driver.open.bind(driver);
  driver.open = async (key, call) => {
    const handle = await open(key, call);
    return (
      handle && {
        ...handle,
        readNow(window) {
          made.store.calls.push('at once');
          return readNow(window);
        },
      }
    );
  };
  return made;
}

test('a range is cut out of a small object and of a large one', async (t) => {
  for (const [bytes, range, start, end] of [
    [SMALL, 'bytes=10-19', 10, 20],
    [LARGE, 'bytes=-100000', 200_000, 300_000],
    [LARGE, 'bytes=299999-', 299_999, 300_000],
  ] as const) {
    const { sluice, events } = set(bytes);
    const download = await sluice.open(get({ conditions: { range } }));
    t.deepEqual(await bytesOf(download), bytes.slice(start, end));
    download.settle({ end: 'finished', bytes: end - start });
    t.like(events, [{ outcome: 'partial', status: 206, ranges: [{ start, end }] }]);
  }
});

test('several ranges come framed, as long as announced, with a boundary of their own', async (t) => {
  const { sluice } = set(LARGE);
  const boundaries = new Set<string>();
  for (const range of ['bytes=0-9,1000-1009', 'bytes=5-9,200000-299999']) {
    const download = await sluice.open(get({ conditions: { range } }));
    const bytes = await bytesOf(download);
    t.is(download.plan.headers['content-length'], String(bytes?.byteLength));
    boundaries.add(download.plan.headers['content-type'] ?? '');
  }
  t.is(boundaries.size, 2);
});

test('HEAD asks for the facts and opens nothing', async (t) => {
  const { sluice, store } = set(SMALL);
  const download = await sluice.open(get({ method: 'HEAD' }));
  t.is(download.body, undefined);
  t.is(download.plan.headers['content-length'], '1000');
  t.deepEqual(store.calls, ['stat a']);
});

test('an answer without a body closes the object at once', async (t) => {
  for (const conditions of [{ ifNoneMatch: '*' }, { ifMatch: '"x"' }, { range: 'bytes=5000-' }]) {
    const { sluice, store } = set(SMALL);
    const download = await sluice.open(get({ conditions }));
    t.is(download.body, undefined);
    await turn();
    t.is(store.open, 0);
  }
});

test('a denied download never touches the store', async (t) => {
  const { sluice, store, events } = set(SMALL, { policy: () => deny('not yours') });
  const denied = await sluice.open(get());
  denied.settle({ end: 'finished', bytes: 9 });
  t.like(denied.plan, { kind: 'refused', status: 404, reason: 'denied' });
  t.deepEqual(store.calls, []);
  t.like(events, [{ outcome: 'refused', why: 'not yours', rule: 'policy', bytes: 0 }]);
});

test('what a failing policy threw is in the event, and nowhere in the plan', async (t) => {
  const fault = new Error('database down');
  const { sluice, events } = set(SMALL, {
    policy: () => {
      throw fault;
    },
  });
  const { plan, settle } = await sluice.open(get());
  settle({ end: 'finished', bytes: 9 });
  t.is(plan.status, 404);
  t.notRegex(JSON.stringify(plan), /database/);
  t.is(events[0]?.error, fault);
});

test('a target without a key and a wrong method ask neither policy nor store', async (t) => {
  let asked = 0;
  const policy: Policy = () => {
    asked += 1;
    return allow();
  };
  const { sluice, store } = set(SMALL, { policy });
  t.like((await sluice.open(get({ key: undefined }))).plan, { status: 404, reason: 'key' });
  for (const method of ['POST', 'get', 'DELETE', 'OPTIONS', '']) {
    const { plan } = await sluice.open(get({ method }));
    t.like(plan, { status: 405, reason: 'method' });
    t.is(plan.headers['allow'], 'GET, HEAD');
  }
  t.is(asked, 0);
  t.deepEqual(store.calls, []);
});

test('a policy of the request is asked in place of the sluice’s', async (t) => {
  const { sluice } = set(SMALL, { policy: () => deny('no') });
  t.is((await sluice.open(get({ policy: yes }))).plan.status, 200);
  const { sluice: open } = set(SMALL);
  t.is((await open.open(get({ policy: () => deny('no') }))).plan.status, 404);
});

test('an obligation of the policy counts before what the caller wants', async (t) => {
  const { sluice } = set(SMALL, { policy: () => allow({ disposition: 'attachment' }) });
  const { plan } = await sluice.open(
    get({ obligations: { disposition: 'inline', filename: 'x.png' } }),
  );
  t.is(plan.headers['content-disposition'], 'attachment; filename="x.png"');
});

/** Where it fails, and how it is answered. */
const faults: readonly (readonly [
  code: SluiceErrorCode | undefined,
  status: 404 | 500 | 503,
  retry?: string,
])[] = [
  ['SLUICE_UNAVAILABLE', 503, '1'],
  ['SLUICE_VERSION_CHANGED', 503, '1'],
  ['SLUICE_TRUNCATED', 503, '1'],
  ['SLUICE_INVALID_KEY', 404],
  ['SLUICE_IO', 500],
  ['SLUICE_ACCESS_DENIED', 500],
  ['SLUICE_CONFIG', 500],
  [undefined, 500],
];
for (const [code, status, retry] of faults) {
  test(`${code ?? 'an unknown error'} of the store is answered with ${status}, without detail`, async (t) => {
    const fault =
      code === undefined
        ? new Error('EIO /srv/secret')
        : new SluiceError(code, 'it failed', { cause: new Error('/srv/secret') });
    for (const at of ['stat', 'open', 'read'] as const) {
      const fail = async () => {
        throw fault;
      };
      const { sluice, store, events } = set(
        SMALL,
        at === 'read' ? { read: fail } : { driver: { [at]: fail } },
      );
      const { plan, error, settle } = await sluice.open(
        get({ method: at === 'stat' ? 'HEAD' : 'GET' }),
      );
      settle({ end: 'finished', bytes: 0 });
      await turn();
      t.is(plan.status, status);
      t.is(plan.headers['retry-after'], retry);
      t.notRegex(JSON.stringify({ ...plan, why: undefined }), /secret|it failed/);
      t.is(error, status === 404 ? undefined : fault);
      t.is(events[0]?.outcome, status === 404 ? 'refused' : 'failed');
      t.is(store.open, 0);
    }
  });
}

test('a wait that the store names is passed on', async (t) => {
  const busy = new SluiceError('SLUICE_UNAVAILABLE', 'busy', { retryAfter: 30 });
  const { sluice } = set(SMALL, {
    driver: {
      open: async () => {
        throw busy;
      },
    },
  });
  t.is((await sluice.open(get())).plan.headers['retry-after'], '30');
});

for (const [size, bytes] of [
  ['small', SMALL],
  ['large', LARGE],
] as const) {
  test(`a ${size} object that changes under the first attempt is opened once more`, async (t) => {
    let reads = 0;
    const { sluice, store } = set(bytes, {
      read: ({ start, end }) => {
        reads += 1;
        if (reads === 1) throw new SluiceError('SLUICE_VERSION_CHANGED', 'changed');
        return bytes.subarray(start, end);
      },
    });
    const download = await sluice.open(get());
    t.is(download.plan.status, 200);
    t.deepEqual(await bytesOf(download), bytes);
    t.deepEqual(store.calls, ['open a', 'open a']);
    await turn();
    t.is(store.open, 0);
  });

  test(`a ${size} object that cannot be read is told by the status`, async (t) => {
    const fault = new SluiceError('SLUICE_IO', 'the disk is gone');
    const { sluice, store } = set(bytes, { read: () => Promise.reject(fault) });
    const { plan, body, error } = await sluice.open(get());
    t.is(plan.status, 500);
    t.is(body, undefined);
    t.is(error, fault);
    await turn();
    t.is(store.open, 0);
  });
}

for (const [title, give] of [
  ['fewer', (bytes: Uint8Array) => bytes.subarray(1)],
  ['more', (bytes: Uint8Array) => Buffer.concat([bytes, bytes.subarray(0, 1)])],
] as const) {
  test(`a small body with ${title} bytes than announced is never given`, async (t) => {
    for (const wrap of [(x: Uint8Array) => x, (x: Uint8Array) => Readable.from([x])]) {
      const { sluice, store } = set(SMALL, {
        read: ({ start, end }) => wrap(give(SMALL.subarray(start, end))),
      });
      t.is((await sluice.open(get())).plan.status, 503);
      await turn();
      t.is(store.open, 0);
    }
  });

  test(`a stream of ${title} bytes than announced fails and never ends`, async (t) => {
    for (const wrap of [
      (x: Uint8Array) => x,
      (x: Uint8Array) => Readable.from([x.subarray(0, 9), x.subarray(9)]),
    ]) {
      const { sluice, store } = set(LARGE, {
        read: ({ start, end }) => wrap(give(LARGE.subarray(start, end))),
      });
      const download = await sluice.open(get());
      if (download.plan.status === 200) {
        await t.throwsAsync(async () => bytesOf(download), { code: 'SLUICE_TRUNCATED' });
      } else {
        t.like(download, { plan: { status: 503 }, error: { code: 'SLUICE_TRUNCATED' } });
      }
      t.is(store.open, 0);
    }
  });
}

test('a body that is thrown away unread, or half read, closes its object', async (t) => {
  const { sluice, store } = set(LARGE);
  const unread = await sluice.open(get());
  unread.settle({ end: 'aborted', bytes: 0 });
  const half = await sluice.open(get());
  if (half.body instanceof Readable) {
    half.body.once('data', () => half.settle({ end: 'aborted', bytes: 1 }));
  }
  await turn();
  await turn();
  t.is(store.open, 0);
});

test('destroying a body aborts the signal of its read', async (t) => {
  let signal: AbortSignal | undefined;
  const stalled = new Readable({ read() {} });
  stalled.push(LARGE.subarray(0, 9));
  const { sluice } = set(LARGE, {
    driver: {
      open: async (key) => ({
        key,
        stat: statOf(LARGE.byteLength),
        close: async () => {},
        read: (_window, call) => {
          ({ signal } = call ?? {});
          signal?.addEventListener('abort', () => stalled.destroy(new Error('gone')));
          return stalled;
        },
      }),
    },
  });
  const { body, settle } = await sluice.open(get());
  if (body instanceof Readable) body.on('error', () => {}).resume();
  await turn();
  settle({ end: 'aborted', bytes: 0 });
  await turn();
  t.true(signal?.aborted);
});

test('no more downloads run at once than are let in, and each place is given back', async (t) => {
  const { sluice } = set(LARGE, { maxDownloads: 2 });
  const first = await sluice.open(get());
  await sluice.open(get());
  const third = await sluice.open(get());
  t.like(third.plan, { kind: 'refused', status: 503, reason: 'busy' });
  t.is(third.plan.headers['retry-after'], '1');
  t.like(await sluice.open(get({ key: undefined })), { plan: { status: 404 } });
  third.settle({ end: 'finished', bytes: 0 });
  t.is((await sluice.open(get())).plan.status, 503);
  first.settle({ end: 'finished', bytes: 0 });
  first.settle({ end: 'finished', bytes: 0 });
  t.is((await sluice.open(get())).plan.status, 200);
  t.is((await sluice.open(get())).plan.status, 503);
});

test('a denied download is a 404 also when all places are taken', async (t) => {
  const { sluice } = set(LARGE, {
    maxDownloads: 1,
    policy: ({ key }) => (key === 'a' ? allow() : deny('no')),
  });
  await sluice.open(get());
  t.is((await sluice.open(get({ key: keyOf('b') }))).plan.status, 404);
});

const ends: readonly (readonly [
  Partial<DownloadRequest>,
  'finished' | 'aborted' | 'failed',
  string,
  number,
])[] = [
  [{}, 'finished', 'complete', 5],
  [{}, 'aborted', 'aborted', 5],
  [{}, 'failed', 'failed', 5],
  [{ method: 'HEAD' }, 'finished', 'complete', 5],
  [{ conditions: { range: 'bytes=0-1' } }, 'finished', 'partial', 5],
  [{ conditions: { range: 'bytes=0-1' } }, 'aborted', 'aborted', 5],
  [{ conditions: { ifNoneMatch: '*' } }, 'finished', 'not-modified', 0],
  [{ conditions: { ifNoneMatch: '*' } }, 'aborted', 'not-modified', 0],
  [{ conditions: { ifMatch: '"x"' } }, 'finished', 'refused', 0],
  [{ conditions: { range: 'bytes=9999-' } }, 'finished', 'refused', 0],
  [{ key: keyOf('b') }, 'finished', 'refused', 0],
];
for (const [request, end, outcome, bytes] of ends) {
  test(`${JSON.stringify(request)} that ${end} is ${outcome}, told exactly once`, async (t) => {
    const { sluice, events } = set(SMALL);
    const { settle, plan } = await sluice.open(get(request));
    t.deepEqual(events, []);
    settle({ end, bytes: 5 });
    settle({ end: 'failed', bytes: 6 });
    t.is(events.length, 1);
    t.like(events[0], { outcome, bytes, status: plan.status, subject: { id: '7' } });
    t.true((events[0]?.duration ?? -1) >= 0);
  });
}

test.serial('the event is published on the diagnostics channel, too', async (t) => {
  const seen: unknown[] = [];
  const listen = (event: unknown) => {
    seen.push(event);
  };
  subscribe(DOWNLOAD_CHANNEL, listen);
  t.teardown(() => {
    unsubscribe(DOWNLOAD_CHANNEL, listen);
  });
  const { sluice, events } = set(SMALL);
  (await sluice.open(get())).settle({ end: 'finished', bytes: 1000 });
  t.true(seen.includes(events[0]));
});

test.serial(
  'a listener that throws or rejects becomes a warning, and the download ends as it would',
  async (t) => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => {
      warnings.push(warning);
    };
    process.on('warning', listen);
    t.teardown(() => {
      process.off('warning', listen);
    });
    for (const onCompletion of [
      () => {
        throw new Error('listener threw');
      },
      async () => {
        throw new Error('listener rejected');
      },
    ]) {
      const { sluice } = set(SMALL, { onCompletion });
      const { settle } = await sluice.open(get());
      t.notThrows(() => settle({ end: 'finished', bytes: 1 }));
    }
    await turn();
    t.deepEqual(
      warnings
        .map(({ message }) => message)
        .filter((m) => m.startsWith('listener'))
        .toSorted(),
      ['listener rejected', 'listener threw'],
    );
  },
);

test('plan says what open would answer, holds nothing and tells nobody', async (t) => {
  const { sluice, store, events } = set(LARGE, { maxDownloads: 1 });
  for (let round = 0; round < 3; round += 1) {
    t.like(await sluice.plan(get()), { kind: 'whole', status: 200 });
  }
  await turn();
  t.is(store.open, 0);
  t.deepEqual(events, []);
});

test('explain takes the key as a string, and no other thing', async (t) => {
  const { sluice } = set(SMALL);
  t.like(await sluice.explain({ subject: undefined, key: 'a' }), { effect: 'allow', rule: 'yes' });
  await t.throwsAsync(sluice.explain({ subject: undefined, key: '../a' }), {
    instanceOf: TypeError,
  });
});

/** What `{"__proto__": …}` in somebody's JSON, or a library's bug, may put on every object. */
const pollution: Readonly<Record<string, unknown>> = {
  policy: () => allow(),
  obligations: { disposition: 'inline', contentType: 'text/html' },
  disposition: 'inline',
  filename: 'evil.exe',
  contentType: 'text/html',
  contentEncoding: 'gzip',
  entityTag: '"evil"',
  cacheControl: 'public',
  headers: { 'x-evil': '1' },
  conditions: { range: 'bytes=0-0' },
  challenge: 'Basic',
  retryAfter: 9,
  cause: new Error('evil'),
  rule: 'evil',
  destroy: 'evil',
  signal: undefined,
  maxDownloads: 0,
  onCompletion: () => {
    throw new Error('evil');
  },
};

test.serial('what pollutes Object.prototype changes no answer', async (t) => {
  const answers = async (): Promise<string> => {
    const plans: unknown[] = [];
    for (const decision of [allow(), deny('no'), allow({ filename: 'x' })]) {
      const { sluice } = set(SMALL, { policy: () => decision });
      // As an adapter makes them, which has no reason to name what it leaves out.
      for (const method of ['GET', 'HEAD']) {
        const download = await sluice.open({ method, key: keyOf('a'), subject: undefined });
        download.settle({ end: 'finished', bytes: 0 });
        plans.push(download.plan);
      }
      plans.push(await sluice.explain({ subject: undefined, key: 'a' }));
    }
    return JSON.stringify(plans);
  };
  const clean = await answers();
  for (const [name, value] of Object.entries(pollution)) {
    // oxlint-disable-next-line eslint/no-extend-native -- what is tried
    Object.defineProperty(Object.prototype, name, { value, configurable: true });
    try {
      t.is(await answers(), clean, name);
    } finally {
      Reflect.deleteProperty(Object.prototype, name);
    }
  }
});

test('close closes the store', async (t) => {
  let closed = 0;
  const { sluice } = set(SMALL, {
    driver: {
      close: async () => {
        closed += 1;
      },
    },
  });
  await sluice.close();
  t.is(closed, 1);
  await t.notThrowsAsync(set(SMALL).sluice.close());
});

const storage = probe(SMALL).driver;
const mistakes: readonly (readonly [string, unknown, RegExp])[] = [
  ['no options', undefined, /options must be an object, got undefined/],
  ['no policy', { storage }, /a policy must be a function, got undefined/],
  [
    'a policy that is no function',
    { storage, policy: { allow: true } },
    /must be a function, got an object/,
  ],
  ['no storage', { policy: yes }, /storage must be a driver with stat and open, got undefined/],
  ['a path as storage', { policy: yes, storage: '/srv' }, /got "\/srv"/],
  ['half a driver', { policy: yes, storage: { stat: yes } }, /got an object/],
  [
    'a misspelled option',
    { storage, policy: yes, maxDownload: 1 },
    /unknown option "maxDownload"; known options are storage, policy, /,
  ],
  [
    'a cap of zero',
    { storage, policy: yes, maxDownloads: 0 },
    /maxDownloads must be an integer of at least 1, got 0/,
  ],
  [
    'a time as text',
    { storage, policy: yes, idleTimeout: '60s' },
    /idleTimeout must be an integer from 1 to 2147483647, got "60s"/,
  ],
  ['half a range', { storage, policy: yes, maxRanges: 1.5 }, /got 1.5/],
  [
    'a listener that is no function',
    { storage, policy: yes, onCompletion: 'log' },
    /onCompletion must be a function, got "log"/,
  ],
];
for (const [title, options, message] of mistakes) {
  test(`${title} is a TypeError that says so`, (t) => {
    t.throws(() => createSluice(options as SluiceOptions), { instanceOf: TypeError, message });
  });
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
}
