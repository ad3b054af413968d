import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { parseKey } from '../../src/keys/storage-key.ts';
import type { MemoryObject, NetworkAddress } from '../../src/testing/index.ts';

/** A root of the store: its objects, and what the store knows of them beside the bytes. */
export interface StoreRoot {
  readonly objects: Map<string, MemoryObject>;
  /** What other replicas of an object hold. */
  readonly replicas: Map<string, readonly MemoryObject[]>;
}

/** What a signed URL is bound to besides its path, as its query has it. */
export interface Signature {
  readonly path: string;
  /** Seconds since 1970. */
  readonly expires: number;
  readonly version: string;
  /** JSON of headers. */
  readonly headers: string;
}

/** What a URL can make the store forget, for drivers that go wrong: `whole`, that there are windows. */
export type Weakness = 'whole' | 'unverified' | 'head' | 'writes';

export const TOKEN = 'the-token-of-the-store';

/** Milliseconds that the store takes for each answer; a variable of the environment sets it. */
const LATENCY = Number(process.env['STORE_LATENCY'] ?? 0);

const roots = new Map<string, StoreRoot>();

/** Where every store of the process listens. It keeps no process alive. */
export const target: NetworkAddress = await listen();

/** Makes a root of its own in the store, and gives its name. */
export function createRoot(
  objects: Map<string, MemoryObject>,
): StoreRoot & { readonly name: string } {
  const name = `root-${roots.size + 1}`;
  const root = { objects, replicas: new Map<string, readonly MemoryObject[]>(), name };
  roots.set(name, root);
  return root;
}

export function tagOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url');
}

export function signatureOf({ path, expires, version, headers }: Signature): string {
  const text = JSON.stringify([path, expires, version, headers]);
  return createHmac('sha256', TOKEN).update(text).digest('hex');
}

async function listen(): Promise<NetworkAddress> {
  const server = createServer((request, response) => {
    request.resume();
    void delay(LATENCY).then(() => answer(request, response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const { port } = server.address() as { port: number };
  return { host: '127.0.0.1', port };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://store');
  const signed = signedHeaders(request, url);
  const weakness = url.searchParams.get('weak');
  const writes = !['GET', 'HEAD'].includes(request.method ?? '');
  if (weakness === 'writes' && writes) return end(response, 200);
  if (signed === undefined && request.headers.authorization !== `Bearer ${TOKEN}`) {
    end(response, 403);
    return;
  }
  const [, name = '', ...segments] = url.pathname.split('/');
  const root = roots.get(decodeURIComponent(name));
  if (root === undefined) {
    response.setHeader('x-error', 'no-such-root');
    end(response, 404);
    return;
  }
  const key = parseKey(segments.map(decodeURIComponent).join('/'));
  const object = key && pick(root, key, request, url);
  if (weakness === 'whole') delete request.headers.range;
  send(request, response, { object: object || undefined, headers: signed ?? {} });
}

/** One of the replicas, at random; of a version that is asked for, one that has it. */
function pick(
  { objects, replicas }: StoreRoot,
  key: string,
  request: IncomingMessage,
  url: URL,
): MemoryObject | undefined {
  const [one, ...others] = [objects.get(key), ...(replicas.get(key) ?? [])];
  const wanted = url.searchParams.get('version') || request.headers['if-match']?.slice(1, -1);
  const all = [one, ...others].filter((object) => object !== undefined);
  if (!wanted) return all[Math.floor(Math.random() * all.length)];
  const found = all.find(({ bytes }) => tagOf(bytes) === wanted);
  return found ?? (url.searchParams.get('version') ? undefined : one);
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  {
    object,
    headers,
  }: { object: MemoryObject | undefined; headers: Readonly<Record<string, string>> },
): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405);
  if (object === undefined) return end(response, 404);
  const { bytes, lastModified, contentType, contentEncoding } = object;
  const etag = `"${tagOf(bytes)}"`;
  if ((request.headers['if-match'] ?? etag) !== etag) return end(response, 412);
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '');
  const size = bytes.byteLength;
  const isSuffix = range?.[1] === '';
  const start = isSuffix ? size - Number(range[2]) : Number(range?.[1] ?? 0);
  const last = range?.[2] && !isSuffix ? Math.min(Number(range[2]), size - 1) : size - 1;
  response.writeHead(range ? 206 : 200, {
    etag,
    'content-length': last + 1 - start,
    ...(range && { 'content-range': `bytes ${start}-${last}/${size}` }),
    ...(lastModified !== undefined && { 'x-modified': String(lastModified) }),
    ...(contentType !== undefined && { 'content-type': contentType }),
    ...(contentEncoding !== undefined && { 'x-coding': contentEncoding }),
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : bytes.subarray(start, last + 1));
}

/** What a good signature lets an answer have; `undefined` where there is none, or a bad one. */
function signedHeaders(
  request: IncomingMessage,
  { pathname, searchParams }: URL,
): Readonly<Record<string, string>> | undefined {
  const given = searchParams.get('signature');
  const weakness = searchParams.get('weak');
  if (given === null) return undefined;
  if (request.method !== 'GET' && weakness !== 'head') return undefined;
  const headers = searchParams.get('headers') ?? '';
  const expires = Number(searchParams.get('expires'));
  const version = searchParams.get('version') ?? '';
  const isGood = signatureOf({ path: pathname, expires, version, headers }) === given;
  if (weakness === 'unverified') return {};
  return isGood && Date.now() < expires * 1000 ? JSON.parse(headers) : undefined;
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0 }).end();
}
