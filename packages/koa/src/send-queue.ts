// oxlint-disable-next-line eslint/no-restricted-imports -- a table of the kernel, no object
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

/**
 * Gives the bytes that the kernel holds for a connection and the other end has not taken yet;
 * `undefined` where the system does not tell. On Linux it is `tx_queue` of `/proc/net/tcp`
 * (proc_pid_net(5)).
 *
 * Node learns nothing of a client that reads slowly until a large part of the kernel's queue, of up
 * to 4 MiB, is free again. At 20 KB/s that takes minutes, in which the client seems to stand still.
 * The queue moves sooner, though not with every byte: the other end tells what it has taken in steps
 * of its own, measured at up to 250 KiB.
 */
export async function sendQueueOf({ localPort, remotePort }: Socket): Promise<number | undefined> {
  if (localPort === undefined || remotePort === undefined) return undefined;
  const queues = await currentQueues();
  return queues.get(`${localPort}:${remotePort}`);
}

/** By local and remote port. Connections that share both, over other addresses, are added up. */
type Queues = ReadonlyMap<string, number>;

/** Milliseconds for which one look serves all connections: it lists those of the whole system. */
const FRESH = 100;

const TABLES: readonly string[] =
  process.platform === 'linux' ? ['/proc/self/net/tcp', '/proc/self/net/tcp6'] : [];

/** `0: 0100007F:1F90 0100007F:D431 01 00000A00:00000000 …`: local, remote, state, tx:rx, in hex. */
const ENTRY =
  /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]{2} ([0-9A-F]{8}):/gm;

let latest: { readonly at: number; readonly queues: Promise<Queues> } | undefined;

async function currentQueues(): Promise<Queues> {
  const now = performance.now();
  if (latest === undefined || now - latest.at > FRESH) latest = { at: now, queues: readQueues() };
  return latest.queues;
}

async function readQueues(): Promise<Queues> {
  const queues = new Map<string, number>();
  for (const table of TABLES) {
    for (const [, local = '', remote = '', queued = ''] of (await read(table)).matchAll(ENTRY)) {
      const ports = `${Number.parseInt(local, 16)}:${Number.parseInt(remote, 16)}`;
      queues.set(ports, (queues.get(ports) ?? 0) + Number.parseInt(queued, 16));
    }
  }
  return queues;
}

/** A container may have no /proc, or no IPv6. */
async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch {
    return '';
  }
}
