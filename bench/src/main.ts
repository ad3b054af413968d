import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { filesOf } from './cases.ts';
import { makeFixture } from './fixture.ts';
import { describeMachine, findTools, type Machine, type Tools } from './machine.ts';
import { type BenchOptions, readOptions, USAGE } from './options.ts';
import { chart } from './report/chart.ts';
import { type Report, reportOf } from './report/report.ts';
import { caseTable, verdictTable } from './report/table.ts';
import { verdictsOf } from './report/verdicts.ts';
import { type CaseResult, runCase } from './run-case.ts';
import { targets } from './targets.ts';

const PEERS = [
  'koa',
  'koa-send',
  '@koa/send',
  'koa-static',
  'koa-sendfile',
  'koa-conditional-get',
  'koa-etag',
  'send',
  'express',
  'fastify',
  '@fastify/static',
  'sirv',
  'autocannon',
];

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

async function main(): Promise<void> {
  const options = parse();
  if (options === undefined) return;
  const tools = findTools();
  const machine = describeMachine(tools, PEERS);
  const date = new Date().toISOString();
  const head = headline(date, machine, tools);
  console.log(head);

  const { results, tables } = await run(options, tools);
  const verdicts = verdictTable(verdictsOf(results, targets));
  console.log(verdicts);

  const { pace, out } = options;
  const { missing } = tools;
  const report = reportOf({ date, machine, missing, pace }, results, targets);
  await save(out, report, [head, ...tables, verdicts].join('\n'));
  console.log(`Written to ${out}: result.json, table.txt, chart.svg`);
}

function parse(): BenchOptions | undefined {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    console.log(USAGE);
    return undefined;
  }
  try {
    return readOptions(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

async function run(
  { cases, pace, only, profile }: BenchOptions,
  tools: Tools,
): Promise<{ readonly results: readonly CaseResult[]; readonly tables: readonly string[] }> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    // Servers are stopped and folders removed first. A terminal, and pnpm, may say it twice.
    process.on(name, () => stop.abort(new Error('stopped')));
  }
  const fixture = await makeFixture(filesOf(cases));
  const results: CaseResult[] = [];
  const tables: string[] = [];
  try {
    for (const subject of cases) {
      const { signal } = stop;
      const result = await runCase(subject, { fixture, tools, pace, only, profile, signal });
      const table = caseTable(result);
      console.log(table);
      results.push(result);
      tables.push(table);
    }
  } finally {
    await fixture.remove();
  }
  return { results, tables };
}

function headline(date: string, machine: Machine, { pins, missing }: Tools): string {
  const { processor, processors, node, nginx, loader, system } = machine;
  return [
    `${date.slice(0, 16).replace('T', ' ')} UTC · ${processor}, ${processors} processors · ${system}`,
    `Node ${node} · ${loader} · nginx ${nginx ?? '–'} · ${
      pins === undefined
        ? 'not pinned'
        : `servers on processor ${pins.server.processor}, load on ${pins.load.processor}`
    }`,
    ...missing.map((what) => `missing: ${what}`),
    '',
  ].join('\n');
}

async function save(folder: string, report: Report, tables: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'result.json'), `${JSON.stringify(report, undefined, 1)}\n`);
  await writeFile(join(folder, 'table.txt'), tables);
  await writeFile(join(folder, 'chart.svg'), chart(report));
}
