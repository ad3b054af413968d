import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';

import { quote } from '@sluice/core';
import type { ServerName } from '@sluice/core/offload';

import { frontListener } from './emulate.ts';
import type { EmulatorOptions } from './options.ts';

/** An application of Koa, or anything else that answers requests of `node:http`. */
export type Application = RequestListener | { callback(): RequestListener };

/**
 * Runs a test against an application behind an emulated front server. It listens on a free port of
 * the loopback for as long as the test takes.
 *
 * @param use gets the origin: `http://127.0.0.1:43211`
 * @returns what the test returns
 *
 * @example
 * await withFrontServer('nginx', { roots: '/srv/private' }, app, async (origin) => {
 *   const response = await fetch(`${origin}/files/report.pdf`);
 *   assert.equal(response.headers.get('content-disposition'), 'attachment; filename="report.pdf"');
 * });
 *
 * @throws TypeError for an unknown server or a mistake in the options, quoting the value
 */
export async function withFrontServer<T>(
  server: ServerName,
  options: EmulatorOptions,
  app: Application,
  use: (origin: string) => T | Promise<T>,
): Promise<T> {
  const front = createServer(frontListener(server, options, listenerOf(app)));
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  try {
    return await use(originOf(front.address()));
  } finally {
    const closed = once(front, 'close');
    front.close();
    front.closeAllConnections();
    await closed;
  }
}

function listenerOf(app: Application): RequestListener {
  if (typeof app === 'function') return app;
  if (typeof app === 'object' && app !== null && typeof app.callback === 'function') {
    return app.callback();
  }
  throw new TypeError(
    `withFrontServer: app must be a Koa application or a listener, got ${quote(app)}`,
  );
}

function originOf(address: ReturnType<ReturnType<typeof createServer>['address']>): string {
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}
