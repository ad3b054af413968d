import type { RequestListener } from 'node:http';

import type Koa from 'koa';

/** The listener of an application that does not tell of clients that hang up at the end of a round. */
export function koaListener(app: Koa): RequestListener {
  app.silent = true;
  const callback = app.callback();
  return (request, response) => void callback(request, response);
}
