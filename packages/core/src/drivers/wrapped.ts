import { quote } from '../options.ts';
import type { ObjectHandle, StorageDriver } from '../storage/driver.ts';

/** The methods that a driver may have or not. */
export type OptionalMethod = Exclude<keyof StorageDriver, 'name' | 'stat' | 'open'>;

/** The same, to be gone through. */
export const OPTIONAL_METHODS: readonly OptionalMethod[] = [
  'localPath',
  'signUrl',
  'internalUrl',
  'list',
  'put',
  'delete',
  'move',
  'close',
];

/** What every driver has. */
export type RequiredMembers = Pick<StorageDriver, 'name' | 'stat' | 'open'>;

/**
 * Those of some optional methods that a type has, as the contract types them: certain where they
 * are certain there, optional where they are optional.
 */
export type Copied<D, M extends OptionalMethod = OptionalMethod> = {
  readonly [K in keyof D as K extends M ? K : never]: Method<K> | AbsenceIn<Required<D>[K]>;
};

/** A driver around another one, with the optional methods that the other one has. */
export type Wrapped<
  D extends StorageDriver,
  M extends OptionalMethod = OptionalMethod,
> = RequiredMembers & Copied<D, M>;

type Method<K> = K extends OptionalMethod ? Exclude<StorageDriver[K], undefined> : never;

type AbsenceIn<T> = undefined extends T ? undefined : never;

/**
 * Checks that a value is a driver, as far as that can be seen.
 *
 * @param owner who takes the driver, for the message
 * @throws TypeError quoting what is none
 */
export function checkDriver(owner: string, driver: StorageDriver): StorageDriver {
  const isDriver =
    typeof driver === 'object' &&
    driver !== null &&
    typeof driver.name === 'string' &&
    typeof driver.stat === 'function' &&
    typeof driver.open === 'function';
  if (!isDriver) throw new TypeError(`${owner}: must be given a driver, got ${quote(driver)}`);
  return driver;
}

/** The optional methods that a driver has, to be taken into another object as they are. */
export function optionalOf(driver: StorageDriver): Pick<StorageDriver, OptionalMethod> {
  return {
    ...(driver.localPath && { localPath: driver.localPath.bind(driver) }),
    ...(driver.signUrl && { signUrl: driver.signUrl.bind(driver) }),
    ...(driver.internalUrl && { internalUrl: driver.internalUrl.bind(driver) }),
    ...(driver.list && { list: driver.list.bind(driver) }),
    ...(driver.put && { put: driver.put.bind(driver) }),
    ...(driver.delete && { delete: driver.delete.bind(driver) }),
    ...(driver.move && { move: driver.move.bind(driver) }),
    ...(driver.close && { close: driver.close.bind(driver) }),
  };
}

/**
 * Makes a handle around another one. Members that are not named anew go to the other handle,
 * optional ones where it has them.
 */
export function aroundHandle(inner: ObjectHandle, anew: Partial<ObjectHandle>): ObjectHandle {
  return {
    key: inner.key,
    stat: inner.stat,
    read: inner.read.bind(inner),
    ...(inner.readNow && { readNow: inner.readNow.bind(inner) }),
    ...(inner.fill && { fill: inner.fill.bind(inner) }),
    ...(inner.fillNow && { fillNow: inner.fillNow.bind(inner) }),
    close: inner.close.bind(inner),
    ...anew,
  };
}
