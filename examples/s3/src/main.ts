import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { createSluice } from '@sluice/core';
import { type CurlLine, curlLines, formatCurlLines } from '@sluice/example-basic/curl-lines';
import { makeDemoFolder } from '@sluice/example-basic/demo-folder';
import { completionLine } from '@sluice/example-basic/log';
import type { Person } from '@sluice/example-basic/people';
import { demoPolicy } from '@sluice/example-basic/policy';
import { parsePort } from '@sluice/example-basic/port';
import { closeServer, originOf } from '@sluice/example-basic/server';
import { untilSignalled } from '@sluice/example-basic/signal';
import { type FrontServer, startFrontServer } from '@sluice/example-front-servers/front-server';

import { createApp } from './app.ts';
import { fillBucket } from './fill-bucket.ts';
import { senderBy, type SenderName, senderNames } from './sender.ts';
import { storeSettings } from './store-settings.ts';
import { type EngineName, openStore, originOfStore, startStore, type Store } from './store.ts';

const HERE = fileURLToPath(new URL('../..', import.meta.url));

const USAGE = `Usage: pnpm -C examples/s3 <${senderNames.join('|')}> [--port N] [--engine ceph|swift] [--fill]

  --port N    listen on port N of 127.0.0.1; 0 takes any free one (default: 3000)
  --engine    which store to start where S3_BUCKET names none (default: ceph)
  --fill      put the demo files into the bucket that S3_BUCKET names, too
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
  const settings = storeSettings(process.env);
  if (settings === undefined) console.log(`Starting ${asked.engine} with three nodes …`);
  const store = settings === undefined ? await startStore(asked.engine) : openStore(settings);
  try {
    if (settings === undefined || asked.fill) {
      const folder = await makeDemoFolder({ home: join(HERE, '.demo'), bigBytes: 20_000_000 });
      await fillBucket(store.driver, folder);
    }
    await serve(store, asked);
  } finally {
    await store.close();
  }
}

/** Serves the store until the process is told to stop. */
async function serve(store: Store, { sender, port }: Asked): Promise<void> {
  const storeOrigin = await originOfStore(store);
  const sluice = createSluice<Person>({
    storage: store.driver,
    policy: demoPolicy,
    ...senderBy(sender, storeOrigin),
    onCompletion: (event) => console.log(completionLine(event)),
  });
  const server = createApp(sluice).listen(sender === 'nginx' ? 0 : port, '127.0.0.1');
  await once(server, 'listening');
  const app = originOf(server);
  try {
    const nginx = sender === 'nginx' ? await startNginx({ app, storeOrigin, port }) : undefined;
    try {
      const origin = nginx?.origin ?? app;
      const lines = await curlLines(origin, store.driver, sluice);
      greet(store, origin, sender === 'redirect' ? lines.map(following) : lines);
      await untilSignalled(nginx?.ended);
    } finally {
      await nginx?.close();
    }
  } finally {
    await closeServer(server);
  }
}

/** Starts nginx before the app, with the configuration that `sluice config` prints. */
function startNginx(options: {
  readonly app: string;
  readonly storeOrigin: string;
  readonly port: number;
}): Promise<FrontServer> {
  const { app, storeOrigin, port } = options;
  return startFrontServer('nginx', {
    folder: join(HERE, '.run'),
    port,
    site: { app, store: { origin: storeOrigin } },
  });
}

function greet(store: Store, origin: string, lines: readonly CurlLine[]): void {
  console.log(`It serves ${store.description}. Its objects are at ${origin}/files/. Try:

${formatCurlLines(lines)}
Every download ends in one line below. Stop with Ctrl-C.
`);
}

/** With a redirect there are two requests, and `-L` makes the second one. */
function following({ shows, command }: CurlLine): CurlLine {
  return { shows, command: command.replaceAll('curl ', 'curl -L ') };
}

interface Asked {
  readonly sender: SenderName;
  readonly port: number;
  readonly engine: EngineName;
  readonly fill: boolean;
}

function readArguments(args: readonly string[]): Asked | undefined {
  try {
    const { values, positionals } = parseArgs({
      // pnpm hands on the `--` that npm needs and drops.
      args: args.filter((arg) => arg !== '--'),
      options: {
        port: { type: 'string', default: '3000' },
        engine: { type: 'string', default: 'ceph' },
        fill: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
    const [name, ...more] = positionals;
    const { engine, fill } = values;
    const port = parsePort(values.port);
    const sender = senderNames.find((known) => known === name);
    if (sender === undefined || more.length > 0 || port === undefined) return undefined;
    if (engine !== 'ceph' && engine !== 'swift') return undefined;
    return { sender, port, engine, fill };
  } catch {
    return undefined;
  }
}
