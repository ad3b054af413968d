import { checkOptions, integerOption, MAX_MILLISECONDS } from '../options.ts';
import type {
  ByteSource,
  Call,
  ListEntry,
  ObjectHandle,
  StorageDriver,
  Window,
} from '../storage/driver.ts';
import { throwIfAborted, untilAborted } from './abort.ts';
import { createBody } from './body.ts';
import { type CallSignal, createCallSignal } from './call-signal.ts';
import { endLate, withinLimit } from './deadline.ts';
import { letGo, pullFrom } from './pull.ts';
import { requireWindow } from './window.ts';
import { checkDriver, optionalOf, type Wrapped } from './wrapped.ts';

/** What {@link timeout} takes; all in milliseconds, from 1 to 2,147,483,647. */
export interface TimeoutOptions {
  /**
   * For an answer that is not the bytes of an object: of `stat`, `open`, `delete`, `signUrl`,
   * `internalUrl`, and for each entry of `list`.
   *
   * @default 10_000
   */
  readonly stat?: number | undefined;
  /**
   * From a read to its first byte. Only the time for which somebody waits is counted.
   *
   * @default 15_000
   */
  readonly firstByte?: number | undefined;
  /**
   * From one piece of a body to the next one. Only the time for which somebody waits is counted: a
   * client that is slow to take what came is no store that stalls.
   *
   * @default 30_000
   */
  readonly idle?: number | undefined;
}

/**
 * Ends what a store does not answer in time, with `SLUICE_TIMEOUT`. What was asked of it is
 * aborted, and what it gives too late is let go of.
 *
 * `put` and `move` take as long as they take: that depends on the object and, for a `put`, on the
 * source. Handles have no `fill`, since memory that a late read may still write to cannot be given
 * back to its owner.
 *
 * @throws TypeError on an option that is unknown or out of bounds, or when what should be a driver
 * is none
 */
export function timeout<D extends StorageDriver>(driver: D, options?: TimeoutOptions): Wrapped<D>;
export function timeout(given: StorageDriver, options: TimeoutOptions = {}): StorageDriver {
  const driver = checkDriver('timeout', given);
  const limits = checkLimits(options);
  const answered = <T>(
    signal: AbortSignal | undefined,
    work: (call: Call) => Promise<T>,
    late: (value: T) => void = () => undefined,
  ): Promise<T> =>
    withinLimit((below) => work({ signal: below }), { limit: limits.stat, signal, late });
  const { list, delete: remove, signUrl, internalUrl, ...others } = optionalOf(driver);
  return {
    name: driver.name,
    stat: (key, call) => answered(call?.signal, (below) => driver.stat(key, below)),
    async open(key, call) {
      const handle = await answered(
        call?.signal,
        (below) => driver.open(key, { ...call, ...below }),
        closeQuietly,
      );
      return handle && limitedHandle(handle, limits);
    },
    ...others,
    ...(signUrl && {
      signUrl: (key, options) =>
        answered(options.signal, (below) => signUrl(key, { ...options, ...below })),
    }),
    ...(internalUrl && {
      internalUrl: (key, options) =>
        answered(options.signal, (below) => internalUrl(key, { ...options, ...below })),
    }),
    ...(list && {
      list: (prefix, call) => limitedList((below) => list(prefix, below), limits.stat, call),
    }),
    ...(remove && {
      delete: (key, call) => answered(call?.signal, (below) => remove(key, below)),
    }),
  };
}

type Limits = { readonly [K in keyof TimeoutOptions]-?: number };

function checkLimits(options: TimeoutOptions): Limits {
  const owner = 'timeout';
  const given = checkOptions(owner, options, ['stat', 'firstByte', 'idle']);
  const limit = (name: keyof TimeoutOptions, fallback: number): number =>
    integerOption(owner, name, given[name], { least: 1, most: MAX_MILLISECONDS, fallback });
  return {
    stat: limit('stat', 10_000),
    firstByte: limit('firstByte', 15_000),
    idle: limit('idle', 30_000),
  };
}

function closeQuietly(handle: ObjectHandle | undefined): void {
  handle?.close().catch(() => undefined);
}

function limitedHandle(inner: ObjectHandle, limits: Limits): ObjectHandle {
  return {
    key: inner.key,
    stat: inner.stat,
    ...(inner.readNow && { readNow: inner.readNow.bind(inner) }),
    close: () => inner.close(),
    async read(window, call) {
      requireWindow(window.start, window.end, inner.stat.size);
      throwIfAborted(call?.signal);
      const below = createCallSignal(call?.signal);
      const began = performance.now();
      let isBody = false;
      try {
        const reading = untilAborted(beginRead(inner, window, below), call?.signal, discard);
        const source = await endLate(reading, limits.firstByte, {
          late: discard,
          expire: (error) => below.abort(error),
        });
        if (source instanceof Uint8Array) return source;
        isBody = true;
        const left = Math.max(1, Math.ceil(limits.firstByte - (performance.now() - began)));
        return limitedBody(source, { left, idle: limits.idle, below, caller: call?.signal });
      } finally {
        if (!isBody) below.done();
      }
    },
  };
}

async function beginRead(
  handle: ObjectHandle,
  window: Window,
  { signal }: Call,
): Promise<ByteSource> {
  return handle.read(window, { signal });
}

/** Lets go of bytes that came too late for whoever had asked. */
function discard(source: ByteSource): void {
  pullFrom(source).cancel();
}

interface LimitedBody {
  /** Milliseconds until the first piece must have come. */
  readonly left: number;
  readonly idle: number;
  readonly below: CallSignal;
  readonly caller: AbortSignal | undefined;
}

function limitedBody(
  source: Exclude<ByteSource, Uint8Array>,
  { left, idle, below, caller }: LimitedBody,
): AsyncIterable<Uint8Array> {
  const pull = pullFrom(source);
  let limit = left;
  return createBody(
    {
      async next() {
        // A body that is over has no clock that runs on.
        const next = untilAborted(pull.next(), below.signal, () => undefined);
        const piece = await endLate(next, limit, {
          late: () => undefined,
          expire: (error) => below.abort(error),
        });
        limit = idle;
        return piece;
      },
      release() {
        below.done();
        below.abort(OVER);
        pull.cancel();
      },
    },
    caller,
  );
}

/** A reason of its own: without one, every abort would make a `DOMException` with its stack. */
const OVER = new Error('the body is over');

async function* limitedList(
  list: (call: Call) => AsyncIterable<ListEntry>,
  limit: number,
  call: Call | undefined,
): AsyncGenerator<ListEntry, undefined> {
  throwIfAborted(call?.signal);
  const below = createCallSignal(call?.signal);
  const entries = list({ signal: below.signal })[Symbol.asyncIterator]();
  let isAtEnd = false;
  try {
    for (;;) {
      const next = untilAborted(entries.next(), call?.signal, () => undefined);
      const step = await endLate(next, limit, {
        late: () => undefined,
        expire: (error) => below.abort(error),
      });
      isAtEnd = step.done === true;
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    below.done();
    // Not waited for: a listing that hangs cannot return before it goes on.
    if (!isAtEnd) letGo(() => entries.return?.());
  }
}
