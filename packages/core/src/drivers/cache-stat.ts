import { isSluiceError } from '../errors.ts';
import type { StorageKey } from '../keys/storage-key.ts';
import { checkOptions, integerOption, MAX_MILLISECONDS } from '../options.ts';
import type { Call, ObjectHandle, ObjectStat, StorageDriver } from '../storage/driver.ts';
import { throwIfAborted, untilAborted } from './abort.ts';
import { createBody } from './body.ts';
import { createCallSignal, type CallSignal } from './call-signal.ts';
import { pullFrom } from './pull.ts';
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
  const stats = createStats(now, {
    ttl: integerOption(owner, 'ttl', ttl, { least: 1, most: MAX_MILLISECONDS, fallback: 5000 }),
    max: integerOption(owner, 'max', max, { least: 1, fallback: 10_000 }),
  });
  const { put, delete: remove, move, close, ...reading } = optionalOf(driver);
  const flights = new Map<string, Flight>();
  const forget = (keys: readonly StorageKey[]): void => {
    for (const key of keys) {
      stats.forget(key);
      // Who asks from now on must not be told what was asked before.
      flights.delete(key);
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
      return stats.get(key) ?? join(flights, key, { driver, stats, call });
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

/** The stats that are known. */
interface Stats {
  get(key: StorageKey): ObjectStat | undefined;
  /** Forgets what is known of an object; only that version, where one is named. */
  forget(key: StorageKey, only?: ObjectStat): void;
  /** To be begun before an object is looked at, so that what is forgotten meanwhile stays so. */
  watch(key: StorageKey): Watch;
  close(): void;
}

interface Watch {
  keep(stat: ObjectStat | undefined): void;
  done(): void;
}

interface Kept {
  readonly stat: ObjectStat;
  readonly until: number;
}

function createStats(
  now: () => number,
  { ttl, max }: { readonly ttl: number; readonly max: number },
): Stats {
  const kept = new Map<string, Kept>();
  /** The looks under way, by key: an object that is forgotten is taken from here, too. */
  const watches = new Map<string, Set<Watch>>();
  let isClosed = false;

  const keep = (key: string, stat: ObjectStat): void => {
    kept.delete(key);
    kept.set(key, { stat, until: now() + ttl });
    for (const oldest of kept.keys()) {
      if (kept.size <= max) break;
      kept.delete(oldest);
    }
  };
  return {
    get(key) {
      const found = kept.get(key);
      if (found === undefined) return undefined;
      kept.delete(key);
      if (found.until <= now()) return undefined;
      // Back in, as the last one that was asked for.
      kept.set(key, found);
      return found.stat;
    },
    forget(key, only) {
      // Whoever is looking now may have seen what was there before.
      watches.delete(key);
      const token = kept.get(key)?.stat.version.token;
      if (only === undefined || only.version.token === token) kept.delete(key);
    },
    watch(key) {
      const others = watches.get(key) ?? new Set();
      const watch: Watch = {
        keep(stat) {
          if (isClosed || watches.get(key)?.has(watch) !== true) return;
          if (stat === undefined) kept.delete(key);
          else keep(key, stat);
        },
        done() {
          others.delete(watch);
          if (others.size === 0 && watches.get(key) === others) watches.delete(key);
        },
      };
      others.add(watch);
      watches.set(key, others);
      return watch;
    },
    close() {
      isClosed = true;
      kept.clear();
    },
  };
}

/** A question that several may wait for. */
interface Flight {
  readonly answer: Promise<ObjectStat | undefined>;
  readonly call: CallSignal;
  isLanded: boolean;
  waiting: number;
}

interface Question {
  readonly driver: StorageDriver;
  readonly stats: Stats;
  readonly call: Call | undefined;
}

/** Asks for a stat, together with those who have asked already. The last one to leave ends it. */
async function join(
  flights: Map<string, Flight>,
  key: StorageKey,
  { driver, stats, call }: Question,
): Promise<ObjectStat | undefined> {
  const flight = flights.get(key) ?? depart(flights, key, { driver, stats });
  flight.waiting += 1;
  try {
    return await untilAborted(flight.answer, call?.signal, () => undefined);
  } finally {
    flight.waiting -= 1;
    if (flight.waiting === 0 && !flight.isLanded) {
      if (flights.get(key) === flight) flights.delete(key);
      flight.call.abort(NOBODY);
    }
  }
}

const NOBODY = new Error('nobody waits for the answer any more');

function depart(
  flights: Map<string, Flight>,
  key: StorageKey,
  { driver, stats }: Omit<Question, 'call'>,
): Flight {
  const call = createCallSignal(undefined);
  const watch = stats.watch(key);
  const ask = async (): Promise<ObjectStat | undefined> => {
    const stat = await driver.stat(key, { signal: call.signal });
    watch.keep(stat);
    return stat;
  };
  const flight: Flight = { answer: ask(), call, isLanded: false, waiting: 0 };
  const land = (): void => {
    flight.isLanded = true;
    watch.done();
    if (flights.get(key) === flight) flights.delete(key);
  };
  flight.answer.then(land, land);
  flights.set(key, flight);
  return flight;
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
