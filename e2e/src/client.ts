import { connect, type Socket } from 'node:net';

/** One request, written as it stands: nothing is encoded, joined or repaired. */
export interface Ask {
  /** Default: `GET`. */
  readonly method?: string | undefined;
  /** The request target, a character for each byte. */
  readonly target: string;
  /** A list of values makes that many lines. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  readonly body?: string | undefined;
  /** Default: `1.1`. */
  readonly version?: '1.0' | '1.1' | undefined;
  /** Hang up after so many bytes of the body, or milliseconds of it. */
  readonly stop?: { readonly bytes: number } | { readonly after: number } | undefined;
}

/** One answer, as it came. */
export interface Answer {
  readonly status: number;
  /** In order; names in lower case; a field that comes twice is there twice. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Without the framing of chunks. */
  readonly body: Buffer;
  /** Whether the body came to the end that its framing announced, and nothing came after it. */
  readonly complete: boolean;
}

/** Sends one request on a connection of its own. Rejects when no whole head comes in time. */
export async function exchange(port: number, ask: Ask): Promise<Answer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const received = receive(socket, ask);
  socket.write(requestOf(ask, port), 'latin1');
  try {
    return answerOf(await received, ask);
  } finally {
    socket.destroy();
  }
}

/**
 * Sends requests one after the other on one connection, each once the answer before it is whole. A
 * byte too many or too few shifts all that follow, and rejects.
 */
export async function converse(port: number, asks: readonly Ask[]): Promise<readonly Answer[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const answers: Answer[] = [];
  try {
    for (const ask of asks) {
      const answer = nextAnswer(socket, ask);
      socket.write(
        requestOf({ ...ask, headers: { connection: 'keep-alive', ...ask.headers } }, port),
      );
      answers.push(await answer);
    }
  } finally {
    socket.destroy();
  }
  return answers;
}

/** The value of a field; lines of the same name are joined with a bar, to be seen in any test. */
export function field({ headers }: Pick<Answer, 'headers'>, name: string): string | undefined {
  const values = headers.filter((header) => header[0] === name).map((header) => header[1]);
  return values.length === 0 ? undefined : values.join(' | ');
}

/** Milliseconds after which a server that says nothing more has failed the test. */
const PATIENCE = 30_000;

function requestOf({ method = 'GET', target, headers, body, version = '1.1' }: Ask, port: number) {
  const fields = Object.entries({
    host: `127.0.0.1:${port}`,
    connection: 'close',
    ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  });
  const lines = fields.flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((one) => `${name}: ${one}`),
  );
  return [`${method} ${target} HTTP/${version}`, ...lines, '', body ?? ''].join('\r\n');
}

function nextAnswer(socket: Socket, ask: Ask): Promise<Answer> {
  const pieces: Buffer[] = [];
  const label = `${ask.method ?? 'GET'} ${ask.target}`;
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => finish(() => reject(new Error(`${label}: ${why}`)));
    const finish = (then: () => void): void => {
      clearTimeout(deadline);
      socket.removeAllListeners();
      // Whatever comes between two answers belongs to none.
      socket.on('data', () => socket.destroy());
      socket.on('error', () => undefined);
      then();
    };
    const deadline = setTimeout(fail, PATIENCE, `no whole answer in ${PATIENCE} ms`);
    socket.removeAllListeners();
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('the connection was closed'));
    socket.on('data', (piece) => {
      pieces.push(piece);
      const bytes = Buffer.concat(pieces);
      if (!bytes.includes('\r\n\r\n')) return;
      const answer = answerOf({ bytes, ended: false }, ask);
      if (answer.complete) finish(() => resolve(answer));
    });
  });
}

interface Received {
  readonly bytes: Buffer;
  /** Whether the server closed in order. */
  readonly ended: boolean;
}

function receive(socket: Socket, { method, target, stop }: Ask): Promise<Received> {
  const pieces: Buffer[] = [];
  let count = 0;
  let headLength: number | undefined;
  return new Promise((resolve, reject) => {
    const finish = (ended: boolean): void => {
      clearTimeout(deadline);
      resolve({ bytes: Buffer.concat(pieces), ended });
    };
    const deadline = setTimeout(() => {
      reject(new Error(`${method ?? 'GET'} ${target}: no end of the answer in ${PATIENCE} ms`));
    }, PATIENCE);
    socket.on('error', () => finish(false));
    socket.on('end', () => finish(true));
    socket.on('close', () => finish(false));
    socket.on('data', (piece) => {
      pieces.push(piece);
      count += piece.length;
      if (stop === undefined) return;
      if (headLength === undefined) {
        const end = Buffer.concat(pieces).indexOf('\r\n\r\n');
        if (end === -1) return;
        headLength = end + 4;
        if ('after' in stop) setTimeout(finish, stop.after, false);
      }
      if ('bytes' in stop && count >= headLength + stop.bytes) finish(false);
    });
  });
}

function answerOf({ bytes, ended }: Received, { method, target }: Ask): Answer {
  const end = bytes.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, Math.max(end, 0)).split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: [^\r\n]*)?$/.exec(statusLine)?.[1];
  if (end === -1 || status === undefined) {
    const seen = JSON.stringify(bytes.toString('latin1', 0, 300));
    throw new Error(`${method ?? 'GET'} ${target}: no answer, but ${seen}`);
  }
  const headers = lines.map(parseField);
  const rest = bytes.subarray(end + 4);
  const framed = frameOf(method, Number(status), headers, rest);
  return { status: Number(status), headers, ...(framed ?? { body: rest, complete: ended }) };
}

function parseField(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  if (colon < 1 || /[\r\n\0]/.test(line)) {
    throw new Error(`not a header line: ${JSON.stringify(line)}`);
  }
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

type Framed = Pick<Answer, 'body' | 'complete'>;

/** RFC 9112 §6.3; `undefined` where the end of the connection is the end of the body. */
function frameOf(
  method: string | undefined,
  status: number,
  headers: Answer['headers'],
  rest: Buffer,
): Framed | undefined {
  if (method === 'HEAD' || status === 204 || status === 304) {
    return { body: rest, complete: rest.length === 0 };
  }
  if (field({ headers }, 'transfer-encoding') === 'chunked') return unchunk(rest);
  const length = field({ headers }, 'content-length');
  if (length === undefined) return undefined;
  return { body: rest, complete: /^\d+$/.test(length) && rest.length === Number(length) };
}

function unchunk(bytes: Buffer): Framed {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, Math.max(lineEnd, at)), 16);
    if (lineEnd === -1 || Number.isNaN(size)) {
      return { body: Buffer.concat(parts), complete: false };
    }
    const start = lineEnd + 2;
    if (size === 0) return { body: Buffer.concat(parts), complete: bytes.length === start + 2 };
    parts.push(bytes.subarray(start, start + size));
    at = start + size + 2;
  }
}
