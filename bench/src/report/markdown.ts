import type { Metric } from '../summary.ts';
import { digits, headOf, inUnit, percent } from './format.ts';
import type { Report, ReportedCase } from './report.ts';

const BEGIN = '<!-- bench: begin -->';
const END = '<!-- bench: end -->';

/**
 * Puts text into a page in place of what stands between its marks.
 *
 * @throws Error when the page has none
 */
export function intoPage(page: string, text: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`the page has no ${BEGIN} … ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`;
}

/** Writes a run as tables of Markdown: what a request costs whom, and what was to be reached. */
export function markdownOf(report: Report): string {
  const { date, machine, pace } = report;
  const spreads = report.cases.flatMap(({ metric, contenders }) =>
    contenders.flatMap(({ spreads: one }) => one[metric] ?? []),
  );
  return [
    `${date.slice(0, 10)}, Node ${machine.node.slice(1)}, ${machine.processor}, ${machine.processors} processors, ` +
      `${machine.loader} on one and the server on the other; ${pace.rounds} rounds of ${pace.seconds} s, medians. ` +
      `The rounds of a contender lay ${percent(Math.min(...spreads))} to ${percent(Math.max(...spreads))} apart.`,
    '',
    'Processor time of the server, smaller is better:',
    '',
    ...table([
      ['case', ...COLUMNS.map(([, title]) => title)],
      ...report.cases.filter(isCompared).map(costs),
    ]),
    '',
    'What is to be reached, by what the case counts and by processor time:',
    '',
    ...table([
      ['case', 'ratio', 'wanted', 'measured', 'by processor time', ''],
      ...report.targets.map(
        ({ case: name, contender, against, metric, atLeast, atMost, ...one }) => [
          name,
          `${contender} to ${against}, ${headOf(metric)}`,
          atLeast === undefined ? `≤ ${atMost ?? ''}` : `≥ ${atLeast}`,
          digits(one.ratio),
          digits(one.byProcessor),
          one.outcome === 'missed' ? 'not reached' : one.outcome,
        ],
      ),
    ]),
  ].join('\n');
}

/** Whom a reader compares; all others are in the files of the run. */
const COLUMNS: readonly (readonly [string, string])[] = [
  ['sluice', 'Sluice'],
  ['sluice-cache', 'with `openCache`'],
  ['sirv', 'sirv'],
  ['send', 'send 1'],
  ['koa-send', 'koa-send 5'],
  ['koa-conditional', 'koa-static, conditional'],
  ['koa-memory', 'Koa from memory'],
  ['nginx', 'nginx'],
];

/** Above this many bytes a request its cost says little, and that of a gigabyte all. */
function metricOf({ metric }: ReportedCase): Metric {
  return metric === 'bytesPerSecond' ? 'cpuPerGB' : 'cpuPerRequest';
}

function isCompared({ contenders, metric }: ReportedCase): boolean {
  return metric !== 'memoryPerReader' && contenders.some(({ name }) => name === 'sluice');
}

function costs(one: ReportedCase): readonly string[] {
  const metric = metricOf(one);
  return [
    `${one.title}, ${headOf(metric).replace('CPU ', '')}`,
    ...COLUMNS.map(([name]) => {
      const found = one.contenders.find((contender) => contender.name === name);
      return inUnit(found?.medians[metric], metric);
    }),
  ];
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(3, ...rows.map((row) => (row[at] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const [head = [], ...rest] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rest.map(line)];
}
