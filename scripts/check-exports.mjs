// Packs every package as a release would and checks the tarball, not the folder: publint for what the
// manifest promises, attw for how TypeScript resolves the entries, and two things that neither of them
// sees (below). Prints a line a package. Needs the build.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sluice-exports-'));
try {
  const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
  const failed = packages.filter((name) => !check(name)).length;
  console.log(`${packages.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && packages.length > 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** Runs every check on one package; a tool's output is shown only where it complains. */
function check(name) {
  const home = join(root, name);
  const tarball = join(folder, `${name.replaceAll(/\W/gu, '-')}.tgz`);
  const problem =
    staleModules(home) ??
    untypedImports(home) ??
    run([...pnpm(), 'pack', '--out', tarball], home) ??
    run([tool('publint'), 'run', tarball, '--strict']) ??
    run([tool('attw'), tarball, '--profile', 'esm-only', '--no-emoji']);
  console.log(`${name}: ${problem ?? 'complete, typed, and as its manifest says'}`);
  return problem === undefined;
}

/** The compiler leaves the output of a deleted source behind, and a release would ship it. */
function staleModules(home) {
  const stale = built(home, '.js').filter(
    (file) => !existsSync(join(home, 'src', file.replace(/\.js$/u, '.ts'))),
  );
  return stale.length === 0
    ? undefined
    : `without source: ${stale.join(', ')}; delete dist and build again`;
}

/**
 * What the published declarations import must be installed with the package, and so must its types
 * where they come from DefinitelyTyped: a consumer without them gets TS7016 or, worse, `any`.
 */
function untypedImports(home) {
  const {
    dependencies = {},
    peerDependencies = {},
    devDependencies = {},
  } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const installed = { ...dependencies, ...peerDependencies };
  const missing = new Set();
  for (const file of built(home, '.d.ts')) {
    const text = readFileSync(join(home, 'dist/src', file), 'utf8');
    for (const [, name] of text.matchAll(
      /(?:from|import\() ?['"]((?:@[^/'"]+\/)?[^./'"][^/'"]*)/gu,
    )) {
      if (name.startsWith('node:')) continue;
      const types = `@types/${name.replace(/^@/u, '').replace('/', '__')}`;
      if (!(name in installed)) missing.add(name);
      if (types in devDependencies && !(types in installed)) missing.add(types);
    }
  }
  return missing.size === 0
    ? undefined
    : `its declarations need ${[...missing].join(', ')} as dependencies`;
}

function built(home, ending) {
  return readdirSync(join(home, 'dist/src'), { recursive: true }).filter((file) =>
    file.endsWith(ending),
  );
}

/** Answers the output of a command that failed. */
function run([command, ...args], cwd = root) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status === 0) return undefined;
  return `${command} ${args[0]} failed\n${error ?? `${stdout}${stderr}`}`;
}

/** The pnpm that runs this script, or the one that npx brings. */
function pnpm() {
  const underPnpm = process.env.npm_config_user_agent?.startsWith('pnpm/');
  return underPnpm ? ['pnpm'] : ['npx', '--yes', 'pnpm@12'];
}

function tool(name) {
  return join(root, 'node_modules/.bin', name);
}
