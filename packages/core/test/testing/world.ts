import type { StorageKey } from '../../src/keys/storage-key.ts';
import type { ObjectHandle, StorageDriver } from '../../src/storage/driver.ts';
import {
  type ContractFixture,
  createMemoryDriver,
  type MemoryDriver,
  type MemoryObject,
  type PlantKind,
} from '../../src/testing/index.ts';

/** A store in memory with all that a check may need, and hooks for a driver that goes wrong. */
export interface World {
  readonly objects: Map<string, MemoryObject>;
  readonly memory: MemoryDriver;
  /** What the checks have planted; an honest driver does not see it. */
  readonly planted: Map<string, PlantKind>;
  readonly sparse: Map<string, number>;
  /** What a driver holds beyond the handles of the memory driver. */
  leaked: number;
}

/** Makes a driver that goes wrong out of the honest one. */
export type Mutate = (driver: StorageDriver, world: World) => StorageDriver;

export const SECRET = '/srv/private-root';

/** Makes a fixture that meets every need of every check. */
export function createWorldFixture(mutate: Mutate = (driver) => driver): ContractFixture {
  const objects = new Map<string, MemoryObject>();
  const memory = createMemoryDriver({ objects });
  const planted = new Map<string, PlantKind>();
  const sparse = new Map<string, number>();
  const world: World = { objects, memory, planted, sparse, leaked: 0 };
  const plant = (kind: PlantKind) => async (key: StorageKey) => {
    planted.set(key, kind);
  };
  return {
    driver: mutate(withSparse(memory, sparse), world),
    async seed(key, bytes, meta) {
      objects.set(key, { bytes: Uint8Array.from(bytes), lastModified: Date.now(), ...meta });
    },
    async remove(key) {
      objects.delete(key);
    },
    async rewriteInPlace(key, bytes) {
      objects.set(key, { bytes: Uint8Array.from(bytes), lastModified: Date.now() });
    },
    async touch(key) {
      const object = objects.get(key);
      if (object) objects.set(key, { ...object, contentType: 'text/plain' });
    },
    async seedSparse(key, size) {
      sparse.set(key, size);
    },
    fills: true,
    plant: {
      directory: plant('directory'),
      fifo: plant('fifo'),
      socket: plant('socket'),
      device: plant('device'),
      'link-out': plant('link-out'),
      'link-dangling': plant('link-dangling'),
      'parent-link-out': plant('parent-link-out'),
    },
    another: async () => createMemoryDriver({ objects }),
    openResources: () => memory.openHandles() + world.leaked,
    secrets: [SECRET],
    dispose: () => memory.close(),
  };
}

/** Objects of zeros that take no room. */
function withSparse(driver: StorageDriver, sparse: Map<string, number>): StorageDriver {
  const open = (key: StorageKey, size: number): ObjectHandle => ({
    key,
    stat: { size, version: { token: `sparse-${size}`, hold: 'immutable' } },
    read: ({ start, end }) => new Uint8Array(end - start),
    close: async () => undefined,
  });
  return {
    ...driver,
    async stat(key, call) {
      const size = sparse.get(key);
      return size === undefined ? driver.stat(key, call) : open(key, size).stat;
    },
    async open(key, call) {
      const size = sparse.get(key);
      return size === undefined ? driver.open(key, call) : open(key, size);
    },
  };
}
