import { checkOptions, integerOption, MAX_MILLISECONDS, quote } from '../options.ts';
import type { Call, ListEntry, StorageDriver } from '../storage/driver.ts';
import {
  createRetryCall,
  REAL_WORLD,
  type RetryCall,
  type RetrySettings,
  type RetryWorld,
} from './retry-call.ts';
import { retriedHandle } from './retry-handle.ts';
import { retriedPut } from './retry-put.ts';
import { checkDriver, optionalOf, type Wrapped } from './wrapped.ts';

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
  return retryBy(REAL_WORLD, given, options);
}

/** As {@link retry}, in another world. */
export function retryBy(
  world: RetryWorld,
  given: StorageDriver,
  options: RetryOptions,
): StorageDriver {
  const driver = checkDriver('retry', given);
  const retryCall = createRetryCall(world, checkRetryOptions(options));
  const { signUrl, internalUrl, list, put, delete: remove, ...others } = optionalOf(driver);
  return {
    name: driver.name,
    stat: (key, call) => retryCall(() => driver.stat(key, call), call?.signal),
    async open(key, call) {
      const handle = await retryCall(() => driver.open(key, call), call?.signal);
      return handle && retriedHandle(handle, retryCall);
    },
    ...others,
    ...(signUrl && {
      signUrl: (key, options) => retryCall(() => signUrl(key, options), options.signal),
    }),
    ...(internalUrl && {
      internalUrl: (key, options) => retryCall(() => internalUrl(key, options), options.signal),
    }),
    ...(list && { list: (prefix, call) => retriedList(() => list(prefix, call), retryCall, call) }),
    ...(put && {
      put: (key, source, options = {}) =>
        retriedPut((bytes) => put(key, bytes, options), retryCall, { source, options }),
    }),
    ...(remove && { delete: (key, call) => retryCall(() => remove(key, call), call?.signal) }),
  };
}

function checkRetryOptions(options: RetryOptions): RetrySettings {
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

async function* retriedList(
  list: () => AsyncIterable<ListEntry>,
  retryCall: RetryCall,
  call: Call | undefined,
): AsyncGenerator<ListEntry, undefined> {
  let entries: AsyncIterator<ListEntry> | undefined;
  let isAtEnd = false;
  try {
    let step = await retryCall(() => {
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
