import { access, constants, stat } from 'node:fs/promises';
import { parse } from 'node:path';
import { fileURLToPath } from 'node:url';

import { makeDemoFolder } from './content/demo-folder.ts';
import { curlLines, formatCurlLines } from './curl-lines.ts';
import { type Flags, parseFlags, USAGE } from './flags.ts';
import { completionLine } from './log.ts';
import { demoPolicy, folderPolicy } from './policy.ts';
import { type Site, startSite } from './site.ts';

/** What is wrong with the start, in words for the reader. */
class StartError extends Error {
  override readonly name = 'StartError';
}

main(parseFlags(process.argv.slice(2), process.env)).catch((error: unknown) => {
  console.error(error instanceof StartError ? `start: ${error.message}` : error);
  process.exitCode = 1;
});

async function main(flags: Flags): Promise<void> {
  switch (flags.kind) {
    case 'help':
      process.stdout.write(USAGE);
      return;
    case 'wrong':
      process.stderr.write(`start: ${flags.problem}\n\n${USAGE}`);
      process.exitCode = 2;
      return;
    case 'serve': {
      const problem = flags.root === undefined ? undefined : await problemOf(flags.root);
      if (problem !== undefined) {
        process.stderr.write(`start: ${problem}\n`);
        process.exitCode = 2;
        return;
      }
      const site = await serve(flags.port, flags.root);
      stopOnSignal(site);
      await greet(site);
    }
  }
}

async function serve(port: number, root: string | undefined): Promise<Site> {
  const folder = root ?? (await demoFolder());
  const policy = root === undefined ? demoPolicy : folderPolicy;
  try {
    return await startSite({
      root: folder,
      policy,
      port,
      onCompletion: (event) => console.log(completionLine(event)),
    });
  } catch (error) {
    const code = codeOf(error);
    // The driver refuses more roots than can be told from their names, as those of the kernel.
    if (error instanceof TypeError && root !== undefined) {
      throw new StartError(`--root cannot be served. ${error.message}`, { cause: error });
    }
    if (code === 'EADDRINUSE') {
      throw new StartError(
        `port ${port} is in use. Choose another one with --port N; --port 0 takes any free one.`,
        { cause: error },
      );
    }
    if (code === 'EACCES') {
      throw new StartError(`port ${port} needs more rights than you have. Choose one above 1023.`, {
        cause: error,
      });
    }
    throw error;
  }
}

async function demoFolder(): Promise<string> {
  const home = fileURLToPath(new URL('../../.demo', import.meta.url));
  try {
    return await makeDemoFolder({ home });
  } catch (error) {
    throw new StartError(`the demo files cannot be made in ${home}: ${String(error)}`, {
      cause: error,
    });
  }
}

/** Says why a folder cannot be served; `undefined` when it can. */
async function problemOf(root: string): Promise<string | undefined> {
  const shown = JSON.stringify(root);
  if (parse(root).root === root) return `--root ${shown} is the whole disk. Name a folder in it.`;
  try {
    if (!(await stat(root)).isDirectory()) return `--root ${shown} is not a folder.`;
    await access(root, constants.R_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    switch (codeOf(error)) {
      case 'ENOENT':
      case 'ENOTDIR':
        return `--root ${shown} does not exist.`;
      case 'EACCES':
        return `--root ${shown} may not be read.`;
      default:
        return `--root ${shown} cannot be served: ${String(error)}`;
    }
  }
}

async function greet({ origin, storage, sluice }: Site): Promise<void> {
  const lines = await curlLines(origin, storage, sluice);
  const next = lines.length === 0 ? 'The folder holds nothing to try with curl.' : 'Or try:';
  console.log(`Open ${origin}/ and sign in. ${next}\n\n${formatCurlLines(lines)}
Every download ends in one line below. Stop with Ctrl-C.
`);
}

/** The first signal lets the downloads that run come to their end; the second one does not wait. */
function stopOnSignal(site: Site): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      site.close().catch((error: unknown) => {
        console.error(error);
        process.exitCode = 1;
      });
    });
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
