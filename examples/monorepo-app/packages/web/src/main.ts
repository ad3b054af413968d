import { fileURLToPath } from 'node:url';

import { configurationFrom } from './configuration.ts';
import { directory, makeInvoices, makeRecordings } from './demo.ts';
import { startServer } from './server.ts';

/** What a variable is where it is not set: good for a try on one's own machine, and for nothing else. */
const HERE = fileURLToPath(new URL('../../../../.data', import.meta.url));
const DEMO = {
  DATABASE: `${HERE}/school.db`,
  RECORDINGS: `${HERE}/recordings`,
  PROXY_SECRET: 'only-for-the-demo',
};

main().catch((error: unknown) => {
  console.error(`start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

async function main(): Promise<void> {
  const isProduction = process.env['NODE_ENV'] === 'production';
  const configuration = configurationFrom(isProduction ? process.env : { ...DEMO, ...process.env });
  await makeRecordings(configuration.recordings);
  const server = await startServer(configuration, directory, ({ outcome, key, subject, why }) => {
    console.log(JSON.stringify({ outcome, key, member: subject?.id, why }));
  });
  await makeInvoices(server.storage);
  const { origin } = server;
  const as = (id: string): string =>
    `curl -H 'X-Auth-Secret: ${configuration.proxySecret}' -H 'X-Auth-User: ${id}'`;
  console.log(`The school is at ${origin}. You are the proxy that signs people in. Try:

  # her own invoice, and somebody else's
  ${as('ada')} -OJ ${origin}/invoices/2026-001
  ${as('ben')} -i ${origin}/invoices/2026-001
  # a course that she has paid for; the same line goes on where a download was broken off
  ${as('ada')} -C - -o /tmp/lesson-1.wav ${origin}/objects/recordings/harbour/lesson-1.wav
  # everybody hears the preview
  curl -o /tmp/preview.wav ${origin}/objects/recordings/harbour/preview.wav

Stop with Ctrl-C.
`);
  const stop = (): void => {
    server.close().catch((error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    });
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
}
