// Compiles every `ts` block of the README and the other pages as a reader would paste it: strict,
// against the packages as they are built, each as a module of its own. What belongs to the reader's
// application is declared below; a block that imports nothing also gets the functions of the packages.
// Needs the build.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What excerpts import, on one line, so that a complaint names the line of the page. */
const imports = [
  `import { allow, createSluice, deny } from '@sluice/core';`,
  `import { apache, caddy, h2o, lighttpd, nginx } from '@sluice/core/offload';`,
  `import { downloads, sendDownload } from '@sluice/koa';`,
].join(' ');

/** What the examples take from the reader's own application. */
const own = {
  'invoices.ts': `export declare function findInvoice(
    number: string | undefined,
    user: unknown,
  ): Promise<{ storageKey: string; number: string } | undefined>;`,
  'app.ts': `import type Koa from 'koa'; export declare const app: Koa;`,
  'fixture.ts': `import type { contractWithNodeTest } from '@sluice/core/testing';
    export declare const createFixture: Parameters<typeof contractWithNodeTest>[1];`,
  'reader.d.ts': `import type Koa from 'koa'; import type Router from '@koa/router';
    import type { Dialect, Policy, Sluice, StorageDriver } from '@sluice/core';
    declare global {
      const app: Koa;
      const router: Router;
      const sluice: Sluice;
      const storage: StorageDriver;
      const policy: Policy;
      const dialect: Dialect;
      const secret: string;
      namespace NodeJS { interface ProcessEnv { SLUICE_PROBE_SECRET: string } }
    }`,
};

// Inside the example, from where the packages, Koa and its router are found by name.
const folder = mkdtempSync(join(root, 'examples/basic/.readme-'));
try {
  const files = pages().flatMap(blocksOf);
  for (const [name, code] of Object.entries(own)) writeFileSync(join(folder, name), code);
  const compilerOptions = {
    strict: true,
    module: 'nodenext',
    target: 'es2023',
    noEmit: true,
    allowImportingTsExtensions: true,
    types: ['node'],
    paths: {
      '@sluice/emulator': ['../../../packages/emulator/dist/src/index.d.ts'],
      '@sluice/storage-s3': ['../../../packages/storage-s3/dist/src/index.d.ts'],
    },
  };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: [...files, 'reader.d.ts'] }),
  );
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', folder], { stdio: 'inherit' });
  console.log(`${files.length} examples of the pages, ${status === 0 ? 'all compile' : 'failed'}`);
  process.exitCode = status === 0 && files.length > 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** The pages that show code, by their paths in the repository. */
function pages() {
  const docs = readdirSync(join(root, 'docs'), { recursive: true }).map((name) => `docs/${name}`);
  const homes = ['packages', 'examples'].flatMap((above) =>
    readdirSync(join(root, above)).map((name) => `${above}/${name}/README.md`),
  );
  return ['README.md', ...docs, ...homes].filter(
    (page) => page.endsWith('.md') && existsSync(join(root, page)),
  );
}

/** Writes each block of a page into a file with the same numbers of lines, and answers their names. */
function blocksOf(page) {
  const text = readFileSync(join(root, page), 'utf8');
  return Array.from(text.matchAll(/^```ts\n(.*?)^```/gmsu), ({ 1: code, index }) => {
    const above = text.slice(0, index).split('\n').length;
    const name = `${page.replaceAll(/[/\\]/gu, '.')}.${above}.ts`;
    const before = /^import /mu.test(code) ? '' : imports;
    writeFileSync(join(folder, name), `${before}${'\n'.repeat(above)}${code}export {};\n`);
    return name;
  });
}
