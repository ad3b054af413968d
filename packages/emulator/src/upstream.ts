import {
  createServer,
  type IncomingMessage,
  request,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { Duplex, duplexPair } from 'node:stream';

import { endToEnd, has, without } from './headers.ts';
import type { ClientRequest, FrontServer, HeaderLines } from './model.ts';

/** The application, as the front server reaches it. */
export interface Upstream {
  /**
   * Asks the application. It sees a request and a response of its own, on a connection in memory:
   * all that it does with them is what it would do behind a server, and nothing of it reaches the
   * client by itself.
   *
   * Rejects when the application closes the connection before the head of an answer, or the client
   * has left.
   */
  ask(question: Question, left: AbortSignal): Promise<UpstreamAnswer>;
}

/** A request as the server sends it to the application. */
export interface Question {
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderLines;
  /** Where the body comes from; `undefined` when there is none. */
  readonly body: IncomingMessage | undefined;
}

/** The application's answer, whose body is still to come. */
export interface UpstreamAnswer {
  readonly message: IncomingMessage;
  /** Closes the connection. What has not come of the body is not waited for. */
  hangUp(): void;
}

/** Tells the application of the front server from a client that has found it otherwise. */
export function isAskedByFront(socket: unknown): boolean {
  return socket instanceof Duplex && ours.has(socket);
}

/** Connects a front server to the listener of an application, which then needs no port. */
export function createUpstream(listener: RequestListener): Upstream {
  // It listens nowhere. Node takes any duplex stream for a connection.
  const server = createServer((req, res) => {
    responses.set(req.socket, res);
    return listener(req, res);
  });
  return {
    async ask(question, left) {
      left.throwIfAborted();
      const [near, far] = connectionPair();
      const leave = (): void => void near.destroy();
      left.addEventListener('abort', leave);
      try {
        server.emit('connection', far);
        const message = await send(question, near);
        return { message, hangUp: () => hangUp(message, near, far) };
      } finally {
        left.removeEventListener('abort', leave);
      }
    },
  };
}

/** Makes the headers of the request that the application sees. */
export function headersForApp(
  request: ClientRequest,
  server: FrontServer,
  client: string,
): HeaderLines {
  const told = server.tellsApp(request, client);
  const names = told.map(([name]) => name.toLowerCase());
  const kept = without(endToEnd(request.headers), ...names).filter(
    ([name]) => !server.keepsFromApp(name.toLowerCase()),
  );
  return [...kept, ...told];
}

const ours = new WeakSet<Duplex>();

const responses = new WeakMap<object, ServerResponse>();

/** What the application may read of the socket of a server in front of it. */
const ADDRESS = {
  remoteAddress: '127.0.0.1',
  remoteFamily: 'IPv4',
  remotePort: 1024,
  localAddress: '127.0.0.1',
  localPort: 80,
};

function connectionPair(): readonly [Duplex, Duplex] {
  const [near, far] = duplexPair();
  Object.assign(far, ADDRESS);
  ours.add(far);
  const swallow = (): void => undefined;
  near.on('error', swallow);
  far.on('error', swallow);
  near.once('close', () => void far.destroy());
  far.once('close', () => {
    // An end that was announced is still read.
    if (!far.writableEnded) near.destroy(new Error('the application closed the connection'));
  });
  return [near, far];
}

/** An answer that came as a whole is over for the application, too, before its connection goes. */
function hangUp(message: IncomingMessage, near: Duplex, far: Duplex): void {
  const response = responses.get(far);
  if (!message.complete || response === undefined || response.writableFinished) near.destroy();
  else response.once('finish', () => void near.destroy());
}

function send(question: Question, connection: Duplex): Promise<IncomingMessage> {
  const { method, target, headers, body } = question;
  const framing: HeaderLines =
    body === undefined || has(headers, 'content-length') ? [] : [['Transfer-Encoding', 'chunked']];

  return new Promise((resolve, reject) => {
    const asked = request({
      createConnection: () => connection,
      method,
      path: target,
      setHost: false,
      headers: [...headers, ...framing, ...PERSISTENT].flat(),
      maxHeaderSize: MOST_HEAD,
    });
    // Else Node closes the connection before the application has ended its answer.
    asked.shouldKeepAlive = true;
    asked.once('error', reject);
    asked.once('response', (message) => {
      asked.on('error', () => void connection.destroy());
      resolve(message);
    });
    if (body === undefined) asked.end();
    else body.pipe(asked);
  });
}

const PERSISTENT: HeaderLines = [['Connection', 'keep-alive']];

/** Larger than what any of the servers takes. */
const MOST_HEAD = 1 << 20;
