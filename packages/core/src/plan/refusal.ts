import type { Deny } from '../policy/decision.ts';
import type {
  FailedPlan,
  PlanHeaders,
  RefusedPlan,
  RefusedReason,
  RefusedStatus,
} from './download-plan.ts';

/** Seconds after which a client may try again where nobody knows better. */
export const RETRY_AFTER = 1;

/** Plans the answer to a policy's denial. */
export function planDenial(verdict: Deny): RefusedPlan {
  return refuse(verdict.status, 'denied', verdict.reason, {
    ...(verdict.challenge !== undefined && { 'www-authenticate': verdict.challenge }),
    ...(verdict.retryAfter !== undefined && { 'retry-after': String(verdict.retryAfter) }),
  });
}

/** The target names no key: the same answer as for an object that is not there. */
export function planNoKey(): RefusedPlan {
  return refuse(404, 'key', 'the target names no storage key');
}

/** The store has nothing under the key. */
export function planMissing(): RefusedPlan {
  return refuse(404, 'missing', 'the store has no such object');
}

/** RFC 9110 §15.5.6: a 405 names the methods that are allowed. */
export function planMethod(method: string): RefusedPlan {
  return refuse(405, 'method', `${method} is not a method of downloads`, {
    allow: ALLOWED_METHODS,
  });
}

/** As many downloads run as are let in at once. */
export function planBusy(): RefusedPlan {
  return refuse(503, 'busy', 'as many downloads run as are let in at once', {
    'retry-after': String(RETRY_AFTER),
  });
}

/**
 * Plans the answer to a failed store.
 *
 * @param retryAfter seconds after which an attempt makes sense; without it the answer is 500
 */
export function planFailure(why: string, retryAfter: number | undefined): FailedPlan {
  const status = retryAfter === undefined ? 500 : 503;
  const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  return Object.freeze({ kind: 'failed', status, why, ...tell(status, headers) });
}

/**
 * The headers and the text of an answer without a representation. They depend on the status alone,
 * so that nobody can tell a denied object from one that is missing.
 */
export function tell(
  status: keyof typeof TEXTS,
  headers: PlanHeaders = {},
): { readonly text: string; readonly headers: PlanHeaders } {
  const text = TEXTS[status];
  return {
    text,
    headers: Object.freeze({
      // RFC 9111 §5.2.2.5: what is refused now may be allowed the next moment, and the reverse.
      'cache-control': 'no-store',
      ...headers,
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(text.length),
      'x-content-type-options': 'nosniff',
    }),
  };
}

/** As `Allow` has it (RFC 9110 §10.2.1). */
const ALLOWED_METHODS = 'GET, HEAD';

const TEXTS = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  410: 'Gone',
  412: 'Precondition Failed',
  416: 'Range Not Satisfiable',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

function refuse(
  status: RefusedStatus,
  reason: RefusedReason,
  why: string,
  headers?: PlanHeaders,
): RefusedPlan {
  return Object.freeze({ kind: 'refused', status, reason, why, ...tell(status, headers) });
}
