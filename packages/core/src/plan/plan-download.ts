import { frameByteranges } from '../http/byteranges.ts';
import { type Conditions, evaluatePreconditions, rangeApplies } from '../http/preconditions.ts';
import { type ByteRange, formatContentRange, resolveRange } from '../http/range.ts';
import type { StorageKey } from '../keys/storage-key.ts';
import type { Obligations } from '../policy/obligations.ts';
import type { ObjectStat, Window } from '../storage/driver.ts';
import type {
  DownloadPlan,
  NotModifiedPlan,
  PreconditionFailedPlan,
  RangeNotSatisfiablePlan,
  RangePlan,
  RangesPlan,
  WholePlan,
} from './download-plan.ts';
import { tell } from './refusal.ts';
import { describe, type Representation } from './representation.ts';

/** All that the plan of an allowed download depends on. */
export interface PlanFacts {
  readonly method: 'GET' | 'HEAD';
  readonly conditions: Conditions;
  readonly key: StorageKey;
  readonly obligations: Obligations;
  readonly stat: ObjectStat;
  /** Milliseconds since 1970: when the answer is made (RFC 9110 §8.8.2.2). */
  readonly now: number;
  /** Gives the boundary of a multipart body; called only where there is one. */
  readonly boundary: () => string;
  /** How many ranges one request may ask for; more are answered with the whole. */
  readonly maxRanges: number;
}

/** Plans the answer to an allowed download of an object that is there. Pure. */
export function planDownload(facts: PlanFacts): DownloadPlan {
  const { method, conditions, now } = facts;
  const representation = describe(facts.key, facts.obligations, facts.stat, now);
  switch (evaluatePreconditions(method, conditions, representation.validators, now)) {
    case 'not-modified':
      return notModified(representation);
    case 'precondition-failed':
      return preconditionFailed();
    case 'proceed':
      return planBody(facts, representation);
  }
}

function planBody(facts: PlanFacts, representation: Representation): DownloadPlan {
  const { method, conditions, now } = facts;
  // RFC 9110 §14.2: Range is defined for GET alone, and ignored elsewhere.
  if (method !== 'GET' || conditions.range === undefined) return plainWhole(representation);
  if (!rangeApplies(conditions, representation.validators, now)) {
    return whole(representation, 'If-Range names another version');
  }
  const outcome = resolveRange(conditions.range, representation.size, {
    maxRanges: facts.maxRanges,
  });
  switch (outcome.kind) {
    case 'whole':
      return whole(representation, outcome.why);
    case 'unsatisfiable':
      return notSatisfiable(representation);
    case 'ranges': {
      const [first, ...more] = outcome.ranges;
      return more.length === 0
        ? range(representation, first)
        : ranges(representation, outcome.ranges, facts.boundary());
    }
  }
}

/** Plans are plain values, so one serves all who ask for the whole of a version. */
function plainWhole(representation: Representation): WholePlan {
  const known = wholes.get(representation);
  if (known !== undefined) return known;
  const plan = whole(representation, 'no range was asked for');
  wholes.set(representation, plan);
  return plan;
}

const wholes = new WeakMap<Representation, WholePlan>();

const notModifieds = new WeakMap<Representation, NotModifiedPlan>();

function whole({ size, headers }: Representation, why: string): WholePlan {
  return Object.freeze({
    kind: 'whole',
    status: 200,
    headers: Object.freeze({ ...headers, 'content-length': String(size) }),
    window: Object.freeze({ start: 0, end: size }),
    why,
  });
}

function range({ size, headers }: Representation, asked: ByteRange): RangePlan {
  const window = windowOf(asked);
  return Object.freeze({
    kind: 'range',
    status: 206,
    headers: Object.freeze({
      ...headers,
      'content-range': formatContentRange(asked, size),
      'content-length': String(window.end - window.start),
    }),
    window,
    why: 'one range',
  });
}

function ranges(
  representation: Representation,
  asked: readonly ByteRange[],
  boundary: string,
): RangesPlan | WholePlan {
  const { size, headers, contentType } = representation;
  const framed = frameByteranges(asked, { boundary, contentType, completeLength: size });
  // RFC 9110 §15.3.7.2 lets a server answer whole what costs it more in parts.
  if (framed.contentLength >= size) return whole(representation, 'the parts would be longer');
  return Object.freeze({
    kind: 'ranges',
    status: 206,
    headers: Object.freeze({
      ...headers,
      'content-type': framed.contentType,
      'content-length': String(framed.contentLength),
    }),
    parts: Object.freeze(
      framed.parts.map((part) => Object.freeze({ head: part.head, window: windowOf(part.range) })),
    ),
    tail: framed.tail,
    why: `${asked.length} ranges`,
  });
}

function notModified(representation: Representation): NotModifiedPlan {
  const known = notModifieds.get(representation);
  if (known !== undefined) return known;
  const plan: NotModifiedPlan = Object.freeze({
    kind: 'not-modified',
    status: 304,
    headers: Object.freeze({ ...representation.cacheHeaders }),
    why: 'the client has this version',
  });
  notModifieds.set(representation, plan);
  return plan;
}

function preconditionFailed(): PreconditionFailedPlan {
  return Object.freeze({
    kind: 'precondition-failed',
    status: 412,
    why: 'the client asked for another version',
    ...tell(412),
  });
}

function notSatisfiable({ size }: Representation): RangeNotSatisfiablePlan {
  return Object.freeze({
    kind: 'range-not-satisfiable',
    status: 416,
    why: 'no range lies inside the object',
    ...tell(416, {
      'content-range': formatContentRange(undefined, size),
      'accept-ranges': 'bytes',
    }),
  });
}

/** From inclusive, as on the wire, to half-open, as everywhere else. */
function windowOf({ first, last }: ByteRange): Window {
  return Object.freeze({ start: first, end: last + 1 });
}
