import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { serverNames } from '@sluice/cli';
import test, { type ExecutionContext } from 'ava';

import { freePort, startFrontServer } from '../src/front-server.ts';
import { agreeWith, packages } from '../src/servers.ts';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));

interface Run {
  readonly status: number | undefined;
  readonly stderr: string;
}

function run(...args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], (_error, _stdout, stderr) => {
      resolve({ status: child.exitCode ?? undefined, stderr });
    });
  });
}

const WRONG: readonly (readonly string[])[] = [
  [],
  ['iis'],
  ['nginx', 'apache'],
  ['nginx', '--port'],
  ['nginx', '--port', 'x'],
  ['nginx', '--port', '70000'],
  ['nginx', '--prot', '1'],
];

for (const args of WRONG) {
  test(`the command line "${args.join(' ')}" starts nothing and says what is possible`, async (t) => {
    const { status, stderr } = await run(...args);
    t.is(status, 2);
    t.regex(stderr, /^Usage: .*<nginx\|apache\|lighttpd\|caddy\|h2o>/);
  });
}

test('app and configuration agree on the prefix, and the packages of every server are known', (t) => {
  for (const name of serverNames) {
    t.regex(packages[name], /^[a-z\d-]+( [a-z\d-]+)*$/);
    if (name === 'caddy') continue; // Its version is asked of the program.
    const { dialect, options } = agreeWith(name, '');
    t.is(dialect.name, name);
    const order = dialect.valueFor({ root: '/r', prefix: '', path: '/r/a.pdf' }, {});
    t.true(order?.includes(options.prefix ?? '/r/'));
  }
});

test('nothing is started where somebody else listens', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const address = other.address();
  const listen = `127.0.0.1:${typeof address === 'object' ? address?.port : address}`;
  const folder = await makeFolder(t);
  await t.throwsAsync(
    startFrontServer('nginx', {
      folder,
      site: { roots: folder, app: 'http://127.0.0.1:1', listen },
    }),
    { message: `something else listens at ${listen}; choose another with --port` },
  );
  t.deepEqual(await readdir(folder), []);
});

test.serial('a server that lacks a module says what to install', async (t) => {
  const folder = await makeFolder(t);
  const fake = '#!/bin/sh\necho Cannot load mod_xsendfile.so >&2\nexit 1\n';
  await writeFile(join(folder, 'apache2'), fake, { mode: 0o755 });
  const path = process.env['PATH'];
  process.env['PATH'] = [folder, path].join(delimiter);
  t.teardown(() => {
    process.env['PATH'] = path;
  });
  const listen = `127.0.0.1:${await freePort()}`;
  const site = { roots: join(folder, 'files'), app: 'http://127.0.0.1:1', listen };
  await t.throwsAsync(startFrontServer('apache', { folder: join(folder, 'run'), site }), {
    message: /Cannot load mod_xsendfile\.so\n.*apt-get install apache2 libapache2-mod-xsendfile$/s,
  });
});

async function makeFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-front-servers-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}
