import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import { allow, assertKey, createSluice, type StorageDriver } from '@sluice/core';
import { nginx } from '@sluice/core/offload';
import { createMemoryDriver } from '@sluice/core/testing';
import { downloads } from '@sluice/koa';
import test, { type ExecutionContext } from 'ava';
import Koa from 'koa';

import { type EmulatorOptions, frontListener, withFrontServer } from '../src/index.ts';

/** A store that answers with a status and what it was asked, and an application that sends nginx there. */
async function start(t: ExecutionContext, status: number) {
  const asked: IncomingMessage[] = [];
  const store = createServer((req, res) => {
    asked.push(req);
    res.writeHead(status, {
      ETag: '"s"',
      'X-Amz-Request-Id': 'secret',
      'Content-Type': 'text/xml',
    });
    res.end('secret');
  });
  store.listen(0, '127.0.0.1');
  await once(store, 'listening');
  t.teardown(() => store.close());
  const { port } = store.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const memory: StorageDriver = createMemoryDriver();
  await memory.put?.(assertKey('test', 'a b+.png'), Buffer.from('secret'));
  const storage: StorageDriver = {
    ...memory,
    internalUrl: async () => ({ url: `${origin}/b/a%20b%2B.png?s=%2F`, expires: 0, pinned: false }),
  };
  const dialect = nginx({ store: { origin } });
  const policy = () => allow({ contentType: 'image/png' });
  const app = new Koa();
  app.use(downloads(createSluice({ storage, policy, dialect }), { prefix: '/files' }));
  return { app, asked, origin };
}

test('nginx in miniature fetches what was signed, and tells nobody of the other', async (t) => {
  const { app, asked, origin } = await start(t, 200);
  await withFrontServer('nginx', { store: { origin } }, app, async (site) => {
    const headers = { cookie: 'a=b', range: 'bytes=0-9', authorization: 'Basic x' };
    const answer = await fetch(`${site}/files/a%20b%2B.png`, { headers });
    t.is(await answer.text(), 'secret');
    t.is(answer.headers.get('etag'), '"s"');
    t.is(answer.headers.get('content-type'), 'image/png');
    t.is(answer.headers.get('x-content-type-options'), 'nosniff');
    t.is(answer.headers.get('x-amz-request-id'), null);
    t.is((await fetch(`${site}/_store/b/a%20b%2B.png?s=%2F`)).status, 404);
  });
  t.deepEqual(
    asked.map(({ method, url }) => [method, url]),
    [['GET', '/b/a%20b%2B.png?s=%2F']],
  );
  const { 'if-match': tag, range, host, connection, ...rest } = asked[0]!.headers;
  t.regex(tag ?? '', /^".+"$/);
  t.is(range, 'bytes=0-9');
  t.is(`http://${host}`, origin);
  t.is(connection, 'close');
  t.deepEqual(rest, {});
});

for (const [given, told] of [
  [404, 404],
  [412, 503],
  [403, 502],
  [302, 502],
  [500, 502],
] as const) {
  test(`nginx in miniature answers ${told} where the store says ${given}`, async (t) => {
    const { app, origin } = await start(t, given);
    await withFrontServer('nginx', { store: { origin } }, app, async (site) => {
      const answer = await fetch(`${site}/files/a%20b%2B.png`, { redirect: 'manual' });
      t.is(answer.status, told);
      t.notRegex(await answer.text(), /secret/);
      t.is(answer.headers.get('etag'), null);
    });
  });
}

test('a store that nobody listens at is 502', async (t) => {
  const { app } = await start(t, 200);
  await withFrontServer('nginx', { store: { origin: 'http://127.0.0.1:1' } }, app, async (site) => {
    t.is((await fetch(`${site}/files/a%20b%2B.png`)).status, 502);
  });
});

test('a store is nginx’s alone, and a server without one has roots', (t) => {
  const store = { origin: 'http://127.0.0.1:9000' };
  const make = (server: 'nginx' | 'caddy', options: EmulatorOptions) => () =>
    frontListener(server, options, () => undefined);
  t.notThrows(make('nginx', { store }));
  for (const mistake of [make('caddy', { store }), make('nginx', {})]) {
    t.throws(mistake, { instanceOf: TypeError, message: /^emulate: roots is missing/ });
  }
  t.throws(make('nginx', { store: { origin: 's3' } }), { message: /store: origin must be/ });
});
