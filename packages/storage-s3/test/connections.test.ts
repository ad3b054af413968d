import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

import { retry } from '@sluice/core/drivers';
import test, { type ExecutionContext } from 'ava';

import { createAgents } from '../src/agents.ts';
import type { S3Credentials } from '../src/index.ts';
import { fails, read } from './helpers/results.ts';
import {
  type Answer,
  head,
  KEY,
  part,
  refusal,
  type ScriptedStore,
  SECRETS,
  startScriptedStore,
} from './helpers/scripted-store.ts';
import { BYTES, WINDOW } from './tables/answers.ts';

const MEBIBYTE = 1_048_576;
const LARGE = Buffer.alloc(4 * MEBIBYTE, 'x');

/** More than there are attempts. */
const RESTING = 8;

/** Ends well before a connection at rest is let go of by itself, which is after four seconds. */
async function letGoOf(t: ExecutionContext, store: ScriptedStore): Promise<void> {
  const began = performance.now();
  while ((await store.connections()) > 0 && performance.now() - began < 3000) await delay(5);
  t.is(await store.connections(), 0);
}

/** Has so many calls under way at once, and all of their connections at rest afterwards. */
async function usedConnections(
  t: ExecutionContext,
  store: ScriptedStore,
  call: () => Promise<unknown>,
): Promise<ReadonlySet<unknown>> {
  const arrived: ServerResponse[] = [];
  const all = new Promise<void>((resolve) => {
    store.otherwise((response) => {
      if (arrived.push(response) === RESTING) resolve();
    });
  });
  const calls = Array.from({ length: RESTING }, call);
  await all;
  const used = new Set(arrived.map(({ socket }) => socket));
  for (const response of arrived) response.writeHead(200, head(12).headers).end();
  await Promise.all(calls);
  t.is(await store.connections(), RESTING);
  return used;
}

test('one connection that was cut is not told to anybody, nor an error inside of the store', async (t) => {
  const store = await startScriptedStore(t);
  store.script((response) => response.destroy(), head(12));
  t.is((await store.driver().stat(KEY))?.size, 12);
  store.script(refusal(500, 'InternalError'), refusal(500, 'InternalError'), head(12));
  t.is((await store.driver().stat(KEY))?.size, 12);
});

test('connections that were all cut at rest are not told to anybody', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  const used = await usedConnections(t, store, () => driver.stat(KEY));
  store.otherwise((response) => {
    if (used.has(response.socket)) response.socket?.resetAndDestroy();
    else response.writeHead(200, head(12).headers).end();
  });
  t.is((await driver.stat(KEY))?.size, 12);
  // Of those that were cut one was tried.
  t.is(store.requests.length, RESTING + 2);
});

test('a store that cuts every connection is unavailable, and has no more time for it', async (t) => {
  const store = await startScriptedStore(t);
  store.otherwise((response) => response.destroy());
  t.is((await fails(t, store.driver().stat(KEY))).code, 'SLUICE_UNAVAILABLE');
  store.otherwise((response) => void setTimeout(() => response.destroy(), 300));
  const hasty = store.driver({ timeouts: { answer: 500 } });
  t.is((await fails(t, hasty.stat(KEY))).code, 'SLUICE_TIMEOUT');
});

test('a connection at rest is let go of before the store closes it', async (t) => {
  const store = await startScriptedStore(t);
  const answer = head(12);
  // Nothing else tells the driver: this store closes it after ten minutes.
  store.script({ ...answer, headers: { ...answer.headers, 'keep-alive': 'timeout=2' } });
  await store.driver().stat(KEY);
  await letGoOf(t, store);
});

test('a connection in use may be silent for longer than one may rest', async (t) => {
  const server = createServer((_request, response) => {
    setTimeout(() => {
      response.write('one ');
      setTimeout(() => response.end('two'), 200);
    }, 200);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { httpAgent: agent } = createAgents({ maxSockets: 1, rest: 40 });
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent }, resolve).on('error', reject);
  });
  const [socket] = Object.values(agent.sockets).flat();
  t.is(String(await buffer(answer)), 'one two');
  await new Promise((resolve) => socket?.once('close', resolve));
});

test('a store that is not there is unavailable', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver({ endpoint: 'http://127.0.0.1:1' });
  t.is((await fails(t, driver.stat(KEY))).code, 'SLUICE_UNAVAILABLE');
});

