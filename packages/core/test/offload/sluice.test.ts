import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import test from 'ava';

import {
  allow,
  createSluice,
  deny,
  type Download,
  type DownloadEvent,
  type DownloadRequest,
  type LocalPath,
  type Obligations,
  type SluiceOptions,
  type StorageDriver,
} from '@sluice/core';
import { apache, type Dialect, h2o, nginx } from '@sluice/core/offload';

import { keyOf, pattern, probe, statOf } from '../helpers/objects.ts';

const NGINX = nginx({ prefix: '/_sluice/' });
const BYTES = pattern(1000);

const get = (more: Partial<DownloadRequest> = {}): DownloadRequest => ({
  method: 'GET',
  key: keyOf('a'),
  subject: { id: '7' },
  ...more,
});

const localPath = (key: string): LocalPath => ({
  root: '/srv/private',
  prefix: '',
  path: `/srv/private/${key}`,
});

function set({
  obligations,
  driver = { localPath },
  ...options
}: Partial<SluiceOptions> & {
  readonly obligations?: Obligations;
  readonly driver?: Partial<StorageDriver>;
} = {}) {
  const events: DownloadEvent[] = [];
  const store = probe(BYTES, { stat: statOf(BYTES.byteLength), driver });
  const sluice = createSluice({
    storage: store.driver,
    policy: function owner() {
      return allow(obligations);
    },
    dialect: NGINX,
    onCompletion: (event) => events.push(event),
    ...options,
  });
  return { sluice, store, events };
}

test('an offloaded download has no body, leaves nothing open, and ends as offloaded', async (t) => {
  const { sluice, store, events } = set();
  const download = await sluice.open(get({ conditions: { range: 'bytes=0-9' } }));
  t.is(download.body, undefined);
  t.like(download.plan, { kind: 'offload', status: 200, dialect: 'nginx' });
  await turn();
  t.is(store.open, 0);
  download.settle({ end: 'finished', bytes: 0 });
  download.settle({ end: 'failed', bytes: 0 });
  t.is(events.length, 1);
  t.like(events[0], {
    outcome: 'offloaded',
    status: 200,
    bytes: 0,
    key: 'a',
    rule: 'owner',
    why: 'nginx sends it',
    ranges: undefined,
  });
});

test('an order that never went out ends as the transfer did', async (t) => {
  for (const end of ['aborted', 'failed'] as const) {
    const { sluice, events } = set();
    (await sluice.open(get())).settle({ end, bytes: 0 });
    t.like(events, [{ outcome: end, status: 200, bytes: 0 }]);
  }
});

test('HEAD needs no server, and does not open the object', async (t) => {
  const { sluice, store } = set();
  const { plan } = await sluice.open(get({ method: 'HEAD' }));
  t.is(plan.kind, 'whole');
  t.deepEqual(store.calls, ['stat a']);
});

test('a store without local files is streamed, and the event says so', async (t) => {
  for (const driver of [{}, { localPath: () => undefined }]) {
    const { sluice, events } = set({ driver });
    const download = await sluice.open(get());
    t.is(download.plan.kind, 'whole');
    t.deepEqual(await bytesOf(download), BYTES);
    download.settle({ end: 'finished', bytes: 1000 });
    t.like(events, [
      {
        outcome: 'complete',
        why: 'no range was asked for; not sent by nginx: the object lies on no local disk',
      },
    ]);
  }
});

test('what the server cannot carry is streamed with its bytes', async (t) => {
  const rows: readonly (readonly [Dialect, Obligations, string])[] = [
    [apache(), { rate: 1_000_000 }, 'apache: it cannot bound the rate'],
    [apache(), { contentEncoding: 'gzip' }, 'apache: it drops the header content-encoding'],
    [h2o({ prefix: '/_s/' }), {}, 'h2o: it drops the header content-type'],
  ];
  for (const [dialect, obligations, why] of rows) {
    const { sluice } = set({ dialect, obligations });
    const download = await sluice.open(get());
    t.true(download.plan.why.endsWith(why), download.plan.why);
    t.deepEqual(await bytesOf(download), BYTES);
  }
});

test('a refused download is neither looked up nor told to the server', async (t) => {
  const { sluice, store } = set({ policy: () => deny('not yours') });
  const { plan } = await sluice.open(get());
  t.is(plan.kind, 'refused');
  t.deepEqual(store.calls, []);
});

