import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { Case } from '../cases.ts';
import type { Tools } from '../machine.ts';

/** What a load is made of. */
export interface LoadOrder {
  readonly port: number;
  readonly connections: number;
  readonly headers: Readonly<Record<string, string>>;
  /** URL paths, asked for in turn. */
  readonly paths: readonly string[];
  /** A file with the same, a line each: 10,000 do not fit in a command. */
  readonly list: string;
  /** For so long; slow readers go on until they are told to stop. */
  readonly seconds: number;
}

/** What came back. */
export interface LoadResult {
  readonly requests: number;
  /** Heads included, and what came of bodies that were not waited for. */
  readonly bytes: number;
  readonly seconds: number;
  /** Milliseconds; absent where no answer came to its end. */
  readonly p50?: number | undefined;
  readonly p99?: number | undefined;
  /** Connections that failed, and answers that did not come. */
  readonly errors: number;
  /** Answers of status 400 and above. */
  readonly refusals: number;
}

/** Runs a load on the processor of the load generator. */
export function runLoad(
  kind: Exclude<Case['load'], 'slow'>,
  order: LoadOrder,
  tools: Tools,
): Promise<LoadResult> {
  if (kind === 'head') return runOwn('head-load.js', order, tools);
  return tools.wrk === undefined
    ? runOwn('autocannon-load.js', order, tools)
    : runWrk(tools.wrk, order, tools);
}

/** Readers that take 64 KiB a second each, until they are told to stop. */
export interface SlowReaders {
  /** Resolves when every one of them has got something. */
  readonly begun: Promise<void>;
  /** Resolves to the bytes that they have read. */
  stop(): Promise<number>;
}

/** Starts slow readers, which ask for the first of the paths. */
export function startSlowReaders(order: LoadOrder, tools: Tools): SlowReaders {
  const child = start([process.execPath, moduleOf('slow-load.js'), JSON.stringify(order)], tools);
  const output = outputOf(child);
  const { stdout } = child;
  return {
    begun: stdout === null ? Promise.resolve() : once(stdout, 'data').then(() => undefined),
    async stop() {
      child.kill('SIGINT');
      return parseResult(await output).bytes;
    },
  };
}

/**
 * Reads the last line that a load generator prints.
 *
 * @throws Error when it is not the result of a load, quoting what is
 */
export function parseResult(output: string): LoadResult {
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  const value: unknown = line.startsWith('{') ? JSON.parse(line) : undefined;
  if (typeof value !== 'object' || value === null) {
    throw new Error(`the load generator says ${JSON.stringify(output.slice(-300))}`);
  }
  const numbers: Readonly<Record<string, unknown>> = { ...value };
  const number = (name: string): number => Number(numbers[name] ?? Number.NaN);
  const requests = number('requests');
  return {
    requests,
    bytes: number('bytes'),
    seconds: number('seconds'),
    ...(requests > 0 && { p50: number('p50'), p99: number('p99') }),
    errors: number('errors'),
    refusals: number('refusals'),
  };
}

const WRK_SCRIPT = fileURLToPath(new URL('../../../wrk.lua', import.meta.url));

/**
 * wrk counts whole seconds; an interrupt ends it sooner, and it tells what it has until then. On a busy
 * machine an interrupt can come too soon: before wrk listens, it ends without a word and is started
 * again; before wrk sleeps, it is lost and is repeated.
 */
async function runWrk(wrk: string, order: LoadOrder, tools: Tools): Promise<LoadResult> {
  const { port, connections, headers, paths, list, seconds } = order;
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const limits = ['-t1', `-c${connections}`, `-d${Math.ceil(seconds) + 9}s`, '--timeout', '60s'];
  const url = `http://127.0.0.1:${port}${paths[0] ?? '/'}`;
  const several = paths.length > 1 ? ['--', list] : [];
  let output = '';
  for (let attempt = 0; output === '' && attempt < 4; attempt += 1) {
    const child = start([wrk, ...limits, '-s', WRK_SCRIPT, ...fields, url, ...several], tools);
    const ended = outputOf(child);
    await Promise.race([
      ended,
      delay((seconds + attempt) * 1000 + (several.length > 0 ? LIST : 0)),
    ]);
    const timer = setInterval(() => child.kill('SIGINT'), AGAIN);
    child.kill('SIGINT');
    output = await ended;
    clearInterval(timer);
  }
  return parseResult(output);
}

/** Milliseconds that wrk needs to make requests of a long list, before its own clock runs. */
const LIST = 300;

/** Milliseconds until an interrupt counts as lost. */
const AGAIN = 100;

async function runOwn(module: string, order: LoadOrder, tools: Tools): Promise<LoadResult> {
  // Many paths go by the list.
  const slim = { ...order, paths: order.paths.slice(0, 1), several: order.paths.length > 1 };
  const child = start([process.execPath, moduleOf(module), JSON.stringify(slim)], tools);
  return parseResult(await outputOf(child));
}

function moduleOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function start(command: readonly string[], { pins }: Tools): ChildProcess {
  const [program = '', ...args] = [...(pins?.load.prefix ?? []), ...command];
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function outputOf(child: ChildProcess): Promise<string> {
  const pieces: string[] = [];
  child.stdout?.setEncoding('utf8');
  child.stdout?.on('data', (piece: string) => pieces.push(piece));
  await once(child, 'close');
  return pieces.join('');
}
