import type { StorageKey } from '../../src/keys/storage-key.ts';
import type { StorageDriver } from '../../src/storage/driver.ts';
import type { ContractFixture, Plant } from '../../src/testing/index.ts';
import { keyOf } from '../helpers/objects.ts';

export interface Wrapping {
  readonly wrap: (driver: StorageDriver) => StorageDriver;
  /** What is under a key outside lies under this one in the store. */
  readonly inside?: (key: StorageKey) => string;
  /** Called after every change around the driver. */
  readonly changed?: () => void;
  readonly fills?: false;
  /** Set where the wrapper answers without its store, which then cannot be missed. */
  readonly far?: false;
}

/** The fixture of a driver, for a wrapper around the driver. */
export function wrapFixture(
  fixture: ContractFixture,
  { wrap, inside = (key) => key, changed = () => undefined, fills, far }: Wrapping,
): ContractFixture {
  const { fills: innerFills, plant, remote, ...rest } = fixture;
  const inner = (key: StorageKey): StorageKey => keyOf(inside(key));
  const planted = Object.entries(plant ?? {}).map(([kind, put]) => [
    kind,
    async (key: StorageKey) => {
      await put(inner(key));
      changed();
    },
  ]);
  return {
    ...rest,
    ...(innerFills && fills !== false ? { fills: innerFills } : {}),
    driver: wrap(fixture.driver),
    async seed(key, bytes, meta) {
      await fixture.seed(inner(key), bytes, meta);
      changed();
    },
    async remove(key) {
      await fixture.remove(inner(key));
      changed();
    },
    ...(fixture.rewriteInPlace && {
      async rewriteInPlace(key, bytes) {
        await fixture.rewriteInPlace?.(inner(key), bytes);
        changed();
      },
    }),
    ...(fixture.touch && {
      async touch(key) {
        await fixture.touch?.(inner(key));
        changed();
      },
    }),
    ...(fixture.seedSparse && {
      async seedSparse(key, size) {
        await fixture.seedSparse?.(inner(key), size);
        changed();
      },
    }),
    ...(fixture.seedStale && {
      async seedStale(key, older, newer) {
        await fixture.seedStale?.(inner(key), older, newer);
        changed();
      },
    }),
    ...(fixture.stray && {
      stray: async (prefix) => fixture.stray?.(inside(prefix as StorageKey)),
    }),
    ...(remote &&
      far !== false && {
        remote: { ...remote, connect: async (address) => wrap(await remote.connect(address)) },
      }),
    ...(fixture.refused && { refused: async () => wrap(await given(fixture.refused?.())) }),
    ...(fixture.misplaced && { misplaced: async () => wrap(await given(fixture.misplaced?.())) }),
    ...(plant && { plant: Object.fromEntries(planted) as Plant }),
    ...(fixture.another && { another: async () => wrap(await given(fixture.another?.())) }),
  };
}

async function given(driver: Given): Promise<StorageDriver> {
  const one = await driver;
  if (one === undefined) throw new Error('the fixture gives no driver');
  return one;
}

type Given = StorageDriver | undefined | Promise<StorageDriver>;
