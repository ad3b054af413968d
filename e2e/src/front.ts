import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { command, config, type ConfigOptions, type ServerName } from '@sluice/cli';
import {
  apache,
  caddy,
  type Dialect,
  h2o,
  lighttpd,
  nginx,
  type RootPlaces,
} from '@sluice/core/offload';

import { HELLO } from './app.ts';
import { exchange } from './client.ts';
import { freePort } from './port.ts';
import { type Front, runSender, type Sender } from './sender.ts';
import {
  type Ended,
  type Program,
  run,
  type ServerProcess,
  startServer,
} from './server-process.ts';

/** The servers that Debian 12 packages; the order is that of the reports. */
export const SERVERS: readonly ServerName[] = ['nginx', 'apache', 'lighttpd', 'caddy', 'h2o'];

/** Where the servers that are told URIs find the roots, unless a test says otherwise. */
export const PREFIX = '/_sluice/';

/** Describes a server of Debian 12 to the application. */
export function dialectOf(server: ServerName, prefix: RootPlaces = PREFIX): Dialect {
  switch (server) {
    case 'nginx':
      return nginx({ prefix });
    case 'apache':
      // mod_xsendfile 0.12 reads the path as it stands.
      return apache({ encoding: 'raw' });
    case 'lighttpd':
      return lighttpd();
    case 'caddy':
      return caddy({ prefix, version: '2.6' });
    case 'h2o':
      return h2o({ prefix });
  }
}

/** A server with the configuration that `sluice config` prints, in front of the application. */
export function realSender(server: ServerName, prefix?: RootPlaces): Sender {
  return {
    name: server,
    habits: server,
    start(fixture) {
      const dialect = dialectOf(server, prefix);
      const { roots } = fixture;
      return runSender(server, server, { fixture, dialect }, (port) =>
        startFront(server, { roots, app: `http://127.0.0.1:${port}`, prefix: prefix ?? PREFIX }),
      );
    },
  };
}

/** What a configuration says of itself, or what a server said of it. */
export interface Checked extends Ended {
  readonly text: string;
}

/** Writes a standalone configuration and lets the server itself check it. */
export async function checkStandalone(server: ServerName, site: Site): Promise<Checked> {
  const folder = createFolder(server);
  try {
    const { text, check } = await writeConfig(server, site, folder);
    return { text, ...run(check) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A folder for a server, whose workers may be of another user. Who creates it removes it. */
export function createFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `sluice-e2e-${name}-`));
  chmodSync(folder, 0o755);
  return folder;
}

/** What a test says of a site; addresses and folders are the harness's. */
export type Site = Pick<ConfigOptions, 'app' | 'roots' | 'prefix' | 'public'>;

/** How often another port is tried. */
const ATTEMPTS = 4;

async function startFront(server: ServerName, site: Site): Promise<Front> {
  const folder = createFolder(server);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  let said = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { port, start } = await writeConfig(server, site, folder);
    const running = await startServer(start, port, (output) => (said = output));
    if (running === undefined) continue;
    if (await isOurs(port)) return frontOf(running, port, remove);
    said = running.output();
    await running.stop();
  }
  remove();
  throw new Error(`${server} does not start with the configuration of sluice config:\n${said}`);
}

/** Somebody else may listen on the port by now. */
async function isOurs(port: number): Promise<boolean> {
  try {
    const answer = await exchange(port, { target: '/hello' });
    return answer.body.toString() === HELLO;
  } catch {
    return false;
  }
}

function frontOf(running: ServerProcess, port: number, remove: () => void): Front {
  return {
    port,
    async stop() {
      await running.stop();
      remove();
    },
  };
}

interface Written {
  readonly text: string;
  readonly port: number;
  readonly start: Program;
  readonly check: Program;
}

async function writeConfig(server: ServerName, site: Site, folder: string): Promise<Written> {
  const [port, internal] = [await freePort(), await freePort()];
  const text = config(server, {
    ...optionsFor(server, site, internal),
    listen: `127.0.0.1:${port}`,
    standalone: folder,
  });
  const file = join(folder, 'server.conf');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  const { program, args, checkArgs, env } = command(server, { file, folder });
  return {
    text,
    port,
    start: { program, args, env, folder },
    check: { program, args: checkArgs, env, folder },
  };
}

/** Of the options, those that a server has. */
export function optionsFor(server: ServerName, site: Site, internal: number): ConfigOptions {
  const { prefix, ...others } = site;
  switch (server) {
    case 'nginx':
      return { ...others, prefix };
    case 'apache':
    case 'lighttpd':
      return others;
    case 'caddy':
      return { ...others, prefix, version: '2.6' };
    case 'h2o':
      return { ...others, prefix, internal: `127.0.0.1:${internal}` };
  }
}
