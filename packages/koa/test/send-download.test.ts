import { Router } from '@koa/router';
import { allow, deny, type DownloadPlan, isSluiceError, type SluiceOptions } from '@sluice/core';
import test, { type ExecutionContext } from 'ava';
import type Koa from 'koa';

import { type DownloadContext, sendDownload, type SendDownloadOptions } from '../src/index.ts';
import { exchange, type WireResponse } from './helpers/client.ts';
import { createMemoryDriver } from './helpers/drivers.ts';
import { KOAS } from './helpers/koas.ts';
import { makeSluice, startServer, type TestServer, type TestSluice } from './helpers/server.ts';

const STORAGE = createMemoryDriver({
  'invoices/7.pdf': { bytes: '%PDF-', contentType: 'application/pdf', entityTag: '"store"' },
  'notes.txt': { bytes: 'notes', contentType: 'text/plain', entityTag: '"store"' },
  'page.html': { bytes: '<p>', contentType: 'text/html' },
  'archive.tar.gz': { bytes: 'gz' },
  'a/b': { bytes: 'nested' },
});

/** Serves one handler under every path and method. */
async function serve(
  t: ExecutionContext,
  App: typeof Koa,
  handle: (ctx: Koa.ParameterizedContext, made: TestSluice) => unknown,
  options: Partial<SluiceOptions> = {},
): Promise<TestServer & TestSluice> {
  const made = makeSluice({ storage: STORAGE, ...options });
  const app = new App();
  app.use(async (ctx) => {
    await handle(ctx, made);
  });
  return { ...(await startServer(t, app)), ...made };
}

interface OptionRow {
  readonly title: string;
  readonly key?: string;
  readonly options: SendDownloadOptions;
  readonly expected: Readonly<Record<string, string | undefined>>;
}

const OPTION_ROWS: readonly OptionRow[] = [
  {
    title: 'nothing: a passive type is shown',
    options: {},
    expected: {
      'content-disposition': 'inline; filename="notes.txt"',
      'content-type': 'text/plain',
      'cache-control': 'private, no-cache, no-transform',
      etag: '"store"',
    },
  },
  {
    title: 'nothing: an active type is saved',
    key: 'page.html',
    options: {},
    expected: { 'content-disposition': 'attachment; filename="page.html"' },
  },
  {
    title: 'nothing: no coding is guessed from a name',
    key: 'archive.tar.gz',
    options: {},
    expected: {
      'content-encoding': undefined,
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="archive.tar.gz"',
    },
  },
  {
    title: 'attachment: true',
    options: { attachment: true },
    expected: { 'content-disposition': 'attachment; filename="notes.txt"' },
  },
  {
    title: 'attachment: false shows an active type in a sandbox',
    key: 'page.html',
    options: { attachment: false },
    expected: {
      'content-disposition': 'inline; filename="page.html"',
      'content-security-policy': "sandbox; default-src 'none'",
    },
  },
  {
    title: 'type and encoding',
    options: { type: 'application/x-tar', encoding: 'gzip' },
    expected: { 'content-type': 'application/x-tar', 'content-encoding': 'gzip' },
  },
  {
    title: 'cacheControl and entityTag',
    options: { cacheControl: 'private, max-age=60', entityTag: '"mine"' },
    expected: { 'cache-control': 'private, max-age=60, no-transform', etag: '"mine"' },
  },
  {
    title: 'headers',
    options: { headers: { 'Content-Language': 'de', Vary: 'Cookie' } },
    expected: { 'content-language': 'de', vary: 'Cookie' },
  },
  {
    title: 'undefined stands for absent',
    options: { attachment: undefined, filename: undefined, type: undefined, policy: undefined },
    expected: {
      'content-disposition': 'inline; filename="notes.txt"',
      'content-type': 'text/plain',
    },
  },
];

