import type { StorageDriver, StorageKey } from '@sluice/core';
import type { ContractFixture, Plant } from '@sluice/core/testing';

import { asKey } from './temp-root.ts';

export interface Wrapping {
  readonly wrap: (driver: StorageDriver) => StorageDriver;
  /** What is under a key outside lies under this one in the store. */
  readonly inside?: (key: StorageKey) => string;
  /** Waits until the wrapper shows what was changed around the driver. */
  readonly shown?: () => Promise<void>;
  readonly fills?: false;
}

/** The fixture of a driver, for a wrapper around the driver. */
export function wrapFixture(
  fixture: ContractFixture,
  { wrap, inside = (key) => key, shown = async () => undefined, fills }: Wrapping,
): ContractFixture {
  const { fills: innerFills, plant, ...rest } = fixture;
  const inner = (key: StorageKey): StorageKey => asKey(inside(key));
  const planted = Object.entries(plant ?? {}).map(([kind, put]) => [
    kind,
    (key: StorageKey) => put(inner(key)),
  ]);
  return {
    ...rest,
    ...(innerFills && fills !== false ? { fills: innerFills } : {}),
    driver: wrap(fixture.driver),
    async seed(key, bytes, meta) {
      await fixture.seed(inner(key), bytes, meta);
      await shown();
    },
    async remove(key) {
      await fixture.remove(inner(key));
      await shown();
    },
    async rewriteInPlace(key, bytes) {
      await fixture.rewriteInPlace?.(inner(key), bytes);
      await shown();
    },
    async touch(key) {
      await fixture.touch?.(inner(key));
      await shown();
    },
    seedSparse: async (key, size) => fixture.seedSparse?.(inner(key), size),
    stray: async (prefix) => fixture.stray?.(inside(prefix as StorageKey)),
    async misplaced() {
      const nowhere = await fixture.misplaced?.();
      if (nowhere === undefined) throw new Error('the fixture gives no misplaced driver');
      return wrap(nowhere);
    },
    plant: Object.fromEntries(planted) as Plant,
    async another() {
      const other = await fixture.another?.();
      if (other === undefined) throw new Error('the fixture gives no other driver');
      return wrap(other);
    },
  };
}
