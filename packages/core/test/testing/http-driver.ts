import { Agent, type IncomingMessage, request } from 'node:http';

import { onSilence } from '../../src/drivers/silence.ts';
import { SluiceError } from '../../src/errors.ts';
import { parseKey, type StorageKey } from '../../src/keys/storage-key.ts';
import type {
  Call,
  ObjectHandle,
  ObjectStat,
  SignedUrl,
  SignOptions,
  DriverWith,
  Window,
} from '../../src/storage/driver.ts';
import type { NetworkAddress } from '../../src/testing/index.ts';
import { signatureOf } from './http-store.ts';

/** What such a driver may do wrong, for the checks that must see it. */
export type HttpFlaw =
  | 'passes errors of the socket on'
  | 'keeps a dead connection'
  | 'takes a cut answer for no object'
  | 'ends where the connection ends'
  | 'passes on more than was asked for'
  | 'takes every status for success'
  | 'forgets Retry-After'
  | 'takes a refusal for a missing object'
  | 'takes a missing root for a missing object'
  | 'takes 200 for 206'
  | 'looks at no Content-Range'
  | 'looks at no ETag'
  | 'follows redirects with its token'
  | 'sends no If-Match'
  | 'waits for the reader'
  | 'waits for a silent body'
  | 'waits for a silent head'
  | 'limits the whole body'
  | 'hears no abort while it waits'
  | 'keeps the connections of bodies that are left'
  | 'keeps its connections when it is closed';

export interface HttpDriverOptions {
  readonly address: NetworkAddress;
  readonly root: string;
  readonly token: string;
  /** Milliseconds. */
  readonly patience: number;
  readonly flaws?: ReadonlySet<HttpFlaw>;
}

type Connection = Omit<HttpDriverOptions, 'flaws'> & {
  readonly agent: Agent;
  readonly has: (flaw: HttpFlaw) => boolean;
};

