import { isSluiceError, SluiceError, type SluiceErrorCode } from '../../src/errors.ts';
import type { StorageKey } from '../../src/keys/storage-key.ts';
import type {
  ByteSource,
  Call,
  ObjectHandle,
  ObjectStat,
  StorageDriver,
  Window,
} from '../../src/storage/driver.ts';
import { keyOf } from '../helpers/objects.ts';

export const key: StorageKey = keyOf('folder/object');

/** What never comes. */
export const never: Promise<never> = new Promise(() => undefined);

/** Lets everything happen that is under way and waits for no clock. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function failure(code: SluiceErrorCode, retryAfter?: number): SluiceError {
  return new SluiceError(code, 'it failed', retryAfter === undefined ? {} : { retryAfter });
}

export function statOf(size: number, token = 'v1'): ObjectStat {
  return { size, version: { token, hold: 'condition' } };
}

/** A driver with one object that is as its parts say, and a count of what was opened and closed. */
export interface Stub extends StorageDriver {
  readonly calls: string[];
  readonly open: StorageDriver['open'];
  opened: number;
}

export interface StubParts extends Partial<StorageDriver> {
  readonly size?: number;
  readonly read?: (window: Window, call: Call | undefined) => ByteSource | Promise<ByteSource>;
  readonly handle?: Partial<ObjectHandle>;
}

export function stub(parts: StubParts = {}): Stub {
  const { size = 100, read, handle, ...methods } = parts;
  const stat = statOf(size);
  const driver: Stub = {
    name: 'stub',
    calls: [],
    opened: 0,
    async stat() {
      driver.calls.push('stat');
      return stat;
    },
    async open(opened) {
      driver.calls.push('open');
      driver.opened += 1;
      let isOpen = true;
      return {
        key: opened,
        stat,
        async read(window, call) {
          driver.calls.push(`read ${window.start}–${window.end}`);
          if (!isOpen) throw failure('SLUICE_ABORTED');
          return read?.(window, call) ?? bytesOf(window);
        },
        async close() {
          if (isOpen) driver.opened -= 1;
          isOpen = false;
        },
        ...handle,
      };
    },
    ...methods,
  };
  return driver;
}

/** The bytes of a window of an object in which every byte tells its place. */
export function bytesOf({ start, end }: Window): Uint8Array {
  return Uint8Array.from({ length: end - start }, (_, index) => (start + index) % 251);
}

export async function open(driver: StorageDriver, call?: Call): Promise<ObjectHandle> {
  const handle = await driver.open(key, call);
  if (handle === undefined) throw new Error('there is no object');
  return handle;
}

export async function collect(source: ByteSource): Promise<Buffer> {
  if (source instanceof Uint8Array) return Buffer.from(source);
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A body that is read piece by piece. */
export function piecesOf(source: ByteSource): AsyncIterator<Uint8Array> {
  if (source instanceof Uint8Array) throw new Error('all bytes came at once');
  return source[Symbol.asyncIterator]();
}

/** The code that a call fails with; `undefined` when it does not. */
export async function codeOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return isSluiceError(error) ? error.code : error;
  }
}
