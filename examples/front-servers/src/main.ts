import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { serverCommand, type ServerName, serverNames } from '@sluice/cli';
import { curlLines } from '@sluice/example-basic/curl-lines';
import { makeDemoFolder } from '@sluice/example-basic/demo-folder';
import { completionLine } from '@sluice/example-basic/log';
import { demoPolicy } from '@sluice/example-basic/policy';
import { startSite } from '@sluice/example-basic/site';

import { freePort, startFrontServer } from './front-server.ts';
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
  await run(name, program, asked.port === 0 ? await freePort() : asked.port);
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
  const listen = `127.0.0.1:${port}`;
  const server = await startFrontServer(name, {
    folder: join(HERE, '.run', name),
    site: {
      roots: root,
      app: site.origin,
      listen,
      ...options,
      ...(name === 'h2o' && { internal: `127.0.0.1:${await freePort()}` }),
    },
  }).catch(async (error: unknown) => {
    await site.close();
    throw error;
  });
  let isStopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      isStopped = true;
      void server.close();
    });
  }
  const lines = await curlLines(`http://${listen}`, site.storage, site.sluice);
  const commands = lines.map(({ shows, command }) => `  # ${shows}\n  ${command}\n`);
  console.log(`${name} listens at http://${listen}/, the application behind it at ${site.origin}/.
Its configuration: ${server.configuration}

Open http://${listen}/ and sign in. Or try:

${commands.join('\n')}
Every download ends in one line below; "offloaded" ones were sent by ${name}. Stop with Ctrl-C.
`);
  await server.ended;
  await site.close();
  if (isStopped) return;
  console.error(`${name} has ended by itself`);
  process.exitCode = 1;
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
    const port = Number(values.port);
    if (known === undefined || more.length > 0 || !/^\d{1,5}$/.test(values.port)) return undefined;
    return port > 65_535 ? undefined : { name: known, port };
  } catch {
    return undefined;
  }
}
