import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { allow, createPathMap, createSluice, type DownloadEvent } from '@sluice/core';
import { dialectFromName, SERVER_NAMES } from '@sluice/core/offload';
import { downloads } from '@sluice/koa';
import { createLocalDriver } from '@sluice/storage-local';
import test from 'ava';
import Koa from 'koa';

import { withFrontServer } from '../src/index.ts';
import { HUNDRED, makeFolder } from './helpers/site.ts';

for (const server of SERVER_NAMES) {
  test(`a download of Sluice comes whole and in part behind ${server}`, async (t) => {
    const base = await makeFolder(t);
    const roots = { '': `${base}/files`, videos: `${base}/videos` };
    const events: DownloadEvent[] = [];
    const sluice = createSluice({
      storage: createLocalDriver({ paths: createPathMap(roots) }),
      policy: () => allow(),
      dialect: dialectFromName(server),
      onCompletion: (event) => void events.push(event),
    });
    const app = new Koa();
    app.use(downloads(sluice, { prefix: '/files' }));
    await withFrontServer(server, { roots }, app, async (origin) => {
      const whole = await fetch(`${origin}/files/a.txt`);
      t.is(whole.status, 200);
      t.is(whole.headers.get('x-content-type-options'), 'nosniff');
      t.regex(whole.headers.get('content-disposition') ?? '', /filename="a\.txt"/);
      t.is(await whole.text(), HUNDRED);
      const part = await fetch(`${origin}/files/a.txt`, { headers: { Range: 'bytes=-10' } });
      t.is(part.status, 206);
      t.is(await part.text(), HUNDRED.slice(-10));
      const tag = whole.headers.get('etag') ?? '';
      const again = await fetch(`${origin}/files/a.txt`, { headers: { 'If-None-Match': tag } });
      t.is(again.status, 304);
      t.is(await (await fetch(`${origin}/files/%C3%A9.txt`)).text(), 'accent');
      t.is(await (await fetch(`${origin}/files/%2541.txt`)).text(), 'percent');
      t.is((await fetch(`${origin}/files/link`)).status, 404);
    });
    t.deepEqual(
      events.slice(0, 3).map(({ outcome }) => outcome),
      ['offloaded', 'offloaded', 'not-modified'],
    );
  });
}

test('the example of the README holds', async (t) => {
  const base = await makeFolder(t);
  const roots = `${base}/files`;
  const sluice = createSluice({
    storage: createLocalDriver({ root: roots }),
    policy: () => allow(),
    dialect: dialectFromName('nginx'),
  });
  const app = new Koa();
  app.use(downloads(sluice, { prefix: '/files' }));
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const code = /^```ts\n(.*?)^```/ms.exec(readme)?.[1] ?? '';
  t.regex(code, /assert\.equal\(response\.status, 206\)/);
  const run = code.replaceAll(/^import .*\n/gm, '').replace('/srv/private', roots);
  // oxlint-disable-next-line typescript/no-implied-eval -- the text of the README is what is tried
  const example = new Function(
    'assert',
    'withFrontServer',
    'app',
    `return (async () => {${run}})()`,
  );
  await t.notThrowsAsync(example(assert, withFrontServer, app));
});

test('a dialect of another server is seen in a test', async (t) => {
  const base = await makeFolder(t);
  const roots = `${base}/files`;
  const sluice = createSluice({
    storage: createLocalDriver({ root: roots }),
    policy: () => allow(),
    dialect: dialectFromName('apache'),
  });
  const app = new Koa();
  app.use(downloads(sluice, { prefix: '/files' }));
  await withFrontServer('nginx', { roots }, app, async (origin) => {
    const answer = await fetch(`${origin}/files/a.txt`);
    t.is(answer.status, 200);
    t.is(await answer.text(), '');
  });
});

test('a prefix that the server does not have is seen in a test', async (t) => {
  const base = await makeFolder(t);
  const roots = `${base}/files`;
  const sluice = createSluice({
    storage: createLocalDriver({ root: roots }),
    policy: () => allow(),
    dialect: dialectFromName('nginx', { prefix: '/_other/' }),
  });
  const app = new Koa();
  app.use(downloads(sluice, { prefix: '/files' }));
  await withFrontServer('nginx', { roots }, app, async (origin) => {
    t.is((await fetch(`${origin}/files/a.txt`)).status, 404);
  });
});

test('it gives back what the test gives, and closes the port in any case', async (t) => {
  const options = { roots: '/srv/private' };
  const origin = await withFrontServer(
    'caddy',
    options,
    (_, res) => res.end('ok'),
    async (url) => {
      t.is(await (await fetch(url)).text(), 'ok');
      return url;
    },
  );
  await t.throwsAsync(fetch(origin));
  const failed = withFrontServer(
    'caddy',
    options,
    (_, res) => res.end(),
    () => {
      throw new Error('a test that fails');
    },
  );
  await t.throwsAsync(failed, { message: 'a test that fails' });
});

test('what is no application is a mistake', async (t) => {
  const run = withFrontServer(
    'nginx',
    { roots: '/srv/a' },
    'app' as unknown as Koa,
    () => undefined,
  );
  await t.throwsAsync(run, { instanceOf: TypeError, message: /got "app"/ });
});
