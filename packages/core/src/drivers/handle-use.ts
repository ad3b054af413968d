import { SluiceError } from '../errors.ts';
import type { ObjectHandle, Window } from '../storage/driver.ts';
import { throwIfAborted } from './abort.ts';
import { requireWindow } from './window.ts';

/**
 * Keeps a handle open for the reads that are under way, where a wrapper may come back to it: a
 * handle that is closed reads no more.
 */
export interface HandleUse {
  /**
   * Begins a read; the answer ends it, once.
   *
   * @throws SluiceError `SLUICE_RANGE`, `SLUICE_ABORTED` as the contract has them
   */
  begin(window: Window, signal: AbortSignal | undefined): () => void;
  /**
   * Does a read that is over at once.
   *
   * @throws SluiceError `SLUICE_ABORTED` when the handle is closed; whatever the read throws
   */
  now<T>(window: Window, read: () => T): T;
  /**
   * Idempotent. With reads under way the handle is closed when the last is over, which nobody waits
   * for.
   */
  close(): Promise<void>;
}

export function createHandleUse(handle: ObjectHandle): HandleUse {
  let uses = 0;
  let closing: Promise<void> | undefined;
  const require = ({ start, end }: Window): void => {
    requireWindow(start, end, handle.stat.size);
    if (closing !== undefined) throw new SluiceError('SLUICE_ABORTED', 'the object is closed');
  };
  return {
    now(window, read) {
      require(window);
      return read();
    },
    begin(window, signal) {
      require(window);
      throwIfAborted(signal);
      let isUsed = true;
      uses += 1;
      return () => {
        if (!isUsed) return;
        isUsed = false;
        uses -= 1;
        if (uses === 0 && closing !== undefined) handle.close().catch(() => undefined);
      };
    },
    close() {
      closing ??= uses === 0 ? handle.close() : Promise.resolve();
      return closing;
    },
  };
}
