import type { Decision } from './decision.ts';
import { evaluate, type PolicyQuestion } from './evaluate.ts';
import type { Obligations } from './obligations.ts';
import { nameOf, type Policy } from './policy.ts';

/** What a policy says of a download, and which rules it passed over. For tests and audit. */
export interface Explanation {
  readonly effect: 'allow' | 'deny';
  /** The rule that decided. */
  readonly rule: string;
  /** Of a denial. It never reaches the client. */
  readonly reason: string | undefined;
  /** The status of a denial. */
  readonly status: number | undefined;
  /** What a policy failed with, where that is why it is denied. */
  readonly cause: unknown;
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
  const asked: Asked[] = [];
  const verdict = await evaluate(policy, question, deadline, (rule, decision) => {
    asked.push({ rule, decision });
  });
  // The policy itself is heard last, and the rules inside it have been.
  const rules = asked.slice(0, -1).filter((entry) => !handsOn(entry));
  const decider = rules.findIndex(
    ({ rule, decision }) => rule === verdict.rule && decision.effect === verdict.effect,
  );
  const denied = verdict.effect === 'deny';
  return Object.freeze({
    effect: verdict.effect,
    rule: verdict.rule ?? nameOf(policy),
    reason: denied ? verdict.reason : undefined,
    status: denied ? verdict.status : undefined,
    cause: denied ? verdict.cause : undefined,
    obligations: denied ? undefined : verdict.obligations,
    passedOver: Object.freeze(
      rules
        .filter((_rule, at) => at !== decider)
        .map(({ rule, decision }) => ({ rule, effect: decision.effect })),
    ),
  });
}

interface Asked {
  readonly rule: string;
  readonly decision: Decision;
}

/** A set of rules that hands on the decision of one of them is not a rule of its own. */
function handsOn({ rule, decision }: Asked): boolean {
  if (decision.effect === 'not-applicable') return false;
  return decision.rule !== undefined && decision.rule !== rule;
}
