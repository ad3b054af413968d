import type { StorageKey } from '../keys/storage-key.ts';
import { quote } from '../options.ts';
import { type Decision, denyForFault, isDecision, ruledBy } from './decision.ts';

/**
 * Who asks, as the application knows them. The default shape; an application with a type of its own
 * names it: `forPattern<User>(…)`, `createSluice<User>(…)`.
 */
export interface Subject {
  readonly id: string;
  readonly [attribute: string]: unknown;
}

/** What a policy is asked: may this subject do this with this object? */
export interface PolicyRequest<S = Subject> {
  /** `undefined` when nobody is signed in. */
  readonly subject: S | undefined;
  readonly action: 'download';
  /** The method of the request; HEAD asks for the headers of the same download. */
  readonly method: 'GET' | 'HEAD';
  /** The object, by its canonical key. */
  readonly key: StorageKey;
  /** What the named parts of the nearest {@link forPattern} matched. */
  readonly params: Readonly<Record<string, string>>;
  /** Aborts when the deadline of the policy has passed. */
  readonly signal: AbortSignal;
}

/**
 * A rule, or a set of rules: answers with {@link allow}, {@link deny} or {@link notApplicable}.
 *
 * It may be slow and may fail: whatever else it returns, throws, or does not answer before the
 * deadline is a denial.
 *
 * A policy that asks other policies passes `observe` on to them and calls it with each answer, so
 * that `explain` can name the rules passed over; a plain rule leaves it alone.
 */
export type Policy<S = Subject> = (
  request: PolicyRequest<S>,
  observe?: PolicyObserver,
) => Decision | Promise<Decision>;

/** Is told each rule that was asked, in order, with its answer. */
export type PolicyObserver = (rule: string, decision: Decision) => void;

/** Names a policy for events and `explain`: the name of the function, or `rule`. */
export function nameOf(policy: Policy<never>): string {
  return policy.name || 'rule';
}

/** Gives a policy a name for events and `explain`. */
export function named<S>(name: string, policy: Policy<S>): Policy<S> {
  return Object.defineProperty(
    (request: PolicyRequest<S>, observe?: PolicyObserver) => policy(request, observe),
    'name',
    { value: name },
  );
}

/**
 * Checks that a policy is a function.
 *
 * @throws TypeError quoting what it is instead
 */
export function checkPolicy(owner: string, policy: unknown): void {
  if (typeof policy !== 'function') {
    throw new TypeError(`${owner}: a policy must be a function, got ${quote(policy)}`);
  }
}

/**
 * Asks one policy and makes a decision of whatever comes of it: a throw, a rejection and a value
 * that is no decision become denials. It neither throws nor rejects.
 */
export function ask<S>(
  policy: Policy<S>,
  request: PolicyRequest<S>,
  observe?: PolicyObserver,
): Decision | Promise<Decision> {
  const rule = nameOf(policy);
  let answer: unknown;
  let isLater: boolean;
  try {
    answer = policy(request, observe);
    // It may be anything, even an object whose properties throw.
    isLater = !isDecision(answer) && isThenable(answer);
  } catch (error) {
    return heard(rule, denyForFault('the policy threw', error), observe);
  }
  if (!isLater) return heard(rule, answer, observe);
  // A promise of this realm, whose `then` nobody has replaced.
  const promise = new Promise<unknown>((resolve) => {
    resolve(answer);
  });
  return promise.then(
    (value) => heard(rule, value, observe),
    (error: unknown) => heard(rule, denyForFault('the policy rejected', error), observe),
  );
}

function heard(rule: string, answer: unknown, observe: PolicyObserver | undefined): Decision {
  const decision = isDecision(answer) ? answer : denyForFault('the policy gave no decision');
  observe?.(rule, decision);
  return ruledBy(decision, rule);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
