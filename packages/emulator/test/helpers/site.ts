import { mkdir, mkdtemp, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';

/** What the application answers; a list where a header comes several times. */
export interface AppHead {
  readonly status?: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

/** An answer as it came, with the names in lower case; what comes twice is joined with a bar. */
export interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** 2021-01-01, in seconds and as a date of HTTP. */
export const MODIFIED = 1_609_459_200;
export const MODIFIED_DATE = 'Fri, 01 Jan 2021 00:00:00 GMT';

export const HUNDRED: string = Array.from({ length: 100 }, (_, index) => index % 10).join('');

/** Makes a folder with what stores hold, and beside it what no server may show. */
export async function makeFolder(t: ExecutionContext): Promise<string> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'sluice-emulator-')));
  t.teardown(() => rm(base, { recursive: true, force: true }));
  const files: Readonly<Record<string, string>> = {
    'files/a.txt': HUNDRED,
    'files/thousand.bin': HUNDRED.repeat(10),
    'files/empty.txt': '',
    'files/sub/n.txt': 'in a folder',
    'files/%41.txt': 'percent',
    'files/A.txt': 'letter',
    'files/é.txt': 'accent',
    'files/folder/index.html': 'index',
    'videos/v.txt': 'a video',
    'files-secret/s.txt': 'SECRET',
    'outside/secret.txt': 'SECRET',
  };
  for (const [name, content] of Object.entries(files)) {
    const path = join(base, name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, content);
    await utimes(path, MODIFIED, MODIFIED);
  }
  await symlink(join(base, 'outside/secret.txt'), join(base, 'files/link'));
  await symlink(join(base, 'outside'), join(base, 'files/linked'));
  return base;
}

/** Answers every request alike, but for a path that it is asked for by a server. */
export function appThatSays({ status = 200, headers, body = '' }: AppHead): RequestListener {
  return (req, res) => {
    if (req.url !== '/') {
      res.writeHead(404, { 'Content-Type': 'text/plain' });
      res.end(`asked for ${req.url}`);
      return;
    }
    const lines = Object.entries(headers).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).flatMap((text: string) => [name, text]),
    );
    res.writeHead(status, [...lines, 'Content-Length', String(Buffer.byteLength(body))]);
    res.end(body);
  };
}

/** Starts a listener on a free port. */
export async function start(t: ExecutionContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

export async function ask(
  port: number,
  { method = 'GET', path = '/', headers = {}, body }: Ask = {},
): Promise<Got> {
  const asked = request({ port, host: '127.0.0.1', method, path, headers, agent: false });
  asked.end(body);
  const [message] = (await once(asked, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const found: Record<string, string> = {};
  for (let index = 0; index < message.rawHeaders.length; index += 2) {
    const name = message.rawHeaders[index]!.toLowerCase();
    const value = message.rawHeaders[index + 1]!;
    found[name] = found[name] === undefined ? value : `${found[name]} | ${value}`;
  }
  return {
    status: message.statusCode ?? 0,
    headers: found,
    body: Buffer.concat(chunks).toString('latin1'),
  };
}