interface Question extends Call {
  readonly method: 'GET' | 'HEAD';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A driver that reads over HTTP, with everything that a driver of a far store must heed. */
export function createHttpDriver({
  flaws = new Set(),
  ...options
}: HttpDriverOptions): DriverWith<'close'> {
  const agent = new Agent({ keepAlive: true });
  const connection: Connection = { ...options, agent, has: (flaw) => flaws.has(flaw) };
  let closed = false;
  const stat = async (key: StorageKey, call: Call = {}): Promise<ObjectStat | undefined> => {
    if (closed) throw new SluiceError('SLUICE_ABORTED', 'the driver is closed');
    if (parseKey(key) === undefined) return undefined;
    const path = pathOf(connection, key);
    const asked = ask(connection, { ...call, method: 'HEAD', path });
    const answer = await asked.catch((error: unknown) => {
      if (connection.has('takes a cut answer for no object') && isLost(error)) return undefined;
      throw error;
    });
    if (answer === undefined) return undefined;
    answer.resume();
    return isMissing(connection, answer) ? undefined : statOf(answer);
  };
  return {
    name: 'http',
    stat,
    async open(key, call) {
      const found = await stat(key, call);
      return found && openHandle(connection, key, found);
    },
    async close() {
      closed = true;
      if (!connection.has('keeps its connections when it is closed')) agent.destroy();
    },
  };
}

export function signHttpUrl(
  { address, root }: Pick<HttpDriverOptions, 'address' | 'root'>,
  key: StorageKey,
  options: SignOptions,
): SignedUrl | undefined {
  const { expiresIn, version, headers = {}, signal } = options;
  if (signal?.aborted) throw aborted(signal);
  if (parseKey(key) === undefined) return undefined;
  if (!Number.isSafeInteger(expiresIn) || expiresIn < 1 || expiresIn > 604_800) {
    throw new SluiceError('SLUICE_CONFIG', 'the store signs for 1 second to 7 days');
  }
  if (Object.keys(headers).some((name) => name.startsWith('x-'))) return undefined;
  const path = pathOf({ root }, key);
  const expires = Math.floor(Date.now() / 1000) + expiresIn;
  const signed = { path, expires, version: version?.token ?? '', headers: JSON.stringify(headers) };
  const url = new URL(path, `http://${address.host}:${address.port}`);
  url.search = new URLSearchParams({
    expires: String(expires),
    version: signed.version,
    headers: signed.headers,
    signature: signatureOf(signed),
  }).toString();
  return { url: url.href, expires: expires * 1000, pinned: version !== undefined };
}

function openHandle(connection: Connection, key: StorageKey, stat: ObjectStat): ObjectHandle {
  let closed = false;
  return {
    key,
    stat,
    async read({ start, end }, call) {
      const inside = Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end;
      if (!inside || end > stat.size) throw new SluiceError('SLUICE_RANGE', 'not inside');
      if (closed) throw new SluiceError('SLUICE_ABORTED', 'the object is closed');
      if (call?.signal?.aborted) throw aborted(call.signal);
      if (start === end) return new Uint8Array(0);
      return readWindow(connection, { key, stat, window: { start, end } }, call);
    },
    async close() {
      closed = true;
    },
  };
}

interface Wanted {
  readonly key: StorageKey;
  readonly stat: ObjectStat;
  readonly window: Window;
}

async function readWindow(
  connection: Connection,
  { key, stat, window }: Wanted,
  call: Call | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  const { start, end } = window;
  const answer = await ask(connection, {
    ...call,
    method: 'GET',
    path: pathOf(connection, key),
    headers: {
      range: `bytes=${start}-${end - 1}`,
      ...(!connection.has('sends no If-Match') && { 'if-match': stat.entityTag ?? '' }),
    },
  });
  try {
    assertWanted(connection, { key, stat, window }, answer);
  } catch (error) {
    answer.destroy();
    throw error;
  }
  const body = bodyOf(connection, answer, window, call?.signal);
  const leave = (): Promise<IteratorResult<Uint8Array, void>> => {
    // A generator that was never asked for a piece does not come to its `finally`.
    if (!connection.has('keeps the connections of bodies that are left')) answer.destroy();
    return body.return();
  };
  return { [Symbol.asyncIterator]: () => ({ next: () => body.next(), return: leave }) };
}

function assertWanted(
  { has }: Connection,
  { stat, window: { start, end } }: Wanted,
  answer: IncomingMessage,
): void {
  const { statusCode, headers } = answer;
  const changed = (): never => {
    throw new SluiceError('SLUICE_VERSION_CHANGED', 'the store gives another version');
  };
  if (statusCode === 404 || statusCode === 412) changed();
  if (statusCode !== 206 && !(statusCode === 200 && has('takes 200 for 206'))) {
    throw new SluiceError('SLUICE_IO', `the store answers ${statusCode}`);
  }
  if (headers.etag !== stat.entityTag && !has('looks at no ETag')) changed();
  const range = `bytes ${start}-${end - 1}/${stat.size}`;
  const looks = !has('looks at no Content-Range') && !has('takes 200 for 206');
  if (headers['content-range'] !== range && looks) changed();
}

async function* bodyOf(
  { has, patience }: Connection,
  answer: IncomingMessage,
  { start, end }: Window,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const silent = (): void =>
    void answer.destroy(new SluiceError('SLUICE_TIMEOUT', 'the store is silent'));
  const abort = (): void => void (signal && answer.destroy(aborted(signal)));
  signal?.addEventListener('abort', abort);
  const always = has('waits for the reader') || has('limits the whole body');
  const whole = always ? setTimeout(silent, patience) : undefined;
  const pieces = answer[Symbol.asyncIterator]();
  let left = end - start;
  try {
    for (;;) {
      const stop =
        always || has('waits for a silent body') ? undefined : onSilence(patience, silent);
      const step = await pieces.next().finally(stop);
      if (step.done === true) break;
      if (has('waits for the reader')) whole?.refresh();
      const piece = step.value as Buffer;
      if (has('takes 200 for 206') && piece.byteLength >= left) {
        yield piece.subarray(0, left);
        return;
      }
      left -= piece.byteLength;
      if (left < 0 && !has('passes on more than was asked for')) throw cut();
      yield piece;
    }
    if (left > 0) throw cut();
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    if (has('passes errors of the socket on')) throw error;
    if (has('ends where the connection ends')) return;
    throw cut();
  } finally {
    clearTimeout(whole);
    signal?.removeEventListener('abort', abort);
    if (!has('keeps the connections of bodies that are left')) answer.destroy();
  }
}

/** Asks, and gives an answer that is none of a store in trouble. */
async function ask(connection: Connection, question: Question): Promise<IncomingMessage> {
  const answer = await exchange(connection, question);
  const { has } = connection;
  const { statusCode = 0, headers } = answer;
  const fail = (...[code, message, options]: ConstructorParameters<typeof SluiceError>): never => {
    answer.resume();
    throw new SluiceError(code, message, options);
  };
  if (has('takes every status for success')) return answer;
  if (statusCode === 429 || statusCode >= 500) {
    const retryAfter = has('forgets Retry-After') ? Number.NaN : Number(headers['retry-after']);
    const options = Number.isNaN(retryAfter) ? {} : { retryAfter };
    fail('SLUICE_UNAVAILABLE', 'the store is busy', options);
  }
  if (statusCode === 403 && !has('takes a refusal for a missing object')) {
    fail('SLUICE_ACCESS_DENIED', 'the store refuses the credentials');
  }
  if (headers['x-error'] && !has('takes a missing root for a missing object')) {
    fail('SLUICE_CONFIG', 'there is no such root');
  }
  if (statusCode >= 300 && statusCode < 400) {
    if (!has('follows redirects with its token')) fail('SLUICE_IO', 'the store sends elsewhere');
    answer.resume();
    const { hostname, port, pathname } = new URL(headers.location ?? '');
    const address = { host: hostname, port: Number(port) };
    return exchange({ ...connection, address }, { ...question, path: pathname });
  }
  return answer;
}

function exchange(connection: Connection, question: Question): Promise<IncomingMessage> {
  const { address, token, agent, patience, has } = connection;
  const { method, path, headers, signal } = question;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal));
    if (has('keeps a dead connection') && lost.has(agent)) return reject(unreached());
    const asked = request({
      ...address,
      method,
      path,
      agent,
      headers: { ...headers, authorization: `Bearer ${token}` },
    });
    const silent = (): void => {
      asked.destroy(new SluiceError('SLUICE_TIMEOUT', 'the store is silent'));
    };
    const abort = (): void => void (signal && asked.destroy(aborted(signal)));
    const stop = has('waits for a silent head') ? undefined : onSilence(patience, silent);
    if (!has('hears no abort while it waits')) signal?.addEventListener('abort', abort);
    const done = (): void => {
      stop?.();
      signal?.removeEventListener('abort', abort);
    };
    asked.on('error', (error) => {
      done();
      lost.add(agent);
      if (error instanceof SluiceError || has('passes errors of the socket on')) reject(error);
      else reject(unreached(error));
    });
    asked.on('response', (answer) => {
      done();
      // An error after the body was left is nobody's any more.
      answer.on('error', () => undefined);
      resolve(answer);
    });
    asked.end();
  });
}

