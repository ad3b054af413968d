import type { StorageDriver } from '../storage/driver.ts';
import { checkDriver, type OptionalMethod, optionalOf, type Wrapped } from './wrapped.ts';

/** A driver that {@link readonly} has taken the writing methods from. */
export type ReadonlyDriver<D extends StorageDriver> = Wrapped<
  D,
  Exclude<OptionalMethod, 'put' | 'delete' | 'move'>
>;

/**
 * Takes `put`, `delete` and `move` from a driver: they are absent, not refused, so that whoever asks
 * what the store can do is told.
 *
 * @throws TypeError when what should be a driver is none
 */
export function readonly<D extends StorageDriver>(driver: D): ReadonlyDriver<D>;
export function readonly(given: StorageDriver): StorageDriver {
  const driver = checkDriver('readonly', given);
  const { put: _put, delete: _delete, move: _move, ...reading } = optionalOf(driver);
  return {
    name: driver.name,
    stat: driver.stat.bind(driver),
    open: driver.open.bind(driver),
    ...reading,
  };
}
