import type {
  PlanHeaders,
  RangePlan,
  RangesPlan,
  RedirectPlan,
  WholePlan,
} from './download-plan.ts';
import type { PlanFacts } from './plan-download.ts';

/** A plan to send bytes of the object through the application. */
export type StreamedPlan = WholePlan | RangePlan | RangesPlan;

/**
 * Says why the answer of a store would not be the one that was planned, whoever asks the store for
 * it: a client that was sent there, or a front server. `undefined` where it would.
 */
export function objectionToStore(
  { conditions: { range }, obligations: { entityTag }, stat }: PlanFacts,
  plan: StreamedPlan,
): string | undefined {
  if (entityTag !== undefined && entityTag !== stat.entityTag) {
    return 'the store has another entity tag';
  }
  if (range === undefined || (plan.kind === 'range' && SINGLE_RANGE.test(range))) return undefined;
  // RFC 9110 §13.1.5: S3-compatible stores pass over If-Range, and would send a part of what is now
  // there. Of several ranges they send the first, the whole, or all; of malformed ones 416 or 200.
  return 'a store may answer this range in another way';
}

/**
 * One range, spelled in the one way that all stores read alike. That it lies inside of the object is
 * seen by the plan.
 */
const SINGLE_RANGE = /^bytes=(?:\d{1,15}-\d{0,15}|-\d{1,15})$/;

/** What of an answer only a URL of the store can carry, or why none can. */
export function headersToSign(
  { headers }: StreamedPlan,
  { obligations: { redirect, rate } }: PlanFacts,
): PlanHeaders | string {
  if (redirect === false) return 'it is forbidden';
  if (rate !== undefined) return 'a store bounds no rate';
  const asked = Object.entries(headers).filter(([name]) => !LEFT_TO_STORE.has(name));
  const lost = asked.find(([name]) => !SIGNED.has(name));
  return lost === undefined ? Object.fromEntries(asked) : `a store sends no header ${lost[0]}`;
}

/**
 * The framing and the validators are the store's. `nosniff` is lost: what is answered without a
 * sandbox is of a type that is never taken for an active one, or is saved, and it is of the store's
 * origin and not of the application's.
 */
const LEFT_TO_STORE: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-length',
  'content-range',
  'etag',
  'last-modified',
  'x-content-type-options',
]);

/** What S3 takes in a URL as `response-…`; a driver that cannot sign one of them signs no URL. */
const SIGNED: ReadonlySet<string> = new Set([
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
]);

/**
 * Plans the answer that sends a client to the store.
 *
 * Nobody may keep it, since it outlives what is signed, and a policy may change its mind
 * (RFC 9111 §5.2.2.5); and the URL is not told to the next site as a `Referer` (Referrer Policy §4).
 * It carries no validator: those are the object's, of which nothing is sent here.
 *
 * @param expiresIn seconds
 */
export function planRedirect(expiresIn: number): RedirectPlan {
  return Object.freeze({
    kind: 'redirect',
    status: 302,
    headers: REDIRECT_HEADERS,
    expiresIn,
    why: 'the store sends it',
  });
}

const REDIRECT_HEADERS: PlanHeaders = Object.freeze({
  'cache-control': 'private, no-store',
  'referrer-policy': 'no-referrer',
  'content-length': '0',
});

/**
 * Tells whether a URL can stand in `Location` (RFC 9110 §10.2.2) and every client reads it as it was
 * signed: absolute, of HTTP, in the form that `URL` gives it, without a user and a fragment.
 */
export function isLocation(url: unknown): url is string {
  if (typeof url !== 'string' || !/^https?:\/\/[\x21-\x7e]+$/.test(url)) return false;
  if (!URL.canParse(url)) return false;
  const { href, username, password } = new URL(url);
  return href === url && username === '' && password === '' && !url.includes('#');
}

/** The same plan, which also says why nobody else sends it. */
export function withNote(plan: StreamedPlan, note: string): StreamedPlan {
  return Object.freeze({ ...plan, why: `${plan.why}; ${note}` });
}
