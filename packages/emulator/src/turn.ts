import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Waits until those before it on the same connection have been answered, as front servers do with
 * what a client sends ahead (RFC 9112 §9.3.2). Node hands such requests over at once, and would tell
 * none of them but the first that the client has left.
 *
 * @returns whether the client is still there
 */
export function hasTurn({ socket }: IncomingMessage, res: ServerResponse): Promise<boolean> {
  if (res.socket !== null || socket.destroyed) return Promise.resolve(!socket.destroyed);
  return new Promise((resolve) => {
    const leavers = leaversOf.get(socket) ?? listenTo(socket);
    const leave = (): void => resolve(false);
    leavers.add(leave);
    res.once('socket', () => {
      leavers.delete(leave);
      resolve(true);
    });
  });
}

/** One listener on a connection for any number of requests, of which a client may send hundreds. */
const leaversOf = new WeakMap<Socket, Set<() => void>>();

function listenTo(socket: Socket): Set<() => void> {
  const leavers = new Set<() => void>();
  leaversOf.set(socket, leavers);
  socket.once('close', () => {
    for (const leave of leavers) leave();
  });
  return leavers;
}
