import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { StorageKey } from '@sluice/core';

import { createS3Driver, type S3Driver, type S3DriverOptions } from '../../src/index.ts';

/** A request as it came in. */
interface SeenRequest {
  readonly method: string;
  /** Path and query, as on the wire. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An answer, or whatever else a store may do to a request. */
export type Answer = GivenAnswer | ((response: ServerResponse, request: SeenRequest) => void);

/** An answer as it stands. */
export interface GivenAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** A store that does what it is told, request by request. */
export interface ScriptedStore {
  readonly endpoint: string;
  readonly requests: SeenRequest[];
  /** Answers that come next; after the last of them, `otherwise`. */
  script(...answers: Answer[]): void;
  otherwise(answer: Answer): void;
  /** Connections that are open now. */
  connections(): Promise<number>;
  driver(options?: Partial<S3DriverOptions>): S3Driver;
}

/** What a test offers: AVA's `t`. */
interface Teardown {
  teardown(run: () => Promise<void> | void): void;
}

export const BUCKET = 'bucket-of-tests';

export const SECRETS = { accessKeyId: 'AKIDOFTESTS', secretAccessKey: 'secret-of-tests' } as const;

export const KEY = 'folder/private-name.bin' as StorageKey;

/** Starts a store on the loopback, which ends with the test. */
export async function startScriptedStore(t: Teardown): Promise<ScriptedStore> {
  const requests: SeenRequest[] = [];
  const answers: Answer[] = [];
  let otherwise: Answer = { status: 500 };
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => void pieces.push(piece));
    request.on('end', () => {
      const { method = '', url: target = '', headers } = request;
      const seen = { method, target, headers, body: Buffer.concat(pieces) };
      requests.push(seen);
      give(answers.shift() ?? otherwise, response, seen);
    });
  });
  // By itself it would end connections at rest in the middle of a slow test.
  server.keepAliveTimeout = 600_000;
  server.on('connection', (socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    endpoint,
    requests,
    script: (...more) => void answers.push(...more),
    otherwise(answer) {
      otherwise = answer;
    },
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    driver(options = {}) {
      const driver = createS3Driver({ bucket: BUCKET, endpoint, credentials: SECRETS, ...options });
      t.teardown(() => driver.close());
      return driver;
    },
  };
}

/** The head of an object, as most stores give it. */
export function head(size: number, headers: Readonly<Record<string, string>> = {}): GivenAnswer {
  return {
    status: 200,
    headers: {
      'content-length': String(size),
      etag: '"tag-1"',
      'last-modified': 'Sun, 01 Nov 2026 10:00:00 GMT',
      'content-type': 'text/x-told',
      ...headers,
    },
  };
}

/** A window of an object, as most stores give it. */
export function part(
  bytes: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
  headers: Readonly<Record<string, string>> = {},
): GivenAnswer {
  return {
    status: 206,
    headers: {
      'content-range': `bytes ${start}-${end - 1}/${bytes.byteLength}`,
      etag: '"tag-1"',
      'last-modified': 'Sun, 01 Nov 2026 10:00:00 GMT',
      ...headers,
    },
    body: bytes.subarray(start, end),
  };
}

/** A refusal in the words of S3. */
export function refusal(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>of ${KEY} in ${BUCKET}</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml', ...headers }, body };
}

function give(answer: Answer, response: ServerResponse, request: SeenRequest): void {
  if (typeof answer === 'function') return answer(response, request);
  const { status, headers = {}, body = '' } = answer;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  response.writeHead(status, { 'content-length': String(bytes.byteLength), ...headers });
  // RFC 9110 §9.3.2: the answer to HEAD has no body, whatever its length says.
  response.end(request.method === 'HEAD' ? undefined : bytes);
}
