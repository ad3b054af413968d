import type { StorageKey } from '../../src/keys/storage-key.ts';
import type {
  ByteSource,
  Call,
  ListEntry,
  ObjectHandle,
  ObjectStat,
  StorageDriver,
  Window,
} from '../../src/storage/driver.ts';

export type Pieces = AsyncIterable<Uint8Array>;

export type Read = (window: Window, call?: Call) => ByteSource | Promise<ByteSource>;

/** Changes what `open` gives. */
export function alterHandle(
  driver: StorageDriver,
  change: (handle: ObjectHandle, call: Call | undefined) => Partial<ObjectHandle>,
): StorageDriver {
  return {
    ...driver,
    async open(key, call) {
      const handle = await driver.open(key, call);
      return handle && { ...handle, ...change(handle, call) };
    },
  };
}

/** Changes how windows are read. */
export function alterRead(
  driver: StorageDriver,
  change: (read: Read, handle: ObjectHandle) => Read,
): StorageDriver {
  return alterHandle(driver, (handle) => ({
    read: change((window, call) => handle.read(window, call), handle),
  }));
}

/** Changes the pieces of every body. */
export function alterPieces(
  driver: StorageDriver,
  change: (pieces: AsyncIterable<Uint8Array>, window: Window) => AsyncIterable<Uint8Array>,
): StorageDriver {
  return alterRead(driver, (read) => async (window, call) => {
    const pieces = piecesOf(await read(window, call));
    return change(pieces, window);
  });
}

/** Changes the facts, of `stat` and of what is open alike. */
export function alterStat(
  driver: StorageDriver,
  change: (stat: ObjectStat, key: StorageKey) => ObjectStat,
): StorageDriver {
  return {
    ...alterHandle(driver, (handle) => ({ stat: change(handle.stat, handle.key) })),
    async stat(key, call) {
      const stat = await driver.stat(key, call);
      return stat && change(stat, key);
    },
  };
}

/** Looks under another key than the one that was asked for. */
export function alterKey(
  driver: StorageDriver,
  change: (key: string) => string | undefined,
): StorageDriver {
  const other = (key: StorageKey): StorageKey => (change(key) ?? 'nowhere') as StorageKey;
  return {
    ...driver,
    stat: (key, call) => driver.stat(other(key), call),
    async open(key, call) {
      const handle = await driver.open(other(key), call);
      return handle && { ...handle, key };
    },
  };
}

/** Changes a listing. */
export function alterList(
  driver: StorageDriver,
  change: (entries: AsyncIterable<ListEntry>, prefix: string) => AsyncIterable<ListEntry>,
): StorageDriver {
  return { ...driver, list: (prefix, call) => change(driver.list!(prefix, call), prefix) };
}

/** Changes every error of every call. */
export function alterErrors(
  driver: StorageDriver,
  change: (error: unknown, key: string) => unknown,
): StorageDriver {
  const guard = async <T>(key: string, call: () => T | Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw change(error, key);
    }
  };
  return {
    ...driver,
    stat: (key, call) => guard(key, () => driver.stat(key, call)),
    open: (key, call) =>
      guard(key, async () => {
        const handle = await driver.open(key, call);
        if (!handle) return handle;
        const read: Read = (window, call) => guard(key, () => handle.read(window, call));
        return { ...handle, read };
      }),
    put: (key, source, options) => guard(key, () => driver.put!(key, source, options)),
  };
}

export async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array, undefined> {
  if (source instanceof Uint8Array) yield source;
  else yield* source;
}

export async function bytesOf(source: ByteSource): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of piecesOf(source)) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

/** Finds an empty object where the honest driver finds nothing. */
export function finds(driver: StorageDriver, isThere: (key: string) => boolean): StorageDriver {
  const nothing = (key: StorageKey): ObjectHandle => ({
    key,
    stat: { size: 0, version: { token: 'none', hold: 'detect' } },
    read: () => new Uint8Array(0),
    close: async () => undefined,
  });
  return {
    ...driver,
    async stat(key, call) {
      const stat = await driver.stat(key, call);
      return stat ?? (isThere(key) ? nothing(key).stat : undefined);
    },
    async open(key, call) {
      const handle = await driver.open(key, call);
      return handle ?? (isThere(key) ? nothing(key) : undefined);
    },
  };
}
