import type { RequestListener } from 'node:http';

import Koa from 'koa';

import type { Case } from '../cases.ts';
import type { Stage } from '../stage.ts';
import { bytesOf } from '../fixture.ts';
import { koaListener } from './koa-listener.ts';

/** Answers with what the case expects, from memory, on nothing but `node:http`. */
export function fromMemory({ subject }: Stage): RequestListener {
  const bodies = bodiesOf(subject);
  const { status } = subject.expected;
  return (request, response) => {
    const body = bodies.get(request.url ?? '') ?? NOTHING;
    if (status === 304) {
      response.writeHead(status, FACTS);
    } else {
      response.writeHead(status, {
        ...FACTS,
        'Content-Type': 'application/octet-stream',
        'Content-Length': body.length,
      });
    }
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}

/** The same through Koa, as an application would write it. */
export function koaFromMemory({ subject }: Stage): RequestListener {
  const bodies = bodiesOf(subject);
  const { status } = subject.expected;
  const app = new Koa();
  app.use((ctx) => {
    ctx.status = status;
    ctx.set(FACTS);
    if (status === 304) return;
    ctx.type = 'application/octet-stream';
    ctx.body = bodies.get(ctx.path) ?? NOTHING;
  });
  return koaListener(app);
}

const FACTS = { ETag: '"1-1"', 'Last-Modified': 'Thu, 29 Feb 2024 12:00:00 GMT' };

const NOTHING: Buffer = Buffer.from('Not Found');

function bodiesOf({ files, expected }: Case): ReadonlyMap<string, Buffer> {
  const [window] = expected.windows;
  return new Map(
    files.map(({ path, size }) => {
      // A HEAD announces what it does not send.
      const { start, end } = window ?? { start: 0, end: expected.length ?? 0 };
      return [`/${path}`, size === 0 || end === 0 ? NOTHING : bytesOf(path, start, end)];
    }),
  );
}
