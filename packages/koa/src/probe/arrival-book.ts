import { randomBytes } from 'node:crypto';

import { isSendfileHeader } from '@sluice/core/http';
import type { ProbeArrival } from '@sluice/core/probe';

import type { DownloadContext } from '../request.ts';

/** Remembers on which connection the requests of a doctor came. */
export interface ArrivalBook {
  /** Counts a request. */
  note(ctx: DownloadContext): void;
  /** Tells how a request arrived. */
  describe(ctx: DownloadContext): ProbeArrival;
}

/** Creates a book. It forgets a connection that is gone. */
export function createArrivalBook(): ArrivalBook {
  const connections: WeakMap<object, ProbeArrival['connection']> = new WeakMap();
  const connectionOf = ({ req }: DownloadContext): ProbeArrival['connection'] =>
    connections.get(req.socket) ?? { id: randomBytes(8).toString('hex'), requests: 0 };
  return {
    note(ctx) {
      const { id, requests } = connectionOf(ctx);
      connections.set(ctx.req.socket, { id, requests: requests + 1 });
    },
    describe(ctx) {
      return {
        connection: connectionOf(ctx),
        httpVersion: ctx.req.httpVersion,
        controlHeaders: controlHeadersOf(ctx),
      };
    },
  };
}

/** No other header of the request is shown. */
function controlHeadersOf({ req }: DownloadContext): ProbeArrival['controlHeaders'] {
  return Object.entries(req.headers)
    .filter(([name]) => isSendfileHeader(name))
    .map(([name, value]) => [name, String(value)] as const);
}
