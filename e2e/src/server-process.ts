import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { isAbsolute } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { isListening } from './port.ts';

/** A program with what it needs. */
export interface Program {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The working directory. */
  readonly folder: string;
}

/** A server that runs as a child of this process. */
export interface ServerProcess {
  /** What it has printed. */
  output(): string;
  /** Resolves when it is gone. */
  stop(): Promise<void>;
}

/** How a program ended that ends by itself. */
export interface Ended {
  readonly code: number | undefined;
  readonly output: string;
}

/**
 * Starts a server as a plain child and waits until it listens.
 *
 * @returns `undefined` when it ended before it listened, as it does when its port was taken meanwhile;
 * `output` is told why
 * @throws Error when the program is not on this machine
 */
export async function startServer(
  program: Program,
  port: number,
  tell: (output: string) => void,
): Promise<ServerProcess | undefined> {
  const child = spawn(checkPresent(program.program), program.args, {
    ...settingsOf(program),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collect(child);
  const over = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const giveUp = performance.now() + START;
  const isOver = (): boolean => isGone(child) || performance.now() > giveUp;
  const stop = (): Promise<void> => end(child, over);
  if (!(await isListening(port, isOver))) {
    await stop();
    tell(output());
    return undefined;
  }
  return { output, stop };
}

/** Runs a program that ends by itself, as a syntax check does. */
export function run(program: Program): Ended {
  const { status, stdout, stderr, error } = spawnSync(checkPresent(program.program), program.args, {
    ...settingsOf(program),
    encoding: 'utf8',
    timeout: START,
  });
  return { code: status ?? undefined, output: `${stdout}${stderr}${error?.message ?? ''}` };
}

/** Milliseconds in which a server must listen. */
const START = 30_000;

/** Milliseconds in which a server must obey a polite signal. */
const PATIENCE = 10_000;

/** `serverCommand` gives a path where it finds the program, and its name where it does not. */
function checkPresent(program: string): string {
  if (isAbsolute(program)) return program;
  throw new Error(
    `${program} is not on this machine: these tests need every front server and skip none`,
  );
}

function settingsOf({ env, folder }: Program): {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
} {
  // Without a home some of them write into the root of the file system, or refuse to start.
  const paths = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, TMPDIR: folder };
  return { cwd: folder, env: { ...process.env, ...paths, ...env } };
}

function collect(child: ChildProcess): () => string {
  const pieces: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8');
    stream?.on('data', (piece: string) => pieces.push(piece));
  }
  child.on('error', (error) => pieces.push(String(error)));
  return () => pieces.join('');
}

async function end(child: ChildProcess, over: Promise<void>): Promise<void> {
  if (isGone(child)) return;
  child.kill('SIGTERM');
  const late = new AbortController();
  await Promise.race([over, delay(PATIENCE, undefined, { signal: late.signal })]);
  late.abort();
  if (!isGone(child)) {
    child.kill('SIGKILL');
    await over;
  }
}

/** Whether it has ended, or was never there. */
function isGone({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null || pid === undefined;
}
