// Packs every package as a release would and checks the tarball, not the folder: publint for what the
// manifest promises, attw for how TypeScript resolves the entries. Prints a line a package.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sluice-exports-'));
try {
  const results = readdirSync(join(root, 'packages')).map((name) => check(name));
  const failed = results.filter((passed) => !passed).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && results.length > 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** Packs one package and runs both tools on it; their output is shown only where they complain. */
function check(name) {
  const tarball = join(folder, `${name}.tgz`);
  const steps = [
    ['pack', pnpm(), ['pack', '--out', tarball], join(root, 'packages', name)],
    ['publint', tool('publint'), ['run', tarball, '--strict'], root],
    ['attw', tool('attw'), [tarball, '--profile', 'esm-only', '--no-emoji'], root],
  ];
  for (const [step, command, args, cwd] of steps) {
    const { status, stdout, stderr, error } = spawnSync(
      command[0],
      [...command.slice(1), ...args],
      {
        cwd,
        encoding: 'utf8',
        shell: process.platform === 'win32',
      },
    );
    if (status !== 0) {
      console.error(error ?? `${stdout}${stderr}`);
      console.log(`packages/${name}: ${step} failed`);
      return false;
    }
  }
  console.log(`packages/${name}: pack, publint and attw are content`);
  return true;
}

/** The pnpm that runs this script, or the one that npx brings. */
function pnpm() {
  return process.env.npm_config_user_agent?.startsWith('pnpm/')
    ? ['pnpm']
    : ['npx', '--yes', 'pnpm@12'];
}

function tool(name) {
  return [join(root, 'node_modules/.bin', name)];
}
