import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A program of an engine, with what it needs. */
export interface EngineProgram {
  /** Absolute. */
  readonly program: string;
  readonly args: readonly string[];
  /** The working directory, and the home. */
  readonly folder: string;
  /** The file that what it prints is added to. */
  readonly log: string;
  /** Gives the program a pipe to read; default: it has nothing to read. */
  readonly reads?: true | undefined;
}

/** A process that ends when this thread does, however that happens. */
export interface EngineProcess {
  readonly child: ChildProcess;
  hasEnded(): boolean;
  /** The end of what it has printed. */
  tail(): string;
  /** Ends it at once; also one that is stopped where it stands. */
  kill(): Promise<void>;
}

/** Starts a program of an engine. */
export function startProcess({ program, args, folder, log, reads }: EngineProgram): EngineProcess {
  const output = openSync(log, 'a');
  // The kernel kills the child when the thread that started it is gone: no handler of ours would
  // run if this process were killed itself.
  const child = spawn('/usr/bin/setpriv', ['--pdeathsig', 'KILL', program, ...args], {
    cwd: folder,
    env: environmentIn(folder),
    stdio: [reads === true ? 'pipe' : 'ignore', reads === true ? 'pipe' : output, output],
  });
  closeSync(output);
  let ended = false;
  const over = new Promise<void>((resolve) => {
    for (const event of ['exit', 'error']) {
      child.once(event, () => {
        ended = true;
        resolve();
      });
    }
  });
  return {
    child,
    hasEnded: () => ended,
    tail: () => `${basename(program)}: ${tailOf(log)}`,
    kill() {
      if (!ended) child.kill('SIGKILL');
      return over;
    },
  };
}

/** Runs a program of an engine that ends by itself, and gives what it printed. */
export async function runProgram(
  { program, args, folder }: Omit<EngineProgram, 'log' | 'reads'>,
  input = '',
): Promise<string> {
  const running = promisify(execFile)(program, args, {
    cwd: folder,
    env: environmentIn(folder),
    timeout: START,
    killSignal: 'SIGKILL',
  });
  running.child.stdin?.on('error', () => undefined).end(input);
  return (await running).stdout;
}

/**
 * Asks again and again whether an engine is ready.
 *
 * @throws Error with the end of what was printed, when a process has ended or a minute is over
 */
export async function untilReady(
  processes: readonly EngineProcess[],
  isReady: () => Promise<boolean>,
): Promise<void> {
  const giveUp = performance.now() + START;
  for (;;) {
    const ended = processes.find((one) => one.hasEnded());
    if (ended !== undefined) throw new Error(`it has ended: ${ended.tail()}`);
    if (await isReady()) return;
    if (performance.now() > giveUp) {
      throw new Error(`not ready in ${START} ms: ${processes.map((one) => one.tail()).join('\n')}`);
    }
    await delay(25);
  }
}

/**
 * Proves that what an engine is made of is on this machine.
 *
 * @throws Error that says what to install
 */
export function checkInstalled(engine: string, files: Readonly<Record<string, string>>): void {
  const missing = Object.entries(files).filter(([, file]) => !existsSync(file));
  if (missing.length === 0) return;
  throw new Error(
    `${engine} is not on this machine, and no test does without it. On Debian 12:\n` +
      `  apt-get install --no-install-recommends ${missing.map(([name]) => name).join(' ')}`,
  );
}

/** The last lines of a file. */
export function tailOf(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').slice(-2000) : '';
}

/** Milliseconds in which an engine must be ready: ten times what it takes on a machine that is at rest. */
const START = 60_000;

function environmentIn(folder: string): NodeJS.ProcessEnv {
  // Nobody's configuration but ours, and no Python but the one of the distribution.
  return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: folder, TMPDIR: folder, LANG: 'C.UTF-8' };
}
