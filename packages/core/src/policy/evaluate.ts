import type { StorageKey } from '../keys/storage-key.ts';
import { type Allow, type Decision, type Deny, deny, denyForFault, ruledBy } from './decision.ts';
import { ask, nameOf, type Policy, type PolicyObserver } from './policy.ts';
import { createPolicyRequest } from './policy-request.ts';

/** What is asked of a whole policy. */
export interface PolicyQuestion<S> {
  readonly subject: S | undefined;
  readonly method: 'GET' | 'HEAD';
  readonly key: StorageKey;
}

/** The last word of a policy: what did not apply is denied. */
export type Verdict = Allow | Deny;

/**
 * Asks a policy and waits for its answer until the deadline, in milliseconds. It fails closed:
 * whatever is not an exact allow in time is a denial. It never throws or rejects.
 *
 * A policy that answers at once costs neither a timer nor a promise.
 */
export function evaluate<S>(
  policy: Policy<S>,
  question: PolicyQuestion<S>,
  deadline: number,
  observe?: PolicyObserver,
): Verdict | Promise<Verdict> {
  const { subject, method, key } = question;
  const deadlineSignal = new LazyAbort();
  const facts = { subject, action: 'download', method, key, params: {} } as const;
  const answer = ask(policy, createPolicyRequest<S>(facts, deadlineSignal), observe);
  return answer instanceof Promise
    ? inTime(answer, deadline, deadlineSignal).then((decision) => verdictOf(decision, policy))
    : verdictOf(answer, policy);
}

/** Most policies never look at their signal, and a controller costs as much as their whole answer. */
class LazyAbort {
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }
}

function verdictOf(decision: Decision, policy: Policy<never>): Verdict {
  return decision.effect === 'not-applicable'
    ? ruledBy(deny('no rule applied'), nameOf(policy))
    : decision;
}

function inTime(
  answer: Promise<Decision>,
  deadline: number,
  deadlineSignal: LazyAbort,
): Promise<Decision> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Decision>((resolve) => {
    timer = setTimeout(() => {
      resolve(ruledBy(denyForFault('the policy missed its deadline'), 'deadline'));
      deadlineSignal.abort(new Error('the deadline has passed'));
    }, deadline);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
