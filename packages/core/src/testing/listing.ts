import type { Call, ListEntry, StorageDriver } from '../storage/driver.ts';

/** Takes a listing whole; nothing where the driver has none. */
export async function listEntries(
  driver: StorageDriver,
  prefix: string,
  call?: Call,
): Promise<readonly ListEntry[]> {
  const entries: ListEntry[] = [];
  for await (const entry of driver.list?.(prefix, call) ?? []) entries.push(entry);
  return entries;
}

/** The keys of a listing, in the order of their UTF-16 units. */
export async function listKeys(
  driver: StorageDriver,
  prefix: string,
  call?: Call,
): Promise<readonly string[]> {
  const entries = await listEntries(driver, prefix, call);
  return entries.map(({ key }) => String(key)).toSorted();
}
