import { setTimeout as delay } from 'node:timers/promises';

import { S3Client } from '@aws-sdk/client-s3';
import type { Call } from '@sluice/core';
import { throwIfAborted } from '@sluice/core/drivers';

import { type Agents, createAgents } from './agents.ts';
import { closedBefore, createEnding, type Ending } from './ending.ts';
import { areCredentials, type Settings } from './settings.ts';
import { isCut, isPassing, noCredentials, storeFault } from './store-fault.ts';

/** The way to a store: connections that are used again, and what is still on them. */
export interface Connection {
  /**
   * Asks the store, under the caller's signal and for `limit` milliseconds at most.
   *
   * @throws SluiceError whatever goes wrong, with the error of the SDK as `cause`
   */
  ask<T>(question: Question<T>, options: AskOptions): Promise<T>;
  /** For signing, which sends nothing: as clients see the store, or as this machine does. */
  signer(from: 'outside' | 'inside'): S3Client;
  /** @throws SluiceError `SLUICE_ABORTED` after {@link Connection.close} */
  requireOpen(): void;
  /** Keeps the connections for one more user; the function lets go of them, once. */
  share(): () => void;
  /** Lets go of the connections, now or with the last of their users. */
  close(): void;
}

/** One request, given the client and what the SDK is to be told with every request. */
type Question<T> = (client: S3Client, options: { readonly abortSignal: AbortSignal }) => Promise<T>;

/** What {@link Connection.ask} takes. */
interface AskOptions extends Call {
  /** Milliseconds, for all attempts together. */
  readonly limit: number;
  /** Set where a second request after a first one that came through would do harm. */
  readonly once?: true;
}

/** Creates the way to a store. Nothing is sent before somebody asks. */
export function createConnection(settings: Settings): Connection {
  const agents = createAgents(settings);
  const client = createClient(settings, settings.endpoint, agents);
  let outside: S3Client | undefined;
  let users = 0;
  let isClosed = false;
  const letGo = (): void => {
    if (!isClosed || users > 0) return;
    client.destroy();
    outside?.destroy();
  };
  const share = (): (() => void) => {
    users++;
    let isShared = true;
    return () => {
      if (!isShared) return;
      isShared = false;
      users--;
      letGo();
    };
  };
  return {
    share,
    async ask(question, { signal, limit, once }) {
      throwIfAborted(signal);
      const release = share();
      const ending = createEnding(signal, limit);
      const attempt = () => askOnce(client, question, ending);
      try {
        return await (once === true ? attempt() : askAgain(attempt, ending, agents));
      } finally {
        ending.release();
        release();
      }
    },
    signer(from) {
      const { publicEndpoint } = settings;
      if (from === 'inside' || publicEndpoint === undefined) return client;
      outside ??= createClient(settings, publicEndpoint, agents);
      return outside;
    },
    requireOpen() {
      if (isClosed) throw closedBefore('driver');
    },
    close() {
      isClosed = true;
      letGo();
    },
  };
}

/**
 * Milliseconds before another attempt: none for a connection that was stale, some for a store that is at
 * odds with itself.
 */
const PAUSES = [0, 50];

async function askAgain<T>(
  attempt: () => Promise<T>,
  { signal }: Ending,
  agents: Agents,
): Promise<T> {
  for (const pause of PAUSES) {
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (isCut(error)) agents.endResting();
    }
    await delay(pause, undefined, { signal }).catch(() => undefined);
  }
  return attempt();
}

/**
 * The SDK does not stop everywhere when it is told to, as where it looks for credentials. Once it has
 * sent the request, the signal ends that, an answer that is just coming in included.
 */
async function askOnce<T>(client: S3Client, question: Question<T>, ending: Ending): Promise<T> {
  const { signal, ended } = ending;
  const fault = ending.fault();
  if (fault !== undefined) throw fault;
  try {
    const answer = question(client, { abortSignal: signal });
    answer.catch(() => undefined);
    return await Promise.race([answer, ended]);
  } catch (error) {
    throw ending.fault() ?? storeFault(error);
  }
}

type Credentials = Exclude<Settings['credentials'], undefined>;

function createClient(
  settings: Settings,
  endpoint: string | undefined,
  { httpAgent, httpsAgent }: Agents,
): S3Client {
  const { region, credentials, forcePathStyle } = settings;
  return new S3Client({
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
    ...(credentials !== undefined && { credentials: copyOf(credentials) }),
    forcePathStyle,
    // Most stores do not know the checksums that the SDK adds, and a read is checked otherwise.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Whoever wants more attempts wraps the driver, and then decides of what and how often.
    maxAttempts: 1,
    followRegionRedirects: false,
    expectContinueHeader: false,
    requestHandler: {
      httpAgent,
      httpsAgent,
      // Time is measured here: its own timers warn only, or end a download for a slow reader.
      requestTimeout: 0,
      socketTimeout: 0,
      // It warns nobody; for a request that cannot be sent at all the timer is not taken back.
      socketAcquisitionWarningTimeout: 60_000,
      logger: SILENT,
    },
  });
}

/** The SDK writes into what it is given, and does not say of a failure that nothing was sent. */
function copyOf(credentials: Credentials): Credentials {
  if (typeof credentials !== 'function') return { ...credentials };
  return async () => {
    const given = await settled(credentials);
    if (!areCredentials(given)) throw noCredentials();
    return { ...given };
  };
}

async function settled(credentials: () => Promise<unknown>): Promise<unknown> {
  try {
    return await credentials();
  } catch (error) {
    throw noCredentials(error);
  }
}

const nothing = (): undefined => undefined;

const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing };
