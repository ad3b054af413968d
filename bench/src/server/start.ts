import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { Contender } from '../contenders.ts';
import type { Fixture } from '../fixture.ts';
import type { Tools } from '../machine.ts';
import { withChildren } from '../process-cost.ts';
import { type NginxSite, objectStore } from './nginx-config.ts';

/** A contender that listens. */
export interface RunningServer {
  readonly port: number;
  /** All of its processes: with nginx in front, the application's too. */
  readonly pids: readonly number[];
  /** Resolves when all of them are gone. */
  stop(): Promise<void>;
}

/** Where and how a contender is started. */
export interface StartOptions {
  readonly fixture: Fixture;
  readonly tools: Tools;
  /** The folder that gets its profile, if it is a Node process and one is asked for. */
  readonly profile?: string | undefined;
  /** Name of the case. */
  readonly subject: string;
  /** Origin of the store, where the case has one. */
  readonly store?: string | undefined;
}

/** A store that listens. */
export interface RunningStore {
  readonly origin: string;
  stop(): Promise<void>;
}

/**
 * Starts a contender on the processor of the servers, and waits until it listens.
 *
 * @throws Error when it does not, with what it has printed
 */
export async function startContender(
  contender: Contender,
  options: StartOptions,
): Promise<RunningServer> {
  const app = contender.listener === undefined ? undefined : await startNode(contender, options);
  if (contender.nginx === undefined) {
    if (app === undefined) throw new Error(`${contender.name} is nothing that could be started`);
    return app;
  }
  try {
    const front = await startFront(contender, app, options);
    if (app === undefined) return front;
    return {
      port: front.port,
      pids: [...front.pids, ...app.pids],
      async stop() {
        await front.stop();
        await app.stop();
      },
    };
  } catch (error) {
    await app?.stop();
    throw error;
  }
}

/**
 * Starts the store that all contenders of a case have their objects from, and waits until it listens.
 * It runs beside the load generator: the other processor is for what is measured.
 *
 * @throws Error when it does not, or there is no nginx
 */
export async function startStore({
  fixture,
  tools,
}: Pick<StartOptions, 'fixture' | 'tools'>): Promise<RunningStore> {
  const prefix = tools.pins?.load.prefix;
  const server = await startNginx('the store', objectStore, { fixture, tools, prefix });
  return { origin: `http://127.0.0.1:${server.port}`, stop: () => server.stop() };
}

/** Milliseconds in which a server must listen. */
const START = 20_000;

/** Milliseconds in which it must obey a polite signal. */
const PATIENCE = 3000;

const SERVE = fileURLToPath(new URL('serve.js', import.meta.url));

async function startNode(
  { name }: Contender,
  { fixture, tools, profile, subject, store }: StartOptions,
): Promise<RunningServer> {
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const command = [...(tools.pins?.server.prefix ?? []), process.execPath, ...flags, SERVE];
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const printed = collect(child);
  child.send({ contender: name, root: fixture.root, subject, store });
  const port = await Promise.race([
    once(child, 'message').then(([message]) => portOf(message)),
    once(child, 'exit').then(() => undefined),
    delay(START, undefined, { ref: false }),
  ]);
  if (port === undefined || child.pid === undefined) {
    await end(child);
    throw new Error(`${name} does not start: ${printed()}`);
  }
  return { port, pids: [child.pid], stop: () => end(child) };
}

async function startFront(
  { name, nginx }: Contender,
  app: RunningServer | undefined,
  { fixture, tools, store }: StartOptions,
): Promise<RunningServer> {
  if (nginx === undefined) throw new Error(`${name} has no nginx`);
  const origin = app === undefined ? undefined : `http://127.0.0.1:${app.port}`;
  const prefix = tools.pins?.server.prefix;
  const write = (site: NginxSite): string => nginx({ ...site, app: origin, store });
  return startNginx(name, write, { fixture, tools, prefix });
}

interface NginxOptions {
  readonly fixture: Fixture;
  readonly tools: Tools;
  /** The words in front of the command. */
  readonly prefix: readonly string[] | undefined;
}

async function startNginx(
  name: string,
  write: (site: NginxSite) => string,
  { fixture, tools, prefix = [] }: NginxOptions,
): Promise<RunningServer> {
  if (tools.nginx === undefined) throw new Error('nginx is not here');
  const folder = await mkdtemp(join(fixture.work, 'nginx-'));
  const file = join(folder, 'nginx.conf');
  // Its port is free when it is chosen, and may be taken when it is used.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const port = await freePort();
    await writeFile(file, write({ root: fixture.root, folder, port, app: undefined }));
    const command = [tools.nginx, '-p', folder, '-c', file, '-e', join(folder, 'error.log')];
    const [program = '', ...args] = [...prefix, ...command];
    const child = spawn(program, args, { stdio: 'ignore' });
    if (child.pid !== undefined && (await accepts(port, child))) {
      return { port, pids: withChildren([child.pid]), stop: () => end(child) };
    }
    await end(child);
  }
  const log = await readFile(join(folder, 'error.log'), 'utf8').catch(() => '');
  throw new Error(`${name} does not start: ${log}`);
}

async function accepts(port: number, child: ChildProcess): Promise<boolean> {
  const until = performance.now() + START;
  while (child.exitCode === null && performance.now() < until) {
    const socket = connect({ port, host: '127.0.0.1' });
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      await delay(20);
    } finally {
      socket.destroy();
    }
  }
  return false;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server.address());
  server.close();
  await once(server, 'close');
  if (port === undefined) throw new Error('no free port');
  return port;
}

function portOf(value: unknown): number | undefined {
  return typeof value === 'object' && value !== null && 'port' in value
    ? Number(value.port)
    : undefined;
}

function collect(child: ChildProcess): () => string {
  const pieces: string[] = [];
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (piece: string) => {
    if (pieces.length < 20) pieces.push(piece);
  });
  child.on('error', (error) => pieces.push(String(error)));
  return () => pieces.join('');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  // A Node process that ends by itself can still write its profile.
  if (child.connected) child.disconnect();
  else child.kill('SIGTERM');
  const late = new AbortController();
  await Promise.race([gone, delay(PATIENCE, undefined, { signal: late.signal })]);
  late.abort();
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await gone;
  }
}
