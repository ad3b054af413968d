import type { Explanation, Sluice, StorageDriver, StorageKey } from '@sluice/core';

import type { Person } from './people.ts';

/** An object of the store and what the policy says of it to one person. */
export interface CatalogEntry {
  readonly key: StorageKey;
  /** In bytes. */
  readonly size: number;
  readonly explanation: Explanation;
}

export interface Catalog {
  readonly entries: readonly CatalogEntry[];
  /** Whether the store holds more than are listed. */
  readonly more: boolean;
}

/**
 * Lists the objects of a store by name, with the answer of the policy for one person.
 *
 * It shows what is denied too, since that is what the demo is about. A real page would leave it
 * out: a listing must not tell what the download keeps to itself.
 */
export async function readCatalog(
  storage: StorageDriver,
  sluice: Sluice<Person>,
  subject: Person | undefined,
): Promise<Catalog> {
  const objects: { key: StorageKey; size: number }[] = [];
  for await (const { key, size } of storage.list?.('') ?? []) {
    if (objects.length === MOST_ENTRIES) return { entries: await explainAll(), more: true };
    objects.push({ key, size });
  }
  return { entries: await explainAll(), more: false };

  async function explainAll(): Promise<readonly CatalogEntry[]> {
    objects.sort((a, b) => (a.key < b.key ? -1 : 1));
    return Promise.all(
      objects.map(async ({ key, size }) => ({
        key,
        size,
        explanation: await sluice.explain({ subject, key }),
      })),
    );
  }
}

/** A folder of the reader's own may hold any number. */
const MOST_ENTRIES = 500;
