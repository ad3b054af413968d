import type { DriverWith } from '@sluice/core';
import { createLocalDriver } from '@sluice/storage-local';

/**
 * Copies the files of a folder into a store, one after the other; what is there in the same size
 * stays.
 */
export async function fillBucket(target: DriverWith<'put'>, folder: string): Promise<void> {
  const source = createLocalDriver({ root: folder });
  for await (const { key, size } of source.list('')) {
    if ((await target.stat(key))?.size === size) continue;
    const file = await source.open(key);
    if (file === undefined) continue;
    try {
      await target.put(key, await file.read({ start: 0, end: size }));
    } finally {
      await file.close();
    }
  }
  await source.close();
}
