import { SluiceError } from '../errors.ts';
import { assertKey, parseKey, type StorageKey } from '../keys/storage-key.ts';
import { quote } from '../options.ts';
import type { ListEntry, LocalPath, StorageDriver } from '../storage/driver.ts';
import { orDrop } from './pull.ts';
import { aroundHandle, checkDriver, optionalOf, type Wrapped } from './wrapped.ts';

/**
 * Shows what a driver has below a prefix as a store of its own: `a.txt` is `tenant-a/a.txt` there.
 * No key leads out of it, since none has a segment `..`.
 *
 * A prefix is made of whole segments: below `tenant` lies `tenant/a`, and not `tenants/a`. A key
 * that is too long below the prefix fails with `SLUICE_INVALID_KEY`.
 *
 * @param prefix a key, as `tenant-a` or `shops/7`; one slash at its end does not count
 * @throws TypeError when the prefix is no key, or what should be a driver is none
 */
export function prefix<D extends StorageDriver>(driver: D, prefix: string): Wrapped<D>;
export function prefix(given: StorageDriver, text: string): StorageDriver {
  const driver = checkDriver('prefix', given);
  const base = `${checkPrefix(text)}/`;
  const {
    localPath,
    signUrl,
    internalUrl,
    list,
    put,
    delete: remove,
    move,
    close,
  } = optionalOf(driver);
  return {
    name: driver.name,
    async stat(key, call) {
      return driver.stat(innerKey(base, key), call);
    },
    async open(key, call) {
      const handle = await driver.open(innerKey(base, key), call);
      return handle && aroundHandle(handle, { key });
    },
    ...(localPath && {
      localPath(key) {
        const inner = parseInner(base, key);
        const place = inner && localPath(inner);
        return place && outerPlace(base, place);
      },
    }),
    ...(signUrl && {
      async signUrl(key, options) {
        const inner = parseInner(base, key);
        return inner && signUrl(inner, options);
      },
    }),
    ...(internalUrl && {
      async internalUrl(key, options) {
        const inner = parseInner(base, key);
        return inner && internalUrl(inner, options);
      },
    }),
    ...(list && {
      list: (text, call) => outerEntries(base, list(`${base}${text}`, call)),
    }),
    ...(put && {
      async put(key, source, options) {
        const inner = orDrop(source, () => innerKey(base, assertKey('put', key)));
        return put(inner, source, options);
      },
    }),
    ...(remove && {
      async delete(key, call) {
        await remove(innerKey(base, key), call);
      },
    }),
    ...(move && {
      async move(from, to, call) {
        return move(innerKey(base, from), innerKey(base, assertKey('move', to)), call);
      },
    }),
    ...(close && { close }),
  };
}

function checkPrefix(text: string): StorageKey {
  const key = parseKey(typeof text === 'string' ? text.replace(/\/$/, '') : text);
  if (key !== undefined) return key;
  throw new TypeError(`prefix: ${quote(text)} is not a prefix of storage keys`);
}

/**
 * Gives the key below the prefix.
 *
 * @throws SluiceError `SLUICE_INVALID_KEY` for what is none, here or there: a longer one, say
 */
function innerKey(base: string, key: StorageKey): StorageKey {
  const inner = parseInner(base, key);
  if (inner !== undefined) return inner;
  throw new SluiceError('SLUICE_INVALID_KEY', 'there can be no such key below the prefix');
}

function parseInner(base: string, key: StorageKey): StorageKey | undefined {
  return parseKey(key) && parseKey(`${base}${key}`);
}

async function* outerEntries(
  base: string,
  entries: AsyncIterable<ListEntry>,
): AsyncGenerator<ListEntry, undefined> {
  for await (const { key, size } of entries) {
    const outer = key.startsWith(base) ? parseKey(key.slice(base.length)) : undefined;
    if (outer !== undefined) yield { key: outer, size };
  }
}

/** A root for keys above ours serves all of them; one for keys below, those below the rest. */
function outerPlace(base: string, place: LocalPath): LocalPath {
  return { ...place, prefix: place.prefix.slice(base.length) };
}
