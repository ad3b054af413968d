import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import test, { type ExecutionContext } from 'ava';

import { config } from '../src/index.ts';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));

interface Result {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function sluice(...args: readonly string[]): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], (_, out, err) => {
      resolve({ status: child.exitCode ?? -1, out, err });
    });
  });
}

function split(line: string): readonly string[] {
  return line.split(/\s+/);
}

function moduleOf(t: ExecutionContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sluice.config.mjs');
  writeFileSync(file, text);
  return file;
}

const APP = ['--app', 'http://127.0.0.1:3000'];

test('what the flags say is what the function takes', async (t) => {
  const { status, out, err } = await sluice(
    ...split(`config nginx --app http://127.0.0.1:3000 --root /srv/private --root videos=/mnt/a=b
      --listen 127.0.0.1:8080 --server-name files.example --prefix /_f/ --restored X-A
      --restored X-B --public /static/=/srv/public --standalone /run/sluice`),
  );
  t.is(err, '');
  t.is(status, 0);
  t.is(
    out,
    config('nginx', {
      roots: { '': '/srv/private', videos: '/mnt/a=b' },
      app: 'http://127.0.0.1:3000',
      listen: '127.0.0.1:8080',
      serverName: 'files.example',
      prefix: '/_f/',
      restored: ['X-A', 'X-B'],
      public: { url: '/static/', folder: '/srv/public' },
      standalone: '/run/sluice',
    }),
  );
});

test('a store needs no root', async (t) => {
  const { out, err } = await sluice(
    ...split(`config nginx --app http://127.0.0.1:3000 --store https://s3.internal:9000
      --store-prefix /_s3/ --store-certificates /etc/ca.crt`),
  );
  t.is(err, '');
  const store = {
    origin: 'https://s3.internal:9000',
    prefix: '/_s3/',
    certificates: '/etc/ca.crt',
  };
  t.is(out, config('nginx', { app: 'http://127.0.0.1:3000', store }));
  const lost = await sluice(...split('config nginx --store-prefix /_s3/'), ...APP);
  t.is(lost.status, 2);
  t.regex(lost.err, /^sluice config: store: origin must be .*got undefined\n$/);
});

test('each root may have a path of its own', async (t) => {
  const { out } = await sluice(
    ...split(`config h2o --app http://127.0.0.1:3000 --root /a --root videos=/b --prefix /_a/
      --prefix videos=/_b/ --host x.internal --internal 127.0.0.1:81`),
  );
  const roots = { '': '/a', videos: '/b' };
  const prefix = { '': '/_a/', videos: '/_b/' };
  const same = { app: 'http://127.0.0.1:3000', host: 'x.internal', internal: '127.0.0.1:81' };
  t.is(out, config('h2o', { roots, prefix, ...same }));
});

test('a module gives the options, and flags count before it', async (t) => {
  const options = { roots: { '': '/srv/private' }, app: 'http://127.0.0.1:3000', listen: ':81' };
  const file = moduleOf(t, `export default ${JSON.stringify(options)};`);
  const { status, out } = await sluice('config', 'caddy', '--config', file, '--listen', ':82');
  t.is(status, 0);
  t.is(out, config('caddy', { ...options, listen: ':82' }));
});

test('version and help are printed with status 0', async (t) => {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  const { version } = manifest as { readonly version: string };
  t.deepEqual(await sluice('--version'), { status: 0, out: `${version}\n`, err: '' });
  const help = await sluice('config', '--help');
  t.is(help.status, 0);
  t.regex(help.out, /--root <\[keys=\]folder>/);
  t.regex((await sluice('--help')).out, /config[\s\S]*doctor/);
});

test('the program can be started by its name', (t) => {
  t.regex(readFileSync(MAIN, 'utf8'), /^#!\/usr\/bin\/env node\n/);
});

const USAGE: readonly (readonly [title: string, args: readonly string[], message: RegExp])[] = [
  ['an unknown command', ['confg'], /unknown command 'confg'/],
  ['an unknown option', ['config', 'nginx', '--roto', '/a'], /unknown option '--roto'/],
  ['an unknown server', ['config', 'iis'], /'iis' is invalid.*nginx, apache/],
  ['no server', ['config'], /missing required argument 'server'/],
  ['an option without its value', ['config', 'nginx', '--root'], /argument missing/],
  ['no root', ['config', 'nginx', ...APP], /give --root/],
  ['no application', ['config', 'nginx', '--root', '/a'], /give --app/],
  ['a root given twice', ['config', 'nginx', '--root', '/a', '--root', '/b'], /given twice/],
  ['a relative root', ['config', 'nginx', ...APP, '--root', 'a'], /absolute path, got "a"/],
  [
    'a public folder without its path',
    ['config', 'nginx', ...APP, '--root', '/a', '--public', '/srv/public'],
    /url of public must be/,
  ],
];

for (const [title, args, message] of USAGE) {
  test(`${title} is told in one line, with status 2`, async (t) => {
    const { status, out, err } = await sluice(...args);
    t.is(status, 2);
    t.is(out, '');
    t.regex(err, /^sluice[^\n]*\n$/);
    t.regex(err, message);
  });
}

test('without a command, the help is printed with status 2', async (t) => {
  const { status, out, err } = await sluice();
  t.is(status, 2);
  t.is(out, '');
  t.regex(err, /^Usage: sluice/);
});

test('a module that cannot be loaded is told in one line, with status 1', async (t) => {
  const throwing = moduleOf(t, "throw new TypeError('not\\ntoday');");
  const empty = moduleOf(t, 'export const options = {};');
  for (const file of ['/nowhere/sluice.config.js', throwing, empty]) {
    const { status, out, err } = await sluice('config', 'nginx', '--config', file);
    t.is(status, 1);
    t.is(out, '');
    t.regex(err, /^sluice config: [^\n]*sluice\.config[^\n]*\n$/);
  }
});

test('a mistake in a module is told as one in the flags is', async (t) => {
  const file = moduleOf(t, "export default { rots: '/a', roots: '/a', app: 'http://127.0.0.1' };");
  const { status, err } = await sluice('config', 'nginx', '--config', file);
  t.is(status, 2);
  t.regex(err, /^sluice config: unknown option "rots"[^\n]*\n$/);
});
