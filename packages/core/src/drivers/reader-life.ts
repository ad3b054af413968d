import { SluiceError } from '../errors.ts';
import type { Call } from '../storage/driver.ts';
import { throwIfAborted } from './abort.ts';
import { ask, finish } from './reader-call.ts';

/** From the making of a driver to its close, and on until nothing uses it any more. */
export interface Life {
  /**
   * Checks that a call may begin, and gives it a signal.
   *
   * @throws SluiceError `SLUICE_ABORTED` when the driver is closed, or the caller's signal aborted
   */
  enter(call: Call | undefined): AbortSignal;
  /** Counts a use of the driver; the answer ends it, once. */
  hold(): () => void;
  /** Calls what an author wrote, as {@link ask} does; until that has an end it is a use. */
  ask<T>(
    work: () => T | PromiseLike<T>,
    signal: AbortSignal,
    late?: (value: T) => void,
  ): Promise<T>;
  /** Does something that is a use of the driver until it has an end. */
  during<T>(work: () => T | PromiseLike<T>): Promise<T>;
  /** Idempotent. What is open stays usable, so that the last to let go frees what the driver holds. */
  close(): Promise<void>;
}

/** @param free frees what the driver holds; called once */
export function createLife(free: () => unknown): Life {
  let uses = 0;
  let closing: Promise<void> | undefined;
  let isFreed = false;

  const freeOnce = async (): Promise<void> => {
    if (isFreed || uses > 0) return;
    isFreed = true;
    await finish(free, NEVER);
  };
  const hold = (): (() => void) => {
    let isHeld = true;
    uses += 1;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      uses -= 1;
      // Nobody waits any more whom a failure could be told.
      if (closing !== undefined) freeOnce().catch(() => undefined);
    };
  };
  const during = async <T>(work: () => T | PromiseLike<T>): Promise<T> => {
    const letGo = hold();
    try {
      return await work();
    } finally {
      letGo();
    }
  };
  return {
    hold,
    during,
    enter(call) {
      if (closing !== undefined) throw new SluiceError('SLUICE_ABORTED', 'the driver is closed');
      throwIfAborted(call?.signal);
      return call?.signal ?? new AbortController().signal;
    },
    ask: (work, signal, late) => ask(() => during(work), signal, late),
    close() {
      closing ??= freeOnce();
      return closing;
    },
  };
}

const NEVER = new AbortController().signal;