for (const [title, credentials] of [
  ['the provider of the SDK finds none', () => Promise.reject(providerError())],
  [
    'their provider fails in a way of its own',
    () => Promise.reject(new Error('the vault is shut')),
  ],
  ['there are none', () => Promise.resolve({})],
  ['half of them are missing', () => Promise.resolve({ accessKeyId: 'id' })],
  ['a line break is left on them', () => Promise.resolve({ ...SECRETS, accessKeyId: 'id\n' })],
] as const) {
  test(`it is a mistake in the set-up when ${title}`, async (t) => {
    const store = await startScriptedStore(t);
    // As programs without types have them.
    const driver = store.driver({ credentials: credentials as () => Promise<S3Credentials> });
    for (const call of [() => driver.stat(KEY), () => driver.signUrl(KEY, { expiresIn: 60 })]) {
      const { code, message } = await fails(t, call());
      t.is(code, 'SLUICE_CONFIG');
      t.is(message, 'there are no credentials for the store');
    }
    t.is(store.requests.length, 0);
  });
}

function providerError(): Error {
  return Object.assign(new Error('none'), { name: 'CredentialsProviderError' });
}

test('the wait for credentials ends', async (t) => {
  const store = await startScriptedStore(t);
  const credentials = (): Promise<never> => new Promise(() => undefined);
  const hasty = store.driver({ credentials, timeouts: { answer: 50 } });
  t.is((await fails(t, hasty.stat(KEY))).code, 'SLUICE_TIMEOUT');
  const signal = AbortSignal.timeout(20);
  const patient = store.driver({ credentials });
  t.is((await fails(t, patient.stat(KEY, { signal }))).code, 'SLUICE_ABORTED');
});

test('an abort while the head is waited for ends the call, and its connection', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  const controller = new AbortController();
  const arrived = new Promise<void>((resolve) => store.script(() => resolve()));
  const call = driver.stat(KEY, { signal: controller.signal });
  await arrived;
  controller.abort();
  t.is((await fails(t, call)).code, 'SLUICE_ABORTED');
  await letGoOf(t, store);
});

test('a closed driver serves what is open, and lets go of its connections with the last of it', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  store.script(head(12));
  const handle = await driver.open(KEY);
  await driver.close();
  store.script(part(BYTES, WINDOW));
  t.is((await read(handle!, WINDOW)).byteLength, 4);
  t.is((await fails(t, driver.stat(KEY))).code, 'SLUICE_ABORTED');
  await handle!.close();
  await letGoOf(t, store);
  t.is((await fails(t, read(handle!, WINDOW))).code, 'SLUICE_ABORTED');
});

test('a body whose connection breaks can be gone on with where it broke', async (t) => {
  const store = await startScriptedStore(t);
  const driver = retry(store.driver(), { delay: 1 });
  const whole = part(LARGE, { start: 0, end: LARGE.byteLength });
  const broken: Answer = (response) => {
    response.writeHead(206, { ...whole.headers, 'content-length': String(LARGE.byteLength) });
    response.write(LARGE.subarray(0, MEBIBYTE), () => response.socket?.resetAndDestroy());
  };
  store.script(head(LARGE.byteLength), broken, (response, request) => {
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1]);
    const rest = part(LARGE, { start, end: LARGE.byteLength });
    response.writeHead(206, rest.headers).end(rest.body);
  });
  const handle = await driver.open(KEY);
  t.is((await read(handle!)).byteLength, LARGE.byteLength);
  t.is(store.requests.at(-1)?.headers['if-match'], '"tag-1"');
});

test('a body under way comes to its end after its object and the driver were closed', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  store.script(head(LARGE.byteLength), part(LARGE, { start: 0, end: LARGE.byteLength }));
  const handle = await driver.open(KEY);
  const body = await handle!.read({ start: 0, end: LARGE.byteLength });
  await handle!.close();
  await driver.close();
  t.is((await buffer(body as AsyncIterable<Uint8Array>)).byteLength, LARGE.byteLength);
  await letGoOf(t, store);
});

test('a call under way comes to its end after the driver was closed', async (t) => {
  const store = await startScriptedStore(t);
  const driver = store.driver();
  const arrived = new Promise<() => void>((resolve) => {
    store.script((response) =>
      resolve(() => void response.writeHead(200, { 'content-length': '7', etag: '"x"' }).end()),
    );
  });
  const stat = driver.stat(KEY);
  const answer = await arrived;
  await driver.close();
  answer();
  t.is((await stat)?.size, 7);
  t.is(store.requests.length, 1);
  await letGoOf(t, store);
});
