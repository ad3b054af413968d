import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';

import { config, serverCommand, type ServerName } from '@sluice/cli';
import { allow, createSluice } from '@sluice/core';
import type { Dialect } from '@sluice/core/offload';
import { downloads } from '@sluice/koa';
import { createLocalDriver } from '@sluice/storage-local';
import Koa from 'koa';

import { exchange } from './client.ts';
import { createFolder, dialectOf, optionsFor, PREFIX } from './front.ts';
import { freePort } from './port.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** An application with a probe, and a front server before it. */
export interface Deployment {
  /** The public address of the downloads. */
  readonly url: string;
  /** The folder of the store. */
  readonly root: string;
  stop(): Promise<void>;
}

/** What a broken configuration is made of, and with. */
interface Surroundings {
  readonly root: string;
  readonly folder: string;
  /** The port of the application. */
  readonly app: number;
  /** The public port. */
  readonly port: number;
}

/** Changes the configuration that `sluice config` prints. */
export type Break = (text: string, surroundings: Surroundings) => string;

/** The secret that doctor and application share in tests. */
export const SECRET = 'a secret of the tests, long enough';

/**
 * Starts an application behind a server with the printed configuration.
 *
 * @param change by default nothing is changed
 */
export async function startDeployment(
  server: ServerName,
  change: Break = (text) => text,
  dialect: Dialect = dialectOf(server),
): Promise<Deployment> {
  const folder = createFolder(`doctor-${server}`);
  const root = join(folder, 'public', 'private');
  mkdirSync(root, { recursive: true });
  const app = await startApp(root, dialect);
  try {
    const front = await startFront(server, change, { root, folder, app: portOf(app) });
    return {
      url: `http://127.0.0.1:${front.port}/files/`,
      root,
      async stop() {
        await front.process.stop();
        app.close();
        app.closeAllConnections();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    app.close();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Starts an application on a port of its own. */
async function startApp(root: string, dialect: Dialect | undefined): Promise<Server> {
  const sluice = createSluice({
    storage: createLocalDriver({ root }),
    policy: () => allow(),
    dialect,
  });
  const app = new Koa();
  app.silent = true;
  app.use(async (ctx, next) => {
    if (ctx.url === WHOSE) ctx.body = root;
    else await next();
  });
  app.use(downloads(sluice, { prefix: '/files/', probe: { secret: SECRET } }));
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers its own rejections
  const server = createServer({ keepAliveTimeout: 60_000 }, app.callback());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** The port that a server listens on. */
function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return address.port;
}

const ATTEMPTS = 4;

/** What is answered with the folder of the store. Every broken configuration lets it through. */
const WHOSE = '/files/whose';

/** Somebody else may listen on the port by now. */
async function isOurs(port: number, root: string): Promise<boolean> {
  try {
    const { body } = await exchange(port, { target: WHOSE });
    return body.toString() === root;
  } catch {
    return false;
  }
}

async function startFront(
  server: ServerName,
  change: Break,
  given: Omit<Surroundings, 'port'>,
): Promise<{ readonly port: number; readonly process: ServerProcess }> {
  const { root, app } = given;
  const folder = join(given.folder, 'server');
  mkdirSync(folder, { recursive: true });
  let said = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const [port, internal] = [await freePort(), await freePort()];
    const site = { roots: root, app: `http://127.0.0.1:${app}`, prefix: PREFIX };
    const text = config(server, {
      ...optionsFor(server, site, internal),
      listen: `127.0.0.1:${port}`,
      standalone: folder,
    });
    const file = join(folder, 'server.conf');
    writeFileSync(file, change(text, { ...given, port }));
    const { program, args, env } = serverCommand(server, { file, folder });
    const process = await startServer({ program, args, env, folder }, port, (output) => {
      said = output;
    });
    if (process === undefined) continue;
    if (await isOurs(port, root)) return { port, process };
    said = process.output();
    await process.stop();
  }
  throw new Error(`${server} does not start:\n${said}`);
}
