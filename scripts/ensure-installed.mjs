// Lets `npm test` and `npm start` work on a fresh clone where pnpm is not installed: npm runs this
// first, and it installs with pnpm through npx, again when the lockfile has changed since.
// Under pnpm it does nothing: pnpm looks after that itself (verifyDepsBeforeRun).
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const underPnpm = process.env.npm_config_user_agent?.startsWith('pnpm/');
if (!underPnpm && !isInstalled()) {
  const { status, error } = spawnSync('npx', ['--yes', 'pnpm@12', 'install', '--frozen-lockfile'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (error !== undefined) console.error(`npx could not be started: ${error.message}`);
  process.exitCode = status ?? 1;
}

/** pnpm keeps the lockfile it installed from beside its store of packages. */
function isInstalled() {
  const installed = read('node_modules/.pnpm/lock.yaml');
  return installed !== undefined && installed === read('pnpm-lock.yaml');
}

function read(file) {
  try {
    return readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  } catch {
    return undefined;
  }
}
