import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

import { checkOptions, quote } from '@sluice/core';

import { checkServerName, type ServerName } from './server-name.ts';

/** What {@link serverCommand} takes. */
export interface ServerCommandOptions {
  /** The configuration that was printed with `standalone`, absolute. */
  readonly file: string;
  /** The folder that was given as `standalone`, absolute. */
  readonly folder: string;
}

/** How a server is started. */
export interface ServerCommand {
  /** Absolute path where the program is found, else its name. */
  readonly program: string;
  /** Runs it in the foreground until SIGTERM. */
  readonly args: readonly string[];
  /** Checks the configuration, and ends with status 0 if it is accepted. */
  readonly checkArgs: readonly string[];
  /** To be set beside the environment of the caller. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Says how a server with a `standalone` configuration is started and checked. The folder must exist.
 *
 * @throws TypeError for an unknown server or a mistake in the options, quoting the value
 */
export function serverCommand(server: ServerName, options: ServerCommandOptions): ServerCommand {
  const name = checkServerName('serverCommand', server);
  const { file, folder } = checkOptions('serverCommand', options, ['file', 'folder']);
  for (const [option, path] of Object.entries({ file, folder })) {
    if (typeof path !== 'string' || !isAbsolute(path)) {
      throw new TypeError(`serverCommand: ${option} must be an absolute path, got ${quote(path)}`);
    }
  }
  return COMMANDS[name]({ file, folder });
}

const COMMANDS: Readonly<Record<ServerName, (options: ServerCommandOptions) => ServerCommand>> = {
  nginx({ file, folder }) {
    const args = ['-p', folder, '-c', file, '-e', `${folder}/error.log`];
    return { program: find('nginx'), args, checkArgs: [...args, '-t', '-q'] };
  },
  apache({ file, folder }) {
    const args = ['-d', folder, '-f', file];
    return {
      program: find('apache2', 'httpd'),
      args: [...args, '-DFOREGROUND'],
      checkArgs: [...args, '-t'],
    };
  },
  lighttpd({ file }) {
    return {
      program: find('lighttpd'),
      args: ['-D', '-f', file],
      checkArgs: ['-tt', '-f', file],
    };
  },
  caddy({ file, folder }) {
    const args = ['--config', file, '--adapter', 'caddyfile'];
    return {
      program: find('caddy'),
      args: ['run', ...args],
      checkArgs: ['validate', ...args],
      // Where Caddy keeps certificates and the last configuration.
      env: { XDG_DATA_HOME: `${folder}/data`, XDG_CONFIG_HOME: `${folder}/config` },
    };
  },
  h2o({ file }) {
    return { program: find('h2o'), args: ['-c', file], checkArgs: ['-t', '-c', file] };
  },
};

/** Where distributions keep servers, whatever the user's PATH says. */
const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'];

function find(...names: readonly [string, ...string[]]): string {
  // oxlint-disable-next-line node/no-process-env -- programs are looked up where a shell would
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...FOLDERS];
  const candidates = names.flatMap((name) =>
    folders.filter(isAbsolute).map((folder) => join(folder, name)),
  );
  return candidates.find(isExecutable) ?? names[0];
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
