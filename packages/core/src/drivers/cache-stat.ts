import { isSluiceError } from '../errors.ts';
import type { StorageKey } from '../keys/storage-key.ts';
import { checkOptions, integerOption, MAX_MILLISECONDS } from '../options.ts';
import type { ObjectHandle, StorageDriver } from '../storage/driver.ts';
import { throwIfAborted } from './abort.ts';
import { createBody } from './body.ts';
import { createKnownStats } from './known-stats.ts';
import { pullFrom } from './pull.ts';
import { createStatQuestions } from './stat-questions.ts';
import { aroundHandle, checkDriver, optionalOf, type Wrapped } from './wrapped.ts';

/** What {@link cacheStat} takes. */
export interface CacheStatOptions {
  /**
   * Milliseconds for which a stat is believed: so long `stat` may tell of an object as it was, and
   * so may a handle, until it is read. At least 1.
   *
   * @default 5000
   */
  readonly ttl?: number | undefined;
  /**
   * How many stats are kept; the ones that were asked for longest ago make way. At least 1.
   *
   * @default 10_000
   */
  readonly max?: number | undefined;
}

/**
 * Keeps the stats of objects for a moment. What is missing is asked for every time, and several who
 * ask for one object at once share the answer.
 *
 * `open` is told the stat that is known, which saves a store on a network the question. No read
 * gives bytes of another version for it: one that fails because the object has changed makes the
 * stat forgotten, as do `put`, `delete` and `move`, so that the next attempt sees what is there.
 *
 * @throws TypeError on an option that is unknown or out of bounds, or when what should be a driver
 * is none
 */
export function cacheStat<D extends StorageDriver>(
  driver: D,
  options?: CacheStatOptions,
): Wrapped<D>;
export function cacheStat(given: StorageDriver, options: CacheStatOptions = {}): StorageDriver {
  return cacheStatBy(() => performance.now(), given, options);
}

/** As {@link cacheStat}, by another clock. */
export function cacheStatBy(
  now: () => number,
  given: StorageDriver,
  options: CacheStatOptions,
): StorageDriver {
  const owner = 'cacheStat';
  const driver = checkDriver(owner, given);
  const { ttl, max } = checkOptions(owner, options, ['ttl', 'max']);
  const stats = createKnownStats(now, {
    ttl: integerOption(owner, 'ttl', ttl, { least: 1, most: MAX_MILLISECONDS, fallback: 5000 }),
    max: integerOption(owner, 'max', max, { least: 1, fallback: 10_000 }),
  });
  const { put, delete: remove, move, close, ...reading } = optionalOf(driver);
  const questions = createStatQuestions(driver, stats);
  const forget = (keys: readonly StorageKey[]): void => {
    for (const key of keys) {
      stats.forget(key);
      questions.part(key);
    }
  };
  /** Forgets before and after: what is seen meanwhile may be the one or the other. */
  const during = async <T>(keys: readonly StorageKey[], write: () => Promise<T>): Promise<T> => {
    forget(keys);
    try {
      return await write();
    } finally {
      forget(keys);
    }
  };
  return {
    name: driver.name,
    async stat(key, call) {
      throwIfAborted(call?.signal);
      return stats.get(key) ?? questions.ask(key, call);
    },
    async open(key, call) {
      throwIfAborted(call?.signal);
      const known = call?.known ?? stats.get(key);
      const watch = stats.watch(key);
      try {
        const handle = await driver.open(key, { ...call, known });
        // A handle that was made by the hint proves nothing anew.
        if (handle?.stat.version.token !== known?.version.token) watch.keep(handle?.stat);
        return handle && watchHandle(handle, () => stats.forget(key, handle.stat));
      } catch (error) {
        if (isChange(error)) stats.forget(key, known);
        throw error;
      } finally {
        watch.done();
      }
    },
    ...reading,
    ...(put && {
      put: (key, source, options) => during([key], () => put(key, source, options)),
    }),
    ...(remove && { delete: (key, call) => during([key], () => remove(key, call)) }),
    ...(move && { move: (from, to, call) => during([from, to], () => move(from, to, call)) }),
    ...(close && {
      close() {
        stats.close();
        return close();
      },
    }),
  };
}

/** Tells when a read finds that the object is no longer what it was. */
function watchHandle(handle: ObjectHandle, changed: () => void): ObjectHandle {
  const note = (error: unknown): void => {
    if (isChange(error)) changed();
  };
  const now = <T>(read: () => T): T => {
    try {
      return read();
    } catch (error) {
      note(error);
      throw error;
    }
  };
  const later = async <T>(read: () => T | Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      note(error);
      throw error;
    }
  };
  return aroundHandle(handle, {
    async read(window, call) {
      const source = await later(() => handle.read(window, call));
      if (source instanceof Uint8Array) return source;
      const pull = pullFrom(source);
      return createBody(
        { next: () => later(() => pull.next()), release: () => pull.cancel() },
        call?.signal,
      );
    },
    ...(handle.readNow && { readNow: (window) => now(() => handle.readNow?.(window)) }),
    ...(handle.fill && {
      fill: (target, start, call) => later(() => handle.fill?.(target, start, call)),
    }),
    ...(handle.fillNow && {
      fillNow: (target, start) => now(() => handle.fillNow?.(target, start) === true),
    }),
  });
}

function isChange(error: unknown): boolean {
  return (
    isSluiceError(error) &&
    (error.code === 'SLUICE_VERSION_CHANGED' || error.code === 'SLUICE_TRUNCATED')
  );
}
