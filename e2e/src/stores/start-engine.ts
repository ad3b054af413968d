import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An attempt to start an engine: it throws when a port was taken meanwhile. */
export type Attempt<Engine> = (folder: string) => Promise<Engine>;

/**
 * Starts an engine in a temporary folder, and tries again when it does not start: the ports that the
 * kernel gave may be somebody else's by the time that they are used.
 *
 * @throws Error with what the servers said at last
 */
export async function startEngine<Engine>(name: string, attempt: Attempt<Engine>): Promise<Engine> {
  const failures: unknown[] = [];
  for (let tries = 0; tries < ATTEMPTS; tries += 1) {
    const folder = mkdtempSync(join(tmpdir(), `sluice-${name}-`));
    chmodSync(folder, 0o700);
    // Whoever ends without stopping the engine leaves nothing behind; the processes end by themselves.
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    try {
      return await attempt(folder);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      failures.push(error);
    }
  }
  throw new AggregateError(failures, `${name} does not start: ${String(failures.at(-1))}`);
}

const ATTEMPTS = 3;
