import type { Call, MappedPath, ObjectHandle, ObjectStat, StorageKey } from '@sluice/core';
import { throwIfAborted } from '@sluice/core/drivers';

import { closeQuietly } from './descriptor.ts';
import type { Describe } from './describe.ts';
import { type Jail, placeOf } from './jail.ts';
import { createFileHandle } from './object-handle.ts';
import type { Confined, FileFacts, OpenFile } from './open-regular.ts';
import type { Opener } from './quick-opens.ts';
import type { QuickReads } from './quick-reads.ts';

/** The reading half of a driver. */
export interface ObjectSource {
  stat(key: StorageKey, call?: Call): Promise<ObjectStat | undefined>;
  open(key: StorageKey, call?: Call): Promise<ObjectHandle | undefined>;
}

export interface SourceOptions {
  readonly jail: Jail;
  readonly opener: Opener;
  readonly describe: Describe;
  readonly reads: ReadsAtOnce;
}

/** When the process may wait for reads, of each kind of file. */
interface ReadsAtOnce {
  /** Of files that are likely to lie in memory. */
  readonly near: QuickReads;
  /** Of all others. */
  readonly far: QuickReads;
}

/** Finds the rule for a file; `undefined` where the process must never wait. */
export function readsOf(
  { isNear, stats }: { readonly isNear: boolean; readonly stats: FileFacts },
  { jail, reads }: SourceOptions,
): QuickReads | undefined {
  if (!jail.localDevices.has(stats.dev)) return undefined;
  return isNear ? reads.near : reads.far;
}

/** Creates a source that opens an object for each who asks. */
export function createObjectSource(options: SourceOptions): ObjectSource {
  const { jail, describe } = options;
  const { io } = jail.system;
  return {
    async stat(key, call) {
      const opened = openKey(key, options, call);
      const confined = opened instanceof Promise ? await opened : opened;
      if (confined === undefined) return undefined;
      io.close(confined.fd);
      return describe(key, confined.stats);
    },
    async open(key, call) {
      const opened = openKey(key, options, call);
      const confined = opened instanceof Promise ? await opened : opened;
      if (confined === undefined) return undefined;
      const { stats } = confined;
      return createFileHandle(key, describe(key, stats), confined, {
        system: jail.system,
        reads: readsOf({ isNear: isSmall(confined), stats }, options),
        dispose: () => closeQuietly(confined, jail),
      });
    },
  };
}

/** Tells small files from those whose first bytes to be read may well lie on the disk only. */
export function isSmall({ stats }: OpenFile): boolean {
  return stats.size <= SMALL;
}

/** Bytes. */
const SMALL = 1_048_576n;

function openKey(
  key: StorageKey,
  { jail, opener }: SourceOptions,
  { signal }: Call = {},
): Confined | undefined | Promise<Confined | undefined> {
  throwIfAborted(signal);
  const place = placeOf(key, jail);
  return place && (opener.openNow(place) ?? openLater(place, opener, jail, signal));
}

async function openLater(
  place: MappedPath,
  opener: Opener,
  jail: Jail,
  signal: AbortSignal | undefined,
): Promise<Confined | undefined> {
  const confined = await opener.open(place);
  if (signal?.aborted === true && confined !== undefined) jail.system.io.close(confined.fd);
  throwIfAborted(signal);
  return confined;
}
