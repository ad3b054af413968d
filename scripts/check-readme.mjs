// Compiles every `ts` block of the README as a reader would paste it: strict, against the packages as
// they are built, as a module of its own. Needs the build.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// Inside the example, from where the packages, Koa and its router are found by name.
const folder = mkdtempSync(join(root, 'examples/basic/.readme-'));
try {
  const blocks = readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```ts\n(.*?)^```/gmsu);
  const files = Array.from(blocks, ([, code], index) => {
    const name = `block-${index + 1}.ts`;
    writeFileSync(join(folder, name), code);
    return name;
  });
  // What the examples take from the reader's own application.
  writeFileSync(
    join(folder, 'invoices.ts'),
    `export declare function findInvoice(
      number: string | undefined,
      user: unknown,
    ): Promise<{ storageKey: string; number: string } | undefined>;`,
  );
  const compilerOptions = { strict: true, module: 'nodenext', target: 'es2023', noEmit: true };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, types: ['node'] }, files }),
  );
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', folder], { stdio: 'inherit' });
  console.log(`${files.length} examples of the README, ${status === 0 ? 'all compile' : 'failed'}`);
  process.exitCode = status === 0 && files.length > 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
