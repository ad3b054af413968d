import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { parsePort } from './port.ts';

/** What the command line asks for. */
export type Flags =
  | { readonly kind: 'help' }
  | {
      readonly kind: 'serve';
      readonly port: number;
      /** Absolute; `undefined` serves the demo folder. */
      readonly root: string | undefined;
    }
  | {
      readonly kind: 'wrong';
      /** One sentence for the reader. */
      readonly problem: string;
    };

export const USAGE = `Usage: start [--port N] [--root DIR]

  --port N    listen on port N of 127.0.0.1; 0 takes any free one (default: $PORT or 3000)
  --root DIR  serve the files of your own folder instead of the demo's
  --help      show this
`;

/** Reads the command line. It checks no folder and no port on the machine, only what is written. */
export function parseFlags(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Flags {
  const read = readArgs(args);
  if ('problem' in read) return { kind: 'wrong', problem: read.problem };
  if (read.help) return { kind: 'help' };
  const port = parsePort(read.port ?? environment['PORT'] ?? '3000');
  if (port === undefined) {
    const where = read.port === undefined ? 'PORT' : '--port';
    const given = JSON.stringify(read.port ?? environment['PORT']);
    return { kind: 'wrong', problem: `${where} must be a number from 0 to 65535, not ${given}.` };
  }
  if (read.root === '') return { kind: 'wrong', problem: '--root must name a folder.' };
  // Package managers run this from the folder of the workspace; INIT_CWD is where the reader stands.
  const base = environment['INIT_CWD'] ?? process.cwd();
  return {
    kind: 'serve',
    port,
    root: read.root === undefined ? undefined : resolve(base, read.root),
  };
}

interface Args {
  readonly port?: string | undefined;
  readonly root?: string | undefined;
  readonly help: boolean;
}

function readArgs(args: readonly string[]): Args | { readonly problem: string } {
  try {
    const { values } = parseArgs({
      // pnpm hands on the `--` that npm needs and drops.
      args: args.filter((arg, index) => !(index === 0 && arg === '--')),
      options: {
        port: { type: 'string' },
        root: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    // "Unknown option '--prot'. To specify a positional argument …": the first sentence says it all.
    const [problem = ''] = String(error instanceof Error ? error.message : error).split(
      /(?<=\.) |\n/,
    );
    return { problem };
  }
}
