// Proves that the linter holds the dependency rules: which module may import which. Every row below is
// written as real imports into a copy of the tree's layout, and oxlint must report exactly the refused ones.
// A ladder that is only configured may be silently off: one wrong glob, one later block that replaces
// an earlier one, and nothing is reported any more.
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const core = 'packages/core/src';

/** The ways one module can name another; the linter must see them all. */
const forms = {
  value: (from, name) => `import { ${name} } from '${from}';`,
  type: (from, name) => `import type { ${name} } from '${from}';`,
  reexport: (from, name) => `export { ${name} } from '${from}';`,
  reexportType: (from, name) => `export type { ${name} } from '${from}';`,
  everything: (from) => `export * from '${from}';`,
  dynamic: (from) => `await import('${from}');`,
};

/** Lines written so far, by module. */
const linesOf = {};

/** What no module of core may import, whatever its rung. */
const foreign = [
  'koa',
  'koa/lib/context',
  '@koa/router',
  'fs-extra',
  'graceful-fs',
  'node:fs',
  'node:fs/promises',
  'fs',
  'fs/promises',
  '@sluice/core',
  '@sluice/koa',
  '@sluice/storage-local',
  '@sluice/storage-s3',
  '@sluice/cli',
  '@sluice/emulator',
  // Crooked spellings that would slip past a rule about folders.
  './../sluice.ts',
  '../http/../sluice.ts',
];

const above = (...folders) => folders.map((folder) => `../${folder}/probe.ts`);

