import type { StorageKey } from '../keys/storage-key.ts';
import { type Allow, type Decision, type Deny, deny, denyForFault, ruledBy } from './decision.ts';
import { ask, nameOf, type Policy, type PolicyObserver, type PolicyRequest } from './policy.ts';

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
 * whatever is not an exact allow in time is a denial. It never rejects.
 */
export async function evaluate<S>(
  policy: Policy<S>,
  question: PolicyQuestion<S>,
  deadline: number,
  observe?: PolicyObserver,
): Promise<Verdict> {
  const { request, expire } = prepare(question);
  const answer = ask(policy, request, observe);
  const decision = answer instanceof Promise ? await inTime(answer, deadline, expire) : answer;
  return decision.effect === 'not-applicable'
    ? ruledBy(deny('no rule applied'), nameOf(policy))
    : decision;
}

function prepare<S>(question: PolicyQuestion<S>): {
  readonly request: PolicyRequest<S>;
  readonly expire: () => void;
} {
  let controller: AbortController | undefined;
  const request: PolicyRequest<S> = {
    ...question,
    action: 'download',
    params: {},
    // Most policies never look at it.
    get signal() {
      controller ??= new AbortController();
      return controller.signal;
    },
  };
  return { request, expire: () => controller?.abort(new Error('the deadline has passed')) };
}

function inTime(
  answer: Promise<Decision>,
  deadline: number,
  expire: () => void,
): Promise<Decision> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Decision>((resolve) => {
    timer = setTimeout(() => {
      resolve(ruledBy(denyForFault('the policy missed its deadline'), 'deadline'));
      expire();
    }, deadline);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
