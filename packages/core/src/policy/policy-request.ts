import type { PolicyRequest } from './policy.ts';

/** All of a request for a decision but its signal. */
export type PolicyFacts<S> = Omit<PolicyRequest<S>, 'signal'>;

/**
 * Makes the request that a policy is asked with. Its signal is taken from `source` when somebody
 * looks at it: most policies never do, and a signal costs more than their whole answer.
 *
 * @param source what has the signal: the controller of the deadline, or the request further out
 */
export function createPolicyRequest<S>(
  { subject, action, method, key, params }: PolicyFacts<S>,
  source: SignalSource,
): PolicyRequest<S> {
  const facts = { subject, action, method, key, params, [SOURCE]: source };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- with the property that is defined here it is one
  return Object.defineProperty(facts, 'signal', SIGNAL) as typeof facts & PolicyRequest<S>;
}

interface SignalSource {
  readonly signal: AbortSignal;
}

const SOURCE = Symbol('sluice.signal');

/**
 * One getter for all requests. A getter written in each of them would give each a hidden class of
 * its own, which takes longer to make, and to throw away, than all the rest of a decision.
 */
const SIGNAL: PropertyDescriptor & ThisType<{ readonly [SOURCE]: SignalSource }> = {
  enumerable: true,
  configurable: true,
  get() {
    return this[SOURCE].signal;
  },
};
