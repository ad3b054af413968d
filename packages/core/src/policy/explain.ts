import { evaluate, type PolicyQuestion } from './evaluate.ts';
import type { Obligations } from './obligations.ts';
import type { Policy } from './policy.ts';

/** What a policy says of a download, and which rules it passed over. For tests and audit. */
export interface Explanation {
  readonly effect: 'allow' | 'deny';
  /** The rule that decided. */
  readonly rule: string;
  /** Of a denial. It never reaches the client. */
  readonly reason: string | undefined;
  /** The status of a denial. */
  readonly status: number | undefined;
  /** Of an allowed download. */
  readonly obligations: Obligations | undefined;
  /** The rules that were asked and did not decide, in order. */
  readonly passedOver: readonly PassedOver[];
}

/** A rule that did not decide: it did not apply, or another one overrode it. */
export interface PassedOver {
  readonly rule: string;
  readonly effect: 'allow' | 'deny' | 'not-applicable';
}

/** Asks a policy like {@link evaluate}, and keeps account of the rules that it asks. */
export async function explain<S>(
  policy: Policy<S>,
  question: PolicyQuestion<S>,
  deadline: number,
): Promise<Explanation> {
  const asked: PassedOver[] = [];
  const verdict = await evaluate(policy, question, deadline, (rule, { effect }) => {
    asked.push({ rule, effect });
  });
  const denied = verdict.effect === 'deny';
  return Object.freeze({
    effect: verdict.effect,
    rule: verdict.rule ?? 'rule',
    reason: denied ? verdict.reason : undefined,
    status: denied ? verdict.status : undefined,
    obligations: denied ? undefined : verdict.obligations,
    passedOver: Object.freeze(asked.filter(({ effect }) => effect !== verdict.effect)),
  });
}
