import { Readable } from 'node:stream';

import { type CompletionListener, createSettle } from './completion.ts';
import type { Download, DownloadRequest } from './download.ts';
import { storeWaysOf } from './from-store.ts';
import { assertKey } from './keys/storage-key.ts';
import { assertDialect } from './offload/assert-dialect.ts';
import type { Dialect } from './offload/dialect.ts';
import { openObject, type PreparedDownload } from './open-object.ts';
import { checkOptions, integerOption, MAX_MILLISECONDS, ownValue, quote } from './options.ts';
import type { DownloadPlan } from './plan/download-plan.ts';
import { planBusy, planDenial, planMethod, planNoKey } from './plan/refusal.ts';
import { evaluate } from './policy/evaluate.ts';
import { explain, type Explanation } from './policy/explain.ts';
import { joinObligations } from './policy/obligations.ts';
import { checkPolicy, type Policy, type Subject } from './policy/policy.ts';
import type { StorageDriver } from './storage/driver.ts';

/** What {@link createSluice} takes. Times are in milliseconds, at most 2³¹ − 1. */
export interface SluiceOptions<S = Subject> {
  readonly storage: StorageDriver;
  /** Asked before every download, and before the store is touched. */
  readonly policy: Policy<S>;
  /**
   * Describes the front server that sends the files, as `nginx({ prefix: '/_sluice/' })` of
   * `@sluice/core/offload` does. What it cannot carry is streamed. Default: everything is streamed.
   */
  readonly dialect?: Dialect | undefined;
  /**
   * Sends clients to the store, by a signed URL that is valid for `expiresIn` seconds, 1 to 604800,
   * where the driver can sign one and the store's own answer would be the right one; all else is
   * streamed, or sent by the front server. Whoever has the URL has the object, and no policy is asked
   * again until it expires. Default: nobody is sent there.
   */
  readonly redirect?: RedirectOptions | undefined;
  /** Milliseconds in which the policy must answer; a later answer is a denial. Default: 5000. */
  readonly policyTimeout?: number;
  /**
   * How many downloads may run at once; the next one gets 503. Each holds one descriptor of the
   * store, one socket and up to 256 KiB of memory, so keep it well below half of `ulimit -n`.
   * Default: 4096.
   */
  readonly maxDownloads?: number;
  /** How many ranges one request may ask for; more are answered with the whole. Default: 16. */
  readonly maxRanges?: number;
  /**
   * Milliseconds that a client may seem to take no bytes before an adapter cuts it off, after at most
   * one and a half times as long. What a client takes is seen in steps, so a very slow one can seem to
   * stand still: on Linux the steps are of up to some hundred KiB, elsewhere of some MiB. At the
   * default, 60000, clients from about 6 KB/s on are safe on Linux.
   */
  readonly idleTimeout?: number;
  /** Is told how every download ended, exactly once. */
  readonly onCompletion?: CompletionListener<S>;
}

/** How clients are sent to the store. */
export interface RedirectOptions {
  /**
   * Seconds for which a request to the store may begin; one that has begun is not cut off, a player
   * that asks for one range after the other is. Not more than the store signs: S3 takes a week.
   */
  readonly expiresIn: number;
}

/** What {@link Sluice.explain} is asked. */
export interface ExplainRequest<S = Subject> {
  readonly subject: S | undefined;
  /** A storage key, as the program holds it. */
  readonly key: string;
  /** Default: `GET`. */
  readonly method?: 'GET' | 'HEAD';
}

/** Decides, opens and plans downloads. It knows no framework; an adapter sends what it planned. */
export interface Sluice<S = Subject> {
  /**
   * Decides and plans a download and opens its object. It does not reject: what the store fails
   * with is planned as 500 or 503. Whoever calls it must call `settle` of what it gives.
   */
  open(request: DownloadRequest<S>): Promise<Download>;
  /** Plans a download without sending it: for tests and audit. No event is published. */
  plan(request: DownloadRequest<S>): Promise<DownloadPlan>;
  /** Says what the policy decides and which rules it passed over. It never reaches a client. */
  explain(request: ExplainRequest<S>): Promise<Explanation>;
  /** The store, as it was given. */
  readonly storage: StorageDriver;
  /** The front server's, as it was given; an adapter lets no other order of its kind out. */
  readonly dialect: Dialect | undefined;
  /** Milliseconds; see {@link SluiceOptions}. */
  readonly idleTimeout: number;
  /** Closes the store. */
  close(): Promise<void>;
}

/**
 * Creates a sluice: one policy over one store.
 *
 * @throws TypeError when the policy is not a function, the storage is not a driver, or an option is
 * unknown or out of bounds
 */
