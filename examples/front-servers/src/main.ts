import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { serverCommand, type ServerName, serverNames } from '@sluice/cli';
import { curlLines, formatCurlLines } from '@sluice/example-basic/curl-lines';
import { makeDemoFolder } from '@sluice/example-basic/demo-folder';
import { completionLine } from '@sluice/example-basic/log';
import { demoPolicy } from '@sluice/example-basic/policy';
import { parsePort } from '@sluice/example-basic/port';
import { untilSignalled } from '@sluice/example-basic/signal';
import { type Site, startSite } from '@sluice/example-basic/site';

import { type FrontServer, startFrontServer } from './front-server.ts';
import { agreeWith, installLine } from './servers.ts';

const HERE = fileURLToPath(new URL('../..', import.meta.url));

const USAGE = `Usage: pnpm -C examples/front-servers <${serverNames.join('|')}> [--port N]

  --port N    the server listens on port N of 127.0.0.1; 0 takes any free one (default: 8080)
`;

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

async function main(): Promise<void> {
  const asked = readArguments(process.argv.slice(2));
  if (asked === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const { name } = asked;
  const folder = join(HERE, '.run', name);
  const { program } = serverCommand(name, { file: join(folder, name), folder });
  if (!isAbsolute(program)) {
    throw new Error(`${name} is not on this machine. ${installLine(name)}`);
  }
  await run(name, program, asked.port);
}

async function run(name: ServerName, program: string, port: number): Promise<void> {
  const { dialect, options } = agreeWith(name, program);
  const root = await makeDemoFolder({ home: join(HERE, '../basic/.demo') });
  const site = await startSite({
    root,
    policy: demoPolicy,
    port: 0,
    dialect,
    onCompletion: (event) => console.log(completionLine(event)),
  });
  try {
    const server = await startFrontServer(name, {
      folder: join(HERE, '.run', name),
      port,
      site: { roots: root, app: site.origin, ...options },
    });
    try {
      await greet(name, site, server);
      await untilSignalled(server.ended);
    } finally {
      await server.close();
    }
  } finally {
    await site.close();
  }
}

async function greet(name: ServerName, site: Site, server: FrontServer): Promise<void> {
  const { origin, configuration } = server;
  const lines = await curlLines(origin, site.storage, site.sluice);
  console.log(`${name} listens at ${origin}/, the application behind it at ${site.origin}/.
Its configuration: ${configuration}

Open ${origin}/ and sign in. Or try:

${formatCurlLines(lines)}
Every download ends in one line below; "offloaded" ones were sent by ${name}. Stop with Ctrl-C.
`);
}

function readArguments(args: readonly string[]): { name: ServerName; port: number } | undefined {
  try {
    const { values, positionals } = parseArgs({
      // pnpm hands on the `--` that npm needs and drops.
      args: args.filter((arg) => arg !== '--'),
      options: { port: { type: 'string', default: '8080' } },
      allowPositionals: true,
    });
    const [name, ...more] = positionals;
    const known = serverNames.find((server) => server === name);
    const port = parsePort(values.port);
    if (known === undefined || more.length > 0 || port === undefined) return undefined;
    return { name: known, port };
  } catch {
    return undefined;
  }
}
