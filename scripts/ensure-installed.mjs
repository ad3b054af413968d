// Lets `npm test` and `npm start` work on a fresh clone where pnpm is not installed: npm runs this
// first, and it installs with pnpm through npx. Under pnpm it does nothing, pnpm installs by itself.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const underPnpm = process.env.npm_config_user_agent?.startsWith('pnpm/');
if (!underPnpm && !existsSync('node_modules/.modules.yaml')) {
  const { status } = spawnSync('npx', ['--yes', 'pnpm@12', 'install'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  process.exitCode = status ?? 1;
}