/** One row a module: imports that are refused, that are allowed, and that are allowed as types only. */
const rows = [
  {
    module: `${core}/errors.ts`,
    refused: [
      ...foreign,
      './options.ts',
      './http/probe.ts',
      './keys/probe.ts',
      './sluice.ts',
      'range-parser',
    ],
    allowed: ['node:util'],
  },
  {
    module: `${core}/options.ts`,
    refused: [...foreign, './errors.ts', './policy/probe.ts', './index.ts'],
    allowed: ['node:util'],
  },
  {
    module: `${core}/http/range.ts`,
    refused: [
      ...foreign,
      ...above('keys', 'policy', 'storage', 'plan', 'offload', 'body', 'drivers', 'testing'),
      '../errors.ts',
      '../options.ts',
      '../sluice.ts',
      '../index.ts',
      'node:path',
      'node:crypto',
      'path',
    ],
    allowed: ['./date.ts', 'range-parser'],
  },
  {
    module: `${core}/keys/storage-key.ts`,
    refused: [
      ...foreign,
      ...above('http', 'policy', 'storage', 'plan', 'offload', 'body', 'drivers', 'testing'),
      '../sluice.ts',
      '../index.ts',
      'node:crypto',
      'range-parser',
    ],
    allowed: ['./path-map.ts', '../errors.ts', '../options.ts', 'node:path'],
  },
  {
    module: `${core}/policy/policy.ts`,
    refused: [
      ...foreign,
      ...above('storage', 'plan', 'body', 'drivers', 'testing'),
      '../sluice.ts',
      '../index.ts',
      'node:path',
      'range-parser',
    ],
    allowed: [
      './decision.ts',
      '../errors.ts',
      '../options.ts',
      '../http/field.ts',
      '../keys/storage-key.ts',
    ],
  },
  {
    module: `${core}/storage/driver.ts`,
    refused: [
      ...foreign,
      ...above('policy', 'plan', 'body', 'drivers', 'testing'),
      '../sluice.ts',
      '../index.ts',
      'range-parser',
    ],
    allowed: ['./stat.ts', '../errors.ts', '../options.ts', '../keys/storage-key.ts'],
    typesOnly: ['../http/entity-tag.ts', 'node:stream'],
  },
  {
    module: `${core}/plan/plan-download.ts`,
    refused: [
      ...foreign,
      ...above('body', 'offload', 'drivers', 'testing'),
      '../sluice.ts',
      '../index.ts',
      'node:stream',
      'node:path',
      'node:timers',
      'range-parser',
    ],
    allowed: [
      './plan.ts',
      '../errors.ts',
      '../options.ts',
      '../http/range.ts',
      '../keys/storage-key.ts',
      '../policy/decision.ts',
      '../storage/driver.ts',
    ],
  },
  {
    module: `${core}/offload/nginx.ts`,
    refused: [
      ...foreign,
      ...above('body', 'drivers', 'testing'),
      '../sluice.ts',
      '../index.ts',
      'node:stream',
      'node:timers',
      'range-parser',
    ],
    allowed: [
      './dialect.ts',
      '../errors.ts',
      '../options.ts',
      '../http/field.ts',
      '../keys/storage-key.ts',
      '../policy/obligations.ts',
      '../storage/driver.ts',
      '../plan/plan-download.ts',
      'node:path',
    ],
  },
  {
    module: `${core}/probe/catalogue.ts`,
    refused: [
      ...foreign,
      ...above('policy', 'storage', 'plan', 'offload', 'body', 'drivers', 'testing'),
      '../sluice.ts',
      '../index.ts',
      'node:path',
      'node:http',
      'range-parser',
    ],
    allowed: [
      './content.ts',
      '../errors.ts',
      '../options.ts',
      '../http/field.ts',
      '../keys/storage-key.ts',
      'node:crypto',
    ],
  },
  {
    module: `${core}/body/window.ts`,
    refused: [
      ...foreign,
      ...above('keys', 'policy', 'drivers', 'testing'),
      '../sluice.ts',
      '../index.ts',
      'node:path',
      'node:tls',
    ],
    allowed: [
      './multipart.ts',
      '../errors.ts',
      '../options.ts',
      '../http/byteranges.ts',
      '../storage/driver.ts',
      '../plan/plan.ts',
      'node:http',
      'node:net',
      'node:stream',
      'node:stream/promises',
      'node:timers/promises',
    ],
  },
  {
    module: `${core}/drivers/prefix.ts`,
    refused: [
      ...foreign,
      ...above('policy', 'plan', 'offload', 'testing'),
      '../http/range.ts',
      '../sluice.ts',
      '../index.ts',
      'node:http',
      'node:path',
      'range-parser',
    ],
    allowed: [
      './wrapped.ts',
      '../errors.ts',
      '../options.ts',
      '../http/entity-tag.ts',
      '../keys/storage-key.ts',
      '../storage/driver.ts',
      '../body/read-window.ts',
      'node:crypto',
      'node:stream',
    ],
  },
  {
    module: `${core}/sluice.ts`,
    refused: [
      ...foreign,
      './index.ts',
      './testing/index.ts',
      './testing/contract.ts',
      './http/index.ts',
    ],
    allowed: [
      './errors.ts',
      './http/range.ts',
      './plan/plan.ts',
      './body/window.ts',
      'node:stream',
    ],
  },
  {
    module: `${core}/index.ts`,
    refused: [...foreign, './testing/index.ts', './testing/contract.ts'],
    allowed: ['./sluice.ts', './errors.ts', './http/range.ts'],
  },
  {
    module: `${core}/testing/contract.ts`,
    refused: [...foreign, 'ava'],
    allowed: ['./memory.ts', '../storage/driver.ts', '../errors.ts', 'node:assert/strict'],
  },
  {
    module: 'packages/koa/src/respond.ts',
    refused: [
      'node:fs',
      'node:fs/promises',
      'fs',
      'fs-extra',
      '@sluice/storage-local',
      '@sluice/storage-s3',
      '@sluice/koa',
    ],
    allowed: ['./request.ts', '@sluice/core', '@sluice/core/http', 'node:stream'],
    typesOnly: ['koa', '@koa/router'],
  },
  {
    module: 'packages/emulator/src/nginx.ts',
    refused: [
      'fs-extra',
      'graceful-fs',
      '@sluice/koa',
      '@sluice/storage-local',
      '@sluice/storage-s3',
      '@sluice/cli',
    ],
    allowed: ['./serve-file.ts', '@sluice/core', '@sluice/core/http', 'node:fs', 'node:http'],
    typesOnly: ['koa', '@koa/router'],
  },
  {
    module: 'packages/cli/src/main.ts',
    refused: [
      'koa',
      '@koa/router',
      'fs-extra',
      '@sluice/koa',
      '@sluice/storage-local',
      '@sluice/storage-s3',
    ],
    allowed: [
      './doctor.ts',
      '@sluice/core',
      '@sluice/core/offload',
      'commander',
      'node:fs/promises',
    ],
  },
  {
    module: 'packages/storage-local/src/local-driver.ts',
    refused: ['koa', '@koa/router', '@sluice/koa', 'fs-extra', 'fs-extra/esm', 'graceful-fs'],
    allowed: ['./jail.ts', '@sluice/core', 'node:fs', 'node:fs/promises', 'mime-types'],
  },
  {
    module: 'packages/storage-local/src/write/tree.ts',
    refused: ['koa', '@koa/router', '@sluice/koa'],
    allowed: ['../jail.ts', './draft.ts', '@sluice/core', 'fs-extra', 'fs-extra/esm'],
  },
  {
    module: 'packages/storage-s3/src/s3-driver.ts',
    refused: [
      'koa',
      '@koa/router',
      '@sluice/koa',
      '@sluice/storage-local',
      'fs-extra',
      'graceful-fs',
      'node:fs',
      'fs/promises',
      './write/../settings.ts',
    ],
    allowed: [
      './settings.ts',
      './write/put.ts',
      '@sluice/core',
      '@sluice/core/http',
      '@aws-sdk/client-s3',
      'node:http',
      'mime-types',
    ],
  },
];

