import { isSluiceError, SluiceError } from '../errors.ts';
import { checkOptions, integerOption, MAX_MILLISECONDS, quote } from '../options.ts';
import type {
  ByteSource,
  Call,
  ListEntry,
  ObjectHandle,
  PutOptions,
  StorageDriver,
  Window,
} from '../storage/driver.ts';
import { abortedBy, throwIfAborted } from './abort.ts';
import { createBody } from './body.ts';
import { type CallSignal, createCallSignal } from './call-signal.ts';
import { createHandleUse } from './handle-use.ts';
import { type Pull, pullFrom } from './pull.ts';
import { aroundHandle, checkDriver, optionalOf, type Wrapped } from './wrapped.ts';

/** What {@link retry} takes. */
export interface RetryOptions {
  /**
   * How often a call is made at most, the first time among them. At least 1. A body that goes on
   * after a failure begins to count anew.
   *
   * @default 3
   */
  readonly attempts?: number | undefined;
  /**
   * Milliseconds before the second attempt, and twice as many before each further one. At least 0.
   *
   * @default 100
   */
  readonly delay?: number | undefined;
  /**
   * Milliseconds that are waited at most. A store that wants to be left alone for longer, by the
   * `retryAfter` of its failure, is not asked again: the failure goes to the caller.
   *
   * @default 5000
   */
  readonly maxDelay?: number | undefined;
  /**
   * The share of a delay that is left to chance, from 0 to 1, so that not all come back at once.
   *
   * @default 0.5
   */
  readonly jitter?: number | undefined;
}

/**
 * Makes another attempt where a store could not serve now and may later: after `SLUICE_UNAVAILABLE`
 * and `SLUICE_TIMEOUT`, no other failure.
 *
 * A body that fails on the way goes on at the byte where it was broken off, by the same handle, so
 * that all its bytes are of one version. `list` is tried again until its first entry, `put` as long
 * as nothing of its source was taken, and not with `ifAbsent`; `move` never, since a second attempt
 * cannot tell what the first has done.
 *
 * @throws TypeError on an option that is unknown or out of bounds, or when what should be a driver
 * is none
 */
export function retry<D extends StorageDriver>(driver: D, options?: RetryOptions): Wrapped<D>;
export function retry(given: StorageDriver, options: RetryOptions = {}): StorageDriver {
  return retryBy({ sleep, random: Math.random }, given, options);
}

/** What a retrying driver has of the world. */
export interface RetryWorld {
  /** Waits for some milliseconds, or until the signal is aborted. */
  readonly sleep: (duration: number, signal: AbortSignal | undefined) => Promise<void>;
  /** A number from 0 to 1. */
  readonly random: () => number;
}

/** As {@link retry}, in another world. */
export function retryBy(
  world: RetryWorld,
  given: StorageDriver,
  options: RetryOptions,
): StorageDriver {
  const driver = checkDriver('retry', given);
  const insist = createInsistence(world, checkRetryOptions(options));
  const { list, put, delete: remove, ...others } = optionalOf(driver);
  return {
    name: driver.name,
    stat: (key, call) => insist(() => driver.stat(key, call), call?.signal),
    async open(key, call) {
      const handle = await insist(() => driver.open(key, call), call?.signal);
      return handle && insistentHandle(handle, insist);
    },
    ...others,
    ...(list && { list: (prefix, call) => insistentList(() => list(prefix, call), insist, call) }),
    ...(put && {
      put: (key, source, options = {}) =>
        insistentPut((bytes) => put(key, bytes, options), insist, { source, options }),
    }),
    ...(remove && { delete: (key, call) => insist(() => remove(key, call), call?.signal) }),
  };
}

type Settings = { readonly [K in keyof RetryOptions]-?: number };

/** Makes a call until it succeeds, there is no sense in another attempt, or there were enough. */
type Insist = <T>(
  attempt: () => T | Promise<T>,
  signal: AbortSignal | undefined,
  mayRepeat?: () => boolean,
) => Promise<T>;

function checkRetryOptions(options: RetryOptions): Settings {
  const owner = 'retry';
  const given = checkOptions(owner, options, ['attempts', 'delay', 'maxDelay', 'jitter']);
  const { attempts, delay, maxDelay, jitter = 0.5 } = given;
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1)) {
    throw new TypeError(`${owner}: jitter must be a number from 0 to 1, got ${quote(jitter)}`);
  }
  const most = MAX_MILLISECONDS;
  return {
    attempts: integerOption(owner, 'attempts', attempts, { least: 1, fallback: 3 }),
    delay: integerOption(owner, 'delay', delay, { least: 0, most, fallback: 100 }),
    maxDelay: integerOption(owner, 'maxDelay', maxDelay, { least: 0, most, fallback: 5000 }),
    jitter,
  };
}

function createInsistence({ sleep, random }: RetryWorld, settings: Settings): Insist {
  return async (attempt, signal, mayRepeat = () => true) => {
    for (let count = 1; ; count++) {
      throwIfAborted(signal);
      try {
        return await attempt();
      } catch (error) {
        const duration = mayRepeat() ? pauseAfter(error, count, settings, random) : undefined;
        if (duration === undefined) throw error;
        await sleep(duration, signal);
      }
    }
  };
}

/** Gives the milliseconds before the next attempt; `undefined` where there must be none. */
function pauseAfter(
  error: unknown,
  count: number,
  { attempts, delay, maxDelay, jitter }: Settings,
  random: () => number,
): number | undefined {
  if (count >= attempts || !isPassing(error)) return undefined;
  const wanted = (error.retryAfter ?? 0) * 1000;
  if (wanted > maxDelay) return undefined;
  const grown = Math.min(delay * 2 ** (count - 1), maxDelay);
  return Math.max(wanted, grown * (1 - jitter * random()));
}