const MISTAKES: readonly (readonly [string, unknown, unknown, RegExp])[] = [
  ['a key that is no string', 7, {}, /sendDownload: a storage key must be a string, got 7/],
  ['no key', undefined, {}, /sendDownload: a storage key must be a string, got undefined/],
  ['an empty key', '', {}, /sendDownload: "" is not a storage key/],
  ['a key that leaves the store', '../x', {}, /sendDownload: "\.\.\/x" is not a storage key/],
  ['a key that starts with a slash', '/x', {}, /sendDownload: "\/x" is not a storage key/],
  ['a key with NUL', 'a\0b', {}, /is not a storage key/],
  ['options that are none', 'x', 'attachment', /sendDownload: options must be an object/],
  ['an unknown option', 'x', { inline: true }, /sendDownload: unknown option "inline"/],
  [
    'an attachment that is no boolean',
    'x',
    { attachment: 'x.pdf' },
    /attachment must be a boolean, got "x\.pdf"/,
  ],
  ['a filename that is no string', 'x', { filename: 7 }, /sendDownload: filename must be/],
  ['a type that is an extension', 'x', { type: 'pdf' }, /sendDownload: contentType must be/],
  ['a type with a line break', 'x', { type: 'a/b\r\nX: y' }, /contentType must be/],
  ['an encoding that is none', 'x', { encoding: 'g zip' }, /contentEncoding must be/],
  ['a tag without quotes', 'x', { entityTag: 'v7' }, /entityTag must be/],
  ['a header of the plan', 'x', { headers: { ETag: '"x"' } }, /the header "ETag" cannot be set/],
  ['an order to a front server', 'x', { headers: { 'X-Accel-Redirect': '/x' } }, /cannot be set/],
  [
    'a policy that is no function',
    'x',
    { policy: true },
    /sendDownload: a policy must be a function, got true/,
  ],
];