test('a missing object is missing behind a server, too', async (t) => {
  const { sluice } = set();
  const { plan } = await sluice.open(get({ key: keyOf('b') }));
  t.like(plan, { kind: 'refused', status: 404 });
});

test('an offloaded download frees its place', async (t) => {
  const { sluice } = set({ maxDownloads: 1 });
  const first = await sluice.open(get());
  t.is((await sluice.open(get())).plan.status, 503);
  first.settle({ end: 'finished', bytes: 0 });
  t.is((await sluice.open(get())).plan.status, 200);
});

test('plan gives the order without sending it, and publishes nothing', async (t) => {
  const { sluice, events } = set({ obligations: { rate: 5000 } });
  const plan = await sluice.plan(get());
  t.like(plan.headers, { 'x-accel-redirect': '/_sluice/a', 'x-accel-limit-rate': '5000' });
  t.deepEqual(events, []);
});

test('explain says what the policy decides, whatever server is in front', async (t) => {
  const explanations = await Promise.all(
    [NGINX, undefined].map((dialect) =>
      set({ dialect, obligations: { rate: 5000 } }).sluice.explain({
        subject: undefined,
        key: 'a',
      }),
    ),
  );
  t.deepEqual(explanations[0], explanations[1]);
  t.like(explanations[0], { effect: 'allow', rule: 'owner' });
});

test('a sluice without a dialect plans no order', async (t) => {
  const { sluice } = set({ dialect: undefined });
  t.is(sluice.dialect, undefined);
  const plan = await sluice.plan(get());
  t.is(plan.kind, 'whole');
  t.is(plan.why, 'no range was asked for');
});

test('a sluice gives back its dialect and its store', (t) => {
  const { sluice, store } = set();
  t.is(sluice.dialect, NGINX);
  t.is(sluice.storage, store.driver);
});

/** What is no dialect, and what the error must say. */
const mistakes: readonly (readonly [title: string, dialect: unknown, message: RegExp])[] = [
  ['a name', 'nginx', /dialect must be one of a front server, .*got "nginx"$/],
  ['null', null, /got null$/],
  ['a factory', nginx, /got function nginx$/],
  ['an array', [], /name of a dialect must be a text, got undefined$/],
  ['no name', { ...NGINX, name: '' }, /name of a dialect must be a text, got ""$/],
  [
    'a header in capitals',
    { ...NGINX, header: 'X-Accel-Redirect' },
    /header .*got "X-Accel-Redirect"$/,
  ],
  [
    'a header that clients are told',
    { ...NGINX, header: 'content-type' },
    /header .*got "content-type"$/,
  ],
  ['a header of two words', { ...NGINX, header: 'x accel' }, /header .*got "x accel"$/],
  ['no valueFor', { ...NGINX, valueFor: undefined }, /valueFor .*a function, got undefined$/],
  ['no carries', { ...NGINX, carries: true }, /carries .*a function, got true$/],
  ['no makes', { ...NGINX, makes: 'etag' }, /makes .*got "etag"$/],
  [
    'makes without the length',
    { ...NGINX, makes: ['etag'] },
    /makes .*"content-length" among them/,
  ],
  [
    'a tag that nobody makes',
    { ...NGINX, entityTagOf: undefined },
    /makes the header etag if, and only if/,
  ],
  ['a maker of tags without a tag', { ...apache(), entityTagOf: () => '"1"' }, /if, and only if/],
  ['a rate that is no function', { ...NGINX, rateHeaderFor: 7 }, /rateHeaderFor .*got 7$/],
  ['an objection that is no function', { ...NGINX, objectionTo: '' }, /objectionTo .*got ""$/],
  ['a head of no bytes', { ...NGINX, maxHeadBytes: 0 }, /maxHeadBytes .*got 0$/],
];

for (const [title, dialect, message] of mistakes) {
  test(`createSluice takes no ${title} for a dialect`, (t) => {
    const error = t.throws(() => set({ dialect: dialect as Dialect }), { instanceOf: TypeError });
    t.regex(error.message, /^createSluice: /);
    t.regex(error.message, message);
  });
}

async function bytesOf({ body }: Download): Promise<Uint8Array | undefined> {
  if (body instanceof Readable) return new Uint8Array(await buffer(body));
  return body && new Uint8Array(body);
}

/** Handles are closed off the path of the answer. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
