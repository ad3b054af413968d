import { isSluiceError, type SluiceErrorCode } from '../errors.ts';
import type { StorageKey } from '../keys/storage-key.ts';
import { checkOptions, quote } from '../options.ts';
import type { ByteSource, ListEntry, ObjectHandle, StorageDriver } from '../storage/driver.ts';
import { abortedBy } from './abort.ts';
import { createBody } from './body.ts';
import { pullFrom } from './pull.ts';
import { aroundHandle, checkDriver, optionalOf, type Wrapped } from './wrapped.ts';

/** What {@link observe} takes. */
export interface ObserveHooks {
  /** Told when a call begins. */
  readonly onStart?: ((call: ObservedCall) => unknown) | undefined;
  /** Told when it is over: a read when its body is. */
  readonly onEnd?: ((end: ObservedEnd) => unknown) | undefined;
  /**
   * Whether keys are told. They name what people store, and metrics are read by many.
   *
   * @default false
   */
  readonly keys?: boolean | undefined;
}

/** A call on a driver. */
export interface ObservedCall {
  readonly driver: string;
  readonly op: ObservedOp;
  /** Only where the hooks ask for keys. Of a `move` the old one, of a `list` absent. */
  readonly key?: StorageKey;
}

/** How a call ended. */
export interface ObservedEnd extends ObservedCall {
  /** Milliseconds, with fractions: the whole time, also that in which the reader was slow. */
  readonly ms: number;
  /** That were read or stored. */
  readonly bytes?: number;
  /** Of a failure; `SLUICE_IO` for one that has none. */
  readonly code?: SluiceErrorCode;
  /** Set where a body or a listing was left before its end. */
  readonly left?: true;
}

export type ObservedOp =
  | 'stat'
  | 'open'
  | 'read'
  | 'fill'
  | 'signUrl'
  | 'internalUrl'
  | 'list'
  | 'put'
  | 'delete'
  | 'move'
  | 'close';

/**
 * Tells of every call on a driver what it was, how long it took, how many bytes it moved and how it
 * failed: for metrics and logs.
 *
 * A hook that throws, or whose promise is rejected, disturbs nothing and is not heard of.
 *
 * @throws TypeError on an unknown hook, one that is no function, or when what should be a driver is
 * none
 */
export function observe<D extends StorageDriver>(driver: D, hooks: ObserveHooks): Wrapped<D>;
export function observe(given: StorageDriver, hooks: ObserveHooks): StorageDriver {
  const driver = checkDriver('observe', given);
  const begin = createWatch(driver.name, checkHooks(hooks));
  const {
    localPath,
    signUrl,
    internalUrl,
    list,
    put,
    delete: remove,
    move,
    close,
  } = optionalOf(driver);
  return {
    name: driver.name,
    stat: (key, call) => during(begin('stat', key), () => driver.stat(key, call)),
    async open(key, call) {
      const handle = await during(begin('open', key), () => driver.open(key, call));
      return handle && observedHandle(handle, begin);
    },
    ...(localPath && { localPath }),
    ...(signUrl && {
      signUrl: (key, options) => during(begin('signUrl', key), () => signUrl(key, options)),
    }),
    ...(internalUrl && {
      internalUrl: (key, options) =>
        during(begin('internalUrl', key), () => internalUrl(key, options)),
    }),
    ...(list && { list: (prefix, call) => observedList(() => list(prefix, call), begin) }),
    ...(put && {
      put: (key, source, options) =>
        during(
          begin('put', key),
          () => put(key, source, options),
          ({ size }) => size,
        ),
    }),
    ...(remove && {
      delete: (key, call) => during(begin('delete', key), () => remove(key, call)),
    }),
    ...(move && {
      move: (from, to, call) => during(begin('move', from), () => move(from, to, call)),
    }),
    ...(close && { close: () => during(begin('close', undefined), () => close()) }),
  };
}

/** Tells that a call begins; the answer tells that it is over, once. */
type Begin = (op: ObservedOp, key: StorageKey | undefined, began?: number) => End;

type End = (how: Pick<ObservedEnd, 'bytes' | 'left'> & { readonly error?: unknown }) => void;

