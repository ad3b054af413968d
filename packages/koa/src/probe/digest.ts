import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';

import { type Canary, contentOf } from '@sluice/core/probe';

/**
 * Gives the SHA-256 of a canary, in hex. The event loop has a turn after each piece, since all bytes
 * of a run take a tenth of a second.
 */
export async function digestOf(run: string, canary: Canary): Promise<string> {
  const hash = createHash('sha256');
  for (const bytes of contentOf(run, canary)) {
    hash.update(bytes);
    await turn();
  }
  return hash.digest('hex');
}
