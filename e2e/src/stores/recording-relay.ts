import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Stands before a store, passes everything on, and keeps what the store was sent. */
export interface RecordingRelay {
  /** Where it is reached in the store's place. */
  readonly endpoint: string;
  /** All that came, a connection after the other, a character for each byte. */
  sent(): readonly string[];
  stop(): void;
}

/** Starts a relay to what listens at a URL. */
export async function startRecordingRelay(endpoint: string): Promise<RecordingRelay> {
  const { hostname, port } = new URL(endpoint);
  const connections: Buffer[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const pieces: Buffer[] = [];
    connections.push(pieces);
    const store = connect(Number(port), hostname);
    socket.on('data', (piece) => pieces.push(piece));
    for (const [one, other] of [
      [socket, store],
      [store, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    sent: () => connections.map((pieces) => Buffer.concat(pieces).toString('latin1')),
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
