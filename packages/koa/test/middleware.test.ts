import type { IncomingHttpHeaders } from 'node:http';
import { gzipSync } from 'node:zlib';

import { Router } from '@koa/router';
import {
  allow,
  createSluice,
  deny,
  forPattern,
  type Sluice,
  type SluiceOptions,
} from '@sluice/core';
import test, { type ExecutionContext } from 'ava';
import Koa from 'koa';

import { downloads, sendDownload } from '../src/index.ts';
import { exchange } from './helpers/client.ts';
import { createMemoryDriver } from './helpers/drivers.ts';
import { KOAS } from './helpers/koas.ts';
import { makeSluice, startServer, type TestServer, type TestSluice } from './helpers/server.ts';

const STORAGE = createMemoryDriver({
  'a.txt': { bytes: 'hello', contentType: 'text/plain', entityTag: '"a"' },
  'b/c.txt': { bytes: 'nested' },
  'large.txt': { bytes: 'x'.repeat(200_000), contentType: 'text/plain' },
});

async function serve(
  t: ExecutionContext,
  App: typeof Koa,
  build: (app: Koa, sluice: Sluice) => void,
  options: Partial<SluiceOptions> = {},
): Promise<TestServer & TestSluice> {
  const made = makeSluice({ storage: STORAGE, ...options });
  const app = new App();
  build(app, made.sluice);
  return { ...(await startServer(t, app)), ...made };
}

