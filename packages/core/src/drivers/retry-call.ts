import { isSluiceError, type SluiceError } from '../errors.ts';
import { abortedBy, throwIfAborted } from './abort.ts';

/** Makes a call until it succeeds, there is no sense in another attempt, or there were enough. */
export type RetryCall = <T>(
  attempt: () => T | Promise<T>,
  signal: AbortSignal | undefined,
  mayRepeat?: () => boolean,
) => Promise<T>;

/** How often a call is made, and what is waited in between; as the options of `retry` have it. */
export interface RetrySettings {
  readonly attempts: number;
  readonly delay: number;
  readonly maxDelay: number;
  readonly jitter: number;
}

/** What the repeating of calls has of the world. */
export interface RetryWorld {
  /** Waits for some milliseconds, or until the signal is aborted. */
  readonly sleep: (duration: number, signal: AbortSignal | undefined) => Promise<void>;
  /** A number from 0 to 1. */
  readonly random: () => number;
}

/** The world of every program: its timers, and its chance. */
export const REAL_WORLD: RetryWorld = { sleep, random: Math.random };

export function createRetryCall({ sleep, random }: RetryWorld, settings: RetrySettings): RetryCall {
  return async (attempt, signal, mayRepeat = () => true) => {
    for (let count = 1; ; count++) {
      throwIfAborted(signal);
      try {
        return await attempt();
      } catch (error) {
        const duration = mayRepeat() ? pauseAfter(error, count, settings, random) : undefined;
        if (duration === undefined) throw error;
        await sleep(duration, signal);
      }
    }
  };
}

/** Tells whether a store could not serve now and may later. */
export function isPassing(error: unknown): error is SluiceError {
  return (
    isSluiceError(error) && (error.code === 'SLUICE_UNAVAILABLE' || error.code === 'SLUICE_TIMEOUT')
  );
}

/** Gives the milliseconds before the next attempt; `undefined` where there must be none. */
function pauseAfter(
  error: unknown,
  count: number,
  { attempts, delay, maxDelay, jitter }: RetrySettings,
  random: () => number,
): number | undefined {
  if (count >= attempts || !isPassing(error)) return undefined;
  const wanted = (error.retryAfter ?? 0) * 1000;
  if (wanted > maxDelay) return undefined;
  const grown = Math.min(delay * 2 ** (count - 1), maxDelay);
  return Math.max(wanted, grown * (1 - jitter * random()));
}

async function sleep(duration: number, signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal);
  let stop: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, duration);
      stop = () => {
        clearTimeout(timer);
        if (signal !== undefined) reject(abortedBy(signal));
      };
      signal?.addEventListener('abort', stop, { once: true });
    });
  } finally {
    if (stop !== undefined) signal?.removeEventListener('abort', stop);
  }
}
