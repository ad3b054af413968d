import type { Window } from '../storage/driver.ts';

/**
 * What will be answered, and why: a frozen value without an open object or a socket, so that it can
 * be logged, compared and tested.
 *
 * `headers` are complete but for what every HTTP server adds itself (`Date`, `Connection`). Names
 * are in lower case.
 */
export type DownloadPlan =
  | WholePlan
  | RangePlan
  | RangesPlan
  | OffloadPlan
  | RedirectPlan
  | NotModifiedPlan
  | PreconditionFailedPlan
  | RangeNotSatisfiablePlan
  | RefusedPlan
  | FailedPlan;

interface Planned {
  readonly headers: PlanHeaders;
  /** One sentence for logs and tests; it never reaches the client. */
  readonly why: string;
}

interface Told extends Planned {
  /** The body: fixed text by status. It never speaks of the object. */
  readonly text: string;
}

/** Names in lower case. */
export type PlanHeaders = Readonly<Record<string, string>>;

/** The whole representation (RFC 9110 §15.3.1). */
export interface WholePlan extends Planned {
  readonly kind: 'whole';
  readonly status: 200;
  readonly window: Window;
}

/** One range of it (RFC 9110 §15.3.7.1). */
export interface RangePlan extends Planned {
  readonly kind: 'range';
  readonly status: 206;
  readonly window: Window;
}

/** Several ranges, as multipart/byteranges (RFC 9110 §15.3.7.2). */
export interface RangesPlan extends Planned {
  readonly kind: 'ranges';
  readonly status: 206;
  readonly parts: readonly RangePart[];
  /** What closes the multipart body. ASCII. */
  readonly tail: string;
}

/** A part of a multipart body. */
export interface RangePart {
  /** What goes before the bytes of this part. ASCII. */
  readonly head: string;
  readonly window: Window;
}

/**
 * The front server sends it, by order of one header; the body is empty. The order stands among
 * `headers`, or, where it holds a signed URL, among the `secretHeaders` of the download.
 */
export interface OffloadPlan extends Planned {
  readonly kind: 'offload';
  readonly status: 200;
  /** The name of the dialect whose header it is. */
  readonly dialect: string;
}

/**
 * The store itself sends it, to a client that follows a signed URL (RFC 9110 §15.4.3). The URL is as
 * secret as the object, so it stands among the `secretHeaders` of the download, and not here.
 */
export interface RedirectPlan extends Planned {
  readonly kind: 'redirect';
  readonly status: 302;
  /** Seconds for which a request to the store may begin. */
  readonly expiresIn: number;
}

/** RFC 9110 §15.4.5. */
export interface NotModifiedPlan extends Planned {
  readonly kind: 'not-modified';
  readonly status: 304;
}

/** RFC 9110 §15.5.13. */
export interface PreconditionFailedPlan extends Told {
  readonly kind: 'precondition-failed';
  readonly status: 412;
}

/** RFC 9110 §15.5.17. */
export interface RangeNotSatisfiablePlan extends Told {
  readonly kind: 'range-not-satisfiable';
  readonly status: 416;
}

/** Denied, missing, not a method for downloads, or more downloads at once than are let in. */
export interface RefusedPlan extends Told {
  readonly kind: 'refused';
  readonly status: RefusedStatus;
  readonly reason: RefusedReason;
}

/** 404 for all that is hidden, 405 for a wrong method, 503 when busy, the rest by the policy. */
export type RefusedStatus = 401 | 403 | 404 | 405 | 410 | 429 | 503;

/** Why nothing is sent, for logs: the client cannot tell `key`, `denied` and `missing` apart. */
export type RefusedReason = 'key' | 'method' | 'denied' | 'missing' | 'busy';

/** The store failed: 503 where a later attempt makes sense, else 500. */
export interface FailedPlan extends Told {
  readonly kind: 'failed';
  readonly status: 500 | 503;
}