function checkHooks(given: ObserveHooks): ObserveHooks {
  const hooks = checkOptions('observe', given, ['onStart', 'onEnd', 'keys']);
  for (const name of ['onStart', 'onEnd'] as const) {
    const hook = hooks[name];
    if (hook !== undefined && typeof hook !== 'function') {
      throw new TypeError(`observe: ${name} must be a function, got ${quote(hook)}`);
    }
  }
  if (hooks.keys !== undefined && typeof hooks.keys !== 'boolean') {
    throw new TypeError(`observe: keys must be true or false, got ${quote(hooks.keys)}`);
  }
  return hooks;
}

function createWatch(driver: string, { onStart, onEnd, keys = false }: ObserveHooks): Begin {
  return (op, key, began = performance.now()) => {
    const call: ObservedCall = Object.freeze({
      driver,
      op,
      ...(keys && key !== undefined ? { key } : {}),
    });
    let isOver = false;
    tell(onStart, call);
    return ({ error, ...how }) => {
      if (isOver) return;
      isOver = true;
      const ms = performance.now() - began;
      const code = error === undefined ? {} : { code: codeOf(error) };
      tell(onEnd, Object.freeze({ ...call, ms, ...how, ...code }));
    };
  };
}

function tell<T>(hook: ((value: T) => unknown) | undefined, value: T): void {
  try {
    const told = hook?.(value);
    if (told instanceof Promise) told.catch(() => undefined);
  } catch {
    // Whoever watches has no say in what is watched.
  }
}

function codeOf(error: unknown): SluiceErrorCode {
  return isSluiceError(error) ? error.code : 'SLUICE_IO';
}

async function during<T>(
  end: End,
  work: () => T | Promise<T>,
  bytesOf?: (result: T) => number,
): Promise<T> {
  try {
    const result = await work();
    end(bytesOf === undefined ? {} : { bytes: bytesOf(result) });
    return result;
  } catch (error) {
    end({ error });
    throw error;
  }
}

function observedHandle(handle: ObjectHandle, begin: Begin): ObjectHandle {
  const { key } = handle;
  return aroundHandle(handle, {
    async read(window, call) {
      const end = begin('read', key);
      try {
        const source = await handle.read(window, call);
        if (!(source instanceof Uint8Array)) return observedBody(source, end, call?.signal);
        end({ bytes: source.byteLength });
        return source;
      } catch (error) {
        end({ bytes: 0, error });
        throw error;
      }
    },
    ...(handle.readNow && {
      readNow: (window) =>
        atOnce(
          (began) => begin('read', key, began),
          () => handle.readNow?.(window),
          (bytes) => bytes?.byteLength,
        ),
    }),
    ...(handle.fill && {
      fill: (target, start, call) =>
        during(
          begin('fill', key),
          () => handle.fill?.(target, start, call),
          () => target.byteLength,
        ),
    }),
    ...(handle.fillNow && {
      fillNow: (target, start) =>
        atOnce(
          (began) => begin('fill', key, began),
          () => handle.fillNow?.(target, start) === true,
          (isFilled) => (isFilled ? target.byteLength : undefined),
        ),
    }),
  });
}

/** What could not be had at once was no read: another call follows. */
function atOnce<T>(
  begin: (began: number) => End,
  read: () => T,
  bytesOf: (result: T) => number | undefined,
): T {
  const began = performance.now();
  try {
    const result = read();
    const bytes = bytesOf(result);
    if (bytes !== undefined) begin(began)({ bytes });
    return result;
  } catch (error) {
    begin(began)({ bytes: 0, error });
    throw error;
  }
}

function observedBody(
  source: Exclude<ByteSource, Uint8Array>,
  end: End,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  const pull = pullFrom(source);
  let bytes = 0;
  return createBody(
    {
      async next() {
        try {
          const piece = await pull.next();
          if (piece === undefined) end({ bytes });
          bytes += piece?.byteLength ?? 0;
          return piece;
        } catch (error) {
          end({ bytes, error });
          throw error;
        }
      },
      release() {
        pull.cancel();
        end(signal?.aborted === true ? { bytes, error: abortedBy(signal) } : { bytes, left: true });
      },
    },
    signal,
  );
}

async function* observedList(
  list: () => AsyncIterable<ListEntry>,
  begin: Begin,
): AsyncGenerator<ListEntry, undefined> {
  const end = begin('list', undefined);
  try {
    yield* list();
    end({});
  } catch (error) {
    end({ error });
    throw error;
  } finally {
    end({ left: true });
  }
}
