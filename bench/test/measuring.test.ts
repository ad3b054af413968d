import test from 'ava';

import { bytesOf, holds } from '../src/fixture.ts';
import { parseResult } from '../src/load/load.ts';
import { parseProcessors } from '../src/machine.ts';
import { readOptions } from '../src/options.ts';
import { costOf, parseProcessorTime, parseStat } from '../src/process-cost.ts';
import { roundOf, type Watched } from '../src/watch.ts';

const PERIOD = 1_000_003;

test('the bytes of a file are the same in pieces as in one, across the end of the period', (t) => {
  const whole = bytesOf('files/a.bin', 0, 2 * PERIOD + 10);
  t.is(whole.length, 2 * PERIOD + 10);
  t.deepEqual(
    bytesOf('files/a.bin', PERIOD - 5, PERIOD + 5),
    whole.subarray(PERIOD - 5, PERIOD + 5),
  );
  t.true(holds('files/a.bin', 7, whole.subarray(7, PERIOD + 90)));
});

test('a body that is shifted, changed or of another file is not taken for the file', (t) => {
  const piece = bytesOf('files/a.bin', 1000, 66_000);
  t.false(holds('files/a.bin', 1001, piece));
  t.false(holds('files/a.bin', 1000 + 65_536, piece));
  t.false(holds('files/b.bin', 1000, piece));
  piece[64_999] = (piece[64_999] ?? 0) ^ 1;
  t.false(holds('files/a.bin', 1000, piece));
});

test('the last line of a load generator is its result', (t) => {
  const line = '{"requests":3,"bytes":10,"seconds":0.5,"p50":1.5,"p99":2,"errors":0,"refusals":1}';
  t.deepEqual(parseResult(`Running 10m test\n  1 threads\n\n${line}\n`), {
    requests: 3,
    bytes: 10,
    seconds: 0.5,
    p50: 1.5,
    p99: 2,
    errors: 0,
    refusals: 1,
  });
  t.throws(() => parseResult('unable to connect\n'), { message: /unable to connect/ });
});

test('a load that ended no request knows no times', (t) => {
  const result = parseResult('{"requests":0,"bytes":9,"seconds":1,"p50":0,"p99":0,"errors":0}');
  t.false('p50' in result);
});

const QUIET: Watched = {
  cost: { cpu: 0.4, peakMemory: 5, memory: 4, descriptors: 3 },
  foreign: 0.05,
  serverBusy: 0.99,
  loadBusy: 0.8,
  loadAverage: 2,
};
const LOAD = { requests: 1000, bytes: 2e6, seconds: 0.5, p50: 1, p99: 2, errors: 0, refusals: 0 };
const GRANTS = { refuses: false };

test('a round has its rates by second, request and 10⁹ bytes', (t) => {
  t.like(roundOf(LOAD, QUIET, GRANTS), {
    requestsPerSecond: 2000,
    bytesPerSecond: 4e6,
    cpuPerRequest: 0.0004,
    cpuPerGB: 200,
    peakMemory: 5,
    marks: [],
  });
});

test('a round without a finished request has no rate of requests', (t) => {
  const round = roundOf({ ...LOAD, requests: 0 }, QUIET, GRANTS);
  t.is(round.requestsPerSecond, undefined);
  t.is(round.cpuPerRequest, undefined);
  t.is(round.bytesPerSecond, 4e6);
});

const doubts = [
  { what: 'foreign load', watched: { foreign: 0.2 }, kind: 'others' },
  { what: 'a high load average', watched: { loadAverage: 3.5 }, kind: 'load' },
  { what: 'a full load generator', watched: { loadBusy: 1, serverBusy: 0.5 }, kind: 'limit' },
  { what: 'errors', load: { errors: 2 }, kind: 'errors' },
  { what: 'refusals of what is granted', load: { refusals: 2 }, kind: 'refusals' },
] as const;
for (const { what, kind, ...change } of doubts) {
  test(`a round is marked for ${what}`, (t) => {
    const load = 'load' in change ? change.load : {};
    const watched = 'watched' in change ? change.watched : {};
    const { marks } = roundOf({ ...LOAD, ...load }, { ...QUIET, ...watched }, GRANTS);
    t.deepEqual(
      marks.map((mark) => mark.kind),
      [kind],
    );
  });
}

test('grants of what must be refused mark a round', (t) => {
  t.is(roundOf(LOAD, QUIET, { refuses: true }).marks[0]?.kind, 'refusals');
  t.deepEqual(roundOf({ ...LOAD, refusals: 1000 }, QUIET, { refuses: true }).marks, []);
});

test('what a machine without /proc does not tell is absent, and marks nothing', (t) => {
  const nothing = { cost: undefined, foreign: undefined, serverBusy: undefined };
  const round = roundOf(LOAD, { ...nothing, loadBusy: undefined, loadAverage: undefined }, GRANTS);
  t.is(round.cpuPerRequest, undefined);
  t.deepEqual(round.marks, []);
  t.is(costOf([-1]), undefined);
});

test('the name of a program may look like other fields of its stat', (t) => {
  const stat = '42 (a) R 1 (b) S 7 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 11 0 1 2 3';
  t.deepEqual(parseStat(stat), { parent: 7, cpu: 2 });
});

test('a processor is busy with everything but idling and waiting for disks', (t) => {
  const stat =
    'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 1 20 5000 700 3 4 2 0 0\ncpu10 1 1 1 1 1 1 1 1\n';
  t.deepEqual(parseProcessorTime(stat, 0), { busy: 1.3 });
  t.is(parseProcessorTime(stat, 1), undefined);
});

for (const [list, processors] of [
  ['0-1', [0, 1]],
  ['3', [3]],
  ['0,2-4,7', [0, 2, 3, 4, 7]],
  ['', []],
] as const) {
  test(`the kernel's list ${JSON.stringify(list)} is ${JSON.stringify(processors)}`, (t) => {
    t.deepEqual(parseProcessors(list), processors);
  });
}

test('the command takes cases, a pace and a folder, and the -- that pnpm hands on', (t) => {
  const options = readOptions(['--', '--case', '1k', '--quick', '--rounds', '7', '--out', 'x']);
  t.deepEqual(
    options.cases.map(({ name }) => name),
    ['1k'],
  );
  t.is(options.pace.rounds, 7);
  t.is(options.out, 'x');
  t.true(options.only?.has('sluice'));
  t.is(readOptions([]).only, undefined);
});

for (const args of [['--rounds', '0'], ['--rounds', 'x'], ['--case', 'x'], ['--fast'], ['x']]) {
  test(`the command refuses ${args.join(' ')}`, (t) => {
    t.throws(() => readOptions(args), { instanceOf: TypeError });
  });
}
