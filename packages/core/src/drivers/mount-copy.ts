import { readWindow } from '../body/read-window.ts';
import { SluiceError } from '../errors.ts';
import type { Call, ObjectHandle } from '../storage/driver.ts';
import { type Place, putTo, unsupported } from './mount-table.ts';

/** Copies an object, and removes the old one unless it was replaced meanwhile. */
export async function copyAndDelete(
  source: Place,
  target: Place,
  call: Call | undefined,
): Promise<boolean> {
  const put = putTo(target);
  if (source.driver.delete === undefined) throw unsupported('delete an object');
  const handle = await source.driver.open(source.key, call);
  if (handle === undefined) return false;
  const isSame = source.driver === target.driver && source.key === target.key;
  try {
    if (isSame) return true;
    const { contentType } = handle.stat;
    await put(wholeOf(handle, call), { ...call, contentType });
    await requireSame(source, handle, call);
    await source.driver.delete(source.key, call);
  } finally {
    await handle.close();
  }
  return true;
}

function wholeOf(handle: ObjectHandle, call: Call | undefined): AsyncIterable<Uint8Array> {
  return readWindow(handle, { start: 0, end: handle.stat.size }, call ?? {});
}

/**
 * Looks at the object itself: `stat` may tell of it as it was, where stats are kept. So may `open`, and
 * then the read of a byte finds out.
 *
 * @throws SluiceError `SLUICE_VERSION_CHANGED` when it was replaced
 */
async function requireSame(
  { driver, key }: Place,
  { stat }: ObjectHandle,
  call: Call | undefined,
): Promise<void> {
  const now = await driver.open(key, call);
  if (now === undefined) return;
  try {
    if (now.stat.version.token !== stat.version.token) throw replaced();
    const first = { start: 0, end: Math.min(1, now.stat.size) };
    for await (const _ of readWindow(now, first, call ?? {}));
  } finally {
    await now.close();
  }
}

function replaced(): SluiceError {
  return new SluiceError('SLUICE_VERSION_CHANGED', 'the object was replaced while it was copied');
}
