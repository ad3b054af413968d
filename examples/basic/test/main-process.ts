import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** How a run of `main` ended. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `main` that serves. */
export interface RunningMain {
  readonly process: ChildProcess;
  readonly origin: string;
  /** What it has printed so far. */
  output(): string;
  /** Waits until it has printed something. */
  printed(what: RegExp): Promise<RegExpExecArray>;
}

/** Runs `main` to its end. */
export async function runMain(args: readonly string[]): Promise<Run> {
  const { child, output } = spawnMain(args);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output };
}

/** Starts `main` and waits until it has printed its address and the last of its words. */
export async function startMain(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningMain> {
  const { child, output } = spawnMain(args, environment);
  const printed = async (what: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = what.exec(output.stdout);
      if (found !== null) return found;
      if (child.exitCode !== null) throw new Error(`main ended: ${output.stdout}${output.stderr}`);
      await Promise.race([once(child.stdout!, 'data'), once(child, 'exit')]);
    }
  };
  const [, origin = ''] = await printed(/Open (http:\/\/127\.0\.0\.1:\d+)\//);
  await printed(/Ctrl-C/);
  return { process: child, origin, output: () => output.stdout, printed };
}

function spawnMain(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
} {
  const main = fileURLToPath(new URL('../src/main.js', import.meta.url));
  const { PORT: _port, INIT_CWD: _folder, ...env } = process.env;
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  return { child, output };
}