for (const { name, Koa: App } of KOAS) {
  for (const row of OPTION_ROWS) {
    test(`${name}: options: ${row.title}`, async (t) => {
      const { port } = await serve(t, App, (ctx, { sluice }) =>
        sendDownload(ctx, sluice, row.key ?? 'notes.txt', row.options),
      );
      const { status, headers } = await exchange(t, port, 'GET', '/');
      t.is(status, 200);
      for (const [field, value] of Object.entries(row.expected)) t.is(headers[field], value, field);
    });
  }

  test(`${name}: a file name beyond ASCII arrives whole`, async (t) => {
    const { port } = await serve(t, App, (ctx, { sluice }) =>
      sendDownload(ctx, sluice, 'notes.txt', { attachment: true, filename: 'Übersicht € "1".txt' }),
    );
    const { headers } = await exchange(t, port, 'GET', '/');
    t.regex(
      headers['content-disposition'] ?? '',
      /^attachment; filename="[ -~]+"; filename\*=UTF-8''%C3%9Cbersicht%20%E2%82%AC%20%221%22\.txt$/,
    );
  });

  test(`${name}: ranges, conditions and HEAD work as in the mount`, async (t) => {
    const { port } = await serve(t, App, (ctx, { sluice }) =>
      sendDownload(ctx, sluice, 'notes.txt'),
    );
    const ask = (method: string, ...headers: string[]): Promise<WireResponse> =>
      exchange(t, port, method, '/anything', headers);
    t.is((await ask('GET', 'Range: bytes=1-2')).body.toString(), 'ot');
    t.is((await ask('GET', 'If-None-Match: "store"')).status, 304);
    t.is((await ask('GET', 'If-Match: "other"')).status, 412);
    t.like(await ask('HEAD'), { status: 200, headers: { 'content-length': '5' } });
    t.like(await ask('POST', 'Content-Length: 0'), {
      status: 405,
      headers: { allow: 'GET, HEAD' },
    });
  });

  test(`${name}: it resolves with the plan, before the bytes are sent`, async (t) => {
    const plans: (DownloadPlan | undefined)[] = [];
    const seen: number[] = [];
    const { port, events, settled } = await serve(t, App, async (ctx, { sluice }) => {
      plans.push(await sendDownload(ctx, sluice, 'notes.txt'));
      seen.push(events.length);
    });
    await exchange(t, port, 'GET', '/', ['Range: bytes=0-1']);
    t.like(plans[0], { kind: 'range', status: 206, window: { start: 0, end: 2 } });
    t.deepEqual(seen, [0]);
    t.like((await settled(1))[0], { outcome: 'partial', bytes: 2, key: 'notes.txt' });
  });

  test(`${name}: the policy of the sluice is asked, and its obligations count first`, async (t) => {
    const { port } = await serve(
      t,
      App,
      (ctx, { sluice }) =>
        sendDownload(ctx, sluice, ctx.path.slice(1), {
          attachment: false,
          filename: 'handler.txt',
          headers: { Vary: 'Cookie', 'Content-Language': 'de' },
        }),
      {
        policy: ({ key }) =>
          key === 'notes.txt'
            ? allow({ disposition: 'attachment', headers: { vary: 'Authorization' } })
            : deny('no'),
      },
    );
    const { headers } = await exchange(t, port, 'GET', '/notes.txt');
    t.is(headers['content-disposition'], 'attachment; filename="handler.txt"');
    t.is(headers['vary'], 'Authorization');
    t.is(headers['content-language'], 'de');
    t.is((await exchange(t, port, 'GET', '/page.html')).status, 404);
  });

  test(`${name}: a handler that is the check itself gives its own policy`, async (t) => {
    const { port } = await serve(
      t,
      App,
      (ctx, { sluice }) =>
        sendDownload(ctx, sluice, 'notes.txt', {
          policy: () => (ctx.query['ok'] === '1' ? allow() : deny('not paid', { status: 403 })),
        }),
      { policy: () => deny('never') },
    );
    t.is((await exchange(t, port, 'GET', '/?ok=1')).body.toString(), 'notes');
    t.is((await exchange(t, port, 'GET', '/')).status, 403);
  });

  test(`${name}: the subject is ctx.state.user unless one is given, also if it is nobody`, async (t) => {
    const subjects: unknown[] = [];
    const { port } = await serve(
      t,
      App,
      async (ctx, { sluice }) => {
        ctx.state['user'] = { id: 'state' };
        await sendDownload(ctx, sluice, 'notes.txt', {
          ...(ctx.path === '/own' && { subject: { id: 'own' } }),
          ...(ctx.path === '/nobody' && { subject: undefined }),
        });
      },
      {
        policy: ({ subject }) => {
          subjects.push(subject?.id);
          return allow();
        },
      },
    );
    for (const path of ['/', '/own', '/nobody']) await exchange(t, port, 'GET', path);
    t.deepEqual(subjects, ['state', 'own', undefined]);
  });

  for (const [what, key, options, message] of MISTAKES) {
    test(`${name}: ${what} is a mistake of the program, and nothing is served`, async (t) => {
      const { port, errors, events } = await serve(t, App, (ctx, { sluice }) =>
        sendDownload(ctx, sluice, key as string, options as SendDownloadOptions),
      );
      const { status, body } = await exchange(t, port, 'GET', '/');
      t.is(status, 500);
      t.is(body.toString(), 'Internal Server Error');
      t.is(errors.length, 1);
      t.true(errors[0] instanceof TypeError);
      t.regex(errors[0]!.message, message);
      t.is(events.length, 0);
    });
  }

  test(`${name}: a response that has begun is not begun again`, async (t) => {
    const { port, errors, events } = await serve(t, App, async (ctx, { sluice }) => {
      ctx.respond = false;
      ctx.res.writeHead(200, { 'Content-Length': '5' });
      ctx.res.end('begun');
      await sendDownload(ctx, sluice, 'notes.txt');
    });
    t.is((await exchange(t, port, 'GET', '/')).body.toString(), 'begun');
    t.regex(errors[0]?.message ?? '', /the response has begun already/);
    t.is(events.length, 0);
  });

  test(`${name}: a forgotten await is told to the application, and ends no process`, async (t) => {
    const { port, errors, settled } = await serve(t, App, (ctx, { sluice }) => {
      // oxlint-disable-next-line typescript/no-floating-promises -- the mistake that is tried
      sendDownload(ctx, sluice, 'notes.txt');
    });
    t.is((await exchange(t, port, 'GET', '/')).status, 404);
    t.like((await settled(1))[0], { outcome: 'failed' });
    t.regex(errors[0]?.message ?? '', /is an await missing\?/);
  });

  test(`${name}: a failed store behind an error handler leaves no order to a front server`, async (t) => {
    const storage = createMemoryDriver({});
    const open = (): never => {
      throw new Error('secret');
    };
    const { port } = await serve(
      t,
      App,
      async (ctx, { sluice }) => {
        ctx.set({ 'X-Accel-Redirect': '/secret', ETag: '"x"', 'Content-Encoding': 'gzip' });
        try {
          await sendDownload(ctx, sluice, 'notes.txt');
        } catch {
          ctx.status = 503;
          ctx.body = 'sorry';
        }
      },
      { storage: { ...storage, open } },
    );
    const { status, headers } = await exchange(t, port, 'GET', '/');
    t.is(status, 503);
    for (const header of ['x-accel-redirect', 'etag', 'content-encoding']) {
      t.is(headers[header], undefined);
    }
  });

  test(`${name}: what another body was said to be is not said of this one`, async (t) => {
    const { port } = await serve(t, App, async (ctx, { sluice }) => {
      ctx.set({ 'Repr-Digest': 'sha-256=:x:', 'Content-MD5': 'x', 'Content-Language': 'xx' });
      await sendDownload(ctx, sluice, 'notes.txt', { headers: { 'Content-Language': 'de' } });
    });
    const { headers } = await exchange(t, port, 'GET', '/');
    t.is(headers['repr-digest'], undefined);
    t.is(headers['content-md5'], undefined);
    t.is(headers['content-language'], 'de');
  });

  test(`${name}: it answers in place of a body that was set before`, async (t) => {
    const { port, errors } = await serve(t, App, async (ctx, { sluice }) => {
      ctx.status = 201;
      ctx.body = { set: 'before' };
      await sendDownload(ctx, sluice, 'notes.txt');
      if (ctx.method === 'HEAD') t.is(ctx.body, null);
    });
    const { status, headers, body } = await exchange(t, port, 'GET', '/');
    t.deepEqual([status, headers['content-type'], body.toString()], [200, 'text/plain', 'notes']);
    const byHead = await exchange(t, port, 'HEAD', '/');
    t.deepEqual([byHead.status, byHead.headers['content-length']], [200, '5']);
    t.is((await exchange(t, port, 'GET', '/', ['If-None-Match: *'])).status, 304);
    t.deepEqual(errors, []);
  });

  test(`${name}: a second call answers in place of the first, and both are settled`, async (t) => {
    const { port, settled } = await serve(t, App, async (ctx, { sluice }) => {
      await sendDownload(ctx, sluice, 'a/b');
      await sendDownload(ctx, sluice, 'notes.txt');
    });
    t.is((await exchange(t, port, 'GET', '/')).body.toString(), 'notes');
    const events = await settled(2);
    t.is(events.find(({ key }) => key === 'a/b')?.outcome, 'failed');
    t.is(events.find(({ key }) => key === 'notes.txt')?.outcome, 'complete');
  });

  test(`${name}: a failure can be caught in the handler, with its cause`, async (t) => {
    const fault = new Error('broken');
    const caught: unknown[] = [];
    const { port, errors } = await serve(
      t,
      App,
      async (ctx, { sluice }) => {
        await sendDownload(ctx, sluice, 'notes.txt').catch((error: unknown) => caught.push(error));
        ctx.body = 'a copy from elsewhere';
      },
      {
        storage: {
          name: 'broken',
          stat: () => Promise.reject(fault),
          open: () => Promise.reject(fault),
        },
      },
    );
    t.is((await exchange(t, port, 'GET', '/')).body.toString(), 'a copy from elsewhere');
    t.like(caught[0], { status: 500, expose: false, cause: fault });
    t.false(isSluiceError(caught[0]));
    t.deepEqual(errors, []);
  });

  test(`${name}: a router's parameters name keys, and its 404 and 405 stay its own`, async (t) => {
    const { sluice } = makeSluice({ storage: STORAGE });
    const router = new Router();
    router.get('/invoices/:id', async (ctx) => {
      await sendDownload(ctx, sluice, `invoices/${ctx.params['id']}.pdf`, {
        attachment: true,
        filename: `Invoice ${ctx.params['id']}.pdf`,
      });
    });
    router.get('/raw/*key', async (ctx) => {
      await sendDownload(ctx, sluice, ctx.params['key'] ?? '');
    });
    const app = new App();
    app.use(router.routes());
    app.use(router.allowedMethods());
    const { port, errors } = await startServer(t, app);

    const invoice = await exchange(t, port, 'GET', '/invoices/7');
    t.is(invoice.status, 200);
    t.is(invoice.headers['content-disposition'], 'attachment; filename="Invoice 7.pdf"');
    t.is((await exchange(t, port, 'HEAD', '/invoices/7')).headers['content-length'], '5');
    t.is((await exchange(t, port, 'GET', '/invoices/8')).status, 404);
    t.is((await exchange(t, port, 'GET', '/raw/a/b')).body.toString(), 'nested');
    t.is((await exchange(t, port, 'POST', '/invoices/7', ['Content-Length: 0'])).status, 405);
    t.deepEqual(errors, []);
    // A router decodes what a key may not hold: the program that passes it on is told so.
    t.is((await exchange(t, port, 'GET', '/raw/a%2F..%2Fb')).status, 500);
    t.is(errors.length, 1);
    t.regex(errors[0]!.message, /"a\/\.\.\/b" is not a storage key/);
  });
}

test('a sluice that is none is a mistake', async (t) => {
  const ctx = {} as unknown as DownloadContext;
  await t.throwsAsync(sendDownload(ctx, {} as never, 'a'), {
    instanceOf: TypeError,
    message: /sendDownload: sluice must come from createSluice/,
  });
});