export function createSluice<S = Subject>(options: SluiceOptions<S>): Sluice<S> {
  const settings = checkSettings(options);
  const { storage, policy, dialect, policyTimeout, maxDownloads, maxRanges } = settings;
  const ways = storeWaysOf(storage, dialect, settings.redirect?.expiresIn);
  let running = 0;

  /** Refusals and denials hold no place; an allowed download holds one until it is freed. */
  const prepare = async (request: DownloadRequest<S>): Promise<Placed> => {
    const { method } = request;
    const key = ownValue(request, 'key');
    const subject = ownValue(request, 'subject');
    if (method !== 'GET' && method !== 'HEAD') return { plan: planMethod(method), placed: false };
    if (key === undefined) return { plan: planNoKey(), placed: false };
    const asked = ownValue(request, 'policy') ?? policy;
    const answer = evaluate(asked, { subject, method, key }, policyTimeout);
    const verdict = answer instanceof Promise ? await answer : answer;
    const { rule } = verdict;
    if (verdict.effect === 'deny') {
      return { plan: planDenial(verdict), rule, error: verdict.cause, placed: false };
    }
    if (running >= maxDownloads) return { plan: planBusy(), rule, placed: false };
    running += 1;
    const conditions = ownValue(request, 'conditions') ?? {};
    const obligations = joinObligations(ownValue(request, 'obligations'), verdict.obligations);
    const { plan, body, secretHeaders, error } = await openObject(storage, {
      method,
      key,
      conditions,
      obligations,
      maxRanges,
      dialect,
      ways,
      caller: request,
    });
    return { plan, body, secretHeaders, error, rule, placed: true };
  };

  const free = ({ placed, body }: Placed): void => {
    if (placed) running -= 1;
    if (body instanceof Readable) body.destroy();
  };

  return Object.freeze({
    async open(request: DownloadRequest<S>) {
      const started = performance.now();
      const prepared = await prepare(request);
      const { plan, body, secretHeaders, error } = prepared;
      const settle = createSettle(request, prepared, started, {
        free: () => free(prepared),
        listener: settings.onCompletion,
      });
      return { plan, body, secretHeaders, error, settle };
    },
    async plan(request: DownloadRequest<S>) {
      const prepared = await prepare(request);
      free(prepared);
      return prepared.plan;
    },
    async explain({ subject, key, method = 'GET' }: ExplainRequest<S>) {
      const question = { subject, method, key: assertKey('explain', key) };
      return explain(policy, question, policyTimeout);
    },
    storage,
    dialect,
    idleTimeout: settings.idleTimeout,
    async close() {
      await storage.close?.();
    },
  });
}

/** A prepared download, and whether it counts among those that run. */
interface Placed extends PreparedDownload {
  readonly placed: boolean;
}

const OPTIONS = [
  'storage',
  'policy',
  'dialect',
  'redirect',
  'policyTimeout',
  'maxDownloads',
  'maxRanges',
  'idleTimeout',
  'onCompletion',
];

interface Settings<S> extends Required<
  Omit<SluiceOptions<S>, 'onCompletion' | 'dialect' | 'redirect'>
> {
  readonly dialect: Dialect | undefined;
  readonly redirect: RedirectOptions | undefined;
  readonly onCompletion: CompletionListener<S> | undefined;
}

function checkSettings<S>(options: SluiceOptions<S>): Settings<S> {
  const own = checkOptions('createSluice', options, OPTIONS);
  const { storage, policy, dialect, redirect, onCompletion } = own;
  checkPolicy('createSluice', policy);
  if (!isDriver(storage)) {
    throw new TypeError(
      `createSluice: storage must be a driver with stat and open, got ${quote(storage)}`,
    );
  }
  if (dialect !== undefined) assertDialect('createSluice', dialect);
  if (onCompletion !== undefined && typeof onCompletion !== 'function') {
    throw new TypeError(
      `createSluice: onCompletion must be a function, got ${quote(onCompletion)}`,
    );
  }
  const count = (name: 'maxDownloads' | 'maxRanges', fallback: number): number =>
    integerOption('createSluice', name, own[name], { least: 1, fallback });
  const time = (name: 'policyTimeout' | 'idleTimeout', fallback: number): number =>
    integerOption('createSluice', name, own[name], {
      least: 1,
      most: MAX_MILLISECONDS,
      fallback,
    });
  return {
    storage,
    policy,
    dialect,
    redirect: redirect === undefined ? undefined : checkRedirect(redirect),
    onCompletion,
    policyTimeout: time('policyTimeout', 5000),
    maxDownloads: count('maxDownloads', 4096),
    maxRanges: count('maxRanges', 16),
    idleTimeout: time('idleTimeout', 60_000),
  };
}

/** What SigV4 signs at most: seven days. */
const MAX_EXPIRES_IN = 604_800;

function checkRedirect(redirect: RedirectOptions): RedirectOptions {
  const owner = 'createSluice: redirect';
  const { expiresIn } = checkOptions(owner, redirect, ['expiresIn']);
  if (expiresIn === undefined) {
    throw new TypeError(`${owner}: expiresIn is missing: for how many seconds may a URL be used?`);
  }
  const bounds = { least: 1, most: MAX_EXPIRES_IN, fallback: 0 };
  return { expiresIn: integerOption(owner, 'expiresIn', expiresIn, bounds) };
}

function isDriver(value: unknown): value is StorageDriver {
  return (
    typeof value === 'object' &&
    value !== null &&
    'stat' in value &&
    typeof value.stat === 'function' &&
    'open' in value &&
    typeof value.open === 'function'
  );
}
