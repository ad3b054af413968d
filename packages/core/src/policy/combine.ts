import type { StorageKey } from '../keys/storage-key.ts';
import { parseKey } from '../keys/storage-key.ts';
import { quote } from '../options.ts';
import { type Decision, joinAllows, notApplicable } from './decision.ts';
import { compilePattern, type KeyScope, type PatternMatch, scopeOf } from './pattern.ts';
import {
  ask,
  checkPolicy,
  named,
  type Policy,
  type PolicyObserver,
  type PolicyRequest,
  type Subject,
} from './policy.ts';
import { createPolicyRequest } from './policy-request.ts';
import { createRuleIndex, type RuleIndex } from './rule-index.ts';

/**
 * Asks policies in order; the first that applies decides. Later ones are not asked.
 *
 * @throws TypeError when one of them is not a function
 */
export function firstApplicable<S = Subject>(...policies: readonly Policy<S>[]): Policy<S> {
  checkPolicies('firstApplicable', policies);
  const rules = createRuleSet(policies);
  return named('firstApplicable', (request, observe) =>
    fold(rules, request, observe, (decision) => decision.effect !== 'not-applicable'),
  );
}

/**
 * Asks policies in order until one denies; a denial overrides every allow. Where none denies, the
 * first allow decides, under the obligations of all of them; where two speak, the earlier counts.
 *
 * One allow is enough, so a rule that only guards, as against suspended accounts, answers
 * {@link notApplicable} to all others: an allow would let in whatever no other rule speaks of.
 *
 * @throws TypeError when one of them is not a function
 */
export function denyOverrides<S = Subject>(...policies: readonly Policy<S>[]): Policy<S> {
  checkPolicies('denyOverrides', policies);
  const rules = createRuleSet(policies);
  return named('denyOverrides', (request, observe) =>
    fold(rules, request, observe, (decision) => decision.effect === 'deny'),
  );
}

/**
 * Limits a policy to the keys below a prefix, compared by whole segments: `users` and `users/` hold
 * `users/7`, and neither `users2/7` nor `users`.
 *
 * @throws TypeError when the prefix is not a key, or the policy not a function
 */
export function forPrefix<S = Subject>(prefix: string, policy: Policy<S>): Policy<S> {
  const name = typeof prefix === 'string' && prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (parseKey(name) === undefined) {
    throw new TypeError(`forPrefix: ${quote(prefix)} is not a prefix of storage keys`);
  }
  checkPolicy('forPrefix', policy);
  const lead = `${name}/`;
  const match = (key: string): Params | undefined => (key.startsWith(lead) ? {} : undefined);
  const scope: KeyScope = { steps: [{ kind: 'text', text: lead }], isOpen: true };
  return limited(`forPrefix(${quote(lead)})`, policy, { match, scope });
}

/**
 * Limits a policy to the keys that match a pattern, and hands it the parameters.
 *
 * The syntax is that of Koa's router (path-to-regexp 8): `:name` is one or more characters of one
 * segment, `*name` one or more characters of any, `{…}` may be absent, `\` takes the next character
 * literally. The pattern is held against the whole canonical key, case matters, and each part takes
 * as much as it can. It takes time in proportion to the key, whatever the key.
 *
 * A parameter inside `{…}` may be absent, and so may the subject: two that are `undefined` are equal.
 *
 * @example
 * forPattern('users/:id/*path', ({ subject, params }) => subject?.id === params.id ? allow() : deny('not the owner'))
 *
 * @throws TypeError when the pattern is malformed or can match no key, or the policy is not a function
 */
export function forPattern<S = Subject>(pattern: string, policy: Policy<S>): Policy<S> {
  checkPolicy('forPattern', policy);
  const limit = { match: compilePattern(pattern), scope: scopeOf(pattern) };
  return limited(`forPattern(${quote(pattern)})`, policy, limit);
}

type Params = Readonly<Record<string, string>>;

/** Which keys a rule is limited to: exactly, and as an index takes it. */
interface Limit {
  readonly match: PatternMatch;
  readonly scope: KeyScope;
}

function limited<S>(name: string, policy: Policy<S>, { match, scope }: Limit): Policy<S> {
  const rule = named<S>(name, (request, observe) => {
    const params = match(request.key);
    return params === undefined ? notApplicable() : policy(within(request, params), observe);
  });
  scopes.set(rule, scope);
  return rule;
}

/** Of the rules that are limited to some keys; outside they do not apply, and do nothing else. */
const scopes = new WeakMap<Policy<never>, KeyScope>();

/** Keeps the lazy `signal` lazy: a spread would create it. */
function within<S>(request: PolicyRequest<S>, params: Params): PolicyRequest<S> {
  const { subject, action, method, key } = request;
  const all = { ...request.params, ...params };
  return createPolicyRequest<S>({ subject, action, method, key, params: all }, request);
}

/** The policies of a combination, in order. */
interface RuleSet<S> {
  readonly policies: readonly Policy<S>[];
  /** Finds those that are limited to some keys, where there are many. */
  readonly index: RuleIndex | undefined;
  /** The numbers of all others, which are asked always. */
  readonly unlimited: readonly number[];
}

/** So few rules are asked sooner than found. */
const FEW = 8;

function createRuleSet<S>(policies: readonly Policy<S>[]): RuleSet<S> {
  const limits = policies.map((policy) => scopes.get(policy));
  const unlimited = [...limits.keys()].filter((rule) => limits[rule] === undefined);
  const isFew = policies.length - unlimited.length <= FEW;
  return { policies, unlimited, index: isFew ? undefined : createRuleIndex(limits) };
}

/**
 * Gives the policies to ask, one after the other. A rule that is limited to other keys would answer
 * that it does not apply, which changes no decision; only an observer wants to hear it.
 */
function turns<S>(
  { policies, index, unlimited }: RuleSet<S>,
  key: StorageKey,
  isObserved: boolean,
): () => Policy<S> | undefined {
  let at = 0;
  if (index === undefined || isObserved) return () => policies[at++];
  const found = index.find(key);
  let other = 0;
  return () => {
    const [one = policies.length, two = policies.length] = [found[at], unlimited[other]];
    if (one < two) at += 1;
    else other += 1;
    return policies[Math.min(one, two)];
  };
}

/**
 * Asks in order until `settles` accepts an answer. Where none does, the allows count together, or
 * nothing applied. It stays synchronous as long as the policies are.
 */
function fold<S>(
  rules: RuleSet<S>,
  request: PolicyRequest<S>,
  observe: PolicyObserver | undefined,
  settles: (decision: Decision) => boolean,
): Decision | Promise<Decision> {
  const next = turns(rules, request.key, observe !== undefined);
  let allowed: Decision = notApplicable();
  const isLast = (decision: Decision): boolean => {
    if (settles(decision)) return true;
    allowed = joinAllows(allowed, decision);
    return false;
  };
  const step = (): Decision | Promise<Decision> => {
    for (let policy = next(); policy !== undefined; policy = next()) {
      const answer = ask(policy, request, observe);
      if (answer instanceof Promise) {
        return answer.then((decision) => (isLast(decision) ? decision : step()));
      }
      if (isLast(answer)) return answer;
    }
    return allowed;
  };
  return step();
}

function checkPolicies(owner: string, policies: readonly unknown[]): void {
  for (const policy of policies) checkPolicy(owner, policy);
}
