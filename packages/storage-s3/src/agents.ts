import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';

/** The connections to a store, with and without TLS, which are used again after a rest. */
export interface Agents {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
  /**
   * Ends the connections at rest. Where one of them turns out to have been cut, as by a store that was
   * started anew or by a firewall between, the others mostly have been, too: what is asked next must
   * not try them all.
   */
  endResting(): void;
}

/** Creates the agents of one client. Nothing is connected before somebody asks. */
export function createAgents({ maxSockets, rest = REST }: AgentsOptions): Agents {
  // Of a connection in use Node only tells that the time is over, and nobody listens.
  const options = { keepAlive: true, maxSockets, timeout: rest };
  const httpAgent = new HttpAgent(options);
  const httpsAgent = new HttpsAgent(options);
  return {
    httpAgent,
    httpsAgent,
    endResting() {
      for (const socket of [...restingOf(httpAgent), ...restingOf(httpsAgent)]) end(socket);
    },
  };
}

/** What {@link createAgents} takes. */
interface AgentsOptions {
  /** Connections at most. */
  readonly maxSockets: number;
  /**
   * Milliseconds for which a connection may rest; less where the store says how long it keeps one.
   *
   * @default 4000, since there are stores and proxies that close theirs after five seconds
   */
  readonly rest?: number;
}

const REST = 4000;

function restingOf({ freeSockets }: HttpAgent): readonly Socket[] {
  return Object.values(freeSockets).flatMap((sockets = []) => sockets);
}

function end(socket: Socket): void {
  socket.destroy();
  // By itself the agent learns of it only when the event loop has turned.
  socket.emit('agentRemove');
}
