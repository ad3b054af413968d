// Prints what the contract of drivers says of every driver and wrapper here, as a table in Markdown:
// checks, known deviations with their reasons, and the time. It runs the tests that everybody runs, a
// file after the other. `npx --yes pnpm@12 report:drivers`, or of some alone with `local ceph` behind it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A test file, and what its drivers are called that it calls nothing. */
interface TestFile {
  readonly name: string;
  readonly file: string;
  /** The folder of the package whose AVA runs it; default: the root. */
  readonly folder?: string;
  readonly args?: readonly string[];
}

const STORES = { folder: 'e2e/', args: ['--config', 'ava.stores.config.mjs'] };

const FILES: readonly TestFile[] = [
  { name: 'memory', file: 'packages/core/test/testing/contract.test.ts' },
  { name: 'wrappers', file: 'packages/core/test/drivers/contract.test.ts' },
  { name: 'readers', file: 'packages/core/test/drivers/driver-from-reader.test.ts' },
  { name: 'local', file: 'packages/storage-local/test/contract.test.ts' },
  { name: 'local, wrapped', file: 'packages/storage-local/test/wrapped.test.ts' },
  { name: 's3 on a fake', file: 'packages/storage-s3/test/contract.test.ts' },
  { name: 's3', file: 'test/stores/contract-ceph.test.ts', ...STORES },
  { name: 's3', file: 'test/stores/contract-swift.test.ts', ...STORES },
  { name: 'example: sqlite', file: 'examples/custom-driver/test/contract.test.ts' },
];

/** What the checks say of one driver. */
interface Row {
  readonly name: string;
  passed: number;
  skipped: number;
  readonly deviations: string[];
  readonly failures: string[];
  /** Of the first and of the last check, in milliseconds. */
  readonly since: number;
  until: number;
}

const wanted = process.argv.slice(2).filter((word) => word !== '--');
const files = FILES.filter(
  ({ name, file }) =>
    wanted.length === 0 || wanted.some((word) => name.includes(word) || file.includes(word)),
);
if (files.length === 0) throw new TypeError(`no driver is called ${wanted.join(' or ')}`);
const rows: Row[] = [];
for (const file of files) {
  process.stderr.write(`${file.name} …\n`);
  rows.push(...(await run(file)));
}
process.stdout.write(formatTable(rows));
if (rows.some(({ failures }) => failures.length > 0)) process.exitCode = 1;

async function run(file: TestFile): Promise<readonly Row[]> {
  const root = new URL('../../../', import.meta.url);
  const cwd = fileURLToPath(new URL(file.folder ?? '', root));
  const ava = fileURLToPath(new URL('node_modules/ava/entrypoints/cli.mjs', root));
  const args = [ava, '--tap', ...(file.args ?? []), file.file];
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
  const over = once(child, 'exit');
  const found = new Map<string, Row>();
  let last: Row | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    last = readLine(line, file.name, found) ?? last;
    const reason = /^# +known deviation: (.*)/.exec(line)?.[1];
    if (reason !== undefined) last?.deviations.push(reason);
  }
  const [code]: readonly unknown[] = await over;
  const counted = [...found.values()];
  const failed = counted.some(({ failures }) => failures.length > 0);
  return code === 0 || failed ? counted : [...counted, brokenRow(file)];
}

/** A line of TAP that speaks of a check: `ok 1 - ceph, plain: S-01 stat tells the size`. */
function readLine(line: string, fallback: string, found: Map<string, Row>): Row | undefined {
  const match = /^(not ok|ok) \d+ - (?:(.+): )?([A-Z]-\d\d) (.*)$/.exec(line);
  if (match === null) return undefined;
  const [, verdict, called, id, title = ''] = match;
  const name = called === undefined ? fallback : `${fallback}: ${called}`;
  const now = performance.now();
  const row = found.get(name) ?? emptyRow(name, now);
  found.set(name, row);
  row.until = now;
  if (title.includes('# SKIP')) row.skipped += 1;
  else if (verdict === 'ok') row.passed += 1;
  else row.failures.push(`${id} ${title}`);
  return row;
}

function emptyRow(name: string, now: number): Row {
  return { name, passed: 0, skipped: 0, deviations: [], failures: [], since: now, until: now };
}

function brokenRow({ name, file }: TestFile): Row {
  return { ...emptyRow(name, 0), failures: [`${file} did not come to its end; run it by itself`] };
}

function formatTable(all: readonly Row[]): string {
  const lines = all.map(({ name, passed, deviations, skipped, failures, since, until }) => {
    const kept = passed - deviations.length;
    const seconds = ((until - since) / 1000).toFixed(1);
    return `| ${[name, kept, deviations.length, skipped, failures.length, seconds].join(' | ')} |`;
  });
  const notes = all.flatMap(({ name, deviations, failures }) => [
    ...deviations.map((reason) => `- ${name}: known deviation: ${reason}`),
    ...failures.map((failure) => `- ${name}: failed: ${failure}`),
  ]);
  return [
    '| driver | passed | known deviations | skipped | failed | seconds |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
    '',
    ...notes,
    '',
  ].join('\n');
}
