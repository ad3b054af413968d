import type { CanaryDescription, ProbeBegin, ProbeDescription } from '@sluice/core/probe';

import type { ServerName } from '../config/server-name.ts';
import { type Client, NoReplyError, type Reply } from './client.ts';
import type { Discovery } from './findings.ts';

/** What the checks work with. */
export interface Bench {
  readonly client: Client;
  readonly begin: ProbeBegin;
  readonly description: ProbeDescription;
  readonly server: ServerName | undefined;
  /** Whether the doctor may write where the files lie. */
  readonly sameMachine: boolean;
  /** Canaries that arrived whole, by id, with the answer. */
  readonly received: ReadonlyMap<string, Received>;
}

/** A canary and the answer that brought all its bytes. */
export interface Received {
  readonly canary: CanaryDescription;
  readonly reply: Reply;
}

/** One thing that is looked at. */
export interface Check {
  /** What holds if it passes, as a sentence. */
  readonly title: string;
  run(bench: Bench): Promise<CheckResult>;
}

/** What a check has come upon, or why it could not be made. */
export type CheckResult = readonly Discovery[] | { readonly untried: string };

/**
 * Gives a canary that arrived, one that the front server sends where there is any.
 *
 * @param id the one that is looked for first
 */
export function sampleOf({ received }: Bench, id: string = 'plain'): Received | undefined {
  const all = [...received.values()];
  const full = all.filter(({ canary }) => canary.size > 0);
  const byFront = full.filter(({ canary }) => canary.sender === 'front');
  return (
    byFront.find(({ canary }) => canary.id === id) ?? byFront[0] ?? received.get(id) ?? full[0]
  );
}

/** Why a check that needs a download is not made. */
export const NO_SAMPLE: CheckResult = Object.freeze({ untried: 'no file arrived whole' });

/** Turns an answer that did not come into what was come upon. */
export async function orBroken(check: () => Promise<CheckResult>): Promise<CheckResult> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof NoReplyError)) throw error;
    return [{ id: 'answer-broken', evidence: [error.message] }];
  }
}
