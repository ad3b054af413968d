import test from 'ava';

import { cases, findCases } from '../src/cases.ts';
import { contenders, findContender } from '../src/contenders.ts';
import { chart, escapeXml } from '../src/report/chart.ts';
import { digits } from '../src/report/format.ts';
import { intoPage, markdownOf } from '../src/report/markdown.ts';
import { type Report, reportOf } from '../src/report/report.ts';
import { caseTable, verdictTable } from '../src/report/table.ts';
import { type Verdict, verdictsOf } from '../src/report/verdicts.ts';
import type { CaseResult, Measured } from '../src/run-case.ts';
import type { Round } from '../src/summary.ts';
import { type Target, targets } from '../src/targets.ts';

function measured(name: string, rates: readonly number[], marks: Round['marks'] = []): Measured {
  const contender = findContender(name);
  if (contender === undefined) throw new Error(name);
  const rounds = rates.map((requestsPerSecond) => ({
    requestsPerSecond,
    cpuPerRequest: 0.5 / requestsPerSecond,
    marks,
  }));
  return { name, contender, rounds };
}

const result: CaseResult = {
  subject: findCases(['1k'])[0]!,
  measured: [
    measured('koa-send', [1000, 1100, 1200]),
    measured('sirv', [4000, 4400, 4800], [{ kind: 'load', value: 5.25 }]),
    measured('sluice', [4500, 4950, 5400]),
    measured('koa-memory', [9000, 9900, 10_800]),
  ],
  leftOut: [{ title: 'nginx static', why: 'nginx is not on this machine' }],
};

const report: Report = reportOf(
  {
    date: '2024-02-29T12:00:00.000Z',
    machine: {
      processor: 'A <fast> "one" & more',
      processors: 2,
      memory: 1,
      system: 'linux 6',
      node: 'v20.20.2',
      nginx: undefined,
      loader: 'wrk',
      peers: {},
    },
    missing: [],
    pace: { rounds: 3, seconds: 1, warmUp: 1, slowRounds: 1, slowSeconds: 1 },
  },
  [result],
  targets,
);

test('a table has a row a contender, with its ratios to baseline, fastest peer and ceiling', (t) => {
  const lines = caseTable(result).split('\n');
  const cells = (name: string): readonly string[] =>
    lines
      .find((line) => line.includes(name))
      ?.trim()
      .split(/\s{2,}/) ?? [];
  t.deepEqual(cells('requests/s  CPU'), [
    'requests/s',
    'CPU µs/req',
    '× koa-send',
    '× sirv',
    '× koa-memory',
    'spread',
  ]);
  t.deepEqual(cells('Sluice'), ['▸ Sluice', '4,950', '101', '4.50', '1.13', '0.50', '18 %']);
});

test('a noisy round is marked in its row, and told below the table', (t) => {
  const table = caseTable(result);
  t.regex(table, /sirv .* noisy 3\/3\n/);
  t.regex(table, /noisy, of 12 rounds: load up to 5\.3 \(3\)\n/);
});

test('who is left out is named, with the reason', (t) => {
  t.regex(caseTable(result), /left out: nginx static: nginx is not on this machine\n/);
});

const bounds: readonly (readonly [Partial<Target>, Verdict['outcome']])[] = [
  [{ atLeast: 4.5 }, 'reached'],
  [{ atLeast: 4.51 }, 'missed'],
  [{ atMost: 4.5 }, 'reached'],
  [{ atMost: 4.49 }, 'missed'],
  [{ atLeast: 1, contender: 'sluice-cache' }, 'unknown'],
  [{ atLeast: 1, metric: 'memoryPerReader' }, 'unknown'],
];
for (const [change, outcome] of bounds) {
  test(`4.5 × koa-send is ${outcome} where ${JSON.stringify(change)} is asked`, (t) => {
    const target: Target = {
      case: '1k',
      contender: 'sluice',
      against: 'koa-send',
      metric: 'requestsPerSecond',
      ...change,
    };
    t.is(verdictsOf([result], [target])[0]?.outcome, outcome);
  });
}

