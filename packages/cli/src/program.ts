import { readFileSync } from 'node:fs';

import { Command, CommanderError } from 'commander';

import { addConfigCommand } from './config/config-command.ts';
import { addDoctorCommand } from './doctor/doctor-command.ts';

/**
 * Runs `sluice` with the arguments behind its name, and sets the exit status: 2 when it was called
 * wrongly. The commands say what their other statuses mean.
 */
export async function runProgram(args: readonly string[]): Promise<void> {
  const program = createProgram();
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end in such an error, too; commander has printed what there is to say.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
}

function createProgram(): Command {
  const program = new Command('sluice')
    .description('Writes the configuration of the front server, and finds out whether it works.')
    .version(versionOfPackage())
    .helpCommand(false)
    .configureOutput({
      outputError: (text, write) => write(`sluice: ${oneLine(text.replace(/^error: /, ''))}\n`),
    })
    // Commands take these over when they are added.
    .exitOverride();
  addConfigCommand(program);
  addDoctorCommand(program);
  return program;
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, ' ');
}

function versionOfPackage(): string {
  // From dist/src.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const manifest: unknown = JSON.parse(text);
  const hasVersion = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return hasVersion ? String(manifest.version) : 'unknown';
}
