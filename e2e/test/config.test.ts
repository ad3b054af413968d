import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { ServerName } from '@sluice/cli';

import { checkConfig, realSender, SERVERS, type Site } from '../src/front.ts';
import { createFixture, diskOf, MARK } from '../src/fixture.ts';
import { startServer } from '../src/server-process.ts';
import { faultsOf } from '../src/verdict.ts';
import { fileOf, openLane, senderOf, targetOf, test } from './helpers.ts';

/** A path for each root, none of which says where it lies. */
const PATHS = { '': '/_a/', videos: '/_b/c/', 'videos/old': '/_a-old/' };

/** What the languages of configurations have quotes, variables, comments and blocks for. */
const ODD_FOLDERS = {
  '': `fil"es 'of' $host`,
  videos: 'é {rp.header.X} %41 #1; `x`',
  'videos/old': 'back\\slash (.*)',
};

const SENDERS = SERVERS.map((server) => realSender(server, PATHS));

openLane(SENDERS, () => createFixture(ODD_FOLDERS));

for (const { name, habits } of SENDERS) {
  test.serial(`${name}: carries several roots, each with a path of its own`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    for (const key of ['plain.txt', 'videos/film.mp4', 'videos/old/film.mp4', 'odd/%41.txt']) {
      const file = fileOf(t, key);
      const { answer, event } = await sender.askWithEvent({ target: targetOf(key) });
      t.deepEqual(faultsOf(answer, { status: 200, sends: 'all' }, { habits, fixture, file }), []);
      t.is(event.outcome, 'offloaded', event.why);
    }
    for (const target of ['/_a/plain.txt', '/_b/c/film.mp4', '/_a-old/film.mp4', '/_a/']) {
      const answer = await sender.ask({ target, headers: { host: 'sluice.internal' } });
      t.is(answer.status, 404);
      t.false(answer.body.includes(MARK));
    }
  });
}

const SITES: readonly (readonly [title: string, site: Omit<Site, 'app' | 'roots'>])[] = [
  ['with one path for all roots', {}],
  ['with a path for each root', { prefix: PATHS }],
  ['with a name', { serverName: 'downloads.example' }],
];

test.serial('a server that is not on this machine fails the tests, and is named', async (t) => {
  const { folder } = diskOf(t.context.fixture);
  const missing = { program: 'no-such-front-server', args: [], folder };
  await t.throwsAsync(
    startServer(missing, 1, () => undefined),
    { message: /^no-such-front-server is not on this machine/ },
  );
});

test.serial(
  'nginx accepts the location of a store, whichever configuration it stands in',
  async (t) => {
    const { roots, folder } = diskOf(t.context.fixture);
    const app = 'http://127.0.0.1:3000';
    // The authorities that the machine trusts need not be installed on it.
    const certificates = join(folder, 'store.crt');
    const line = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1';
    const files = ['-keyout', '/dev/null', '-out', certificates, '-subj', '/CN=store'];
    execFileSync('openssl', [...line.split(' '), ...files], { stdio: 'ignore' });
    for (const origin of ['http://127.0.0.1:9000', 'https://localhost', 'http://[::1]:9000']) {
      for (const kind of ['standalone', 'site'] as const) {
        for (const more of [{}, { roots }, { roots, prefix: PATHS }]) {
          const site = { app, store: { origin, certificates }, ...more };
          const checked = await checkConfig('nginx', kind, site);
          t.is(checked.code, 0, checked.output);
          t.notRegex(checked.output, /warn/, 'no hash is too small');
        }
      }
    }
  },
);

for (const server of SERVERS) {
  test.serial(`${server}: says of a configuration that it has a mistake`, async (t) => {
    const { roots } = diskOf(t.context.fixture);
    const checked = await checkConfig(server, 'spoilt', { app: 'http://127.0.0.1:3000', roots });
    t.not(checked.code, 0);
    t.not(checked.code, undefined);
  });

  for (const kind of ['standalone', 'site'] as const) {
    for (const [title, site] of SITES) {
      test.serial(`${server}: accepts its ${kind} configuration ${title}`, async (t) => {
        const { roots, folder } = diskOf(t.context.fixture);
        const shown = { url: '/static/', folder: join(folder, 'shown to everybody') };
        mkdirSync(shown.folder, { recursive: true });
        const app = 'http://127.0.0.1:3000';
        const paths = takesPaths(server) ? site : { ...site, prefix: undefined };
        for (const more of [{}, { public: shown }]) {
          const checked = await checkConfig(server, kind, { app, roots, ...paths, ...more });
          t.is(checked.code, 0, checked.output);
        }
      });
    }
  }
}

function takesPaths(server: ServerName): boolean {
  return server !== 'apache' && server !== 'lighttpd';
}
