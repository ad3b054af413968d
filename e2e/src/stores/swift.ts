import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { accepts, freePort } from '../port.ts';
import { createBucket, createCredentials, createStoreClient, knowsCredentials } from './client.ts';
import {
  checkInstalled,
  type EngineProcess,
  startProcess,
  tailOf,
  untilReady,
} from './engine-process.ts';
import { PAGE_SIZE, type StoreCredentials, type StoreEngine } from './engine.ts';
import { startEngine } from './start-engine.ts';

/** What {@link startSwift} takes. */
export interface SwiftOptions {
  /** How many nodes hold replicas, 1 to 3; default: 3. */
  readonly nodes?: number | undefined;
}

/**
 * Starts an OpenStack Swift cluster that speaks S3: a proxy, and for each node a server for accounts,
 * containers and objects. Root is not needed. No replicator runs: a node that has missed a change
 * keeps the old object until it is written again.
 *
 * @throws Error when a package is missing or the cluster does not start
 */
export async function startSwift({ nodes = 3 }: SwiftOptions = {}): Promise<StoreEngine> {
  checkInstalled('OpenStack Swift', PROGRAMS);
  return startEngine('swift', (folder) => startCluster(folder, nodes));
}

const PROGRAMS = {
  python3: '/usr/bin/python3',
  'python3-swift': '/usr/lib/python3/dist-packages/swift/common/wsgi.py',
  // Without it every request asks for the account and the container as well.
  memcached: '/usr/bin/memcached',
} as const;

const REGION = 'us-east-1';
const KINDS = ['object', 'container', 'account'] as const;

/** From the built file to the source, which is no TypeScript. */
const SCRIPT = fileURLToPath(new URL('../../../src/stores/swift-servers.py', import.meta.url));

/** What every step of the start is told. */
interface Cluster {
  readonly folder: string;
  readonly nodes: number;
  /** The port of each server, by its name: `proxy`, `object.0`. */
  readonly servers: Readonly<Record<string, number>>;
  readonly cachePort: number;
  readonly credentials: StoreCredentials;
  readonly otherCredentials: StoreCredentials;
}

/** Whoever starts and ends the servers, and takes orders. */
interface Parent {
  readonly process: EngineProcess;
  /** The process of the proxy. */
  readonly proxy: number;
  order(order: 'start' | 'kill', server: string): Promise<void>;
  stop(): Promise<void>;
}

async function startCluster(folder: string, nodes: number): Promise<StoreEngine> {
  const cluster = await createCluster(folder, nodes);
  const { servers, credentials, otherCredentials } = cluster;
  const address = { endpoint: `http://127.0.0.1:${portOf(servers, 'proxy')}`, region: REGION };
  const cache = startCache(cluster);
  const parent = await startParent(cluster).catch(async (error: unknown) => {
    await cache.kill();
    throw error;
  });
  const stop = async (): Promise<void> => {
    await Promise.all([parent.stop(), cache.kill()]);
    rmSync(folder, { recursive: true, force: true });
  };
  const serversOf = (node: number): readonly string[] => {
    if (!(node in Array.from({ length: nodes }))) throw new TypeError(`there is no node ${node}`);
    return KINDS.map((kind) => `${kind}.${node}`);
  };
  const untilUp = (names: readonly string[]): Promise<void> =>
    untilReady([parent.process, cache], () =>
      acceptAll(names.map((name) => portOf(servers, name))),
    );
  try {
    await untilUp(Object.keys(servers));
    await untilReady([cache], () => accepts(cluster.cachePort));
    await untilReady([parent.process], () =>
      knowsCredentials(address, credentials, credentials.accessKeyId),
    );
  } catch (error) {
    const said = logsOf(folder);
    await stop();
    throw new Error(said, { cause: error });
  }
  const client = createStoreClient(address, credentials);
  return {
    name: 'swift',
    ...address,
    credentials,
    otherCredentials,
    folder,
    nodes,
    createBucket: (options) => createBucket(client, options),
    async killNode(node) {
      for (const server of serversOf(node)) await parent.order('kill', server);
    },
    async startNode(node) {
      for (const server of serversOf(node)) await parent.order('start', server);
      await untilUp(serversOf(node));
    },
    pauseGateway: () => void process.kill(parent.proxy, 'SIGSTOP'),
    resumeGateway: () => void process.kill(parent.proxy, 'SIGCONT'),
    logs: () => logsOf(folder),
    async stop() {
      client.destroy();
      await stop();
    },
  };
}

