import { parseEntityTag } from '../http/entity-tag.ts';
import type { DownloadPlan, OffloadPlan, PlanHeaders, WholePlan } from '../plan/download-plan.ts';
import { planDownload, type PlanFacts } from '../plan/plan-download.ts';
import type { LocalPath } from '../storage/driver.ts';
import type { Dialect } from './dialect.ts';
import { headBytesOf, isOrderValue } from './order-head.ts';

/** What a sluice offloads to. */
export interface OffloadTarget {
  readonly dialect: Dialect;
  /** Where the object lies; `undefined` where the store has no files that a server could read. */
  readonly place: LocalPath | undefined;
}

/**
 * Plans the answer to an allowed download that a front server may send. Pure.
 *
 * The application judges the preconditions, and the server the ranges: an application that answered
 * 206 would have its empty body, its path or the wrong bytes sent to the client. What the server
 * cannot carry is planned as if there were none, and the plan says why.
 *
 * HEAD is answered as the server would answer GET, and needs no file: most servers would take Range
 * for it, against RFC 9110 §14.2, and some forget that the method was HEAD and send the body.
 */
export function planOffload(facts: PlanFacts, { dialect, place }: OffloadTarget): DownloadPlan {
  if (place === undefined) return streamed(facts, dialect, 'the object lies on no local disk');
  const flaw = flawOf(facts, dialect);
  if (flaw !== undefined) return streamed(facts, dialect, flaw);
  const own = withTagOf(dialect, facts);
  const isHead = facts.method === 'HEAD';
  const objection = isHead ? undefined : objectionOf(facts, dialect);
  // The client that asks for a range has the entity tag that the server sent.
  if (objection !== undefined) return streamed(own, dialect, objection);
  const { conditions } = facts;
  const plan = planDownload({
    ...own,
    conditions: { ...conditions, range: undefined, ifRange: undefined },
  });
  // 304 and 412 need no file.
  if (plan.kind !== 'whole') return plan;
  const order = orderFor(plan, { dialect, place, rate: facts.obligations.rate });
  if (typeof order === 'string') return streamed(facts, dialect, order);
  return isHead ? plan : order;
}

/** Says what of the object no order could carry. */
function flawOf({ stat, obligations, now }: PlanFacts, dialect: Dialect): string | undefined {
  const { size, lastModified = Number.NaN } = stat;
  const field = obligations.entityTag ?? stat.entityTag;
  const entityTag = field === undefined ? undefined : parseEntityTag(field);
  // Also of a driver that says nonsense, of which a server would make something else.
  if (entityTag === undefined || !(lastModified >= 0)) return 'the object has no validators';
  if (now - lastModified < SETTLED) return 'the version is too young';
  if (entityTag.weak) return 'its entity tag is weak';
  const sentTag = dialect.entityTagOf?.({ size, lastModified });
  return obligations.entityTag !== undefined && sentTag !== undefined && sentTag !== field
    ? 'it sends an entity tag of its own'
    : undefined;
}

/**
 * Milliseconds for which a version is not offloaded. Until then the next one may have the same
 * second, by which servers make their entity tags, and what a server remembers of the file may be of
 * the version before.
 */
const SETTLED = 2000;

/** Says why the server would answer this request wrongly. */
function objectionOf({ conditions, stat }: PlanFacts, dialect: Dialect): string | undefined {
  const { range, ifRange } = conditions;
  if (range === undefined) return undefined;
  // A server that keeps the application's entity tag may open the file after it was replaced: the
  // rest of a download would be the next version's, under the tag of the one before.
  if (ifRange !== undefined && dialect.entityTagOf === undefined) {
    return 'it could go on with the next version';
  }
  return dialect.objectionTo?.({ range, ifRange, size: stat.size });
}

/** The client is told the entity tag that the server sends, and asks by it. */
function withTagOf(dialect: Dialect, facts: PlanFacts): PlanFacts {
  const { stat, obligations } = facts;
  const { size, lastModified = 0 } = stat;
  const entityTag = dialect.entityTagOf?.({ size, lastModified });
  if (entityTag === undefined) return facts;
  return { ...facts, obligations: Object.freeze({ ...obligations, entityTag }) };
}

/** What an order depends on beside the plan of the whole object. */
interface Placing {
  readonly dialect: Dialect;
  readonly place: LocalPath;
  /** Bytes a second. */
  readonly rate: number | undefined;
}

/** Orders are plain values, so one serves all who are sent the whole of a version. */
function orderFor(plan: WholePlan, placing: Placing): OffloadPlan | string {
  const known = ordered.get(plan);
  if (known !== undefined && isSamePlacing(known, placing)) return known.order;
  const headers = headersOf(plan, placing);
  const order = typeof headers === 'string' ? headers : offload(placing.dialect, headers);
  // The place is the driver's, who may use it again for another object.
  ordered.set(plan, { ...placing, place: { ...placing.place }, order });
  return order;
}

const ordered = new WeakMap<WholePlan, Placing & { readonly order: OffloadPlan | string }>();

function isSamePlacing(one: Placing, { dialect, place, rate }: Placing): boolean {
  return (
    one.dialect === dialect &&
    one.rate === rate &&
    one.place.root === place.root &&
    one.place.prefix === place.prefix &&
    one.place.path === place.path
  );
}

/** Gives the headers that order the file to be sent, or why none can. */
function headersOf(
  { headers }: WholePlan,
  { dialect, place, rate }: Placing,
): PlanHeaders | string {
  const sent = Object.entries(headers).filter(([name]) => !dialect.makes.includes(name));
  const lost = sent.find(([name, value]) => !dialect.carries(name, value, place));
  if (lost !== undefined) return `it drops the header ${lost[0]}`;
  const rateHeader = rate === undefined ? [] : dialect.rateHeaderFor?.(rate);
  if (rateHeader === undefined) return 'it cannot bound the rate';
  const value = dialect.valueFor(place, headers);
  if (!isOrderValue(value)) return 'it cannot be told the name';
  const [rateName, rateValue] = rateHeader;
  const order = {
    ...Object.fromEntries(sent),
    ...(rateName !== undefined && rateValue !== undefined && { [rateName]: rateValue }),
    'content-length': '0',
    [dialect.header]: value,
  };
  const { maxHeadBytes = Number.POSITIVE_INFINITY } = dialect;
  return headBytesOf(order) > maxHeadBytes ? 'it does not take so long a head' : order;
}

function offload(dialect: Dialect, headers: PlanHeaders): OffloadPlan {
  return Object.freeze({
    kind: 'offload',
    status: 200,
    headers: Object.freeze(headers),
    dialect: dialect.name,
    why: `${dialect.name} sends it`,
  });
}

function streamed(facts: PlanFacts, { name }: Dialect, reason: string): DownloadPlan {
  const plan = planDownload(facts);
  switch (plan.kind) {
    case 'whole':
    case 'range':
    case 'ranges':
      return Object.freeze({ ...plan, why: `${plan.why}; not sent by ${name}: ${reason}` });
    case 'offload':
    case 'redirect':
    case 'not-modified':
    case 'precondition-failed':
    case 'range-not-satisfiable':
    case 'refused':
    case 'failed':
      return plan;
  }
}
