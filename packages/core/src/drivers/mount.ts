import { SluiceError } from '../errors.ts';
import { assertKey, parseKey } from '../keys/storage-key.ts';
import { checkOptions, quote } from '../options.ts';
import type { Call, ListEntry, StorageDriver } from '../storage/driver.ts';
import { throwIfAborted } from './abort.ts';
import { copyAndDelete } from './mount-copy.ts';
import {
  checkMounts,
  type Mount,
  mountsBelow,
  placeOf,
  putTo,
  requirePlace,
  unsupported,
} from './mount-table.ts';
import { orDrop } from './pull.ts';
import { aroundHandle, type OptionalMethod, type RequiredMembers } from './wrapped.ts';

/** What {@link mount} takes. */
export interface MountOptions {
  /**
   * Whether `move` from one driver to another copies the object and then removes the old one. For a
   * moment both are there, never neither. Without it such a move is `SLUICE_UNSUPPORTED`. Two drivers
   * must not show the same objects of one store: the copy would be removed with the old one.
   *
   * @default false
   */
  readonly copy?: boolean | undefined;
}

/**
 * The driver that {@link mount} makes: a method is there when any of the drivers has it, and for
 * certain when one of them has it for certain.
 */
export type MountDriver<D> = RequiredMembers &
  Required<Pick<StorageDriver, CertainIn<D>>> &
  Pick<StorageDriver, MethodsIn<D> | 'move'>;

type MethodsIn<D> = D extends unknown ? Extract<keyof D, OptionalMethod> : never;

type CertainIn<D> = D extends unknown ? IfCertain<D, Extract<keyof D, OptionalMethod>> : never;

type IfCertain<D, K extends keyof D> = K extends unknown
  ? undefined extends D[K]
    ? never
    : K
  : never;

/**
 * Makes one store of several drivers, each for the keys below a prefix, which it does not see: with
 * `videos` mounted, `videos/a.mp4` is `a.mp4` there. The longest prefix of whole segments wins, and
 * `''` takes all other keys; without it they are missing.
 *
 * What an outer driver has below the prefix of another one is hidden: neither found nor listed.
 * A method that the driver of a key lacks has, in place of an answer, what tells so: no path and no
 * URL; for `list`, `put`, `delete` and `move` a failure with `SLUICE_UNSUPPORTED`, for `list` also
 * where the prefix spans such a driver. To put where no driver is mounted is `SLUICE_INVALID_KEY`.
 *
 * @param drivers by prefixes of keys; one slash at the end of a prefix does not count
 * @throws TypeError when there is no driver, one is none, a prefix is no key or is there twice
 */
export function mount<D extends StorageDriver>(
  drivers: Readonly<Record<string, D>>,
  options?: MountOptions,
): MountDriver<D>;
export function mount(
  given: Readonly<Record<string, StorageDriver>>,
  options: MountOptions = {},
): StorageDriver {
  const { copy } = checkMountOptions(options);
  const mounts = checkMounts(given);
  let isClosed = false;
  const enter = (call: Call | undefined): void => {
    if (isClosed) throw new SluiceError('SLUICE_ABORTED', 'the driver is closed');
    throwIfAborted(call?.signal);
  };
  const can = (name: OptionalMethod): boolean =>
    mounts.some(({ driver }) => driver[name] !== undefined);
  const canCopy = copy && can('put') && can('delete');
  return {
    name: 'mount',
    async stat(key, call) {
      enter(call);
      const place = placeOf(mounts, key);
      return place?.driver.stat(place.key, call);
    },
    async open(key, call) {
      enter(call);
      const place = placeOf(mounts, key);
      const handle = await place?.driver.open(place.key, call);
      return handle && aroundHandle(handle, { key });
    },
    ...(can('localPath') && {
      localPath(key) {
        const place = placeOf(mounts, key);
        const local = place?.driver.localPath?.(place.key);
        return local && { ...local, prefix: joined(place?.prefix ?? '', local.prefix) };
      },
    }),
    ...(can('signUrl') && {
      async signUrl(key, options) {
        enter(options);
        const place = placeOf(mounts, key);
        return place?.driver.signUrl?.(place.key, options);
      },
    }),
    ...(can('internalUrl') && {
      async internalUrl(key, options) {
        enter(options);
        const place = placeOf(mounts, key);
        return place?.driver.internalUrl?.(place.key, options);
      },
    }),
    ...(can('list') && {
      async *list(prefix, call) {
        enter(call);
        for (const listed of mountsBelow(mounts, prefix)) {
          yield* entriesOf(mounts, listed, { prefix, call });
        }
      },
    }),
    ...(can('put') && {
      async put(key, source, options) {
        const put = orDrop(source, () => {
          enter(options);
          return putTo(requirePlace(mounts, assertKey('put', key)));
        });
        return put(source, options);
      },
    }),
    ...(can('delete') && {
      async delete(key, call) {
        enter(call);
        const place = placeOf(mounts, key);
        if (place === undefined) return;
        if (place.driver.delete === undefined) throw unsupported('delete an object');
        await place.driver.delete(place.key, call);
      },
    }),
    ...((can('move') || canCopy) && {
      async move(from, to, call) {
        enter(call);
        const target = requirePlace(mounts, assertKey('move', to));
        const source = placeOf(mounts, from);
        if (source === undefined) return false;
        // One driver may be mounted twice, and then an object has two keys.
        if (source.driver === target.driver && source.driver.move !== undefined) {
          return source.driver.move(source.key, target.key, call);
        }
        if (!copy) throw unsupported('move an object from the one to the other');
        return copyAndDelete(source, target, call);
      },
    }),
    ...(can('close') && {
      async close() {
        isClosed = true;
        const closed = mounts.map(async ({ driver }) => driver.close?.());
        const failed = (await Promise.allSettled(closed)).find(isRejected);
        if (failed !== undefined) throw failed.reason;
      },
    }),
  };
}

function checkMountOptions(options: MountOptions): { readonly copy: boolean } {
  const { copy = false } = checkOptions('mount', options, ['copy']);
  if (typeof copy !== 'boolean') {
    throw new TypeError(`mount: copy must be true or false, got ${quote(copy)}`);
  }
  return { copy };
}

async function* entriesOf(
  mounts: readonly Mount[],
  mount: Mount,
  { prefix, call }: { readonly prefix: string; readonly call: Call | undefined },
): AsyncGenerator<ListEntry, undefined> {
  const { base, driver } = mount;
  if (driver.list === undefined) throw unsupported('list its objects');
  const inner = prefix.startsWith(base) ? prefix.slice(base.length) : '';
  for await (const { key, size } of driver.list(inner, call)) {
    const outer = parseKey(`${base}${key}`);
    if (outer !== undefined && placeOf(mounts, outer)?.mount === mount) yield { key: outer, size };
  }
}

function joined(outer: string, inner: string): string {
  return [outer, inner].filter((prefix) => prefix !== '').join('/');
}

function isRejected(result: PromiseSettledResult<unknown>): result is PromiseRejectedResult {
  return result.status === 'rejected';
}
