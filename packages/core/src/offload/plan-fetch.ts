import { parseEntityTag } from '../http/entity-tag.ts';
import type { OffloadPlan, PlanHeaders } from '../plan/download-plan.ts';
import type { PlanFacts } from '../plan/plan-download.ts';
import type { StreamedPlan } from '../plan/store-answer.ts';
import type { Dialect } from './dialect.ts';
import { headBytesOf, isOrderValue } from './order-head.ts';

/** An order to fetch an object from the store: the plan, and what must never stand in one. */
export interface FetchOrder {
  readonly plan: OffloadPlan;
  readonly secretHeaders: PlanHeaders;
}

/**
 * Gives the headers that go with an order to fetch the object from a store, or says why none can. Pure,
 * and asked before a URL is signed.
 *
 * The entity tag goes along for the server to bind the fetch to, by `If-Match`; what the client sees of
 * it is the store's, as is the date.
 */
export function headersToFetch(
  plan: StreamedPlan,
  { stat, obligations: { rate } }: PlanFacts,
  dialect: Dialect,
): PlanHeaders | string {
  const entityTag = stat.entityTag === undefined ? undefined : parseEntityTag(stat.entityTag);
  if (entityTag === undefined || entityTag.weak) return 'no strong entity tag binds the version';
  const sent = Object.entries(plan.headers).filter(([name]) => !LEFT_OUT.has(name));
  const lost = sent.find(([name, value]) => !BOUND.has(name) && !dialect.carries(name, value));
  if (lost !== undefined) return `it drops the header ${lost[0]}`;
  const rateHeader = rate === undefined ? [] : dialect.rateHeaderFor?.(rate);
  if (rateHeader === undefined) return 'it cannot bound the rate';
  const [rateName, rateValue] = rateHeader;
  return {
    ...Object.fromEntries(sent),
    ...(rateName !== undefined && rateValue !== undefined && { [rateName]: rateValue }),
    'content-length': '0',
  };
}

/** Plans the order to fetch an object from the URL, or says why the server cannot be told it. Pure. */
export function planFetch(
  headers: PlanHeaders,
  dialect: Dialect,
  url: string,
): FetchOrder | string {
  const value = dialect.valueForUrl?.(url);
  if (!isOrderValue(value)) return 'it cannot be told the URL';
  const secretHeaders = Object.freeze({ [dialect.header]: value });
  const { maxHeadBytes = Number.POSITIVE_INFINITY } = dialect;
  if (headBytesOf({ ...headers, ...secretHeaders }) > maxHeadBytes) {
    return 'it does not take so long a head';
  }
  const plan: OffloadPlan = Object.freeze({
    kind: 'offload',
    status: 200,
    headers: Object.freeze(headers),
    dialect: dialect.name,
    why: `${dialect.name} fetches it from the store`,
  });
  return { plan, secretHeaders };
}

/** The framing is of the answer that the server makes of the store's; so is the date. */
const LEFT_OUT: ReadonlySet<string> = new Set(['content-length', 'content-range', 'last-modified']);

/** What binds the fetch, and what the server keeps of every answer to it. */
const BOUND: ReadonlySet<string> = new Set(['accept-ranges', 'etag']);
