import type { DownloadPlan, OffloadPlan, PlanHeaders, WholePlan } from '../plan/download-plan.ts';
import { planDownload, type PlanFacts } from '../plan/plan-download.ts';
import type { LocalPath } from '../storage/driver.ts';
import type { Dialect } from './dialect.ts';

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
 */
export function planOffload(facts: PlanFacts, { dialect, place }: OffloadTarget): DownloadPlan {
  if (place === undefined) return streamed(facts, dialect, 'the store has no local files');
  const objection = objectionOf(facts, dialect);
  if (objection !== undefined) return streamed(facts, dialect, objection);
  const plan = planDownload(seenByServer(facts, dialect));
  // 304 and 412 need no file.
  if (plan.kind !== 'whole') return plan;
  const order = orderOf(plan, facts, dialect, place);
  return typeof order === 'string' ? streamed(facts, dialect, order) : offload(dialect, order);
}

/** Says what of the object, or of the request, no order could carry. */
function objectionOf(
  { stat, obligations, now, conditions }: PlanFacts,
  dialect: Dialect,
): string | undefined {
  const { size, lastModified } = stat;
  const entityTag = obligations.entityTag ?? stat.entityTag;
  if (entityTag === undefined || lastModified === undefined) return 'the object has no validators';
  if (now - lastModified < SETTLED || !entityTag.startsWith('"')) return 'the version is too young';
  const isChosen = obligations.entityTag !== undefined;
  const sentTag = dialect.entityTagOf?.({ size, lastModified });
  if (isChosen && sentTag !== undefined && sentTag !== entityTag) {
    return 'it sends an entity tag of its own';
  }
  return dialect.objectionTo?.(conditions);
}

/**
 * Milliseconds for which a version is not offloaded. Until then the next one may have the same
 * second, by which servers make their entity tags, and what a server remembers of the file may be of
 * the version before.
 */
const SETTLED = 2000;

/** The client holds the entity tag that the server sends, and no range is the application's to judge. */
function seenByServer(facts: PlanFacts, dialect: Dialect): PlanFacts {
  const { stat, obligations, conditions } = facts;
  const { size, lastModified = 0 } = stat;
  const entityTag = dialect.entityTagOf?.({ size, lastModified });
  return {
    ...facts,
    conditions: { ...conditions, range: undefined, ifRange: undefined },
    ...(entityTag !== undefined && { obligations: { ...obligations, entityTag } }),
  };
}

/** Gives the headers that order the file to be sent, or why none can. */
function orderOf(
  { headers }: WholePlan,
  { obligations: { rate } }: PlanFacts,
  dialect: Dialect,
  place: LocalPath,
): PlanHeaders | string {
  const sent = Object.entries(headers).filter(([name]) => !dialect.makes.includes(name));
  const lost = sent.find(([name, value]) => !dialect.carries(name, value, place));
  if (lost !== undefined) return `it drops the header ${lost[0]}`;
  const rateHeader = rate === undefined ? [] : dialect.rateHeaderFor?.(rate);
  if (rateHeader === undefined) return 'it cannot bound the rate';
  const value = dialect.valueFor(place, headers);
  if (value === undefined || !isSafe(value)) return 'it cannot be told the name';
  const [rateName, rateValue] = rateHeader;
  return {
    ...Object.fromEntries(sent),
    ...(rateName !== undefined && rateValue !== undefined && { [rateName]: rateValue }),
    'content-length': '0',
    [dialect.header]: value,
  };
}

/**
 * A header of Node takes no line break; an empty value, or a blank at an end, is read in as many ways
 * as there are servers.
 */
function isSafe(value: string): boolean {
  return /^[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/.test(value);
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
    case 'not-modified':
    case 'precondition-failed':
    case 'range-not-satisfiable':
    case 'refused':
    case 'failed':
      return plan;
  }
}
