import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** One request, as it came on the wire. */
export interface StoreRequest {
  /** `GET /bucket/a?x HTTP/1.1`. */
  readonly line: string;
  /** The request target, byte for byte. */
  readonly target: string;
  /** In order, names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What is answered, as it stands; `undefined` ends the connection. */
export type StoreReply = readonly (string | Uint8Array | undefined)[];

/** A store that writes down what it is asked, and answers what a test tells it to. */
export interface RecordingStore {
  readonly origin: string;
  /** What it was asked, the latest last. */
  readonly requests: readonly StoreRequest[];
  /** How many connections it was opened. */
  connections(): number;
  stop(): void;
}

/** Starts a store on a port of its own; with a certificate it speaks TLS. */
export async function startRecordingStore(
  reply: (request: StoreRequest) => StoreReply,
  certificate?: { readonly cert: string; readonly key: string },
): Promise<RecordingStore> {
  const requests: StoreRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const serve = (socket: Socket): void => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const request = parse(text.slice(0, end));
        text = text.slice(end + 4);
        requests.push(request);
        send(socket, reply(request));
      }
    });
  };
  const server: Server =
    certificate === undefined ? createServer(serve) : createTlsServer(certificate, serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return {
    origin: `${certificate === undefined ? 'http' : 'https'}://localhost:${address.port}`,
    requests,
    connections: () => connections,
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** What comes where a request line belongs, as a body would, is seen in `line`. */
function parse(head: string): StoreRequest {
  const [line = '', ...fields] = head.split('\r\n');
  const headers = fields.map((field) => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
  });
  return { line, target: line.split(' ')[1] ?? '', headers };
}

function send(socket: Socket, reply: StoreReply): void {
  for (const part of reply) {
    if (part === undefined) socket.destroySoon();
    else socket.write(part, 'latin1');
  }
}
