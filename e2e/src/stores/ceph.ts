import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { accepts, freePort } from '../port.ts';
import {
  createBucket,
  createCredentials,
  createStoreClient,
  knowsCredentials,
  type StoreAddress,
} from './client.ts';
import {
  checkInstalled,
  type EngineProcess,
  runProgram,
  startProcess,
  untilReady,
} from './engine-process.ts';
import { PAGE_SIZE, type StoreCredentials, type StoreEngine } from './engine.ts';
import { startEngine } from './start-engine.ts';

/** What {@link startCeph} takes. */
export interface CephOptions {
  /** How many OSDs hold replicas, 1 to 3; default: 3. Below two of three, requests wait for ever. */
  readonly osds?: number | undefined;
}

/**
 * Starts a Ceph cluster with an S3 gateway: a monitor, OSDs that keep objects in memory, and RADOS
 * Gateway. Root is not needed.
 *
 * An OSD that is killed has lost its objects, and gets them again from the others.
 *
 * @throws Error when a package is missing or the cluster does not start
 */
export async function startCeph({ osds = 3 }: CephOptions = {}): Promise<StoreEngine> {
  checkInstalled('Ceph with RADOS Gateway', PROGRAMS);
  return startEngine('ceph', (folder) => startCluster(folder, osds));
}

const PROGRAMS = {
  radosgw: '/usr/bin/radosgw',
  'ceph-mon': '/usr/bin/ceph-mon',
  'ceph-osd': '/usr/bin/ceph-osd',
  'ceph-common': '/usr/bin/ceph',
} as const;

const REGION = 'us-east-1';

/** The id of the user whose buckets they are. */
const OWNER = 'owner';

/** What every step of the start is told. */
interface Cluster {
  readonly folder: string;
  readonly fsid: string;
  readonly osds: number;
  readonly monitorPort: number;
  readonly gatewayPort: number;
}

/** An OSD, of which there is one process after the other. */
interface Osd {
  process(): EngineProcess;
  /** Starts it again if it has ended, and waits until the monitor counts on it. */
  restart(): Promise<void>;
}

