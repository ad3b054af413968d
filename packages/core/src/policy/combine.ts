import type { StorageKey } from '../keys/storage-key.ts';
import { parseKey } from '../keys/storage-key.ts';
import { quote } from '../options.ts';
import { type Decision, joinAllows, notApplicable } from './decision.ts';
import { compilePattern } from './pattern.ts';
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

/**
 * Asks policies in order; the first that applies decides. Later ones are not asked.
 *
 * @throws TypeError when one of them is not a function
 */
export function firstApplicable<S = Subject>(...policies: readonly Policy<S>[]): Policy<S> {
  checkPolicies('firstApplicable', policies);
  return named('firstApplicable', (request, observe) =>
    fold(policies, request, observe, (decision) => decision.effect !== 'not-applicable'),
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
  return named('denyOverrides', (request, observe) =>
    fold(policies, request, observe, (decision) => decision.effect === 'deny'),
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
  return limited('forPrefix', `${name}/`, policy, (key) =>
    key.startsWith(`${name}/`) ? {} : undefined,
  );
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
  return limited('forPattern', pattern, policy, compilePattern(pattern));
}

type Match = (key: StorageKey) => Readonly<Record<string, string>> | undefined;

function limited<S>(kind: string, scope: string, policy: Policy<S>, match: Match): Policy<S> {
  checkPolicies(kind, [policy]);
  return named(`${kind}(${quote(scope)})`, (request, observe) => {
    const params = match(request.key);
    return params === undefined ? notApplicable() : policy(within(request, params), observe);
  });
}

/** Keeps the lazy `signal` lazy: a spread would create it. */
function within<S>(
  request: PolicyRequest<S>,
  params: Readonly<Record<string, string>>,
): PolicyRequest<S> {
  const { subject, action, method, key } = request;
  const all = { ...request.params, ...params };
  return createPolicyRequest<S>({ subject, action, method, key, params: all }, request);
}

/**
 * Asks in order until `settles` accepts an answer. Where none does, the allows count together, or
 * nothing applied. It stays synchronous as long as the policies are.
 */
function fold<S>(
  policies: readonly Policy<S>[],
  request: PolicyRequest<S>,
  observe: PolicyObserver | undefined,
  settles: (decision: Decision) => boolean,
): Decision | Promise<Decision> {
  let allowed: Decision = notApplicable();
  const isLast = (decision: Decision): boolean => {
    if (settles(decision)) return true;
    allowed = joinAllows(allowed, decision);
    return false;
  };
  const step = (index: number): Decision | Promise<Decision> => {
    for (let at = index; at < policies.length; at += 1) {
      const policy = policies[at];
      if (policy === undefined) break;
      const answer = ask(policy, request, observe);
      if (answer instanceof Promise) {
        return answer.then((decision) => (isLast(decision) ? decision : step(at + 1)));
      }
      if (isLast(answer)) return answer;
    }
    return allowed;
  };
  return step(0);
}

function checkPolicies(owner: string, policies: readonly unknown[]): void {
  for (const policy of policies) checkPolicy(owner, policy);
}
