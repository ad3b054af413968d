import { SluiceError } from '../errors.ts';
import { parseKey, type StorageKey } from '../keys/storage-key.ts';
import { quote } from '../options.ts';
import type { ByteSource, ObjectStat, PutOptions, StorageDriver } from '../storage/driver.ts';
import { checkDriver } from './wrapped.ts';

/** A driver, and where it is mounted. */
export interface Mount {
  /** Of keys, without a slash at its end; `''` for all others. */
  readonly prefix: string;
  /** The prefix with its slash, as keys have it. */
  readonly base: string;
  readonly driver: StorageDriver;
}

/** An object, as the driver that holds it knows it. */
export interface Place {
  readonly mount: Mount;
  readonly prefix: string;
  readonly driver: StorageDriver;
  readonly key: StorageKey;
}

/** Stores an object where a place is. */
export type Put = (source: ByteSource, options?: PutOptions) => Promise<ObjectStat>;

/**
 * The mounts, the longest prefix first.
 *
 * @throws TypeError when there is no driver, one is none, a prefix is no key or is there twice
 */
export function checkMounts(drivers: Readonly<Record<string, StorageDriver>>): readonly Mount[] {
  if (typeof drivers !== 'object' || drivers === null || Array.isArray(drivers)) {
    throw new TypeError(
      `mount: drivers must be an object from prefixes to drivers, got ${quote(drivers)}`,
    );
  }
  const mounts = Object.entries(drivers).map(([text, driver]): Mount => {
    const prefix = text.replace(/\/$/, '');
    if (text !== '' && parseKey(prefix) === undefined) {
      throw new TypeError(`mount: ${quote(text)} is not a prefix of storage keys`);
    }
    const base = prefix === '' ? '' : `${prefix}/`;
    return { prefix, base, driver: checkDriver(`mount: ${quote(text)}`, driver) };
  });
  if (mounts.length === 0) throw new TypeError('mount: at least one driver is needed');
  if (new Set(mounts.map(({ prefix }) => prefix)).size < mounts.length) {
    throw new TypeError('mount: a prefix is given twice, with and without its slash');
  }
  return mounts.toSorted((a, b) => b.prefix.length - a.prefix.length);
}

/** Finds the place of an object; `undefined` for what is no key, or where no driver is mounted. */
export function placeOf(mounts: readonly Mount[], key: StorageKey): Place | undefined {
  if (parseKey(key) === undefined) return undefined;
  const mount = mounts.find(({ base }) => key.startsWith(base));
  const inner = mount && parseKey(key.slice(mount.base.length));
  return mount && inner && { mount, prefix: mount.prefix, driver: mount.driver, key: inner };
}

/** @throws SluiceError `SLUICE_INVALID_KEY` where no driver is mounted */
export function requirePlace(mounts: readonly Mount[], key: StorageKey): Place {
  const place = placeOf(mounts, key);
  if (place !== undefined) return place;
  throw new SluiceError('SLUICE_INVALID_KEY', 'no driver is mounted for the key');
}

/** The mounts that may have keys which start with a prefix, and are not hidden there. */
export function mountsBelow(mounts: readonly Mount[], prefix: string): readonly Mount[] {
  const innermost = mounts.findIndex(({ base }) => prefix.startsWith(base));
  const inside = innermost === -1 ? [] : mounts.slice(innermost, innermost + 1);
  // What starts with the base of a mount is in it, so only mounts further in can come besides.
  const below = mounts.filter(({ base }) => base !== prefix && base.startsWith(prefix));
  return [...inside, ...below.filter((one) => !inside.includes(one))];
}

/** @throws SluiceError `SLUICE_UNSUPPORTED` where the driver stores nothing */
export function putTo({ driver, key }: Place): Put {
  const put = driver.put?.bind(driver);
  if (put === undefined) throw unsupported('put an object');
  return (source, options) => put(key, source, options);
}

/** The failure of what the driver of a key has no method for. */
export function unsupported(what: string): SluiceError {
  return new SluiceError('SLUICE_UNSUPPORTED', `the driver that is mounted there cannot ${what}`);
}
