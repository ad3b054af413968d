import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { config, type ConfigOptions, serverCommand, type ServerName } from '@sluice/cli';

import { installLine } from './servers.ts';

/** What {@link startFrontServer} takes. */
export interface FrontServerOptions {
  /** As `sluice config` takes it. */
  readonly site: ConfigOptions;
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
  { site, folder }: FrontServerOptions,
): Promise<FrontServer> {
  const { listen = '' } = site;
  if (await answers(listen)) {
    throw new Error(`something else listens at ${listen}; choose another with --port`);
  }
  await mkdir(folder, { recursive: true });
  const file = join(folder, name === 'caddy' ? 'Caddyfile' : `${name}.conf`);
  await writeFile(file, config(name, { ...site, standalone: folder }));
  const { program, args, checkArgs, env } = serverCommand(name, { file, folder });
  const environment = { ...process.env, ...env };
  await promisify(execFile)(program, [...checkArgs], { env: environment }).catch(
    (error: unknown) => {
      // A module may be missing, which has a package of its own.
      throw new Error(`${messageOf(error)}\n${installLine(name)}`, { cause: error });
    },
  );
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'exit').then(() => undefined);
  await waitUntilListening(child, listen);
  return {
    origin: `http://${listen}`,
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

/** Finds a port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
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

async function waitUntilListening(child: ChildProcess, listen: string): Promise<void> {
  const deadline = performance.now() + START;
  while (performance.now() < deadline) {
    // Somebody else may have taken the address meanwhile: then the server has ended.
    const isOpen = await answers(listen);
    const how = child.exitCode ?? child.signalCode;
    if (how !== null) throw new Error(`the server has ended: ${how}`);
    if (isOpen) return;
    await sleep(50);
  }
  child.kill('SIGKILL');
  throw new Error(`the server does not listen at ${listen}`);
}

function answers(listen: string): Promise<boolean> {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(listen) ?? [];
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
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
