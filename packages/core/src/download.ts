import type { BodyStream } from './body/body-stream.ts';
import type { Conditions } from './http/preconditions.ts';
import type { StorageKey } from './keys/storage-key.ts';
import type { DownloadPlan, PlanHeaders } from './plan/download-plan.ts';
import type { Obligations } from './policy/obligations.ts';
import type { Policy, Subject } from './policy/policy.ts';
import type { Window } from './storage/driver.ts';

/** The facts of a request for a download. An adapter of a framework makes it. */
export interface DownloadRequest<S = Subject> {
  /** As it came. Anything but GET and HEAD is refused with 405. */
  readonly method: string;
  /** `undefined` when the target names no key, which is answered like a missing object. */
  readonly key: StorageKey | undefined;
  /** Who asks; `undefined` when nobody is signed in. */
  readonly subject: S | undefined;
  /** The header fields of RFC 9110 §13.1 and §14.2, as they came. */
  readonly conditions?: Conditions | undefined;
  /** How the caller wants the download to look. An obligation of the policy counts before it. */
  readonly obligations?: Obligations | undefined;
  /** Asked in place of the sluice's policy, where the caller has done the check itself. */
  readonly policy?: Policy<S> | undefined;
  /**
   * Gives a signal that is aborted when whoever asks has left: then the store is waited for no longer,
   * and the plan is one that failed. It is called once the policy has allowed the download, and only
   * where the object lies on no local disk, since to make a signal takes as long as to open a file.
   */
  readonly signal?: (() => AbortSignal) | undefined;
}

/** A download that is decided, planned and open. Whoever has it must call `settle` once it is over. */
export interface Download {
  readonly plan: DownloadPlan;
  /**
   * What to send: bytes that are in memory already, or a stream that reads as it is read; absent
   * where the plan sends no object, and for HEAD. Destroying the stream closes the object.
   *
   * Piped into a response of `node:http` it takes a short cut, unless anybody listens for its
   * `data`: `bytesTaken` tells how far it has come.
   */
  readonly body: Uint8Array | BodyStream | undefined;
  /**
   * Headers that hold a signed URL, names in lower case: the `location` of a redirect, or the order
   * to a front server that fetches the object from the store. They go out with the plan's, with its
   * very status and an empty body or not at all, and never into a log.
   */
  readonly secretHeaders?: PlanHeaders | undefined;
  /** Why the store failed, where it did. For logs: it may name paths. */
  readonly error?: unknown;
  /**
   * Says how the transfer ended. The first call counts: it frees the object and the place among
   * the concurrent downloads, and publishes the {@link DownloadEvent}. Later calls do nothing.
   */
  readonly settle: (transfer: Transfer) => void;
}

/** How the transfer of a response ended, as the adapter saw it. */
export interface Transfer {
  /** `aborted`: the client went away or stopped reading. `failed`: our side could not go on. */
  readonly end: 'finished' | 'aborted' | 'failed';
  /** Bytes of the body that were handed to the connection. */
  readonly bytes: number;
  readonly error?: unknown;
}

/**
 * How a download ended. `complete` and `partial`: the whole object, or the ranges asked for, went
 * out to the last byte (or, for HEAD, to no byte); `offloaded`: the front server was told to send it,
 * or the client to fetch it from the store, and what came of that is not known; `aborted`: the client left or stalled; `failed`:
 * the store or the transfer failed; `refused`: denied, missing, a failed precondition, a range
 * outside the object, a wrong method, or too many downloads at once.
 */
export type DownloadOutcome =
  | 'complete'
  | 'partial'
  | 'aborted'
  | 'failed'
  | 'offloaded'
  | 'not-modified'
  | 'refused';

/** Published exactly once for every download, when it is over. */
export interface DownloadEvent<S = Subject> {
  readonly outcome: DownloadOutcome;
  readonly method: string;
  readonly status: number;
  /** One sentence: what decided the answer. */
  readonly why: string;
  readonly key: StorageKey | undefined;
  readonly subject: S | undefined;
  /** The rule of the policy that decided, where one was asked. */
  readonly rule: string | undefined;
  /** The windows of a 206. */
  readonly ranges: readonly Window[] | undefined;
  /** Bytes of the body handed to the connection; a client that left may have got fewer. */
  readonly bytes: number;
  /** Milliseconds from the request to the end of the transfer. */
  readonly duration: number;
  /** What the policy, the store or the transfer failed with. */
  readonly error: unknown;
}
