import type { StorageKey } from '../../src/keys/storage-key.ts';
import { parseKey } from '../../src/keys/storage-key.ts';
import type { ObjectHandle, StorageDriver } from '../../src/storage/driver.ts';
import {
  type ContractFixture,
  createMemoryDriver,
  type MemoryDriver,
  type MemoryObject,
  type PlantKind,
} from '../../src/testing/index.ts';
import { createHttpDriver, type HttpFlaw, signHttpUrl } from './http-driver.ts';
import { createRoot, target, TOKEN } from './http-store.ts';

/** A store in memory with all that a check may need, and hooks for a driver that goes wrong. */
export interface World {
  readonly objects: Map<string, MemoryObject>;
  readonly memory: MemoryDriver;
  /** What the checks have planted; an honest driver does not see it. */
  readonly planted: Map<string, PlantKind>;
  readonly sparse: Map<string, number>;
  /** What a driver holds beyond the handles of the memory driver. */
  leaked: number;
  /** What a driver has left in the store. */
  debris: number;
  /** What the driver does wrong that reaches the same objects over HTTP. */
  readonly flaws: Set<HttpFlaw>;
  /** That driver, at the store itself. */
  readonly http: StorageDriver;
}

/** Makes a driver that goes wrong out of the honest one. */
export type Mutate = (driver: StorageDriver, world: World) => StorageDriver;

export const SECRET = '/srv/private-root';

/** Where objects would lie on a disk. */
const FOLDER = '/srv/objects';

/** Milliseconds: enough for a store in this very process, which has other things to do as well. */
const PATIENCE = 800;

/** Makes a fixture that meets every need of every check. */
export function createWorldFixture(mutate: Mutate = (driver) => driver): ContractFixture {
  const objects = new Map<string, MemoryObject>();
  const memory = createMemoryDriver({ objects });
  const planted = new Map<string, PlantKind>();
  const sparse = new Map<string, number>();
  const root = createRoot(objects);
  const flaws = new Set<HttpFlaw>();
  const far = { address: target, root: root.name, token: TOKEN, patience: PATIENCE, flaws };
  const opened: StorageDriver[] = [];
  const connect = (other: Partial<typeof far> = {}): StorageDriver => {
    const driver = createHttpDriver({ ...far, ...other });
    opened.push(driver);
    return driver;
  };
  const http = connect();
  const world: World = { objects, memory, planted, sparse, leaked: 0, debris: 0, flaws, http };
  const plant = (kind: PlantKind) => async (key: StorageKey) => {
    planted.set(key, kind);
  };
  return {
    driver: mutate(
      {
        ...withSparse(memory, sparse),
        localPath: (key) => parseKey(key) && { root: FOLDER, prefix: '', path: `${FOLDER}/${key}` },
        signUrl: async (key, options) => signHttpUrl(far, key, options),
        internalUrl: async (key, options) => signHttpUrl(far, key, options),
      },
      world,
    ),
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
    credentials: [TOKEN],
    remote: {
      target,
      connect: (address) => connect({ address }),
      patience: PATIENCE,
      http: true,
    },
    refused: () => connect({ token: 'not the token' }),
    misplaced: () => connect({ root: 'nowhere' }),
    async seedStale(key, older, newer) {
      root.replicas.set(key, [{ bytes: older }]);
      objects.set(key, { bytes: newer });
    },
    async stray(prefix) {
      for (const name of ['a//b', 'line\nbreak', 'folder/', '../up']) {
        objects.set(prefix + name, { bytes: new Uint8Array(1) });
      }
    },
    partSize: 1_048_576,
    debris: () => world.debris,
    readPath: async (path) =>
      objects.get(path.slice(FOLDER.length + 1))?.bytes ?? new Uint8Array(0),
    async dispose() {
      await Promise.all([memory, ...opened].map(async (driver) => driver.close?.()));
    },
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
