import { SluiceError } from '../errors.ts';
import { abortedBy, throwIfAborted } from './abort.ts';

/** A number of places, and a queue in front of them. */
export interface Places {
  /**
   * Waits for a place, first come, first served. The answer gives it back, once.
   *
   * @throws SluiceError `SLUICE_UNAVAILABLE` when the queue is full, `SLUICE_ABORTED`
   */
  take(signal: AbortSignal | undefined): Promise<() => void>;
}

export function createPlaces({ concurrent, queue }: PlacesOptions): Places {
  let free = concurrent;
  const waiting = new Set<() => void>();

  const giveBackOnce = (): (() => void) => {
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      // The place goes from hand to hand, so that nobody who comes now is before those who wait.
      const [next] = waiting;
      if (next === undefined) free += 1;
      else next();
    };
  };
  const wait = (signal: AbortSignal | undefined): Promise<() => void> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        waiting.delete(enter);
        if (signal !== undefined) reject(abortedBy(signal));
      };
      const enter = (): void => {
        waiting.delete(enter);
        signal?.removeEventListener('abort', leave);
        resolve(giveBackOnce());
      };
      waiting.add(enter);
      signal?.addEventListener('abort', leave, { once: true });
    });
  return {
    async take(signal) {
      throwIfAborted(signal);
      if (free > 0) {
        free -= 1;
        return giveBackOnce();
      }
      if (waiting.size >= queue) {
        throw new SluiceError('SLUICE_UNAVAILABLE', 'too many calls wait for the store', {
          retryAfter: 1,
        });
      }
      return wait(signal);
    },
  };
}

/** How many may be in, and how many may wait outside. */
export interface PlacesOptions {
  readonly concurrent: number;
  readonly queue: number;
}
