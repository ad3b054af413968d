import { randomBytes } from 'node:crypto';

import { type BodyStream, createBodyStream } from './body/body-stream.ts';
import { type BodyRun, lengthOf } from './body/piece-source.ts';
import { collectWindow, takeWindow } from './body/read-window.ts';
import type { Download, DownloadRequest } from './download.ts';
import { isSluiceError } from './errors.ts';
import { offerStore, type StoreWays } from './from-store.ts';
import type { Conditions } from './http/preconditions.ts';
import type { StorageKey } from './keys/storage-key.ts';
import type { Dialect } from './offload/dialect.ts';
import { planOffload } from './offload/plan-offload.ts';
import { ownValue } from './options.ts';
import type { DownloadPlan } from './plan/download-plan.ts';
import { planDownload, type PlanFacts } from './plan/plan-download.ts';
import { planFailure, planMissing, RETRY_AFTER } from './plan/refusal.ts';
import { type StreamedPlan, withNote } from './plan/store-answer.ts';
import type { Obligations } from './policy/obligations.ts';
import type { Call, ObjectHandle, ObjectStat, StorageDriver } from './storage/driver.ts';

/** An allowed download, to be opened. */
export interface AllowedDownload {
  readonly method: 'GET' | 'HEAD';
  readonly key: StorageKey;
  readonly conditions: Conditions;
  readonly obligations: Obligations;
  readonly maxRanges: number;
  /** Of the front server, where there is one. */
  readonly dialect: Dialect | undefined;
  /** Who else may get the object from the store; absent where nobody may. */
  readonly ways: StoreWays | undefined;
  /** Who waits for it. */
  readonly caller: Pick<DownloadRequest, 'signal'>;
}

/** A download that is planned, with what it will send. */
export interface PreparedDownload {
  readonly plan: DownloadPlan;
  readonly body?: Download['body'];
  readonly secretHeaders?: Download['secretHeaders'];
  /** The rule of the policy that decided, where one was asked. */
  readonly rule?: string | undefined;
  /** What the policy or the store failed with. */
  readonly error?: unknown;
}

/**
 * Opens the object of an allowed download and plans the answer from what was opened, so that
 * lengths, validators and bytes are of one version. HEAD opens nothing.
 *
 * An object that changes under the first attempt is opened once more. It never rejects: a store
 * that fails is planned as a failure.
 */
export async function openObject(
  storage: StorageDriver,
  allowed: AllowedDownload,
): Promise<PreparedDownload> {
  const attempt = attemptOf(allowed);
  try {
    return await attempt(storage, allowed);
  } catch (error) {
    if (!isChange(error)) return planFault(error);
  }
  try {
    return await attempt(storage, allowed);
  } catch (error) {
    return planFault(error);
  }
}

function attemptOf({ method, ways }: AllowedDownload): typeof attemptHead {
  if (method === 'HEAD') return attemptHead;
  return ways === undefined ? attemptStream : attemptStore;
}

/**
 * Bodies up to this size, in bytes, are read whole before the answer begins, and the object is
 * closed at once; of larger ones the first piece is.
 */
const SMALL_WINDOW = 131_072;

async function attemptHead(
  storage: StorageDriver,
  allowed: AllowedDownload,
): Promise<PreparedDownload> {
  const stat = await storage.stat(allowed.key, callFor(storage, allowed));
  return { plan: stat === undefined ? planMissing() : planFor(storage, allowed, stat) };
}

/** Opens nothing for what is sent without the application; the rest is streamed, as it is found then. */
async function attemptStore(
  storage: StorageDriver,
  allowed: AllowedDownload,
): Promise<PreparedDownload> {
  const { key, ways } = allowed;
  const call = callFor(storage, allowed);
  const known = await storage.stat(key, call);
  if (known === undefined) return { plan: planMissing() };
  const plan = planFor(storage, allowed, known);
  if (ways === undefined || !isStreamed(plan)) return { plan };
  const planned = { facts: factsOf(allowed, known), plan, call };
  const offer = await offerStore(storage, ways, planned);
  if (typeof offer !== 'string') return offer;
  return attemptStream(storage, allowed, { known, note: offer, call });
}

/** What is known of an object that is streamed, and why nobody else sends it. */
interface Streamed {
  readonly known: ObjectStat;
  readonly note: string;
  readonly call: Call;
}

