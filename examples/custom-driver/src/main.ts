import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { createApp } from './app.ts';
import { openDatabase } from './database.ts';
import { createSqliteDriver } from './sqlite-driver.ts';

main().catch((error: unknown) => {
  console.error(`start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

async function main(): Promise<void> {
  const { port, data } = readArguments();
  await mkdir(data, { recursive: true });
  const path = join(data, 'files.db');
  const database = openDatabase(path);
  const storage = createSqliteDriver({ database });
  const server = createApp(storage).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const bound = typeof address === 'object' ? address?.port : port;
  console.log(`The objects of ${path} are at http://127.0.0.1:${bound}/. Try:

  # upload
  curl -u ada:ada -T package.json http://127.0.0.1:${bound}/files/people/ada/
  # what Ada may have
  curl -u ada:ada http://127.0.0.1:${bound}/
  # download; the same line goes on where a download was broken off
  curl -u ada:ada -C - -o /tmp/copy.json http://127.0.0.1:${bound}/files/people/ada/package.json

Stop with Ctrl-C.
`);
  // Downloads that run come to their end, then the driver, and the database after it.
  const stop = (): void =>
    void server.close(() => void storage.close().finally(() => database.close()));
  process.once('SIGINT', stop).once('SIGTERM', stop);
}

function readArguments(): { readonly port: number; readonly data: string } {
  const { values } = parseArgs({
    // pnpm hands on the `--` that npm needs and drops.
    args: process.argv.slice(2).filter((arg) => arg !== '--'),
    options: {
      port: { type: 'string', default: process.env['PORT'] ?? '3000' },
      data: { type: 'string', default: fileURLToPath(new URL('../../.data', import.meta.url)) },
    },
  });
  // pnpm runs this in the folder of the package; INIT_CWD is where the reader stands.
  const data = resolve(process.env['INIT_CWD'] ?? process.cwd(), values.data);
  return { port: Number(values.port), data };
}
