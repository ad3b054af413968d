import { type Command, InvalidArgumentError, Option } from 'commander';

import { serverNames, type ServerName } from '../config/server-name.ts';
import { doctor } from './doctor.ts';
import { DoctorError } from './doctor-error.ts';
import { formatDoctorReport } from './format-report.ts';

/**
 * Adds `sluice doctor URL` to a program. It sets the exit status: 0 when nothing is wrong, 1 when
 * something is, 2 when it was called wrongly or could not look.
 */
export function addDoctorCommand(program: Command): Command {
  return program
    .command('doctor')
    .summary('find out whether a deployment works')
    .description(
      'Looks at a deployment through its public address: files arrive whole, names, headers, ranges and\n' +
        'conditions are right, and nothing is to be had or shown that should not. The application must have\n' +
        'been given the secret: downloads(sluice, { prefix, probe: { secret } }).',
    )
    .argument('<url>', 'public address of the downloads, such as https://example.org/files/')
    .option('--secret-env <name>', 'environment variable that holds the secret', DEFAULT_VARIABLE)
    .addOption(
      new Option('--server <name>', 'the front server, if the application does not say').choices(
        serverNames,
      ),
    )
    .option('--header <line>', 'header of every request, repeatable: "Cookie: a=b"', addHeader, {})
    .option(
      '--same-machine',
      'plant a symbolic link beside the files, to see whether it is followed',
    )
    .option('--timeout <ms>', 'milliseconds in which each answer must come', wholeNumber)
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExit status: 0 nothing is wrong, 1 something is, 2 it could not look.')
    .action(run);
}

interface Flags {
  readonly secretEnv: string;
  readonly server?: ServerName;
  readonly header: Readonly<Record<string, string>>;
  readonly sameMachine?: true;
  readonly timeout?: number;
  readonly json?: true;
}

const DEFAULT_VARIABLE = 'SLUICE_PROBE_SECRET';

async function run(url: string, flags: Flags): Promise<void> {
  const { secretEnv, server, header, sameMachine, timeout, json } = flags;
  try {
    const secret = secretIn(secretEnv);
    const report = await doctor({ url, secret, server, headers: header, sameMachine, timeout });
    const text = json ? `${JSON.stringify(report, undefined, 2)}\n` : formatDoctorReport(report);
    process.stdout.write(text);
    process.exitCode = report.ok ? 0 : 1;
  } catch (error) {
    if (!(error instanceof DoctorError) && !(error instanceof TypeError)) throw error;
    process.stderr.write(`sluice doctor: ${error.message.replace(/^doctor: /, '')}\n`);
    process.exitCode = 2;
  }
}

/** On the command line it could be read by every other user of the machine. */
function secretIn(name: string): string {
  // oxlint-disable-next-line node/no-process-env -- the one way in which a secret is handed to a program
  const secret = process.env[name];
  if (secret === undefined || secret === '') {
    throw new TypeError(`the environment variable ${name} must hold the secret of the probe`);
  }
  return secret;
}

function addHeader(
  line: string,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*(.*)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('It must look like "Name: value".');
  }
  return { ...before, [name]: value };
}

function wholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}
