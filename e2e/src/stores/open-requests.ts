import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';

/**
 * Counts the requests of this thread to an origin that are not over, from now on: each keeps a
 * connection from all others. One whose body was read to its end, or given up, is over.
 */
export function countRequests(origin: string): () => number {
  const { host } = new URL(origin);
  const open = new Set<ClientRequest>();
  subscribe('http.client.request.start', (message) => {
    const { request } = message as { readonly request: ClientRequest };
    if (request.getHeader('host') !== host) return;
    open.add(request);
    request.once('close', () => open.delete(request));
  });
  return () => open.size;
}
