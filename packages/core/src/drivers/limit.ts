import { checkOptions, integerOption } from '../options.ts';
import type {
  ByteSource,
  Call,
  ListEntry,
  ObjectHandle,
  StorageDriver,
} from '../storage/driver.ts';
import { throwIfAborted } from './abort.ts';
import { createBody } from './body.ts';
import { createHandleUse } from './handle-use.ts';
import { createPlaces, type Places } from './places.ts';
import { pullFrom } from './pull.ts';
import { aroundHandle, checkDriver, optionalOf, type Wrapped } from './wrapped.ts';

/** What {@link limit} takes. */
export interface LimitOptions {
  /**
   * Calls and bodies under way at once, and as many writes. At least 1.
   *
   * @default 64
   */
  readonly concurrent?: number | undefined;
  /**
   * How many more may wait, of each kind. Whoever comes then is told to come back: it fails with
   * `SLUICE_UNAVAILABLE` and a `retryAfter` of one second. At least 0.
   *
   * @default 1024
   */
  readonly queue?: number | undefined;
}

/**
 * Bounds what a store has to do at once. Whoever comes when all places are taken waits in a queue,
 * first come, first served; an abort leaves it.
 *
 * A place is taken by `stat` and `open` until they have answered, by `list` while it is asked for an
 * entry, and by a body until it has come to its end, has failed, or was left: a client that takes its
 * time keeps a connection to the store. An open handle takes none, nor does a window of no bytes,
 * nor what a handle gives at once. Writes have places of their own, since a `put` may wait for a
 * body of the same store.
 *
 * A task that cannot end one body before it has begun another one needs as many places as it has
 * bodies open: two such tasks can hold each other up.
 *
 * @throws TypeError on an option that is unknown or out of bounds, or when what should be a driver
 * is none
 */
export function limit<D extends StorageDriver>(driver: D, options?: LimitOptions): Wrapped<D>;
export function limit(given: StorageDriver, options: LimitOptions = {}): StorageDriver {
  const owner = 'limit';
  const driver = checkDriver(owner, given);
  const known = checkOptions(owner, options, ['concurrent', 'queue']);
  const bounds = {
    concurrent: integerOption(owner, 'concurrent', known.concurrent, { least: 1, fallback: 64 }),
    queue: integerOption(owner, 'queue', known.queue, { least: 0, fallback: 1024 }),
  };
  const [reading, writing] = [createPlaces(bounds), createPlaces(bounds)];
  const { list, put, delete: remove, move, ...others } = optionalOf(driver);
  return {
    name: driver.name,
    stat: (key, call) => inPlace(reading, call, () => driver.stat(key, call)),
    async open(key, call) {
      const handle = await inPlace(reading, call, () => driver.open(key, call));
      return handle && limitedHandle(handle, reading);
    },
    ...others,
    ...(list && { list: (prefix, call) => limitedList(() => list(prefix, call), reading, call) }),
    ...(put && {
      async put(key, source, options) {
        const waiting = takeCharge(source);
        try {
          return await inPlace(writing, options, () => put(key, waiting.source, options));
        } finally {
          waiting.release();
        }
      },
    }),
    ...(remove && { delete: (key, call) => inPlace(writing, call, () => remove(key, call)) }),
    ...(move && { move: (from, to, call) => inPlace(writing, call, () => move(from, to, call)) }),
  };
}

/** Has a source wait: until the driver takes it, nobody else would hear of its failure, or let go of it. */
function takeCharge(source: ByteSource): { readonly source: ByteSource; release(): void } {
  if (source instanceof Uint8Array) return { source, release: () => undefined };
  const pull = pullFrom(source);
  const release = (): void => pull.cancel();
  return { source: createBody({ next: () => pull.next(), release }, undefined), release };
}

async function inPlace<T>(
  places: Places,
  call: Call | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const giveBack = await places.take(call?.signal);
  try {
    return await work();
  } finally {
    giveBack();
  }
}

function limitedHandle(handle: ObjectHandle, places: Places): ObjectHandle {
  const use = createHandleUse(handle);
  return aroundHandle(handle, {
    async read({ start, end }, call) {
      const done = use.begin({ start, end }, call?.signal);
      let giveBack = (): void => undefined;
      let isBody = false;
      try {
        if (start === end) return new Uint8Array(0);
        giveBack = await places.take(call?.signal);
        const source = await handle.read({ start, end }, call);
        if (source instanceof Uint8Array) return source;
        const pull = pullFrom(source);
        isBody = true;
        const release = (): void => {
          pull.cancel();
          giveBack();
          done();
        };
        return createBody({ next: () => pull.next(), release }, call?.signal);
      } finally {
        if (!isBody) {
          giveBack();
          done();
        }
      }
    },
    ...(handle.fill && {
      async fill(target, start, call) {
        const done = use.begin({ start, end: start + target.byteLength }, call?.signal);
        try {
          await inPlace(places, call, async () => handle.fill?.(target, start, call));
        } finally {
          done();
        }
      },
    }),
    ...(handle.readNow && {
      readNow: (window) => use.now(window, () => handle.readNow?.(window)),
    }),
    ...(handle.fillNow && {
      fillNow: (target, start) =>
        use.now(
          { start, end: start + target.byteLength },
          () => handle.fillNow?.(target, start) === true,
        ),
    }),
    close: () => use.close(),
  });
}

/** Nobody who lists holds a place while he looks at an entry: he may ask for the object. */
async function* limitedList(
  list: () => AsyncIterable<ListEntry>,
  places: Places,
  call: Call | undefined,
): AsyncGenerator<ListEntry, undefined> {
  throwIfAborted(call?.signal);
  const entries = list()[Symbol.asyncIterator]();
  let isAtEnd = false;
  try {
    for (;;) {
      const step = await inPlace(places, call, () => entries.next());
      isAtEnd = step.done === true;
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    if (!isAtEnd) await entries.return?.();
  }
}
