import { type Channel, channel } from 'node:diagnostics_channel';

import type {
  Download,
  DownloadEvent,
  DownloadOutcome,
  DownloadRequest,
  Transfer,
} from './download.ts';
import type { PreparedDownload } from './open-object.ts';
import type { DownloadPlan } from './plan/download-plan.ts';
import type { Subject } from './policy/policy.ts';
import type { Window } from './storage/driver.ts';

/** The `node:diagnostics_channel` on which every {@link DownloadEvent} of the process is published. */
export const DOWNLOAD_CHANNEL = 'sluice:download';

/** Is told every completion; what it throws, or rejects with, becomes a warning of the process. */
export type CompletionListener<S = Subject> = (event: DownloadEvent<S>) => unknown;

/**
 * Makes the `settle` of a download: the first call frees what the download holds and publishes its
 * event, each exactly once.
 *
 * @param started milliseconds, of `performance.now()`
 */
export function createSettle<S>(
  request: DownloadRequest<S>,
  prepared: PreparedDownload,
  started: number,
  {
    free,
    listener,
  }: { readonly free: () => void; readonly listener: CompletionListener<S> | undefined },
): Download['settle'] {
  let settled = false;
  return (transfer) => {
    if (settled) return;
    settled = true;
    free();
    if (listener === undefined && !downloads.hasSubscribers) return;
    publish(eventOf(request, prepared, transfer, performance.now() - started), listener);
  };
}

const downloads: Channel = channel(DOWNLOAD_CHANNEL);

function eventOf<S>(
  request: DownloadRequest<S>,
  { plan, rule, error }: PreparedDownload,
  transfer: Transfer,
  duration: number,
): DownloadEvent<S> {
  return Object.freeze({
    outcome: outcomeOf(plan, transfer),
    method: request.method,
    status: plan.status,
    why: plan.why,
    key: request.key,
    subject: request.subject,
    rule,
    ranges: rangesOf(plan),
    bytes: sendsObject(plan) ? transfer.bytes : 0,
    duration,
    error: error ?? transfer.error,
  });
}

function outcomeOf(plan: DownloadPlan, { end }: Transfer): DownloadOutcome {
  switch (plan.kind) {
    case 'whole':
      return end === 'finished' ? 'complete' : end;
    case 'range':
    case 'ranges':
      return end === 'finished' ? 'partial' : end;
    case 'offload':
    case 'redirect':
      return end === 'finished' ? 'offloaded' : end;
    case 'not-modified':
      return 'not-modified';
    case 'precondition-failed':
    case 'range-not-satisfiable':
    case 'refused':
      return 'refused';
    case 'failed':
      // The store was told that nobody waits any more.
      return end === 'aborted' ? 'aborted' : 'failed';
  }
}

function sendsObject({ kind }: DownloadPlan): boolean {
  return kind === 'whole' || kind === 'range' || kind === 'ranges';
}

function rangesOf(plan: DownloadPlan): readonly Window[] | undefined {
  if (plan.kind === 'range') return [plan.window];
  if (plan.kind === 'ranges') return plan.parts.map((part) => part.window);
  return undefined;
}

/** A listener is the application's own code: its fault must not end the process or a download. */
function publish<S>(event: DownloadEvent<S>, listener: CompletionListener<S> | undefined): void {
  downloads.publish(event);
  if (listener === undefined) return;
  try {
    Promise.resolve(listener(event)).catch(warn);
  } catch (error) {
    warn(error);
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}