function isPassing(error: unknown): error is SluiceError {
  return (
    isSluiceError(error) && (error.code === 'SLUICE_UNAVAILABLE' || error.code === 'SLUICE_TIMEOUT')
  );
}

async function sleep(duration: number, signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal);
  let stop: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, duration);
      stop = () => {
        clearTimeout(timer);
        if (signal !== undefined) reject(abortedBy(signal));
      };
      signal?.addEventListener('abort', stop, { once: true });
    });
  } finally {
    if (stop !== undefined) signal?.removeEventListener('abort', stop);
  }
}

function insistentHandle(handle: ObjectHandle, insist: Insist): ObjectHandle {
  const use = createHandleUse(handle);
  return aroundHandle(handle, {
    async read(window, call) {
      const done = use.begin(window, call?.signal);
      const below = createCallSignal(call?.signal);
      const end = (): void => {
        below.done();
        below.abort(OVER);
        done();
      };
      try {
        const source = await insist(() => handle.read(window, below), below.signal);
        if (!(source instanceof Uint8Array)) {
          return insistentBody(source, {
            handle,
            window,
            caller: call?.signal,
            below,
            insist,
            end,
          });
        }
        end();
        return source;
      } catch (error) {
        end();
        throw error;
      }
    },
    ...(handle.readNow && {
      readNow: (window) =>
        use.now(window, () => unlessPassing(() => handle.readNow?.(window), undefined)),
    }),
    ...(handle.fill && {
      async fill(target, start, call) {
        const done = use.begin({ start, end: start + target.byteLength }, call?.signal);
        try {
          await insist(() => handle.fill?.(target, start, call), call?.signal);
        } finally {
          done();
        }
      },
    }),
    ...(handle.fillNow && {
      fillNow: (target, start) =>
        use.now({ start, end: start + target.byteLength }, () =>
          unlessPassing(() => handle.fillNow?.(target, start) === true, false),
        ),
    }),
    close: () => use.close(),
  });
}

/** What fails at once for now is asked for again by those who can wait. */
function unlessPassing<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (isPassing(error)) return otherwise;
    throw error;
  }
}

/** A reason of its own: without one, every abort would make a `DOMException` with its stack. */
const OVER = new Error('the body is over');

interface InsistentBody {
  readonly handle: ObjectHandle;
  readonly window: Window;
  readonly caller: AbortSignal | undefined;
  /** Ended with the body. */
  readonly below: CallSignal;
  readonly insist: Insist;
  readonly end: () => void;
}

/** Reads on, at the first byte that was not handed out, where a body was broken off. */
function insistentBody(
  first: Exclude<ByteSource, Uint8Array>,
  { handle, window, caller, below, insist, end }: InsistentBody,
): AsyncIterable<Uint8Array> {
  let at = window.start;
  let pull: Pull | undefined = pullFrom(first);
  const attempt = async (): Promise<Uint8Array | undefined> => {
    pull ??= pullFrom(await handle.read({ start: at, end: window.end }, below));
    const current = pull;
    // Left while it was asked for: nobody else would let go of it.
    if (below.signal.aborted) current.cancel();
    try {
      return await current.next();
    } catch (error) {
      current.cancel();
      pull = undefined;
      throw error;
    }
  };
  return createBody(
    {
      async next() {
        if (at === window.end && pull === undefined) return undefined;
        const piece = await insist(attempt, below.signal);
        at += piece?.byteLength ?? 0;
        if (at > window.end) throw mismatch('more');
        if (piece === undefined && at < window.end) throw mismatch('fewer');
        return piece;
      },
      release() {
        pull?.cancel();
        end();
      },
    },
    caller,
  );
}

function mismatch(amount: 'fewer' | 'more'): SluiceError {
  return new SluiceError('SLUICE_TRUNCATED', `the store gave ${amount} bytes than it announced`);
}

async function* insistentList(
  list: () => AsyncIterable<ListEntry>,
  insist: Insist,
  call: Call | undefined,
): AsyncGenerator<ListEntry, undefined> {
  let entries: AsyncIterator<ListEntry> | undefined;
  let isAtEnd = false;
  try {
    let step = await insist(() => {
      entries = list()[Symbol.asyncIterator]();
      return entries.next();
    }, call?.signal);
    while (step.done !== true) {
      yield step.value;
      if (entries === undefined) return;
      step = await entries.next();
    }
    isAtEnd = true;
  } finally {
    if (!isAtEnd) await entries?.return?.();
  }
}

interface InsistentPut {
  readonly source: ByteSource;
  readonly options: PutOptions;
}

/** Lets go of a source that no attempt has taken anything of. */
async function insistentPut<T>(
  put: (bytes: ByteSource) => Promise<T>,
  insist: Insist,
  { source, options: { ifAbsent = false, signal } }: InsistentPut,
): Promise<T> {
  const isRepeatable = (): boolean => !ifAbsent;
  if (source instanceof Uint8Array) return insist(() => put(source), signal, isRepeatable);
  const pull = pullFrom(source);
  let isTaken = false;
  const untouched = (): AsyncIterable<Uint8Array> =>
    createBody(
      {
        next() {
          isTaken = true;
          return pull.next();
        },
        release() {
          if (isTaken) pull.cancel();
        },
      },
      undefined,
    );
  try {
    return await insist(
      () => put(untouched()),
      signal,
      () => isRepeatable() && !isTaken,
    );
  } finally {
    pull.cancel();
  }
}