const cases = rows.flatMap(({ module, refused, allowed, typesOnly = [] }) => [
  ...refused.flatMap((from) =>
    Object.values(forms).map((form) => expect(module, form, from, true)),
  ),
  ...allowed.flatMap((from) =>
    Object.values(forms).map((form) => expect(module, form, from, false)),
  ),
  ...typesOnly.flatMap((from) => [
    expect(module, forms.value, from, true),
    expect(module, forms.dynamic, from, true),
    expect(module, forms.type, from, false),
  ]),
]);

// Two modules of one folder that need each other, if only as types.
const cycle = ['plan.ts', 'dialect.ts'].map((name, index, names) =>
  expect(`${core}/plan/${name}`, forms.type, `./${names[1 - index]}`, true),
);

const reported = lint([...cases, ...cycle]);
const failures = [
  ...cases.filter((one) => reported.ladder.has(place(one)) !== one.refused),
  ...cycle.filter((one) => !reported.cycle.has(place(one))),
]
  .map((one) => `${one.module}: must be ${one.refused ? 'refused' : 'allowed'}: ${one.text}`)
  .concat(
    foldersWithoutRow().map((folder) => `${folder}: no row here, so nothing proves its rules`),
  );

for (const failure of failures) console.error(failure);
console.log(`${cases.length + cycle.length - failures.length} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;

/** Numbers the expectation's line in the probe that stands for its module. */
function expect(module, form, from, refused) {
  const line = (linesOf[module] ?? 0) + 1;
  linesOf[module] = line;
  return { module, line, text: form(from, `probe${line}`), refused };
}

function place({ module, line }) {
  return `${module}:${line}`;
}

/** Writes the probes beside a copy of the configuration and answers the places that oxlint reported. */
function lint(expectations) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-ladder-'));
  try {
    const config = JSON.parse(readFileSync(join(root, '.oxlintrc.json'), 'utf8'));
    // The probes import modules that do not exist: types would only add noise and time.
    delete config.options.typeAware;
    writeFileSync(join(folder, '.oxlintrc.json'), JSON.stringify(config));
    for (const { module, text } of expectations) {
      mkdirSync(dirname(join(folder, module)), { recursive: true });
      appendFileSync(join(folder, module), `${text}\n`);
    }
    const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
    const { stdout, error } = spawnSync(process.execPath, [oxlint, '--format=json', '.'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    if (error !== undefined) throw error;
    const { diagnostics } = JSON.parse(stdout);
    return {
      ladder: placesOf(diagnostics, 'eslint(no-restricted-imports)'),
      cycle: placesOf(diagnostics, 'import(no-cycle)'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function placesOf(diagnostics, rule) {
  const places = diagnostics
    .filter(({ code }) => code === rule)
    .map(({ filename, labels: [label] }) => ({
      module: filename.replaceAll('\\', '/'),
      line: label.span.line,
    }));
  return new Set(places.map(place));
}

/** A new folder of core or a new package must come with its row. */
function foldersWithoutRow() {
  const folders = [
    ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`),
    ...readdirSync(join(root, core), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${core}/${entry.name}`),
  ];
  return folders.filter((folder) => !rows.some(({ module }) => module.startsWith(`${folder}/`)));
}
