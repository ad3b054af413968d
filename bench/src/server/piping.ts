// Without Sluice: the answer of the store, handed on. No signature, no policy, no ranges, and no check of
// what came.
import { Agent, get, type IncomingMessage, type RequestListener } from 'node:http';
import { pipeline } from 'node:stream';

import Koa from 'koa';

import type { Stage } from '../stage.ts';
import { koaListener } from './koa-listener.ts';

/** As an application on Koa would write it. */
export function koaPiping({ store }: Stage): RequestListener {
  const ask = createAsk(store);
  const app = new Koa();
  app.use(async (ctx) => {
    const answer = await ask(ctx.path);
    ctx.status = answer.statusCode ?? 502;
    ctx.body = answer;
    // After the body, which has Koa forget the length and take a type of its own.
    ctx.set(factsOf(answer));
  });
  return koaListener(app);
}

/** The same on nothing but `node:http`. */
export function piping({ store }: Stage): RequestListener {
  const ask = createAsk(store);
  return (request, response) => {
    ask(request.url ?? '/').then(
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, factsOf(answer));
        // Unlike `pipe`, it ends the request to the store when the client hangs up.
        pipeline(answer, response, () => undefined);
      },
      () => response.writeHead(502).end(),
    );
  };
}

function createAsk(store: string | undefined): (path: string) => Promise<IncomingMessage> {
  if (store === undefined) throw new TypeError('the case has no store');
  const { hostname: host, port } = new URL(store);
  const agent = new Agent({ keepAlive: true });
  return (path) =>
    new Promise((resolve, reject) => {
      get({ host, port, path, agent }, resolve).on('error', reject);
    });
}

function factsOf({ headers }: IncomingMessage): Record<string, string> {
  const facts: Record<string, string> = {};
  for (const name of ['content-length', 'content-type', 'etag', 'last-modified'] as const) {
    const value = headers[name];
    if (value !== undefined) facts[name] = value;
  }
  return facts;
}
