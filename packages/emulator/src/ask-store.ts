import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

import type { StoreQuestion } from './model.ts';

/**
 * Asks a store for an object.
 *
 * @returns its answer, with the body to come; `undefined` when there is none
 */
export function askStore(
  { origin, target, headers }: StoreQuestion,
  signal: AbortSignal,
): Promise<IncomingMessage | undefined> {
  const { protocol, hostname, port } = new URL(origin);
  const request = protocol === 'https:' ? requestHttps : requestHttp;
  const host = hostname.replaceAll(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const asked = request(
      { host, port, path: target, headers: headers.flat(), agent: false, signal },
      (answer) => {
        // Whoever reads the body sees it break; nobody reads that of an error.
        answer.on('error', () => undefined);
        resolve(answer);
      },
    );
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}
