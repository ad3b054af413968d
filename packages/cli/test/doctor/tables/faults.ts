import type { StorageDriver } from '@sluice/core';
import { SluiceError } from '@sluice/core';
import type Koa from 'koa';

/** A deployment with a fault that no configuration of a front server makes, and what is found. */
export interface Fault {
  readonly title: string;
  /** Stands above the downloads, and sees the downloads of canaries alone. */
  readonly change?: Koa.Middleware;
  readonly store?: (driver: StorageDriver) => StorageDriver;
  /** Milliseconds in which an answer must come. Such a test runs alone. */
  readonly timeout?: number;
  /** Ids of all findings, notes too, gravest first. */
  readonly finds: readonly string[];
  /** What the evidence of the first one must have. */
  readonly evidence: RegExp;
}

/** Each is a mistake that some server, cache or middleware is known for. */
export const FAULTS: readonly Fault[] = [
  {
    title: 'one byte of a file differs',
    change: after((ctx) => {
      if (ctx.url.endsWith('-headers.txt')) ctx.body = Buffer.alloc(2048, 'x');
    }),
    finds: ['wrong-bytes'],
    evidence: /^further headers: GET .* → 200, 2048 bytes$/,
  },
  {
    title: 'somebody else answers downloads',
    change: (ctx) => ctx.throw(403),
    finds: ['download-refused'],
    evidence: /^plain: GET .*\.txt → 403, 9 bytes$/,
  },
  {
    title: 'a name is decoded twice',
    change: async (ctx, next) => {
      ctx.req.url = ctx.url.replace('%2541', 'A');
      await next();
    },
    finds: ['name-not-carried'],
    evidence: /text that looks like an escaped letter: GET .*%2541\.txt → 404/,
  },
  {
    title: 'a header is set to something else',
    change: after((ctx) => ctx.set('Cache-Control', 'public, max-age=3600')),
    finds: ['header-changed'],
    evidence: /^cache-control: public, max-age=3600, instead of private, no-cache, no-transform/,
  },
  {
    title: 'a header is added where there is one',
    change: after((ctx) => ctx.set('X-Content-Type-Options', ['nosniff', 'nosniff'])),
    finds: ['header-twice'],
    evidence: /^x-content-type-options: nosniff \| nosniff, instead of nosniff/,
  },
  {
    title: 'a header is removed',
    change: after((ctx) => ctx.remove('Content-Disposition')),
    finds: ['header-lost'],
    evidence: /^content-disposition: absent, instead of/,
  },
  {
    title: 'more is said to vary, and a media type is spelt otherwise',
    change: after((ctx) => {
      ctx.append('Vary', 'Accept-Encoding');
      ctx.set('Content-Type', sent(ctx, 'content-type').replace('; charset', ';Charset'));
    }),
    finds: [],
    evidence: /^$/,
  },
  {
    title: 'all files have one entity tag',
    change: after((ctx) => ctx.set('ETag', '"0"')),
    finds: ['validator-changed', 'validator-shared', 'if-range-refused', 'not-modified-missing'],
    evidence: /^etag: "0", instead of/,
  },
  {
    title: 'ranges are taken away on their way to the application',
    change: before((ctx) => delete ctx.req.headers.range),
    finds: ['range-ignored', 'range-unsatisfiable', 'if-range-refused'],
    evidence: /^GET .* → 200, no Content-Range, 8388608 bytes \(Range: bytes=0-99\)$/,
  },
  {
    title: 'the frame of a range is one off',
    change: after((ctx) => {
      const frame = sent(ctx, 'content-range');
      if (frame.startsWith('bytes 0-99/')) ctx.set('Content-Range', frame.replace('0-99', '1-100'));
    }),
    finds: ['range-wrong'],
    evidence: /→ 206, bytes 1-100\/8388608, 100 bytes/,
  },
  {
    title: 'If-Range is taken away on its way to the application',
    change: before((ctx) => delete ctx.req.headers['if-range']),
    finds: ['if-range-ignored'],
    evidence: /→ 206, .*If-Range: "another-version"\)$/,
  },
  {
    title: 'conditions are taken away on their way to the application',
    change: before((ctx) => {
      delete ctx.req.headers['if-none-match'];
      delete ctx.req.headers['if-modified-since'];
    }),
    finds: ['not-modified-missing'],
    evidence: /→ 200 \(If-None-Match: "/,
  },
  {
    title: 'the length of a head is that of its body',
    change: after((ctx) => {
      if (ctx.method === 'HEAD') ctx.set('Content-Length', '0');
    }),
    finds: ['head-wrong'],
    evidence: /→ 200, Content-Length: 0, instead of 2048$/,
  },
  {
    title: 'a body breaks off',
    change: after((ctx) => {
      if (ctx.url.endsWith('-large.txt')) setImmediate(() => ctx.req.socket.destroy());
    }),
    finds: ['answer-broken'],
    evidence: /^large: GET .*-large\.txt: /,
  },
  {
    title: 'an answer never comes',
    change: async (ctx, next) => {
      if (ctx.url.endsWith('.html')) await new Promise(() => undefined);
      await next();
    },
    timeout: 6000,
    finds: ['answer-broken'],
    evidence: /^active content shown inline: GET .*: no whole answer within 6000 ms$/,
  },
  {
    title: 'an order to fetch from a store is shown, whose signature the report leaves out',
    change: after((ctx) => ctx.set('X-Accel-Redirect', '/_store/b/k?X-Amz-Signature=5ec')),
    finds: ['order-shown'],
    evidence: /, x-accel-redirect: \/_store\/b\/k$/,
  },
  {
    title: 'an error page shows where the files lie',
    change: after((ctx) => {
      if (ctx.status === 404) ctx.body = 'cannot open /srv/private/sluice-probe/not-there.txt';
    }),
    finds: ['path-shown'],
    evidence: /→ 404, \/srv\/private\/sluice-probe in the body$/,
  },
  {
    title: 'a header that a client makes up is obeyed',
    change: after((ctx) => {
      if (ctx.get('X-Sendfile') !== '') ctx.body = 'what was asked for';
    }),
    finds: ['forged-header-obeyed'],
    evidence: /→ 200, another body$/,
  },
  {
    title: 'the store cannot be written to',
    store: (driver) => ({
      ...driver,
      put: () => Promise.reject(new SluiceError('SLUICE_ACCESS_DENIED', 'read-only')),
    }),
    finds: ['no-canaries'],
    evidence: /^the store cannot be written to: SLUICE_ACCESS_DENIED$/,
  },
  {
    title: 'the store does not take a name',
    store: (driver) => ({
      ...driver,
      put: (key, ...rest) =>
        key.includes('\\')
          ? Promise.reject(new SluiceError('SLUICE_INVALID_KEY', 'no such names'))
          : driver.put!(key, ...rest),
    }),
    finds: ['canary-refused'],
    evidence: /^backslash: SLUICE_INVALID_KEY$/,
  },
  {
    title: 'the store does not give a file up',
    store: (driver) => ({
      ...driver,
      delete: () => Promise.reject(new SluiceError('SLUICE_IO', 'not now')),
    }),
    finds: ['canary-left'],
    evidence: /^plain$/,
  },
];

function sent(ctx: Koa.Context, name: string): string {
  return String(ctx.response.headers[name] ?? '');
}

/** Changes what the application answers. */
function after(change: (ctx: Koa.Context) => void): Koa.Middleware {
  return async (ctx, next) => {
    await next();
    change(ctx);
  };
}

/** Changes what the application is asked. */
function before(change: (ctx: Koa.Context) => void): Koa.Middleware {
  return async (ctx, next) => {
    change(ctx);
    await next();
  };
}
