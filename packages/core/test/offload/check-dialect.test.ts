import { spawnSync } from 'node:child_process';

import test from 'ava';

import { apache, type Dialect, nginx } from '@sluice/core/offload';

import {
  type AvaTest,
  checkDialect,
  dialectChecks,
  type DialectReport,
  dialectWithAva,
  formatDialectReport,
} from '../../src/testing/index.ts';
import { dialectMutants, STORE } from './tables/dialect-mutants.ts';
import { senders } from './tables/names.ts';

const roots = { '': '/srv/private', videos: '/mnt/videos' };

function decodeOf(sender: string): (value: string) => string {
  return senders.find(({ name }) => name === sender)!.readings[0]!;
}

function failuresOf({ results }: DialectReport): readonly (readonly [string, string])[] {
  return results.flatMap((result) =>
    result.kind === 'failed' ? [[result.check.id, String(result.error)] as const] : [],
  );
}

for (const { name, create, readings } of senders) {
  test(`the dialect of ${name} keeps every promise, as each version of the server reads it`, (t) => {
    for (const decode of readings) {
      const report = checkDialect(create(), { roots, decode });
      t.deepEqual(failuresOf(report), []);
      t.is(report.passed + report.skipped, dialectChecks.length);
      t.true(
        report.results.every(({ kind, check }) => kind === 'passed' || check.needs !== 'decode'),
      );
    }
  });
}

for (const [index, [fault, dialect, caughtBy]] of dialectMutants.entries()) {
  test(`a dialect that ${fault} is caught by ${caughtBy} (${index})`, (t) => {
    const report = checkDialect(dialect as Dialect, {
      roots,
      decode: decodeOf('nginx'),
      store: STORE,
    });
    const caught = failuresOf(report).map(([id]) => id);
    t.true(caught.includes(caughtBy), JSON.stringify(failuresOf(report)));
    for (const [, message] of failuresOf(report)) {
      t.regex(message, /^\w*Error( \[ERR_ASSERTION\])?: \S/);
    }
  });
}

test('every check is proved by a dialect that it catches', (t) => {
  const proved = new Set(dialectMutants.map(([, , caughtBy]) => caughtBy));
  t.deepEqual(
    dialectChecks.map(({ id }) => id).filter((id) => !proved.has(id)),
    [],
  );
});

test('ids are unique and of their form, and titles are unique', (t) => {
  const ids = dialectChecks.map(({ id }) => id);
  t.is(new Set(ids).size, ids.length);
  t.is(new Set(dialectChecks.map(({ title }) => title)).size, ids.length);
  for (const id of ids) t.regex(id, /^D-\d\d$/);
});

test('the report says of each odd name under each root whether it is carried', (t) => {
  const { names } = checkDialect(apache(), { roots });
  const of = (name: string): unknown => names.find((each) => each.name === name);
  t.deepEqual(of('with space'), {
    kind: 'carried',
    name: 'with space',
    value: '/srv/private/with space',
  });
  t.deepEqual(of('videos/caf\u00e9'), {
    kind: 'carried',
    name: 'videos/caf\u00e9',
    value: '/mnt/videos/caf\u00c3\u00a9',
  });
  for (const name of ['100%', '%41.txt', 'trailing ', 'line\nfeed']) {
    const why = 'no range was asked for; not sent by apache: it cannot be told the name';
    t.deepEqual(of(name), { kind: 'streamed', name, why });
  }
  t.is(names.length, new Set(names.map(({ name }) => name)).size);
});

test('a name that no head has room for is streamed, whoever could spell it', (t) => {
  const { names } = checkDialect(nginx({ prefix: '/_sluice/' }));
  const longest = names.find(({ name }) => name.length > 3000);
  t.is(longest?.kind, 'streamed');
  const roomy = checkDialect(nginx({ prefix: '/_sluice/', bufferSize: 32_768 })).names;
  t.is(roomy.find(({ name }) => name.length > 3000)?.kind, 'carried');
});

test('what the dialect or the options have not is skipped by name', (t) => {
  const { results, skipped } = checkDialect(apache());
  const missing = results.flatMap((each) => (each.kind === 'skipped' ? [each.missing] : []));
  t.deepEqual(missing, [
    'decode',
    'entityTagOf',
    'rateHeaderFor',
    'rateHeaderFor',
    'objectionTo',
    'store',
    'store',
  ]);
  t.is(skipped, 7);
});

test('what is no dialect is told once, and nothing else is asked of it', (t) => {
  for (const value of [undefined, null, 'nginx', [], {}]) {
    const report = checkDialect(value as never);
    t.like(report, { passed: 0, failed: 1, skipped: dialectChecks.length - 1, names: [] });
  }
});

