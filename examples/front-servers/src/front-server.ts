import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import {
  config,
  type ConfigOptions,
  type ServerCommand,
  serverCommand,
  type ServerName,
} from '@sluice/cli';

import { installLine } from './servers.ts';

/** What {@link startFrontServer} takes. */
export interface FrontServerOptions {
  /** As `sluice config` takes it; the addresses are found here. */
  readonly site: Omit<ConfigOptions, 'listen' | 'internal' | 'standalone'>;
  /** Of 127.0.0.1; 0 takes any free one. */
  readonly port: number;
  /** For the configuration, logs and temporary files; absolute. */
  readonly folder: string;
}

/** A front server that listens. */
export interface FrontServer {
  /** `http://127.0.0.1:8080` */
  readonly origin: string;
  /** The file of its configuration. */
  readonly configuration: string;
  /** Resolves when it has ended, by itself or by `close`. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/**
 * Writes the configuration, has the server check it, and starts the server as a child of this
 * process.
 *
 * @throws Error when something else listens at the address, with what the server said of the
 * configuration, or when it does not come to listen
 */
export async function startFrontServer(
  name: ServerName,
  options: FrontServerOptions,
): Promise<FrontServer> {
  if (options.port !== 0) return startAt(options.port, name, options);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startAt(await freePort(), name, options);
    } catch (error) {
      // A port that was free may be somebody else's by the time that the server listens there.
      if (!(error instanceof NotListeningError) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** How many free ports are tried. */
const ATTEMPTS = 4;

/** The address was not to be had, as it seems. */
class NotListeningError extends Error {
  override readonly name = 'NotListeningError';
}

async function startAt(
  port: number,
  name: ServerName,
  options: FrontServerOptions,
): Promise<FrontServer> {
  if (await answers(port)) {
    throw new NotListeningError(
      `something else listens at 127.0.0.1:${port}; choose another with --port`,
    );
  }
  const { file, program, args, env } = await configure(port, name, options);
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'exit').then(() => undefined);
  await untilListening(child, port);
  return {
    origin: `http://127.0.0.1:${port}`,
    configuration: file,
    ended,
    async close() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
      await ended;
      clearTimeout(late);
    },
  };
}

/** What is run, and with which configuration. */
interface Configured extends Omit<ServerCommand, 'env'> {
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Writes the configuration, and has the server itself check it. */
async function configure(
  port: number,
  name: ServerName,
  { site, folder }: FrontServerOptions,
): Promise<Configured> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, name === 'caddy' ? 'Caddyfile' : `${name}.conf`);
  const addresses = {
    listen: `127.0.0.1:${port}`,
    ...(name === 'h2o' && { internal: `127.0.0.1:${await freePort()}` }),
  };
  await writeFile(file, config(name, { ...site, ...addresses, standalone: folder }));
  const command = serverCommand(name, { file, folder });
  const env = { ...process.env, ...command.env };
  await promisify(execFile)(command.program, [...command.checkArgs], { env }).catch(
    (error: unknown) => {
      // A module may be missing, which has a package of its own.
      throw new Error(`${messageOf(error)}\n${installLine(name)}`, { cause: error });
    },
  );
  return { ...command, file, env };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('there is no free port');
  return address.port;
}

/** Milliseconds in which a server must listen, on a machine that has other work to do, too. */
const START = 30_000;

/** Milliseconds in which a server must obey a polite signal. */
const PATIENCE = 5000;

async function untilListening(child: ChildProcess, port: number): Promise<void> {
  const deadline = performance.now() + START;
  while (performance.now() < deadline) {
    // Somebody else may have taken the address meanwhile: then the server has ended.
    const isOpen = await answers(port);
    const how = child.exitCode ?? child.signalCode;
    if (how !== null) throw new NotListeningError(`the server has ended: ${how}`);
    if (isOpen) return;
    await sleep(50);
  }
  child.kill('SIGKILL');
  throw new Error(`the server does not listen at 127.0.0.1:${port}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.trimEnd() : String(error);
}
