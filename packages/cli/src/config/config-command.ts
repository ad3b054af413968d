import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { quote } from '@sluice/core';
import { Argument, InvalidArgumentError, type Command } from 'commander';

import { config } from './config.ts';
import type { ConfigOptions, PublicFolder } from './options.ts';
import { serverNames, type ServerName } from './server-name.ts';

/**
 * Adds `sluice config SERVER` to a program. Where it cannot print a configuration, it sets the exit
 * status: 2 when it was called wrongly, 1 when the module of `--config` could not be loaded.
 */
export function addConfigCommand(program: Command): Command {
  return program
    .command('config')
    .summary('print the configuration of a front server')
    .description(
      'Prints a complete, commented configuration of a front server, from the same roots and prefixes that the application uses.',
    )
    .addArgument(new Argument('<server>', 'the front server').choices(serverNames))
    .option(
      '--config <file>',
      'ES module whose default export has the options; those here count first',
    )
    .option(
      '--root <[keys=]folder>',
      'folder of all keys, or of those below a prefix: videos=/mnt/videos; repeatable',
      addPlace,
    )
    .option('--app <origin>', 'the application: http://127.0.0.1:3000')
    .option('--listen <address>', 'where the server listens: 127.0.0.1:8080 (default: ":80")')
    .option('--server-name <host>', 'host name of the site (default: every name)')
    .option(
      '--prefix <[keys=]path>',
      'internal path, as the dialect has it; nginx, caddy, h2o; repeatable (default: "/_sluice/")',
      addPlace,
    )
    .option('--restored <header>', 'nginx: a further header to give back; repeatable', addText)
    .option('--store <origin>', 'nginx: the store that it fetches from: https://s3.internal:9000')
    .option('--store-prefix <path>', 'nginx: internal path for it (default: "/_store/")')
    .option('--store-certificates <file>', 'nginx: by which a store with HTTPS is trusted')
    .option('--public <path=folder>', 'folder for everybody: /static/=/srv/public', publicFolder)
    .option('--host <name>', 'h2o: name of the private host (default: "sluice.internal")')
    .option('--internal <address>', 'h2o: where it listens (default: "127.0.0.1:8081")')
    .option('--standalone <folder>', 'a whole server of any user, with its logs in the folder')
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
Examples:
  sluice config nginx --root /srv/private --app http://127.0.0.1:3000 --server-name files.example
  sluice config caddy --config sluice.config.js --listen :8080

Exit status: 0 printed, 1 the module could not be loaded, 2 called wrongly.`;

interface Flags {
  readonly config?: string;
  readonly root?: Places;
  readonly app?: string;
  readonly listen?: string;
  readonly serverName?: string;
  readonly prefix?: Places;
  readonly restored?: readonly string[];
  readonly store?: string;
  readonly storePrefix?: string;
  readonly storeCertificates?: string;
  readonly public?: PublicFolder;
  readonly host?: string;
  readonly internal?: string;
  readonly standalone?: string;
}

type Places = Readonly<Record<string, string>>;

async function run(server: ServerName, flags: Flags): Promise<void> {
  const { config: file, root: roots, prefix, ...others } = flags;
  const { store: origin, storePrefix, storeCertificates: certificates, ...same } = others;
  const store = withoutAbsent({ origin, prefix: storePrefix, certificates });
  const given = {
    ...same,
    roots,
    prefix: alone(prefix),
    store: Object.keys(store).length === 0 ? undefined : store,
  };
  try {
    const shared = file === undefined ? {} : await load(file);
    const options = { ...shared, ...withoutAbsent(given) };
    process.stdout.write(config(server, complete(options)));
  } catch (error) {
    const isUsage = error instanceof TypeError;
    if (!isUsage && !(error instanceof LoadError)) throw error;
    process.stderr.write(`sluice config: ${error.message.replace(/^config: /, '')}\n`);
    process.exitCode = isUsage ? 2 : 1;
  }
}

/** A configuration module that could not be loaded. */
class LoadError extends Error {
  override readonly name = 'LoadError' as const;
}

async function load(file: string): Promise<object> {
  const module: unknown = await import(pathToFileURL(resolve(file)).href).catch(
    (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      const [line = ''] = reason.split(/\n| imported from /);
      throw new LoadError(`cannot load ${quote(file)}: ${line}`, { cause: error });
    },
  );
  const options: unknown =
    typeof module === 'object' && module !== null && 'default' in module
      ? module.default
      : undefined;
  if (typeof options === 'object' && options !== null) return options;
  throw new LoadError(`${quote(file)} must have the options as its default export`);
}

function complete(options: Partial<ConfigOptions>): ConfigOptions {
  const { roots, store, app } = options;
  const isRootless = roots === undefined && store === undefined;
  const missing = isRootless ? '--root' : '--app';
  if (isRootless || app === undefined) {
    throw new TypeError(`give ${missing}, here or as an option in the module of --config`);
  }
  return { ...options, app };
}

function withoutAbsent(options: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** One path alone is the path below which all roots lie. */
function alone(places: Places | undefined): Places | string | undefined {
  const all = places?.[''];
  return all !== undefined && Object.keys(places ?? {}).length === 1 ? all : places;
}

/** A folder may have an equals sign in its name, and keys have no slash at their beginning. */
function addPlace(text: string, before: Places = {}): Places {
  const at = text.startsWith('/') ? -1 : text.indexOf('=/');
  const keys = at === -1 ? '' : text.slice(0, at);
  if (Object.hasOwn(before, keys)) {
    throw new InvalidArgumentError(
      keys === '' ? 'It is given twice.' : `The keys ${quote(keys)} are given twice.`,
    );
  }
  return Object.fromEntries([...Object.entries(before), [keys, text.slice(at + 1)]]);
}

function addText(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function publicFolder(text: string): PublicFolder {
  const at = text.indexOf('=');
  return { url: text.slice(0, Math.max(at, 0)), folder: text.slice(at + 1) };
}
