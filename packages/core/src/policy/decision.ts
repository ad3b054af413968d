import { isFieldValue } from '../http/field.ts';
import { checkOptions, integerOption, ownOf, quote } from '../options.ts';
import { checkObligations, joinObligations, type Obligations } from './obligations.ts';

/** How a denial looks to the client. */
export interface DenyOptions {
  /**
   * Default: 404, the same answer that a missing object gets, byte for byte, so that a denial does
   * not tell that the object is there.
   */
  readonly status?: DenyStatus;
  /** The value of `WWW-Authenticate`; required with 401 and only there (RFC 9110 §15.5.2). */
  readonly challenge?: string;
  /** Seconds for `Retry-After`, with 429 and only there (RFC 6585 §4). */
  readonly retryAfter?: number;
}

/** The statuses that a policy may choose for a denial. */
export type DenyStatus = 401 | 403 | 404 | 410 | 429;

/** The download is allowed, under obligations. Made by {@link allow} only. */
export interface Allow {
  readonly effect: 'allow';
  readonly obligations: Obligations;
  /** The name of the rule that decided, set by whoever asked it. */
  readonly rule?: string;
}

/** The download is denied. Made by {@link deny} only. */
export interface Deny {
  readonly effect: 'deny';
  /** For logs and `explain`; it never reaches the client. */
  readonly reason: string;
  readonly status: DenyStatus;
  readonly challenge?: string;
  readonly retryAfter?: number;
  /** What a policy failed with, where that is why it is denied. */
  readonly cause?: unknown;
  /** The name of the rule that decided, set by whoever asked it. */
  readonly rule?: string;
}

/** The rule has nothing to say of this download. */
export interface NotApplicable {
  readonly effect: 'not-applicable';
}

/** What a policy answers. */
export type Decision = Allow | Deny | NotApplicable;

/**
 * Allows a download.
 *
 * @throws TypeError when an obligation is unknown or its value cannot be one
 */
export function allow(obligations?: Obligations): Allow {
  if (obligations === undefined) return PLAIN_ALLOW;
  return brand({ effect: 'allow', obligations: checkObligations('allow', obligations) });
}

/**
 * Denies a download.
 *
 * @param reason for logs and `explain`; it never reaches the client
 * @throws TypeError when an option is unknown, the status cannot be chosen, or 401 has no challenge
 */
export function deny(reason: string, options: DenyOptions = {}): Deny {
  const own = checkOptions('deny', options, ['status', 'challenge', 'retryAfter']);
  if (typeof reason !== 'string') {
    throw new TypeError(`deny: the reason must be a string, got ${quote(reason)}`);
  }
  const { status = 404, challenge, retryAfter } = own;
  if (!DENY_STATUSES.includes(status)) {
    throw new TypeError(
      `deny: status must be one of ${DENY_STATUSES.join(', ')}, got ${quote(status)}`,
    );
  }
  if ((status === 401) !== (challenge !== undefined)) {
    throw new TypeError('deny: status 401 needs a challenge, and no other status takes one');
  }
  if (challenge !== undefined && !isFieldValue(challenge)) {
    throw new TypeError(`deny: the challenge is not a field value: ${quote(challenge)}`);
  }
  if (retryAfter !== undefined) {
    // On a 404 it would tell a denial from a missing object.
    if (status !== 429) throw new TypeError('deny: retryAfter goes with status 429 only');
    integerOption('deny', 'retryAfter', retryAfter, { least: 0, fallback: 0 });
  }
  return brand({
    effect: 'deny',
    reason,
    status,
    ...(challenge !== undefined && { challenge }),
    ...(retryAfter !== undefined && { retryAfter }),
  });
}

/** Says that a rule has nothing to say of this download. */
export function notApplicable(): NotApplicable {
  return NOT_APPLICABLE;
}

/**
 * Tells whether a value was made by {@link allow}, {@link deny} or {@link notApplicable}.
 *
 * `true`, `{ effect: 'allow' }` from a parsed body and the like are no decisions. The mark is an
 * own property under a symbol, so neither JSON nor a polluted prototype can forge it, and two
 * copies of this package in one application still understand each other.
 */
export function isDecision(value: unknown): value is Decision {
  if (typeof value !== 'object' || value === null) return false;
  try {
    return Object.hasOwn(value, MARK);
  } catch {
    // A proxy that refuses to be looked at.
    return false;
  }
}

/** Gives an allow or a denial the name of its rule, unless a rule further in has given its own. */
export function ruledBy<D extends Decision>(decision: D, rule: string): D {
  if (decision.effect === 'not-applicable' || decision.rule !== undefined) return decision;
  if (decision !== PLAIN_ALLOW) return brand({ ...decision, rule });
  const known = plainAllows.get(rule);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is the allow that came in, with its rule
  return (known ?? rememberPlainAllow(rule)) as D;
}

/** Joins a decision to the allows before it: the first decides, all oblige, the earlier counts. */
export function joinAllows(before: Decision, next: Decision): Decision {
  if (next.effect !== 'allow') return before;
  if (before.effect !== 'allow') return next;
  return brand({ ...before, obligations: joinObligations(next.obligations, before.obligations) });
}

/** A denial for a policy that failed to answer. `cause` is what it threw, by default an error. */
export function denyForFault(reason: string, cause: unknown = new Error(reason)): Deny {
  return brand({ effect: 'deny', reason, status: 404, cause });
}

const MARK = Symbol.for('sluice.decision');

const MARKED: PropertyDescriptor = Object.freeze(ownOf({ value: true }));

const DENY_STATUSES: readonly DenyStatus[] = [401, 403, 404, 410, 429];

const NOT_APPLICABLE: NotApplicable = brand({ effect: 'not-applicable' });

const PLAIN_ALLOW: Allow = brand({ effect: 'allow', obligations: Object.freeze(ownOf({})) });

/** Most rules answer with nothing but {@link allow}; one such decision serves all requests of a rule. */
const plainAllows = new Map<string, Allow>();

/** So many names of rules are remembered. They are the program's own, but it may make them as it goes. */
const MOST_NAMES = 1024;

function rememberPlainAllow(rule: string): Allow {
  const ruled = brand({ ...PLAIN_ALLOW, rule });
  if (plainAllows.size >= MOST_NAMES) plainAllows.clear();
  plainAllows.set(rule, ruled);
  return ruled;
}

function brand<D extends Decision>(decision: D): D {
  return Object.freeze(Object.defineProperty(ownOf(decision), MARK, MARKED));
}
