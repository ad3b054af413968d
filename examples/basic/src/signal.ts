import { once } from 'node:events';

/**
 * Waits for Ctrl-C, or for whoever asks the process politely to end.
 *
 * @param ended of a server without which there is nothing to wait for
 * @throws Error when it has ended before, by itself
 */
export async function untilSignalled(ended?: Promise<void>): Promise<void> {
  const alone = ended?.then(() => {
    throw new Error('the front server has ended by itself');
  });
  const signals = [once(process, 'SIGINT'), once(process, 'SIGTERM')];
  await Promise.race(alone === undefined ? signals : [...signals, alone]);
}