async function startCluster(folder: string, osds: number): Promise<StoreEngine> {
  const cluster = await createCluster(folder, osds);
  const processes: (() => EngineProcess)[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map((process) => process().kill()));
    rmSync(folder, { recursive: true, force: true });
  };
  const own = (process: EngineProcess): EngineProcess => {
    processes.push(() => process);
    return process;
  };
  try {
    await createMonitor(cluster);
    own(startDaemon(cluster, 'ceph-mon', 'a'));
    const made = await Promise.allSettled(
      Array.from({ length: osds }, (_, id) => createOsd(cluster, id)),
    );
    const nodes = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    for (const node of nodes) processes.push(() => node.process());
    for (const one of made) if (one.status === 'rejected') throw one.reason;
    const gateway = own(startDaemon(cluster, 'radosgw', 'client.rgw.a'));
    const users = await createUsers(cluster, gateway);
    const client = createStoreClient(users.address, users.credentials);
    return {
      name: 'ceph',
      ...users.address,
      credentials: users.credentials,
      otherCredentials: users.otherCredentials,
      folder,
      nodes: osds,
      createBucket: (options) => createBucket(client, options),
      killNode: (node) => osdOf(nodes, node).process().kill(),
      startNode: (node) => osdOf(nodes, node).restart(),
      pauseGateway: () => void gateway.child.kill('SIGSTOP'),
      resumeGateway: () => void gateway.child.kill('SIGCONT'),
      logs: () => processes.map((process) => process().tail()).join('\n'),
      async stop() {
        client.destroy();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function createCluster(folder: string, osds: number): Promise<Cluster> {
  const [monitorPort, gatewayPort] = [await freePort(), await freePort()];
  const cluster = { folder, fsid: randomUUID(), osds, monitorPort, gatewayPort };
  for (const name of ['mon', 'osd', 'log', 'run', 'crash']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'ceph.conf'), configuration(cluster));
  return cluster;
}

/** Writes the keys of the cluster and the first state of its monitor. */
async function createMonitor(cluster: Cluster): Promise<void> {
  const { folder, fsid, monitorPort } = cluster;
  const keyring = join(folder, 'keyring');
  const map = join(folder, 'monmap');
  const grant = (name: string, ...caps: readonly string[]): readonly string[] => [
    keyring,
    '--gen-key',
    '--name',
    name,
    ...caps.flatMap((cap) => ['--cap', ...cap.split('=')]),
  ];
  const all = ['mon=allow *', 'osd=allow *', 'mgr=allow *', 'mds=allow *'];
  const authtool = (args: readonly string[]) => run(cluster, 'ceph-authtool', args);
  await authtool(['--create-keyring', ...grant('mon.', 'mon=allow *')]);
  await authtool(grant('client.admin', ...all));
  await authtool(grant('client.rgw.a', 'mon=allow rwx', 'osd=allow rwx'));
  const address = `[v2:127.0.0.1:${monitorPort}]`;
  const members = ['--create', '--clobber', '--fsid', fsid, '--addv', 'a', address, map];
  await run(cluster, 'monmaptool', members);
  const made = ['--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring];
  await run(cluster, 'ceph-mon', [...made, ...configOf(cluster)]);
}

async function createOsd(cluster: Cluster, id: number): Promise<Osd> {
  const folder = join(cluster.folder, 'osd', String(id));
  const uuid = randomUUID();
  const secret = (await run(cluster, 'ceph-authtool', ['--gen-print-key'])).trim();
  mkdirSync(folder);
  writeFileSync(join(folder, 'keyring'), `[osd.${id}]\n\tkey = ${secret}\n`);
  const told = JSON.stringify({ cephx_secret: secret });
  await ceph(cluster, ['osd', 'new', uuid, String(id), '-i', '-'], told);
  const made = ['-i', String(id), '--mkfs', '--osd-uuid', uuid];
  await run(cluster, 'ceph-osd', [...made, ...configOf(cluster)]);
  const start = (): EngineProcess =>
    startDaemon(cluster, 'ceph-osd', String(id), [
      '--crush-location',
      `root=default host=host-${id}`,
    ]);
  let process = start();
  return {
    process: () => process,
    async restart() {
      if (!process.hasEnded()) return;
      const before = await upSince(cluster, id);
      process = start();
      // The monitor may not have heard yet that the one before is gone.
      await untilReady([process], async () => (await upSince(cluster, id)) > before);
    },
  };
}

/** The map of the cluster, by its number, in which an OSD came up last. */
async function upSince(cluster: Cluster, id: number): Promise<number> {
  const text = await ceph(cluster, ['osd', 'dump', '--format', 'json']);
  const { osds }: { readonly osds: readonly { readonly osd: number; readonly up_from: number }[] } =
    JSON.parse(text);
  return osds.find(({ osd }) => osd === id)?.up_from ?? 0;
}

interface Users {
  readonly address: StoreAddress;
  readonly credentials: StoreCredentials;
  readonly otherCredentials: StoreCredentials;
}

async function createUsers(cluster: Cluster, gateway: EngineProcess): Promise<Users> {
  const credentials = createCredentials('owner-key');
  const otherCredentials = createCredentials('other-key');
  const address = { endpoint: `http://127.0.0.1:${cluster.gatewayPort}`, region: REGION };
  const create = (id: string, user: StoreCredentials): Promise<string> => {
    const keys = [`--access-key=${user.accessKeyId}`, `--secret=${user.secretAccessKey}`];
    const args = ['user', 'create', `--uid=${id}`, `--display-name=${id}`, ...keys];
    return run(cluster, 'radosgw-admin', [...args, ...configOf(cluster)]);
  };
  await untilReady([gateway], () => accepts(cluster.gatewayPort));
  await Promise.all([create(OWNER, credentials), create('other', otherCredentials)]);
  await untilReady([gateway], () => knowsCredentials(address, credentials, OWNER));
  return { address, credentials, otherCredentials };
}

function startDaemon(
  cluster: Cluster,
  name: 'ceph-mon' | 'ceph-osd' | 'radosgw',
  id: string,
  more: readonly string[] = [],
): EngineProcess {
  const { folder } = cluster;
  const named = name === 'radosgw' ? ['-n', id] : ['-i', id];
  const log = join(folder, 'log', `${name}.${id}.output`);
  const args = [...named, '-f', ...configOf(cluster), ...more];
  return startProcess({ program: `/usr/bin/${name}`, args, folder, log });
}

function ceph(cluster: Cluster, args: readonly string[], input?: string): Promise<string> {
  const connect = ['--connect-timeout', '20', '-k', join(cluster.folder, 'keyring')];
  return run(cluster, 'ceph', [...configOf(cluster), ...connect, ...args], input);
}

function run(
  { folder }: Cluster,
  program: string,
  args: readonly string[],
  input?: string,
): Promise<string> {
  return runProgram({ program: `/usr/bin/${program}`, args, folder }, input);
}

function configOf({ folder }: Cluster): readonly string[] {
  return ['-c', join(folder, 'ceph.conf')];
}

function osdOf(nodes: readonly Osd[], node: number): Osd {
  const osd = nodes[node];
  if (osd === undefined) throw new TypeError(`there is no node ${node}`);
  return osd;
}

function configuration({ folder, fsid, osds, monitorPort, gatewayPort }: Cluster): string {
  return `[global]
fsid = ${fsid}
mon initial members = a
mon host = [v2:127.0.0.1:${monitorPort}/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
ms bind msgr1 = false
# Without keys the gateway cannot log in.
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = ${folder}/keyring
run dir = ${folder}/run
admin socket = ${folder}/run/$cluster-$name.asok
pid file = ${folder}/run/$name.pid
log file = ${folder}/log/$name.log
crash dir = ${folder}/crash
osd pool default size = ${osds}
osd pool default min size = ${Math.min(osds, 2)}
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 2000
rgw rados pool pg num min = 4

[mon]
mon data = ${folder}/mon/$id
mon data avail crit = 1
# The start is a hundred decisions one after the other: 13 s become 3 s.
paxos propose interval = 0.05
paxos min wait = 0.02
# Of two OSDs that are left, each must be believed.
mon osd min down reporters = 1

[osd]
osd data = ${folder}/osd/$id
keyring = ${folder}/osd/$id/keyring
# Nothing on a disk, and a start in 3 s; BlueStore takes 11.
osd objectstore = memstore
memstore device bytes = 2147483648
osd heartbeat grace = 5

[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:${gatewayPort}
rgw data = ${folder}
rgw max listing results = ${PAGE_SIZE}
`;
}