test('a dialect whose members need their object is asked on it', (t) => {
  class Mine implements Dialect {
    readonly name = 'mine';
    readonly header = 'x-sendfile';
    readonly makes = Object.freeze(['content-length']);
    readonly #base = apache();
    valueFor(...asked: Parameters<Dialect['valueFor']>): string | undefined {
      return this.#base.valueFor(...asked);
    }
    carries(...asked: Parameters<Dialect['carries']>): boolean {
      return this.#base.carries(...asked);
    }
  }
  const report = checkDialect(new Mine(), { decode: decodeOf('apache') });
  t.deepEqual(failuresOf(report), []);
  t.true(report.names.some(({ kind }) => kind === 'carried'));
});

test('mistakes in the options are mistakes of the program', (t) => {
  const dialect = apache();
  for (const [options, message] of [
    [{ root: '/srv' }, /^checkDialect: unknown option "root"/],
    [{ decode: 'percent' }, /^checkDialect: decode must be a function, got "percent"$/],
    [{ store: 's3' }, /^checkDialect: store must be an origin, got "s3"$/],
    [{ roots: {} }, /at least one root/],
    [{ roots: { '': 'srv' } }, /absolute path/],
  ] as const) {
    t.throws(() => checkDialect(dialect, options as never), { instanceOf: TypeError, message });
  }
});

test('a report is written as TAP, with a line for each name', (t) => {
  const broken = { ...apache(), makes: ['content-length'] };
  const text = formatDialectReport(checkDialect(broken));
  t.regex(text, /^TAP version 14\n1\.\.19\nok 1 - D-01 /);
  t.regex(text, /\nnot ok 2 - D-02 .*\n {2}---\n {2}message: "makes is not frozen"\n {2}\.\.\.\n/);
  t.regex(text, /\nok 7 - D-07 .* # SKIP needs decode\n/);
  t.regex(text, /\n# carried {2}"with space" as "\/srv\/private\/with space"\n/);
  t.regex(text, /\n# streamed "line\\nfeed"\n/);
  t.regex(text, /\n# passed 11, failed 1, skipped 7\n$/);
});

test('AVA gets a test for each check, and a skipped one for what is not there', async (t) => {
  const seen: string[] = [];
  const runs: Promise<void>[] = [];
  const context = { pass: () => undefined, log: () => undefined };
  const fake: AvaTest = Object.assign(
    (title: string, run: Parameters<AvaTest>[1]) => {
      seen.push(title);
      runs.push(run(context));
    },
    {
      serial: () => undefined,
      skip: (title: string) => {
        seen.push(`skip ${title}`);
      },
    },
  );
  dialectWithAva(fake, apache());
  await Promise.all(runs);
  t.is(seen.length, dialectChecks.length);
  t.is(seen[0], 'apache: D-01 createSluice takes it, and its name is one word for logs');
  t.is(seen.filter((title) => title.startsWith('skip ')).length, 7);
  t.regex(seen[6] ?? '', /^skip apache: D-07 .* \(needs decode\)$/);
  runs.length = 0;
  dialectWithAva(fake, { ...apache(), makes: ['content-length'] });
  const outcomes = await Promise.allSettled(runs);
  t.is(outcomes.filter(({ status }) => status === 'rejected').length, 1);
});

// AVA itself, on a dialect that has everything.
const whole: Dialect = {
  ...nginx({ prefix: '/_sluice/', store: { origin: STORE } }),
  objectionTo: () => undefined,
};
dialectWithAva(test, whole, { roots, decode: decodeOf('nginx'), store: STORE });

test('node:test runs the checks, skips what is not there, and fails what is broken', (t) => {
  const script = `
    import test from 'node:test';
    import { apache } from '@sluice/core/offload';
    import { dialectWithNodeTest } from '@sluice/core/testing';
    dialectWithNodeTest(test, apache());
    dialectWithNodeTest(test, { ...apache(), name: 'broken', makes: ['content-length'] });`;
  const { stdout } = spawnSync(
    process.execPath,
    ['--test-reporter=tap', '--input-type=module', '--eval', script],
    { encoding: 'utf8', cwd: new URL('.', import.meta.url) },
  );
  t.regex(stdout, /ok \d+ - apache: D-05 no two files share a value\n/);
  t.regex(stdout, /ok \d+ - apache: D-07 [^\n]* # SKIP needs decode\n/);
  t.regex(stdout, /not ok \d+ - broken: D-02 /);
  t.regex(stdout, /\n# fail 1\n/);
  t.regex(stdout, /\n# skipped 14\n/);
});
