import type { ObjectStat, StorageKey } from '@sluice/core';

import type { FileFacts } from './open-regular.ts';
import type { System } from './system.ts';
import { entityTagOf, entityTagSettlesAt, lastModifiedOf, versionOf } from './validators.ts';

/** Gives the facts of an object, from its key and the file that holds it. */
export type Describe = (key: StorageKey, stats: FileFacts) => ObjectStat;

/**
 * Creates what describes objects. What was said of a version is kept for the latest keys, and given
 * again as the same value as long as all holds that it was made of: to write the numbers of a file
 * as text takes longer than to open it.
 */
export function createDescriber(
  contentTypeOf: (key: StorageKey) => string | undefined,
  system: Pick<System, 'now'>,
): Describe {
  const latest = new Map<StorageKey, Description>();
  return (key, stats) => {
    const known = latest.get(key);
    const now = system.now();
    if (known !== undefined && now < known.until && isSameVersion(known.stats, stats)) {
      return known.stat;
    }
    const description = describe(stats, contentTypeOf(key), now);
    if (known === undefined && latest.size >= MOST_KEYS) {
      const [oldest] = latest.keys();
      if (oldest !== undefined) latest.delete(oldest);
    }
    latest.set(key, description);
    return description.stat;
  };
}

/** What was said of an object, and of what. */
interface Description {
  readonly stats: FileFacts;
  readonly stat: ObjectStat;
  /** Milliseconds since 1970, when its entity tag becomes strong. */
  readonly until: number;
}

/** So many keys are remembered, the oldest forgotten first: less than a megabyte. */
const MOST_KEYS = 1024;

function describe(
  { dev, ino, size, mtimeNs, ctimeNs, nlink }: FileFacts,
  contentType: string | undefined,
  now: number,
): Description {
  const stats = { dev, ino, size, mtimeNs, ctimeNs, nlink };
  const lastModified = lastModifiedOf(stats);
  const stat = Object.freeze<ObjectStat>({
    size: Number(size),
    version: Object.freeze(versionOf(stats)),
    entityTag: entityTagOf(stats, now),
    ...(lastModified !== undefined && { lastModified }),
    ...(contentType !== undefined && { contentType }),
  });
  return { stats, stat, until: entityTagSettlesAt(stats, now) };
}

/** All that the token of a version, and with it a weak entity tag, is made of. */
function isSameVersion(one: FileFacts, other: FileFacts): boolean {
  return (
    one.ino === other.ino &&
    one.mtimeNs === other.mtimeNs &&
    one.size === other.size &&
    one.ctimeNs === other.ctimeNs &&
    one.dev === other.dev
  );
}