test('a verdict also says the ratio by processor time, where more is better as well', (t) => {
  const verdicts = verdictsOf([result], targets);
  const one = verdicts.find(({ target }) => target.against === 'sirv');
  t.is(one?.byProcessor?.toFixed(3), '1.125');
  t.regex(
    verdictTable(verdicts),
    /^reached +1k +sluice to sirv +requests\/s +≥ 1\.1 +1\.13 +\(1\.13 by/m,
  );
});

test('targets of cases that were not run are not spoken of', (t) => {
  t.true(verdictsOf([result], targets).every(({ target }) => target.case === '1k'));
  t.deepEqual(verdictsOf([], targets), []);
});

test('the report says of everybody the medians, the spread and the ratios', (t) => {
  const [one] = report.cases;
  t.is(one?.fastestPeer, 'sirv');
  const sluice = one?.contenders.find(({ name }) => name === 'sluice');
  t.is(sluice?.medians.requestsPerSecond, 4950);
  t.deepEqual(sluice?.ratios, { baseline: 4.5, fastestPeer: 1.125, ceiling: 0.5 });
  t.is(sluice?.spreads.requestsPerSecond?.toFixed(3), '0.182');
});

test('a chart is balanced XML that scales, with date and machine, and colours for the dark', (t) => {
  const svg = chart(report);
  const open: string[] = [];
  for (const [, close, name = '', self] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (close === '/') t.is(open.pop(), name);
    else if (self === '') open.push(name);
  }
  t.deepEqual(open, []);
  t.regex(svg, /^<svg [^>]*viewBox="0 0 \d+ \d+"/);
  t.true(svg.includes('2024-02-29 · A &lt;fast&gt; &quot;one&quot; &amp; more, 2 processors'));
  t.true(svg.includes('prefers-color-scheme: dark'));
  t.notRegex(svg, /NaN|Infinity|undefined/);
});

test('in a chart, more lies further to the right, and twice as far when it is squared', (t) => {
  const svg = chart(report);
  const x = (title: string): number =>
    Number(new RegExp(`cx="([\\d.]+)"[^>]*><title>${title}`).exec(svg)?.[1]);
  const [one, ours, memory] = [x('koa-send 5: 1.00'), x('Sluice: 4.50'), x('Koa, from memory: 9')];
  t.true(one < ours && ours < memory);
  t.is(((ours - one) / (memory - one)).toFixed(2), (Math.log(4.5) / Math.log(9)).toFixed(2));
});

test('a chart without a single case is still one', (t) => {
  t.notRegex(chart({ ...report, cases: [] }), /NaN|Infinity|undefined/);
});

test('text in XML stays text', (t) => {
  t.is(escapeXml(`<a b="&amp;">`), '&lt;a b=&quot;&amp;amp;&quot;&gt;');
});

for (const [value, text] of [
  [undefined, '–'],
  [Number.NaN, '–'],
  [0.1234, '0.12'],
  [9.999, '10.00'],
  [12.34, '12.3'],
  [1234.5, '1,235'],
] as const) {
  test(`${value} is written ${text}`, (t) => t.is(digits(value), text));
}

test('cases and contenders have names of their own', (t) => {
  for (const names of [cases.map(({ name }) => name), contenders.map(({ name }) => name)]) {
    t.is(new Set(names).size, names.length);
  }
});

test('every baseline, ceiling and side of a target takes part in its case', (t) => {
  for (const { baseline, ceiling, contenders: names } of cases) {
    t.true(names.includes(baseline) && names.includes(ceiling));
  }
  for (const target of targets) {
    const names = cases.find(({ name }) => name === target.case)?.contenders ?? [];
    t.true(names.includes(target.contender) && names.includes(target.against), target.case);
  }
});

test('a case is found by its name, and several by their group', (t) => {
  t.deepEqual(
    findCases(['small', '1m']).map(({ name }) => name),
    ['1k', '16k', '100k', '1m'],
  );
  t.throws(() => findCases(['smal']), { instanceOf: TypeError, message: /"smal"; cases: 1k,/ });
});

test('the tables of a run take the place of what stands between the marks of a page', (t) => {
  const page = 'before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n';
  const written = intoPage(page, markdownOf(report));
  t.regex(written, /^before\n<!-- bench: begin -->\n\n2024-02-29, Node 20\.20\.2/);
  t.regex(written, /\n\| 1 KiB, µs\/req +\| 101 +\| – +\| 114 +\| – +\| 455 +\|/);
  t.regex(
    written,
    /\n\| 1k +\| sluice to sirv, requests\/s +\| ≥ 1.1 +\| 1.13 +\| 1.13 +\| reached +\|\n/,
  );
  t.true(written.endsWith('\n\n<!-- bench: end -->\nafter\n'));
  t.is(intoPage(written, markdownOf(report)), written);
  t.throws(() => intoPage('no marks', ''), { message: /no <!-- bench: begin -->/ });
});
