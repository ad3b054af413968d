import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import type { FileHandle } from 'node:fs/promises';

import type { HeaderLines, Piece, Reply } from './model.ts';

/** Where the bytes of windows come from. */
export type Bytes = FileHandle | Buffer | undefined;

/**
 * Sends an answer of the server. Returns when it has been sent or nobody takes it any more; a source
 * that is shorter than announced cuts the connection.
 */
export async function respond(res: ServerResponse, reply: Reply, bytes: Bytes): Promise<void> {
  const { status, headers, body, rate, isUnsized = false, forgetsHead = false } = reply;
  const hasLength = status !== 204 && status !== 304;
  const length: HeaderLines =
    hasLength && !isUnsized ? [['Content-Length', String(lengthOf(body))]] : [];
  writeHead(res, { status, headers: [...headers, ...length] });
  if (res.req.method !== 'HEAD' && hasLength) {
    const sender = { res, started: performance.now(), sent: 0, rate };
    for (const piece of body) {
      if (!(await sendPiece(sender, piece, bytes))) return;
    }
  }
  if (res.req.method === 'HEAD' && forgetsHead) await spill(res, body, bytes);
  res.end();
}

/** Sends an answer of the application, whose body is sent as it comes. */
export async function relay(
  res: ServerResponse,
  { status, reason, headers }: { status: number; reason: string; headers: HeaderLines },
  body: Readable,
  rate: number | undefined,
): Promise<void> {
  writeHead(res, { status, reason, headers });
  try {
    if (rate === undefined) {
      await pipeline(body, res);
      return;
    }
    const sender = { res, started: performance.now(), sent: 0, rate };
    for await (const chunk of body) {
      if (!Buffer.isBuffer(chunk) || !(await sendChunk(sender, chunk))) return;
    }
    res.end();
  } catch {
    // The application did not keep to what it announced, or the client has left.
    res.destroy();
  }
}

/** Reads a body as a whole. */
export async function collect(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Node sends no body to HEAD, so that it goes to the connection behind the answer. */
async function spill(res: ServerResponse, body: readonly Piece[], bytes: Bytes): Promise<void> {
  const { socket } = res;
  res.flushHeaders();
  for (const piece of body) {
    if (typeof piece !== 'string' && bytes !== undefined && !Buffer.isBuffer(bytes)) {
      const buffer = Buffer.alloc(piece.last - piece.first + 1);
      await bytes.read(buffer, 0, buffer.length, piece.first);
      socket?.write(buffer);
    }
  }
}

interface Sender {
  readonly res: ServerResponse;
  readonly started: number;
  sent: number;
  readonly rate: number | undefined;
}

function writeHead(
  res: ServerResponse,
  { status, reason, headers }: { status: number; reason?: string; headers: HeaderLines },
): void {
  // The server's own middleware is first, and what the runtime has set before is not the answer's.
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  const raw = headers.flat();
  if (reason === undefined || reason === '') res.writeHead(status, raw);
  else res.writeHead(status, reason, raw);
}

function lengthOf(body: readonly Piece[]): number {
  return body.reduce(
    (sum, piece) =>
      sum +
      (typeof piece === 'string'
        ? Buffer.byteLength(piece, 'latin1')
        : piece.last - piece.first + 1),
    0,
  );
}

/** @returns whether more can be sent */
async function sendPiece(sender: Sender, piece: Piece, bytes: Bytes): Promise<boolean> {
  if (typeof piece === 'string') return sendChunk(sender, Buffer.from(piece, 'latin1'));
  if (piece.last < piece.first || bytes === undefined) return true;
  if (Buffer.isBuffer(bytes)) {
    return sendChunk(sender, bytes.subarray(piece.first, piece.last + 1));
  }
  return sendWindow(sender, piece, bytes);
}

async function sendWindow(
  sender: Sender,
  { first, last }: { readonly first: number; readonly last: number },
  handle: FileHandle,
): Promise<boolean> {
  let position = first;
  while (position <= last) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, last - position + 1));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) {
      // The file is shorter than it was: the client must not take what it has for the whole.
      sender.res.destroy();
      return false;
    }
    position += bytesRead;
    if (!(await sendChunk(sender, buffer.subarray(0, bytesRead)))) return false;
  }
  return true;
}

const CHUNK = 1 << 16;

/** With a rate, an eighth of a second at a time. */
async function sendChunk(sender: Sender, chunk: Buffer): Promise<boolean> {
  const { rate } = sender;
  if (rate === undefined) return write(sender, chunk);
  const most = Math.max(1, rate >> 3);
  for (let at = 0; at < chunk.length; at += most) {
    if (!(await write(sender, chunk.subarray(at, at + most)))) return false;
    const ahead = (sender.sent / rate) * 1000 - (performance.now() - sender.started);
    const wait = (signal: AbortSignal): Promise<void> => sleep(ahead, undefined, { signal });
    if (ahead > 1 && !(await isStillThere(sender, wait))) return false;
  }
  return true;
}

async function write(sender: Sender, chunk: Buffer): Promise<boolean> {
  const { res } = sender;
  if (res.destroyed) return false;
  sender.sent += chunk.length;
  return res.write(chunk) || isStillThere(sender, (signal) => once(res, 'drain', { signal }));
}

/** Waits for something, and for no longer than the client does. */
async function isStillThere(
  { res }: Sender,
  wait: (signal: AbortSignal) => Promise<unknown>,
): Promise<boolean> {
  const left = new AbortController();
  const leave = (): void => left.abort();
  res.once('close', leave);
  try {
    await wait(left.signal);
    return !res.destroyed;
  } catch {
    return false;
  } finally {
    res.off('close', leave);
  }
}
