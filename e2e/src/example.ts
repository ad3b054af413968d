import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** An example that runs as a child of this process. */
export interface RunningExample {
  /** Waits for the next line of its output that has this in it. */
  readonly printed: (what: RegExp) => Promise<RegExpExecArray>;
  /** Waits for the next line that tells how a download ended. */
  readonly nextEvent: () => Promise<Readonly<Record<string, unknown>>>;
  /** Asks it politely to end, and tells its exit status; `undefined` after a signal. */
  readonly stop: () => Promise<number | undefined>;
}

/** What {@link startExample} takes. */
export interface ExampleOptions {
  /** Of its command line, behind a port that is free. */
  readonly args?: readonly string[];
  /** Beside that of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The examples that have a front server or a store behind one command. */
export type ExampleName = 'front-servers' | 's3';

/** The folder of an example. */
export function folderOf(name: ExampleName | 'basic'): string {
  return fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url));
}

/**
 * Starts what a script of an example runs once it has built.
 *
 * @throws Error when the README of the example does not name the script, or there is none
 */
export async function startExample(
  name: ExampleName,
  script: string,
  { args = [], environment }: ExampleOptions = {},
): Promise<RunningExample> {
  const main = await mainOf(name, script);
  const child = spawn(process.execPath, ['--no-warnings', main, script, '--port', '0', ...args], {
    cwd: folderOf(name),
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
  const exit = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const printed = async (what: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`the example ended: ${complaints}`);
      const found = what.exec(value);
      if (found !== null) return found;
    }
  };
  return {
    printed,
    async nextEvent() {
      const [line] = await printed(/^\{"outcome".*/);
      return JSON.parse(line) as Readonly<Record<string, unknown>>;
    },
    async stop() {
      child.kill('SIGTERM');
      const [status] = (await exit) as [number | null];
      return status ?? undefined;
    },
  };
}

/** The module that a script of the README runs. */
async function mainOf(name: ExampleName, script: string): Promise<string> {
  const readme = await readFile(join(folderOf(name), 'README.md'), 'utf8');
  const text = await readFile(join(folderOf(name), 'package.json'), 'utf8');
  const { scripts } = JSON.parse(text) as { readonly scripts: Readonly<Record<string, string>> };
  const main = /^tsc --build && node (\S+) \w+$/.exec(scripts[script] ?? '')?.[1];
  if (main === undefined || !readme.includes(`pnpm@12 -C examples/${name} ${script}\n`)) {
    throw new Error(`the README of ${name} names no script ${script}`);
  }
  return main;
}
