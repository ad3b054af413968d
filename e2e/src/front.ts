import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { config, type ConfigOptions, serverCommand, type ServerName } from '@sluice/cli';
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
import { diskOf } from './fixture.ts';
import { HOSTING, type Hosting, installSite } from './installed.ts';
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
      // What the printed configuration sets.
      return nginx({ prefix, bufferSize: 32_768 });
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
      const { roots } = diskOf(fixture);
      return runSender(server, server, { fixture, dialect }, (port) =>
        startFront(server, 'standalone', {
          roots,
          app: `http://127.0.0.1:${port}`,
          prefix: prefix ?? PREFIX,
        }),
      );
    },
  };
}

/** The server as the distribution installs it, with the site as one more beside what is there. */
export function installedSender(server: Hosting, serverName: string): Sender {
  const name = `${server} (installed)`;
  return {
    name,
    habits: server,
    start(fixture) {
      const dialect = dialectOf(server);
      return runSender(name, server, { fixture, dialect }, (port) => {
        const prefix = server === 'nginx' ? PREFIX : undefined;
        const { roots } = diskOf(fixture);
        return startFront(server, 'site', {
          roots,
          app: `http://127.0.0.1:${port}`,
          prefix,
          serverName,
        });
      });
    },
  };
}

/** A configuration, and what the server itself said of it. */
export interface Checked extends Ended {
  readonly text: string;
}

/** Writes a configuration, whole, of one site, or spoilt, and lets the server itself check it. */
export async function checkConfig(
  server: ServerName,
  kind: 'standalone' | 'site' | 'spoilt',
  site: Site,
): Promise<Checked> {
  const folder = createFolder(server);
  try {
    const { text, check } = await writeConfig(server, kind, { site, folder });
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
export type Site = Pick<
  ConfigOptions,
  'app' | 'roots' | 'prefix' | 'public' | 'serverName' | 'store'
>;

/** How often another port is tried. */
const ATTEMPTS = 4;

/**
 * Starts a server with the configuration that `sluice config` prints.
 *
 * @param change by default nothing is changed in it
 */
export async function startFront(
  server: ServerName,
  kind: 'standalone' | 'site',
  site: Site,
  change: (text: string) => string = (text) => text,
): Promise<Front> {
  let said = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const folder = createFolder(server);
    const logs = (): string => logsOf(folder);
    const remove = (): void => rmSync(folder, { recursive: true, force: true });
    const { port, start } = await writeConfig(server, kind, { site, folder, change });
    const running = await startServer(start, port, (output) => (said = output));
    if (running !== undefined) {
      if (await isOurs(port, site.serverName)) return frontOf(running, port, { logs, remove });
      said = running.output();
      await running.stop();
    }
    said += logs();
    remove();
  }
  throw new Error(`${server} does not start with the configuration of sluice config:\n${said}`);
}

/** Somebody else may listen on the port by now. */
async function isOurs(port: number, host: string | undefined): Promise<boolean> {
  try {
    const headers = host === undefined ? undefined : { host };
    const answer = await exchange(port, { target: '/hello', headers });
    return answer.body.toString() === HELLO;
  } catch {
    return false;
  }
}

function frontOf(
  running: ServerProcess,
  port: number,
  { logs, remove }: { readonly logs: () => string; readonly remove: () => void },
): Front {
  return {
    port,
    logs: () => `${running.output()}\n${logs()}`,
    async stop() {
      await running.stop();
      remove();
    },
  };
}

/** The ends of what a server has written into its folder. */
function logsOf(folder: string): string {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log') && !name.startsWith('access'))
    .map((name) => `${name}: ${readFileSync(join(folder, name), 'utf8').slice(-2000)}`)
    .join('\n');
}

interface Written {
  readonly text: string;
  readonly port: number;
  readonly start: Program;
  readonly check: Program;
}

async function writeConfig(
  server: ServerName,
  kind: 'standalone' | 'site' | 'spoilt',
  {
    site,
    folder,
    change = (text) => text,
  }: {
    readonly site: Site;
    readonly folder: string;
    readonly change?: (text: string) => string;
  },
): Promise<Written> {
  const [port, internal] = [await freePort(), await freePort()];
  const printed = config(server, {
    ...optionsFor(server, site, internal),
    listen: `127.0.0.1:${port}`,
    standalone: kind === 'site' ? undefined : folder,
  });
  const text = change(printed);
  const hosting = kind === 'site' ? HOSTING.find((name) => name === server) : undefined;
  const isNamed = site.serverName !== undefined;
  const { file, env: own } =
    hosting === undefined
      ? { file: join(folder, 'server.conf'), env: {} }
      : installSite(hosting, { text, folder, port, isNamed });
  if (hosting === undefined) {
    writeFileSync(file, kind === 'spoilt' ? `${text}\n!sluice {{\n` : text);
  }
  const { program, args, checkArgs, env } = serverCommand(server, { file, folder });
  return {
    text,
    port,
    start: { program, args, env: { ...env, ...own }, folder },
    check: { program, args: checkArgs, env: { ...env, ...own }, folder },
  };
}

/** Of the options, those that a server has. */
export function optionsFor(server: ServerName, site: Site, internal: number): ConfigOptions {
  const { prefix, ...others } = site;
  switch (server) {
    case 'nginx':
    case 'caddy':
      return { ...others, prefix };
    case 'apache':
    case 'lighttpd':
      return others;
    case 'h2o':
      return { ...others, prefix, internal: `127.0.0.1:${internal}` };
  }
}
