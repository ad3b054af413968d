import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Gives a port of the loopback that the kernel says is free. Somebody else may take it before it is
 * used, so whoever starts a server on it must be ready to try another.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a port');
  server.close();
  await once(server, 'close');
  return address.port;
}

/** Waits until something accepts connections on a port; `false` once `isOver` says to give up. */
export async function isListening(port: number, isOver: () => boolean): Promise<boolean> {
  while (!isOver()) {
    if (await accepts(port)) return true;
    await delay(20);
  }
  return false;
}

/** Whether something accepts connections on a port now. */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
