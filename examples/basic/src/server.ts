import { once } from 'node:events';
import type { Server } from 'node:http';

/** Where a server of `node:http` listens on this machine: `http://127.0.0.1:3000`. */
export function originOf(server: Server): string {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return `http://127.0.0.1:${port}`;
}

/** Stops to listen and waits for the downloads that run, five seconds at most. */
export async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const late = setTimeout(() => server.closeAllConnections(), PATIENCE);
  await closed;
  clearTimeout(late);
}

/** In milliseconds. */
const PATIENCE = 5000;