async function attemptStream(
  storage: StorageDriver,
  allowed: AllowedDownload,
  streamed?: Streamed,
): Promise<PreparedDownload> {
  const { key } = allowed;
  const { call = callFor(storage, allowed), known } = streamed ?? {};
  const handle = await storage.open(key, known === undefined ? call : { ...call, known });
  if (handle === undefined) return { plan: planMissing() };
  let streaming = false;
  try {
    const planned = planFor(storage, allowed, handle.stat);
    const plan =
      streamed !== undefined && isStreamed(planned) ? withNote(planned, streamed.note) : planned;
    const runs = runsOf(plan);
    const [first] = runs;
    if (first === undefined) return { plan };
    const { rate } = allowed.obligations;
    if (rate === undefined && lengthOf(runs) <= SMALL_WINDOW) {
      // Most drivers have it at hand, and a wait costs as much as all else that is done here.
      if (runs.length === 1) {
        const body = collectRun(handle, first, call);
        return { plan, body: body instanceof Promise ? await body : body };
      }
      // Where each window is a trip over a network, the first need not wait for the last.
      if (handle.readNow !== undefined) {
        return { plan, body: await collectRuns(handle, runs, call) };
      }
    }
    streaming = true;
    const body = createBodyStream(handle, runs, { rate });
    // A store that fails at the first read can still be told by the status, or asked once more.
    if (!(first instanceof Uint8Array)) await prime(body, call);
    return { plan, body };
  } finally {
    if (!streaming) closeUnread(handle);
  }
}

function planFor(storage: StorageDriver, allowed: AllowedDownload, stat: ObjectStat): DownloadPlan {
  const { dialect, key } = allowed;
  const facts = factsOf(allowed, stat);
  if (dialect === undefined) return planDownload(facts);
  return planOffload(facts, { dialect, place: storage.localPath?.(key) });
}

function factsOf(
  { method, conditions, key, obligations, maxRanges }: AllowedDownload,
  stat: ObjectStat,
): PlanFacts {
  return {
    method,
    conditions,
    key,
    obligations,
    stat,
    now: Date.now(),
    boundary: createBoundary,
    maxRanges,
  };
}

function isStreamed(plan: DownloadPlan): plan is StreamedPlan {
  return plan.kind === 'whole' || plan.kind === 'range' || plan.kind === 'ranges';
}

function runsOf(plan: DownloadPlan): readonly BodyRun[] {
  switch (plan.kind) {
    case 'whole':
    case 'range':
      return [plan.window];
    case 'ranges':
      return [
        ...plan.parts.flatMap((part) => [Buffer.from(part.head, 'latin1'), part.window]),
        Buffer.from(plan.tail, 'latin1'),
      ];
    case 'offload':
    case 'redirect':
    case 'not-modified':
    case 'precondition-failed':
    case 'range-not-satisfiable':
    case 'refused':
    case 'failed':
      return [];
  }
}

/**
 * What the store is told of who waits. Nothing of a file: reading one is soon over or cannot be ended,
 * and a signal costs a good part of what opening it does.
 */
function callFor(storage: StorageDriver, { key, caller }: AllowedDownload): Call {
  if (storage.localPath?.(key) !== undefined) return UNTOLD;
  const signalOf = ownValue(caller, 'signal');
  return signalOf === undefined ? UNTOLD : { signal: signalOf() };
}

const UNTOLD: Call = Object.freeze({});

function collectRun(
  handle: ObjectHandle,
  run: BodyRun,
  call: Call,
): Uint8Array | Promise<Uint8Array> {
  if (run instanceof Uint8Array) return run;
  return takeWindow(handle, run) ?? collectWindow(handle, run, call);
}

async function collectRuns(
  handle: ObjectHandle,
  runs: readonly BodyRun[],
  call: Call,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (const run of runs) pieces.push(await collectRun(handle, run, call));
  return Buffer.concat(pieces);
}

/** Reads the first piece, for as long as somebody waits for it. */
async function prime(body: BodyStream, { signal }: Call): Promise<void> {
  const leave = (): void => void body.destroy();
  signal?.addEventListener('abort', leave, { once: true });
  try {
    await body.prime();
  } finally {
    signal?.removeEventListener('abort', leave);
  }
}

/** Off the path of the answer: closing what was only read has no failure that anybody could mend. */
function closeUnread(handle: ObjectHandle): void {
  handle.close().catch(() => undefined);
}

/** RFC 2046 §5.1.1. 128 random bits: no object holds it but by an accident that never happens. */
function createBoundary(): string {
  return randomBytes(16).toString('hex');
}

function isChange(error: unknown): boolean {
  return (
    isSluiceError(error) &&
    (error.code === 'SLUICE_VERSION_CHANGED' || error.code === 'SLUICE_TRUNCATED')
  );
}

function planFault(error: unknown): PreparedDownload {
  if (!isSluiceError(error)) return { plan: planFailure('the store failed', undefined), error };
  switch (error.code) {
    case 'SLUICE_INVALID_KEY':
      return { plan: planMissing() };
    case 'SLUICE_VERSION_CHANGED':
    case 'SLUICE_TRUNCATED':
    case 'SLUICE_UNAVAILABLE':
    case 'SLUICE_TIMEOUT':
      return { plan: planFailure(error.message, error.retryAfter ?? RETRY_AFTER), error };
    case 'SLUICE_ACCESS_DENIED':
    case 'SLUICE_IO':
    case 'SLUICE_ABORTED':
    case 'SLUICE_EXISTS':
    case 'SLUICE_UNSUPPORTED':
    case 'SLUICE_RANGE':
    case 'SLUICE_CONFIG':
      return { plan: planFailure(error.message, undefined), error };
  }
}