/** Those through which a connection was lost. */
const lost = new WeakSet<Agent>();

function isMissing({ has }: Connection, { statusCode }: IncomingMessage): boolean {
  if (statusCode === 404 || (statusCode === 403 && has('takes a refusal for a missing object'))) {
    return true;
  }
  if (statusCode === 200 || has('takes every status for success')) return false;
  throw new SluiceError('SLUICE_IO', `the store answers ${statusCode}`);
}

function statOf({ headers }: IncomingMessage): ObjectStat {
  const { etag = '""' } = headers;
  const modified = headers['x-modified'];
  const coding = headers['x-coding'];
  return {
    size: Number(headers['content-length'] ?? 0),
    version: { token: etag.slice(1, -1), hold: 'condition' },
    entityTag: etag,
    ...(modified !== undefined && { lastModified: Number(modified) }),
    ...(headers['content-type'] !== undefined && { contentType: headers['content-type'] }),
    ...(typeof coding === 'string' && { contentEncoding: coding }),
  };
}

function pathOf({ root }: Pick<Connection, 'root'>, key: StorageKey): string {
  return `/${root}/${key.split('/').map(encodeURIComponent).join('/')}`;
}

function isLost(error: unknown): boolean {
  return error instanceof SluiceError && error.cause instanceof Error;
}

function unreached(cause?: Error): SluiceError {
  return new SluiceError('SLUICE_UNAVAILABLE', 'the store is not reached', { cause });
}

function cut(): SluiceError {
  return new SluiceError('SLUICE_TRUNCATED', 'the store gives another length');
}

function aborted(signal: AbortSignal): SluiceError {
  return new SluiceError('SLUICE_ABORTED', 'the caller ended the call', { cause: signal.reason });
}
