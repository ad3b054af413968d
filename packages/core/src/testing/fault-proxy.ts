import { createServer, type Socket } from 'node:net';

import { checkOptions, quote } from '../options.ts';
import { assertFault, type Fault, type NetworkAddress } from './fault.ts';
import { createFaultLink, type FaultLink } from './fault-link.ts';

export interface FaultProxyOptions {
  /** Where the store listens. */
  readonly target: NetworkAddress;
}

/** A proxy between a driver and its store that spoils connections on demand. */
export interface FaultProxy {
  /** Where it listens: on the loopback, at a port that was free. */
  readonly address: NetworkAddress;
  /**
   * Sets what happens from now on, on every connection that is open and every new one. At first all
   * is passed. Set it while no answer is under way: bytes that were sent are beyond recall.
   *
   * @throws TypeError on a fault that does not exist, or whose numbers make no sense
   */
  mode(fault: Fault): void;
  /** Counts the connections that are open to it, those that wait for their next request among them. */
  connections(): number;
  /** Breaks off what is open, and listens no more. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a TCP proxy on the loopback in front of a store, for faults that no store shows on demand.
 *
 * The bytes of requests pass as they are: a signature over a request, the address it was sent to
 * included, stays good. Faults are in the answers; `answer` and `rewrite` understand HTTP/1.1 in
 * the clear, without requests sent ahead of their answers, all others any protocol over TCP.
 *
 * @throws TypeError on an unknown option, or a target without host and port
 */
export async function createFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { target } = checkOptions('createFaultProxy', options, ['target']);
  assertTarget(target);
  const links = new Set<FaultLink>();
  let fault: Fault = { kind: 'pass' };
  let left = Infinity;
  const set = (next: Fault): void => {
    fault = next;
    left = ('times' in next ? next.times : undefined) ?? Infinity;
    for (const link of links) link.apply(next);
  };
  /** Counts what was spoilt, and ends a fault that has had its times. */
  const struck = (): void => {
    left--;
    if (left === 0) set({ kind: 'pass' });
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client: Socket) => {
    const link = createFaultLink(client, target, { struck, closed: () => links.delete(link) });
    links.add(link);
    link.apply(fault);
    if (fault.kind === 'refuse') struck();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  let closing: Promise<void> | undefined;
  return {
    address: Object.freeze({ host: '127.0.0.1', port }),
    mode(next) {
      assertFault(next);
      set(next);
    },
    connections: () => links.size,
    close() {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        for (const link of links) link.end();
      });
      return closing;
    },
  };
}

function assertTarget(target: NetworkAddress | undefined): void {
  const { host, port } = target ?? {};
  const isPort = typeof port === 'number' && Number.isInteger(port) && 0 < port && port < 65_536;
  if (typeof host === 'string' && host !== '' && isPort) return;
  throw new TypeError(
    `createFaultProxy: target must be { host, port }, got ${quote(target?.host)}, ${quote(target?.port)}`,
  );
}
