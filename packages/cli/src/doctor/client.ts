import http from 'node:http';
import https from 'node:https';

import { parseKey, urlForKey } from '@sluice/core';
import { PROBE_HEADER, signProbe } from '@sluice/core/probe';

/** A request of the doctor: one that is signed, for a key, or any other, for a target. */
export type Ask = {
  /** Default: `GET`. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
} & (
  | { readonly key: string; readonly target?: undefined }
  /** As it is put on the wire. */
  | { readonly target: string; readonly key?: undefined }
);

/** An answer as it came. */
export interface Reply {
  /** The request, for evidence: `GET /files/a.txt`. */
  readonly asked: string;
  readonly status: number;
  /** Names in lower case, one entry a line, in the order in which they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Speaks to a deployment over one connection at a time, as far as that one is kept. */
export interface Client {
  /** The path below which keys lie; ends with `/`. */
  readonly base: string;
  /** @throws NoReplyError when no answer comes, or it breaks off */
  ask(ask: Ask): Promise<Reply>;
  /** Every answer so far; of large bodies only the length is known. */
  readonly replies: readonly Reply[];
  close(): void;
}

/** What {@link createClient} takes. */
export interface ClientOptions {
  /** The address of the downloads; its path ends with `/`. */
  readonly url: URL;
  readonly secret: string;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds in which an answer must come. */
  readonly timeout: number;
}

/** No answer came, or it broke off. */
export class NoReplyError extends Error {
  override readonly name = 'NoReplyError';
}

/** Creates a client. It sends paths and reads headers as they are, which `fetch` does not. */
export function createClient(options: ClientOptions): Client {
  const { url } = options;
  const agent = agentFor(url);
  const replies: Reply[] = [];
  return {
    base: url.pathname,
    replies,
    async ask(ask) {
      const request = requestFor(ask, options);
      const reply = await exchange(request, agent, options);
      const isLarge = reply.body.length > LONGEST_KEPT;
      replies.push(isLarge ? { ...reply, body: Buffer.alloc(0) } : reply);
      return reply;
    },
    close: () => agent.destroy(),
  };
}

/** Gives the values of all lines of a header. */
export function valuesOf({ headers }: Reply, name: string): readonly string[] {
  return headers.filter(([given]) => given === name).map(([, value]) => value);
}

/** Shows an answer in evidence: `GET /files/a.txt → 404`. */
export function shown({ asked, status }: Reply): string {
  return `${withoutQuery(asked)} → ${status}`;
}

/** Takes the query of a target or an order away: it may be a signature, and would end up in reports. */
export function withoutQuery(text: string): string {
  return text.replace(/\?.*/s, '');
}

/** Error pages are kept whole; they are searched for paths. */
const LONGEST_KEPT = 64 * 1024;

interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

function requestFor({ method = 'GET', headers, ...ask }: Ask, options: ClientOptions): WireRequest {
  const plain = { 'accept-encoding': 'identity', ...options.headers, ...headers };
  if (ask.target !== undefined) return { method, path: ask.target, headers: plain };
  const key = parseKey(ask.key);
  if (key === undefined) throw new NoReplyError('the application named a key that is none');
  const signature = signProbe(options.secret, { method, key, time: Date.now() });
  return {
    method,
    path: `${options.url.pathname}${urlForKey(key)}`,
    headers: {
      ...plain,
      ...(method === 'POST' && { 'content-length': '0' }),
      [PROBE_HEADER]: signature,
    },
  };
}

/** One connection, so that what the front server does with the ones behind it can be told. */
function agentFor({ protocol }: URL): http.Agent {
  const settings = { keepAlive: true, maxSockets: 1 };
  return protocol === 'https:' ? new https.Agent(settings) : new http.Agent(settings);
}

function exchange(request: WireRequest, agent: http.Agent, options: ClientOptions): Promise<Reply> {
  return attempt(request, agent, options).catch(async (error: unknown) => {
    // A kept connection may be closed by the other side at the very moment it is used again.
    if (error instanceof NoReplyError && isReset(error.cause)) {
      return attempt(request, agent, options);
    }
    throw error;
  });
}

function isReset(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNRESET';
}

function attempt(
  { method, path, headers }: WireRequest,
  agent: http.Agent,
  { url, timeout }: ClientOptions,
): Promise<Reply> {
  const asked = `${method} ${path}`;
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      clearTimeout(timer);
      const reason = cause instanceof Error ? cause.message : String(cause);
      reject(new NoReplyError(`${withoutQuery(asked)}: ${reason}`, { cause }));
    };
    const sent = request(
      {
        agent,
        method,
        path,
        headers,
        host: hostOf(url),
        port: url.port,
      },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', fail);
        response.on('end', () => {
          clearTimeout(timer);
          const body = Buffer.concat(pieces);
          resolve({ asked, status: response.statusCode ?? 0, headers: pairsOf(response), body });
        });
      },
    );
    const timer = setTimeout(() => {
      sent.destroy(new Error(`no whole answer within ${timeout} ms`));
    }, timeout);
    sent.on('error', fail);
    sent.end();
  });
}

/** Brackets of an IPv6 address belong to the URL alone. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

function pairsOf({ rawHeaders }: http.IncomingMessage): Reply['headers'] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    pairs.push([(rawHeaders[at] ?? '').toLowerCase(), rawHeaders[at + 1] ?? '']);
  }
  return pairs;
}
