import type { Dialect } from './offload/dialect.ts';
import { headBytesOf } from './offload/order-head.ts';
import { headersToFetch, planFetch } from './offload/plan-fetch.ts';
import type { OffloadPlan, PlanHeaders, RedirectPlan } from './plan/download-plan.ts';
import type { PlanFacts } from './plan/plan-download.ts';
import {
  headersToSign,
  isLocation,
  objectionToStore,
  planRedirect,
  type StreamedPlan,
} from './plan/store-answer.ts';
import type { Call, SignedUrl, SignOptions, StorageDriver } from './storage/driver.ts';

/** Who may get an object from the store in the application's place. */
export interface StoreWays {
  /** Of a front server that can fetch it. */
  readonly dialect: Dialect | undefined;
  /** The most bytes of a head that a front server takes, where there is one with such a bound. */
  readonly maxHeadBytes: number | undefined;
  /** Seconds for which a client that is sent to the store may begin to ask it. */
  readonly expiresIn: number | undefined;
}

/** What is to be streamed, unless it is sent without the application. */
export interface PlannedStream {
  readonly facts: PlanFacts;
  readonly plan: StreamedPlan;
  /** What the store is told of who waits. */
  readonly call: Call;
}

/** What is sent without the application, with the headers that hold the signed URL. */
export interface StoreOffer {
  readonly plan: OffloadPlan | RedirectPlan;
  readonly secretHeaders: PlanHeaders;
}

/** Gives the ways that a store has; `undefined` where it has none and everything is streamed. */
export function storeWaysOf(
  storage: StorageDriver,
  dialect: Dialect | undefined,
  expiresIn: number | undefined,
): StoreWays | undefined {
  const canFetch = dialect?.valueForUrl !== undefined && storage.internalUrl !== undefined;
  const canRedirect = expiresIn !== undefined && storage.signUrl !== undefined;
  if (!canFetch && !canRedirect) return undefined;
  return {
    dialect: canFetch ? dialect : undefined,
    maxHeadBytes: dialect?.maxHeadBytes,
    expiresIn: canRedirect ? expiresIn : undefined,
  };
}

/**
 * Has what is planned to be streamed sent without the application where it can be: fetched by the front
 * server, else by a client that is sent to the store.
 *
 * @returns why neither can be, where it is so
 * @throws SluiceError when the store fails to sign
 */
export async function offerStore(
  storage: StorageDriver,
  { dialect, maxHeadBytes, expiresIn }: StoreWays,
  planned: PlannedStream,
): Promise<StoreOffer | string> {
  const { facts, plan } = planned;
  const objection = objectionToStore(facts, plan);
  if (objection !== undefined) return `not sent by the store: ${objection}`;
  const notes: string[] = [];
  if (dialect !== undefined) {
    const offer = await offerFetch(storage, dialect, planned);
    if (typeof offer !== 'string') return offer;
    notes.push(`not fetched by ${dialect.name}: ${offer}`);
  }
  if (expiresIn !== undefined) {
    const offer = await offerRedirect(storage, { expiresIn, maxHeadBytes }, planned);
    if (typeof offer !== 'string') return offer;
    notes.push(`not redirected: ${offer}`);
  }
  return notes.join('; ');
}

/**
 * Seconds for which a front server may begin to fetch. It does so at once; the rest is for two clocks
 * that differ.
 */
const FETCH_EXPIRES_IN = 300;

async function offerFetch(
  storage: StorageDriver,
  dialect: Dialect,
  { facts, plan, call }: PlannedStream,
): Promise<StoreOffer | string> {
  const headers = headersToFetch(plan, facts, dialect);
  if (typeof headers === 'string') return headers;
  const { key, stat } = facts;
  const options: SignOptions = { ...call, expiresIn: FETCH_EXPIRES_IN, version: stat.version };
  const signed = await storage.internalUrl?.(key, options);
  if (!isUsable(signed)) return NOT_SIGNED;
  return planFetch(headers, dialect, signed.url);
}

async function offerRedirect(
  storage: StorageDriver,
  {
    expiresIn,
    maxHeadBytes = Number.POSITIVE_INFINITY,
  }: { readonly expiresIn: number; readonly maxHeadBytes: number | undefined },
  { facts, plan, call }: PlannedStream,
): Promise<StoreOffer | string> {
  const headers = headersToSign(plan, facts);
  if (typeof headers === 'string') return headers;
  const { key, stat, conditions } = facts;
  const options: SignOptions = { ...call, expiresIn, version: stat.version, headers };
  const signed = await storage.signUrl?.(key, options);
  if (!isUsable(signed)) return NOT_SIGNED;
  // The client asks the store for the rest of the version that it has, and for no other.
  if (conditions.ifRange !== undefined && conditions.range !== undefined && !signed.pinned) {
    return 'the URL is not bound to a version';
  }
  const redirect = planRedirect(expiresIn);
  const secretHeaders = Object.freeze({ location: signed.url });
  if (headBytesOf({ ...redirect.headers, ...secretHeaders }) > maxHeadBytes) {
    return 'the front server does not take so long a head';
  }
  return { plan: redirect, secretHeaders };
}

const NOT_SIGNED = 'the store signs no such URL';

function isUsable(signed: SignedUrl | undefined): signed is SignedUrl {
  return signed !== undefined && isLocation(signed.url);
}