for (const { name, Koa: App } of KOAS) {
  for (const prefix of ['/files', '/files/']) {
    test(`${name}: the prefix ${prefix} mounts what is below it and passes on the rest`, async (t) => {
      const { port } = await serve(t, App, (app, sluice) => {
        app.use(downloads(sluice, { prefix }));
        app.use((ctx) => {
          ctx.body = 'next';
        });
      });
      const bodyOf = async (target: string): Promise<string> =>
        (await exchange(t, port, 'GET', target)).body.toString();
      t.is(await bodyOf('/files/a.txt'), 'hello');
      t.is(await bodyOf('/files/b/c.txt'), 'nested');
      t.is(await bodyOf('/files/'), 'Not Found');
      t.is(await bodyOf('/files/missing'), 'Not Found');
      t.is(await bodyOf('/files'), 'next');
      t.is(await bodyOf('/filesX/a.txt'), 'next');
      t.is(await bodyOf('/'), 'next');
    });
  }

  test(`${name}: the prefix "/" takes every path, and no other form of target`, async (t) => {
    const { port } = await serve(t, App, (app, sluice) => {
      app.use(downloads(sluice, { prefix: '/' }));
    });
    t.is((await exchange(t, port, 'GET', '/b/c.txt')).body.toString(), 'nested');
    t.is((await exchange(t, port, 'GET', '//b/c.txt')).status, 404);
  });

  test(`${name}: a mount that rewrites the target sees its own prefix only`, async (t) => {
    const { port } = await serve(t, App, (app, sluice) => {
      const inner = downloads(sluice, { prefix: '/files' });
      app.use(async (ctx, next) => {
        // As koa-mount does.
        if (!ctx.path.startsWith('/api/')) return next();
        const { path } = ctx;
        ctx.path = path.slice('/api'.length);
        await inner(ctx, async () => {
          ctx.path = path;
          await next();
          ctx.path = path.slice('/api'.length);
        });
        ctx.path = path;
      });
    });
    t.is((await exchange(t, port, 'GET', '/api/files/b/c.txt?x')).body.toString(), 'nested');
    t.is((await exchange(t, port, 'GET', '/files/b/c.txt')).status, 404);
  });

  test(`${name}: an answer given above is left as it is, and goes no further`, async (t) => {
    const { port, events } = await serve(t, App, (app, sluice) => {
      app.use((ctx, next) => {
        ctx.body = 'above';
        return next();
      });
      app.use(downloads(sluice, { prefix: '/files' }));
      app.use((ctx) => {
        ctx.body = 'below';
      });
    });
    t.is((await exchange(t, port, 'GET', '/files/a.txt')).body.toString(), 'above');
    t.is(events.length, 0);
  });

  test(`${name}: the subject is ctx.state.user, or what the option says, and null is nobody`, async (t) => {
    const subjects: unknown[] = [];
    const policy: SluiceOptions['policy'] = ({ subject }) => {
      subjects.push(subject);
      return allow();
    };
    const { port } = await serve(
      t,
      App,
      (app, sluice) => {
        app.use((ctx, next) => {
          ctx.state['user'] = ctx.query['user'] === undefined ? null : { id: ctx.query['user'] };
          return next();
        });
        app.use(downloads(sluice, { prefix: '/state' }));
        app.use(
          downloads(sluice, {
            prefix: '/own',
            subject: async (ctx) => ({ id: `own ${ctx.get('X-User')}` }),
          }),
        );
        app.use(
          downloads(sluice, { prefix: '/null', subject: () => null as unknown as undefined }),
        );
        app.use((ctx) => sendDownload(ctx, sluice, 'a.txt'));
      },
      { policy },
    );
    await exchange(t, port, 'GET', '/state/a.txt?user=u1');
    await exchange(t, port, 'GET', '/state/a.txt');
    await exchange(t, port, 'GET', '/own/a.txt', ['X-User: u2']);
    await exchange(t, port, 'GET', '/null/a.txt');
    await exchange(t, port, 'GET', '/handler');
    t.deepEqual(subjects, [{ id: 'u1' }, undefined, { id: 'own u2' }, undefined, undefined]);
  });

  for (const [how, subject] of [
    [
      'throws',
      () => {
        throw new Error('no session store');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no session store'))],
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- what is tried
    ['rejects with nothing', () => Promise.reject()],
  ] as const) {
    test(`${name}: a subject that ${how} is a fault of the application, and nothing is served`, async (t) => {
      const { port, errors, events } = await serve(t, App, (app, sluice) => {
        app.use(downloads(sluice, { prefix: '/files', subject }));
      });
      const response = await exchange(t, port, 'GET', '/files/a.txt');
      t.is(response.status, 500);
      t.is(response.body.toString(), 'Internal Server Error');
      t.deepEqual(
        errors.map(({ message }) => message),
        [
          how === 'rejects with nothing'
            ? 'downloads: the subject could not be told'
            : 'no session store',
        ],
      );
      t.is(events.length, 0);
    });
  }

  test(`${name}: each denial has its own status and headers, and 404 is that of a missing object`, async (t) => {
    const { port, errors, settled } = await serve(
      t,
      App,
      (app, sluice) => void app.use(downloads(sluice, { prefix: '/files' })),
      {
        policy: ({ key }) => {
          switch (key) {
            case '401':
              return deny('anonymous', { status: 401, challenge: 'Bearer realm="x"' });
            case '403':
              return deny('other tenant', { status: 403 });
            case '410':
              return deny('withdrawn', { status: 410 });
            case '429':
              return deny('too fast', { status: 429, retryAfter: 30 });
            case 'denied':
              return deny('no');
            case 'throws':
              throw new Error('secret');
            default:
              return allow();
          }
        },
      },
    );
    const answers = new Map<string, Awaited<ReturnType<typeof exchange>>>();
    for (const key of ['401', '403', '410', '429', 'denied', 'throws', 'missing']) {
      const answer = await exchange(t, port, 'GET', `/files/${key}`, ['If-None-Match: *']);
      answers.set(key, answer);
      t.is(answer.headers['cache-control'], 'no-store');
      t.is(answer.headers['content-length'], String(answer.body.length));
    }
    t.like(answers.get('401'), {
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="x"' },
    });
    t.is(answers.get('403')?.status, 403);
    t.is(answers.get('410')?.status, 410);
    t.like(answers.get('429'), { status: 429, headers: { 'retry-after': '30' } });
    for (const key of ['denied', 'throws']) {
      const { status, headers, body } = answers.get(key)!;
      const missing = answers.get('missing')!;
      t.is(status, missing.status);
      t.deepEqual({ ...headers, date: '' }, { ...missing.headers, date: '' });
      t.deepEqual(body, missing.body);
    }
    t.true((await settled(7)).every(({ outcome }) => outcome === 'refused'));
    // The client cannot tell, and the application is told.
    t.deepEqual(
      errors.map(({ message }) => message),
      ['secret'],
    );
  });

  test(`${name}: headers of another body and orders to a front server do not outlive the answer`, async (t) => {
    const { port } = await serve(t, App, (app, sluice) => {
      app.use((ctx, next) => {
        ctx.set({
          'Content-Encoding': 'gzip',
          'Content-Range': 'bytes 0-1/2',
          'Content-Length': '7',
          'Content-Type': 'text/html',
          'Content-Disposition': 'attachment',
          'Transfer-Encoding': 'chunked',
          ETag: '"other"',
          'Last-Modified': 'Tue, 02 Jan 2024 03:04:05 GMT',
          'X-Accel-Redirect': '/secret',
          'X-Accel-Buffering': 'no',
          'X-Sendfile': '/etc/passwd',
          'X-Sendfile-Temporary': '/etc/passwd',
          'X-Lighttpd-Send-File': '/etc/passwd',
          'X-LiteSpeed-Location': '/secret',
          'X-Reproxy-URL': 'http://127.0.0.1/',
          'X-Kept': 'kept',
        });
        return next();
      });
      app.use(downloads(sluice, { prefix: '/files' }));
    });
    const names = async (
      method: string,
      key: string,
      headers: string[] = [],
    ): Promise<string[]> => {
      const response = await exchange(t, port, method, `/files/${key}`, headers);
      t.is(response.headers['x-kept'], 'kept');
      return Object.keys(response.headers)
        .filter((name) => !['x-kept', 'date', 'connection'].includes(name))
        .toSorted();
    };
    const ofObject = [
      'accept-ranges',
      'cache-control',
      'content-disposition',
      'content-length',
      'content-type',
      'etag',
      'x-content-type-options',
    ];
    t.deepEqual(await names('GET', 'a.txt'), ofObject);
    t.deepEqual(await names('HEAD', 'a.txt'), ofObject);
    t.deepEqual(await names('GET', 'a.txt', ['Range: bytes=0-1']), [
      'accept-ranges',
      'cache-control',
      'content-disposition',
      'content-length',
      'content-range',
      ...ofObject.slice(4),
    ]);
    t.deepEqual(await names('GET', 'a.txt', ['If-None-Match: "a"']), ['cache-control', 'etag']);
    t.deepEqual(await names('GET', 'missing'), [
      'cache-control',
      'content-length',
      'content-type',
      'x-content-type-options',
    ]);
  });

  test(`${name}: middleware that compresses leaves a download alone`, async (t) => {
    const { port } = await serve(t, App, (app, sluice) => {
      app.use(async (ctx, next) => {
        await next();
        // As koa-compress does, by either of its two conditions.
        const kept =
          ctx['compress'] === false || /no-transform/.test(ctx.response.get('Cache-Control'));
        if (kept || typeof ctx.body !== 'string') return;
        ctx.set('Content-Encoding', 'gzip');
        ctx.body = gzipSync(ctx.body);
      });
      app.use(downloads(sluice, { prefix: '/files' }));
      app.use((ctx) => {
        ctx.body = 'compressed';
      });
    });
    t.is((await exchange(t, port, 'GET', '/')).headers['content-encoding'], 'gzip');
    for (const key of ['a.txt', 'large.txt', 'missing']) {
      const { headers, body } = await exchange(t, port, 'GET', `/files/${key}`, [
        'Accept-Encoding: gzip',
      ]);
      t.is(headers['content-encoding'], undefined);
      t.is(headers['content-length'], String(body.length));
    }
  });

  test(`${name}: an error handler above gets failures only, and its answer counts`, async (t) => {
    const caught: unknown[] = [];
    const { port, errors, settled } = await serve(
      t,
      App,
      (app, sluice) => {
        app.use(async (ctx, next) => {
          try {
            await next();
          } catch (error) {
            caught.push(error);
            ctx.status = 503;
            ctx.body = 'handled';
          }
        });
        app.use(downloads(sluice, { prefix: '/files' }));
      },
      {
        storage: {
          name: 'broken',
          stat: () => Promise.reject(new Error('broken')),
          open: async (key) =>
            key === 'missing' ? undefined : Promise.reject(new Error('broken')),
        },
      },
    );
    t.is((await exchange(t, port, 'GET', '/files/missing')).status, 404);
    t.is((await exchange(t, port, 'GET', '/files/a.txt')).body.toString(), 'handled');
    t.is(caught.length, 1);
    t.deepEqual(errors, []);
    t.deepEqual(
      (await settled(2)).map(({ outcome }) => outcome),
      ['refused', 'failed'],
    );
  });
}

test('the middleware has a name, which Koa prints when it debugs', (t) => {
  t.is(downloads(makeSluice().sluice, { prefix: '/files' }).name, 'downloads');
});

const mistake = test.macro(
  (t: ExecutionContext, sluice: unknown, options: unknown, message: RegExp) => {
    t.throws(() => downloads(sluice as Sluice, options as { prefix: string }), {
      instanceOf: TypeError,
      message,
    });
  },
);

const { sluice: SLUICE } = makeSluice();
test(
  'no sluice is a mistake',
  mistake,
  {},
  { prefix: '/' },
  /downloads: sluice must come from createSluice, got an object/,
);
test(
  'no options are a mistake',
  mistake,
  SLUICE,
  undefined,
  /downloads: options must be an object, got undefined/,
);
test('no prefix is a mistake', mistake, SLUICE, {}, /downloads: prefix must be .* got undefined/);
test(
  'a misspelled option is a mistake',
  mistake,
  SLUICE,
  { prefix: '/', user: 1 },
  /unknown option "user"; known options are prefix, subject/,
);
test(
  'a subject that is no function is a mistake',
  mistake,
  SLUICE,
  { prefix: '/', subject: 'user' },
  /downloads: subject must be a function, got "user"/,
);
for (const prefix of ['', 'files', 'files/', '/ä', '/a b', '/a?b', '/a#b', '/a\\b', 'http://x/']) {
  test(
    `the prefix ${JSON.stringify(prefix)} is a mistake`,
    mistake,
    SLUICE,
    { prefix },
    new RegExp(`got ${JSON.stringify(prefix).replaceAll(/[?\\]/g, '\\$&')}`),
  );
}

test('the types fit any application, and catch a subject of another type', (t) => {
  interface User {
    readonly id: string;
    readonly tenant: string;
  }
  const userFrom = ({ authorization }: IncomingHttpHeaders): User | undefined =>
    authorization === undefined ? undefined : { id: authorization, tenant: 't' };
  const sluice = createSluice<User>({
    storage: STORAGE,
    policy: forPattern<User>(':tenant/*path', ({ subject, params }) =>
      subject?.tenant === params['tenant'] ? allow() : deny('other tenant'),
    ),
  });
  interface State {
    user?: User;
    session: string;
  }
  type Context = Koa.ParameterizedContext<State, { flash: (text: string) => void }>;
  const app = new Koa<State, { flash: (text: string) => void }>();
  app.use(downloads(sluice, { prefix: '/a' }));
  app.use(downloads(sluice, { prefix: '/b', subject: (ctx: Context) => ctx.state.user }));
  app.use(downloads(sluice, { prefix: '/c', subject: (ctx) => userFrom(ctx.headers) }));
  // @ts-expect-error -- a string is no User
  app.use(downloads(sluice, { prefix: '/d', subject: (ctx: Context) => ctx.state.session }));
  // @ts-expect-error -- the prefix is required
  t.throws(() => downloads(sluice, {}));

  const router = new Router<{ user?: User }>();
  router.get('/files/:id', async (ctx) => {
    await sendDownload(ctx, sluice, ctx.params['id'] ?? '', { subject: ctx.state.user });
    // @ts-expect-error -- an attachment is a boolean
    await sendDownload(ctx, sluice, 'key', { attachment: 'yes' });
    // @ts-expect-error -- a number is no key
    await sendDownload(ctx, sluice, 7);
    // @ts-expect-error -- this subject has no tenant
    await sendDownload(ctx, sluice, 'key', { subject: { id: 'u' } });
  });
  app.use(router.routes());
  t.pass();
});
