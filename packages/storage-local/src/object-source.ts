import type { Call, ObjectHandle, ObjectStat, StorageKey } from '@sluice/core';

import { throwIfAborted } from './abort.ts';
import { closeQuietly } from './descriptor.ts';
import { type Jail, placeOf } from './jail.ts';
import { createFileHandle } from './object-handle.ts';
import { type Confined, type FileFacts, type OpenFile, openRegular } from './open-regular.ts';
import type { QuickReads } from './quick-reads.ts';

/** The reading half of a driver. */
export interface ObjectSource {
  stat(key: StorageKey, call?: Call): Promise<ObjectStat | undefined>;
  open(key: StorageKey, call?: Call): Promise<ObjectHandle | undefined>;
}

export interface SourceOptions {
  readonly jail: Jail;
  /** The facts of an object, from its key and the file that holds it. */
  readonly describe: (key: StorageKey, stats: FileFacts) => ObjectStat;
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
      const confined = await openKey(key, jail, call);
      if (confined === undefined) return undefined;
      io.close(confined.fd);
      return describe(key, confined.stats);
    },
    async open(key, call) {
      const confined = await openKey(key, jail, call);
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

async function openKey(
  key: StorageKey,
  jail: Jail,
  { signal }: Call = {},
): Promise<Confined | undefined> {
  throwIfAborted(signal);
  const place = placeOf(key, jail);
  const confined = place && (await openRegular(place, jail));
  if (signal?.aborted === true && confined !== undefined) jail.system.io.close(confined.fd);
  throwIfAborted(signal);
  return confined;
}
