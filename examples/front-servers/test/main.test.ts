import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { serverNames } from '@sluice/cli';
import test, { type ExecutionContext } from 'ava';

import { startFrontServer } from '../src/front-server.ts';
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
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const folder = await makeFolder(t);
  const site = { roots: folder, app: 'http://127.0.0.1:1' };
  await t.throwsAsync(startFrontServer('nginx', { folder, port, site }), {
    message: `something else listens at 127.0.0.1:${port}; choose another with --port`,
  });
  t.deepEqual(await readdir(folder), []);
});

test.serial('a server that lacks a module says what to install', async (t) => {
  const folder = await install(
    t,
    'apache2',
    '#!/bin/sh\necho Cannot load mod_xsendfile.so >&2\nexit 1\n',
  );
  const site = { roots: join(folder, 'files'), app: 'http://127.0.0.1:1' };
  await t.throwsAsync(startFrontServer('apache', { folder: join(folder, 'run'), port: 0, site }), {
    message: /Cannot load mod_xsendfile\.so\n.*apt-get install apache2 libapache2-mod-xsendfile$/s,
  });
});

test.serial('any free port is another one when the first was taken meanwhile', async (t) => {
  const folder = await install(t, 'lighttpd', UNLUCKY_AT_FIRST);
  const site = { roots: join(folder, 'files'), app: 'http://127.0.0.1:1' };
  const server = await startFrontServer('lighttpd', { folder: join(folder, 'run'), port: 0, site });
  t.regex(server.origin, /^http:\/\/127\.0\.0\.1:\d+$/);
  await server.close();
  await server.ended;
});

/** Does nothing but to listen, and not even that when it is started for the first time. */
const UNLUCKY_AT_FIRST = `#!${process.execPath}
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const [mode, , file] = process.argv.slice(2);
if (mode === '-tt') process.exit(0);
const port = /^server.port = (\\d+)$/m.exec(readFileSync(file, 'utf8'))[1];
if (!existsSync(file + '.port')) {
  writeFileSync(file + '.port', port);
  process.exit(1);
}
require('node:net').createServer().listen(Number(port), '127.0.0.1');
`;

/** Puts a program before those of the machine, into a folder of its own. */
async function install(t: ExecutionContext, name: string, program: string): Promise<string> {
  const folder = await makeFolder(t);
  await writeFile(join(folder, name), program, { mode: 0o755 });
  const path = process.env['PATH'];
  process.env['PATH'] = [folder, path].join(delimiter);
  t.teardown(() => {
    process.env['PATH'] = path;
  });
  return folder;
}

async function makeFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-front-servers-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}
