// Proves the first minute of a newcomer: clones this checkout, starts it with the commands of the
// README, waits until the server answers, stops it. Nothing but the clone may be needed, and the clone
// must stay clean: a changed lockfile or an unignored product of the build is a failure too.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const commands = [
  ['npm', 'start'],
  ['npx', '--yes', 'pnpm@12', 'start'],
];
/** Milliseconds, in which a machine that is busy must fetch, build and listen. */
const patience = 300_000;

const folder = mkdtempSync(join(tmpdir(), 'sluice-clone-'));
let failed = 0;
try {
  for (const [index, command] of commands.entries()) {
    const clone = join(folder, `${index}`);
    git(['clone', '--quiet', fileURLToPath(new URL('..', import.meta.url)), clone], folder);
    const problem = (await start(command, clone)) ?? unclean(clone);
    console.log(`${command.join(' ')}: ${problem ?? 'installs, builds, listens and answers'}`);
    if (problem !== undefined) failed += 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
console.log(`${commands.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Runs git so that a checkout which belongs to another user, as in a container, can be cloned. */
function git(args, cwd) {
  const config = join(folder, 'gitconfig');
  writeFileSync(config, '[safe]\n\tdirectory = *\n');
  const env = { ...process.env, GIT_CONFIG_GLOBAL: config };
  const { status, stdout, stderr, error } = spawnSync('git', args, { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(`git ${args[0]}: ${stderr}`);
  return stdout;
}

/** Answers what went wrong, or undefined once the server has answered and is gone again. */
async function start([command, ...args], cwd) {
  const server = spawn(command, args, {
    cwd,
    // Any free port; and no trace of the package manager that may run this script.
    env: { ...process.env, PORT: '0', npm_config_user_agent: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const exited = once(server, 'exit');
  try {
    const deadline = Date.now() + patience;
    while (Date.now() < deadline && server.exitCode === null) {
      const url = /https?:\/\/[^\s/]+:[1-9]\d*(?=[\s/])/u.exec(output)?.[0];
      if (url !== undefined) return await ask(url);
      await sleep(100);
    }
    return `nothing listens:\n${output}`;
  } finally {
    // The whole group: the package manager, its shell and the server that they started.
    signalGroup(server, 'SIGTERM');
    const late = setTimeout(() => signalGroup(server, 'SIGKILL'), 5_000);
    await exited;
    clearTimeout(late);
  }
}

function signalGroup(leader, signal) {
  try {
    process.kill(-leader.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

async function ask(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    await response.arrayBuffer();
    return response.status < 500 ? undefined : `${url} answers ${response.status}`;
  } catch (error) {
    return `${url} does not answer: ${error.cause ?? error}`;
  }
}

function unclean(clone) {
  const changes = git(['status', '--porcelain'], clone);
  return changes === '' ? undefined : `leaves the clone changed:\n${changes}`;
}
