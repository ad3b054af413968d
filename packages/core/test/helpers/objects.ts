import {
  assertKey,
  type ByteSource,
  type ObjectHandle,
  type ObjectStat,
  type StorageDriver,
  type StorageKey,
  type Window,
} from '@sluice/core';

/** Bytes that differ at every position of any window a test asks for. */
export function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 7 + (at >> 8)) % 251);
}

export function keyOf(text: string): StorageKey {
  return assertKey('test', text);
}

export function statOf(size: number, more: Partial<ObjectStat> = {}): ObjectStat {
  return {
    size,
    version: { token: '1', hold: 'handle' },
    entityTag: '"v1"',
    lastModified: Date.UTC(2024, 0, 2, 3, 4, 5),
    contentType: 'application/pdf',
    ...more,
  };
}

/** A driver for one object at `a`, with what a test wants changed; it counts what is open. */
export interface Probe {
  readonly driver: StorageDriver;
  readonly calls: string[];
  open: number;
}

export function probe(
  bytes: Uint8Array,
  {
    stat = statOf(bytes.byteLength),
    read = ({ start, end }) => bytes.subarray(start, end),
    driver = {},
  }: {
    readonly stat?: ObjectStat;
    readonly read?: (window: Window) => ByteSource | Promise<ByteSource>;
    readonly driver?: Partial<StorageDriver>;
  } = {},
): Probe {
  const state: Probe = {
    calls: [],
    open: 0,
    driver: {
      name: 'probe',
      async stat(key) {
        state.calls.push(`stat ${key}`);
        return key === 'a' ? stat : undefined;
      },
      async open(key): Promise<ObjectHandle | undefined> {
        state.calls.push(`open ${key}`);
        if (key !== 'a') return undefined;
        state.open += 1;
        let closed = false;
        return {
          key,
          stat,
          read,
          async close() {
            if (!closed) state.open -= 1;
            closed = true;
          },
        };
      },
      ...driver,
    },
  };
  return state;
}
