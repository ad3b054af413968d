import { parseArgs } from 'node:util';

import { type Case, cases, findCases } from './cases.ts';
import type { Pace } from './run-case.ts';

/** What the command was told. */
export interface BenchOptions {
  readonly cases: readonly Case[];
  readonly pace: Pace;
  /** Names of the contenders that take part; absent: everybody. */
  readonly only: ReadonlySet<string> | undefined;
  /** The folder that gets `result.json`, `table.txt` and `chart.svg`. */
  readonly out: string;
  /** The folder that gets the profiles of processor time of the Node processes, where it is asked for. */
  readonly profile: string | undefined;
}

export const USAGE = `Usage: npx --yes pnpm@12 bench [-- options]

  --case NAME   a case or a group of them; may be repeated      (default: all)
  --quick       fewer cases, contenders and rounds: a minute or two
  --only NAME   only this contender; may be repeated            (default: everybody)
  --rounds N    rounds of every case
  --seconds S   seconds of a round
  --profile DIR writes a .cpuprofile of every Node server there; it slows them down
  --out DIR     where result.json, table.txt and chart.svg go   (default: bench/results)
`;

/**
 * Reads the arguments of the command.
 *
 * @throws TypeError for what it does not understand
 */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    // pnpm hands on the `--` that npm needs and drops.
    args: args.filter((arg) => arg !== '--'),
    options: {
      case: { type: 'string', multiple: true },
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      out: { type: 'string', default: 'bench/results' },
      profile: { type: 'string' },
    },
  });
  const pace = values.quick ? QUICK : FULL;
  const only = values.only ?? (values.quick ? QUICK_CONTENDERS : undefined);
  return {
    cases: chooseCases(values.case, values.quick),
    pace: {
      ...pace,
      rounds: positive('rounds', values.rounds) ?? pace.rounds,
      seconds: positive('seconds', values.seconds) ?? pace.seconds,
    },
    only: only === undefined ? undefined : new Set(only),
    out: values.out,
    profile: values.profile,
  };
}

/** About 40 minutes. In shorter rounds V8 is still at work on the code of whoever has more of it. */
const FULL: Pace = { rounds: 4, seconds: 1.2, warmUp: 2.5, slowRounds: 2, slowSeconds: 4 };

const QUICK: Pace = { rounds: 3, seconds: 0.4, warmUp: 0.25, slowRounds: 1, slowSeconds: 3 };

/** Those that the targets speak of, and the ceilings. */
const QUICK_CONTENDERS: readonly string[] = [
  'koa-send',
  'koa-conditional',
  'send',
  'sirv',
  'sluice',
  'sluice-cache',
  'rules-1',
  'rules-100',
  'rules-10000',
  'sluice-offload',
  'sluice-proxied',
  'koa-memory',
  'nginx',
  'auth-request',
  'koa-s3',
  'sluice-s3',
  'sluice-s3-cache',
  'nginx-s3',
];

function chooseCases(names: readonly string[] | undefined, quick: boolean): readonly Case[] {
  if (names !== undefined) return findCases(names);
  return quick ? cases.filter((one) => one.quick) : cases;
}

function positive(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (number > 0 && number < 1000) return number;
  throw new TypeError(`--${name} must be a number above 0, got ${JSON.stringify(value)}`);
}
