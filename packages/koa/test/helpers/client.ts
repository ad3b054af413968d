import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import type { ExecutionContext } from 'ava';

/** A response as it came on the wire, strictly framed. */
export interface WireResponse {
  readonly status: number;
  /** Names in lower case. A field that comes twice is joined with a bar, to be seen in any test. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** One connection to a server, byte by byte. */
export interface Connection {
  readonly socket: Socket;
  send(text: string | Buffer): void;
  /** Waits for a complete response; rejects when the connection ends within it. */
  response(method?: string): Promise<WireResponse>;
  /** Waits until some bytes of whatever kind have come. */
  someBytes(count?: number): Promise<void>;
  /** How the connection ended. */
  readonly closed: Promise<'end' | 'reset'>;
  /** Bytes that came and belong to no response yet. */
  readonly rest: () => Buffer;
}

/** Opens a connection to a port or a local socket; it is closed at the end of the test. */
export async function openConnection(
  t: ExecutionContext,
  address: number | string,
): Promise<Connection> {
  const socket =
    typeof address === 'string'
      ? connect({ path: address })
      : connect({ port: address, host: '127.0.0.1', noDelay: true });
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return converse(socket);
}

/** A request without a body, as lines on the wire. */
export function head(
  method: string,
  target: string,
  headers: readonly string[] = [],
  version = '1.1',
): string {
  return [`${method} ${target} HTTP/${version}`, 'Host: test', ...headers, '', ''].join('\r\n');
}

/** Sends one request on a connection of its own, which must end properly after the response. */
export async function exchange(
  t: ExecutionContext,
  port: number,
  method: string,
  target: string,
  headers: readonly string[] = [],
): Promise<WireResponse> {
  const connection = await openConnection(t, port);
  connection.send(head(method, target, [...headers, 'Connection: close']));
  const response = await connection.response(method);
  t.is(await connection.closed, 'end');
  t.is(connection.rest().length, 0, 'no bytes follow the response');
  return response;
}

function converse(socket: Socket): Connection {
  let pieces: Buffer[] = [];
  let count = 0;
  let over = false;
  let wake = (): void => undefined;
  const closed = new Promise<'end' | 'reset'>((resolve) => {
    let how: 'end' | 'reset' = 'end';
    socket.on('error', () => {
      how = 'reset';
    });
    socket.on('close', () => {
      over = true;
      wake();
      resolve(how);
    });
  });
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece);
    count += piece.length;
    wake();
  });
  const upTo = async (least: number): Promise<void> => {
    for (;;) {
      if (count >= least) return;
      if (over) throw new Error(`the connection ended after ${count} bytes of a response`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  /** Joins what came; long bodies come in thousands of pieces, so not each time. */
  const joined = (): Buffer => {
    const bytes = Buffer.concat(pieces, count);
    pieces = [bytes];
    return bytes;
  };
  return {
    socket,
    closed,
    send: (text) => void socket.write(text),
    rest: joined,
    someBytes: (least = 1) => upTo(least),
    async response(method = 'GET') {
      let least = 1;
      for (;;) {
        await upTo(least);
        const bytes = joined();
        const parsed = parseResponse(bytes, method);
        if (parsed.response !== undefined) {
          pieces = [bytes.subarray(parsed.length)];
          count -= parsed.length;
          return parsed.response;
        }
        least = parsed.length;
      }
    },
  };
}

interface Parsed {
  readonly response: WireResponse | undefined;
  /** Bytes of the response with its head, or that are needed to know more. */
  readonly length: number;
}

function parseResponse(bytes: Buffer, method: string): Parsed {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return { response: undefined, length: bytes.length + 1 };
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) [\t -~]*$/.exec(statusLine)?.[1];
  if (status === undefined) throw new Error(`not a status line: ${JSON.stringify(statusLine)}`);
  const headers = parseHeaders(lines);
  const start = end + 4;
  const length = bodyLength(method, Number(status), headers);
  if (bytes.length < start + length) return { response: undefined, length: start + length };
  const body = bytes.subarray(start, start + length);
  return { response: { status: Number(status), headers, body }, length: start + length };
}

function parseHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t -~]*)$/.exec(line);
    if (field === null) throw new Error(`not a header line: ${JSON.stringify(line)}`);
    const name = field[1]!.toLowerCase();
    headers[name] = name in headers ? `${headers[name]}|${field[2]}` : field[2]!;
  }
  return headers;
}

/** RFC 9112 §6.3; every answer of Sluice and of Koa has a length. */
function bodyLength(method: string, status: number, headers: Record<string, string>): number {
  if ('transfer-encoding' in headers) throw new Error('an answer without a length');
  if (method === 'HEAD' || status === 304 || status === 204) return 0;
  const length = headers['content-length'] ?? '';
  if (!/^\d+$/.test(length)) throw new Error(`not a length: ${JSON.stringify(length)}`);
  return Number(length);
}
