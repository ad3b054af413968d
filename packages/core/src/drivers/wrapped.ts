import type { StorageDriver } from '../storage/driver.ts';

/** The methods that a driver may have or not. */
type OptionalMethod = Exclude<keyof StorageDriver, 'name' | 'stat' | 'open'>;

/** What every driver has. */
export type RequiredMembers = Pick<StorageDriver, 'name' | 'stat' | 'open'>;

/**
 * Those of some optional methods that a type has, as the contract types them: certain where they
 * are certain there, optional where they are optional.
 */
export type Copied<D, M extends OptionalMethod = OptionalMethod> = {
  readonly [K in keyof D as K extends M ? K : never]: Method<K> | AbsenceIn<Required<D>[K]>;
};

type Method<K> = K extends OptionalMethod ? Exclude<StorageDriver[K], undefined> : never;

type AbsenceIn<T> = undefined extends T ? undefined : never;
