import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { serverNames } from '@sluice/cli';
import test from 'ava';

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