async function createCluster(folder: string, nodes: number): Promise<Cluster> {
  const names = Array.from({ length: nodes }, (_, node) => KINDS.map((kind) => `${kind}.${node}`));
  const servers: Record<string, number> = {};
  for (const name of ['proxy', ...names.flat()]) servers[name] = await freePort();
  // The names of the users are the ids of their keys.
  const cluster = {
    folder,
    nodes,
    servers,
    cachePort: await freePort(),
    credentials: createCredentials('test:owner'),
    otherCredentials: createCredentials('test:other'),
  };
  writeFileSync(join(folder, 'cluster.json'), JSON.stringify({ nodes, servers }), { mode: 0o600 });
  writeFileSync(join(folder, 'swift.conf'), HASHES);
  for (const [name, port] of Object.entries(servers)) {
    const [kind, node] = name.split('.');
    const text = node === undefined ? proxyOf(cluster) : serverOf(cluster, kind ?? '', node);
    const common = `[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = ${port}\nworkers = 0\nuser = ${userInfo().username}\nswift_dir = ${folder}\nlog_level = WARNING\n`;
    writeFileSync(join(folder, `${name}.conf`), common + text);
    if (node !== undefined) mkdirSync(join(folder, 'node', node, 'disk'), { recursive: true });
  }
  return cluster;
}

function startCache({ folder, cachePort }: Cluster): EngineProcess {
  const where = ['-l', '127.0.0.1', '-p', String(cachePort), '-U', '0'];
  return startProcess({
    program: PROGRAMS.memcached,
    args: [...where, '-u', userInfo().username],
    folder,
    log: join(folder, 'log'),
  });
}

async function startParent({ folder }: Cluster): Promise<Parent> {
  const log = join(folder, 'log');
  // Isolated: no module but those of the distribution.
  const args = ['-I', SCRIPT, folder];
  const process = startProcess({ program: PROGRAMS.python3, args, folder, log, reads: true });
  const { stdin, stdout } = process.child;
  if (stdin === null || stdout === null) throw new Error('no pipe');
  stdin.on('error', () => undefined);
  const lines = createInterface({ input: stdout });
  const proxy = Number((await nextLine(lines, process, log)).split(' ')[1]);
  let last: Promise<unknown> = Promise.resolve();
  const obey = async (line: string): Promise<void> => {
    stdin.write(`${line}\n`);
    const answer = await nextLine(lines, process, log);
    if (answer !== line) throw new Error(`${line}: ${answer}`);
  };
  return {
    process,
    proxy,
    order(order, server) {
      const next = last.then(() => obey(`${order} ${server}`));
      last = next.catch(() => undefined);
      return next;
    },
    async stop() {
      // At the end of what it reads it ends its children, also those that are stopped.
      stdin.end();
      await untilReady([], async () => process.hasEnded()).catch(() => undefined);
      await process.kill();
      lines.close();
    },
  };
}

function nextLine(lines: Interface, process: EngineProcess, log: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const close = (): void => reject(new Error(`it has ended: ${tailOf(log)}`));
    if (process.hasEnded()) close();
    lines.once('close', close);
    lines.once('line', (line) => {
      lines.off('close', close);
      resolve(line);
    });
  });
}

async function acceptAll(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) if (!(await accepts(port))) return false;
  return true;
}

function portOf(servers: Cluster['servers'], name: string): number {
  const port = servers[name];
  if (port === undefined) throw new TypeError(`there is no ${name}`);
  return port;
}

function logsOf(folder: string): string {
  return tailOf(join(folder, 'log'));
}

const HASHES = `[swift-hash]
swift_hash_path_prefix = ${randomUUID()}
swift_hash_path_suffix = ${randomUUID()}

[storage-policy:0]
name = one
default = yes
`;

function serverOf({ folder }: Cluster, kind: string, node: string): string {
  return `devices = ${folder}/node/${node}
mount_check = false
fallocate_reserve = 0
disable_fallocate = true

[pipeline:main]
pipeline = ${kind}-server

[app:${kind}-server]
use = egg:swift#${kind}
`;
}

/** With `symlink` left of `versioned_writes`, an object of a versioned bucket would have no bytes. */
function proxyOf({ credentials, otherCredentials, cachePort }: Cluster): string {
  const filters = [
    'catch_errors',
    'gatekeeper',
    'healthcheck',
    'cache',
    'listing_formats',
    's3api',
    'tempauth',
    'copy',
    'slo',
    'dlo',
    'versioned_writes',
    'symlink',
  ];
  const settings: Readonly<Record<string, string>> = {
    cache: `memcache_servers = 127.0.0.1:${cachePort}\n`,
    s3api: `s3_acl = true\nmax_bucket_listing = ${PAGE_SIZE}\nlocation = ${REGION}\n`,
    tempauth: `user_test_owner = ${credentials.secretAccessKey} .admin .reseller_admin\nuser_test_other = ${otherCredentials.secretAccessKey}\n`,
    versioned_writes: 'allow_object_versioning = true\n',
  };
  const sections = filters.map((name) => {
    const use = name === 'cache' ? 'memcache' : name;
    return `[filter:${name}]\nuse = egg:swift#${use}\n${settings[name] ?? ''}`;
  });
  return `
[pipeline:main]
pipeline = ${filters.join(' ')} proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
# A node that was away is asked again at once; otherwise it would go on missing changes for a minute.
error_suppression_limit = 1000000
error_suppression_interval = 0

${sections.join('\n')}`;
}
