import { execFile } from 'node:child_process';
import { Readable } from 'node:stream';
import type nodeTest from 'node:test';
import { promisify } from 'node:util';

import test from 'ava';

import {
  type AvaTest,
  type ContractFixture,
  contractWithAva,
  type ContractReport,
  createMemoryDriver,
  formatReport,
  type JsonReport,
  type MemoryObject,
  type NodeTest,
  reportToJson,
  runContract,
  storageContract,
} from '../../src/testing/index.ts';
import { assertKey } from '../../src/keys/storage-key.ts';
import { createWorldFixture } from './world.ts';

// What runs T-11, which measures memory, is serial here.

/** A fixture with nothing that is optional, around a driver that only reads. */
function createPoorFixture(): ContractFixture {
  const rich = createWorldFixture();
  return {
    driver: {
      name: rich.driver.name,
      stat: (key, call) => rich.driver.stat(key, call),
      async open(key, call) {
        const handle = await rich.driver.open(key, call);
        if (handle === undefined) return undefined;
        return {
          key,
          stat: handle.stat,
          read: (window, call) => handle.read(window, call),
          close: () => handle.close(),
        };
      },
    },
    seed: (key, bytes, meta) => rich.seed(key, bytes, meta),
    remove: (key) => rich.remove(key),
    dispose: () => rich.dispose(),
  };
}

function failing(): ContractFixture {
  const fixture = createWorldFixture();
  return { ...fixture, driver: { ...fixture.driver, stat: async () => undefined } };
}

test.serial(
  'a check whose needs are not met is skipped, and the report names the need',
  async (t) => {
    const report = await runContract(createPoorFixture);
    t.is(report.failed, 0);
    t.true(report.passed > 50);
    t.is(report.passed + report.skipped, storageContract.length);
    const skipped = report.results.filter((result) => result.kind === 'skipped');
    const needy = storageContract.filter(({ needs }) => needs !== undefined);
    t.deepEqual(
      skipped.map(({ check, missing }) => [check.id, ...missing]),
      needy.map(({ id, needs = [] }) => [id, ...needs]),
    );
  },
);

test('a need names all that is within it, as `plant` every kind of plant', async (t) => {
  const without = ['plant', 'remote'] as const;
  const poor = await runContract(createPoorFixture, { without, only: ['O-02', 'O-08', 'F-08'] });
  t.deepEqual(
    poor.results.map(({ kind, check }) => [kind, check.id]),
    [['passed', 'C-00']],
  );
  const create = (): ContractFixture => ({
    ...createPoorFixture(),
    plant: { fifo: async () => {} },
  });
  t.is((await runContract(create, { without, only: ['R-01'] })).failed, 1);
});

test('what the driver is meant to be without is left out, and proved to be absent', async (t) => {
  const without = ['list', 'put'] as const;
  const poor = await runContract(createPoorFixture, { without, only: ['L', 'K-05', 'R-01'] });
  t.deepEqual(
    poor.results.map(({ kind, check }) => [kind, check.id]),
    [
      ['passed', 'C-00'],
      ['passed', 'R-01'],
    ],
  );
  const rich = await runContract(createWorldFixture, { without, only: ['R-01'] });
  t.deepEqual(
    rich.results.map(({ kind, check }) => [kind, check.id]),
    [
      ['failed', 'C-00'],
      ['passed', 'R-01'],
    ],
  );
});

test('a known deviation must fail, and is a failure when it is gone', async (t) => {
  const known = { 'S-01': 'there is no stat', 'R-01': 'cannot read' };
  const report = await runContract(failing, { known, only: ['S-01', 'S-03', 'R-01'] });
  t.deepEqual(
    report.results.map(({ kind, check }) => [kind, check.id]),
    [
      ['known-deviation', 'S-01'],
      ['passed', 'S-03'],
      ['failed', 'R-01'],
    ],
  );
  t.is(report.knownDeviations, 1);
});

test('a driver that hangs fails its checks, and the run comes to its end', async (t) => {
  let disposed = 0;
  const create = (): ContractFixture => {
    const fixture = createWorldFixture();
    const driver = { ...fixture.driver, open: () => new Promise<undefined>(() => undefined) };
    const dispose = async (): Promise<void> => {
      disposed++;
    };
    return { ...fixture, driver, dispose };
  };
  const report = await runContract(create, { only: ['S-01', 'R-01'], timeout: 1000 });
  t.deepEqual(
    report.results.map(({ kind }) => kind),
    ['passed', 'failed'],
  );
  // The fixture is disposed of although the check never ends.
  t.is(disposed, 2);
});

test('a fixture that comes too late fails its check, and is disposed of', async (t) => {
  let dispose = async (): Promise<void> => undefined;
  const disposed = new Promise<void>((resolve) => {
    dispose = async () => resolve();
  });
  const late = async (): Promise<ContractFixture> => {
    await new Promise((made) => setTimeout(made, 60));
    return { ...createWorldFixture(), dispose };
  };
  t.is((await runContract(late, { only: ['S-01'], timeout: 20 })).failed, 1);
  await t.notThrowsAsync(disposed);
});

test('a fixture that cannot be made, or disposed of, is a failure of the check', async (t) => {
  const cannot = await runContract(() => Promise.reject(new Error('no room')), { only: ['S-01'] });
  t.is(cannot.failed, 1);
  const dispose = (): Promise<void> => Promise.reject(new Error('busy'));
  const stuck = await runContract(() => ({ ...createWorldFixture(), dispose }), { only: ['S-01'] });
  t.is(stuck.failed, 1);
  for (const none of [undefined, { dispose: async () => undefined }]) {
    t.is((await runContract(() => none as never, { only: ['S-01'] })).failed, 1);
  }
});

for (const [what, options, message] of [
  ['an unknown check in only', { only: ['S-99'] }, /only names "S-99"/],
  ['an unknown check in known', { known: { 'S-99': 'x' } }, /known names "S-99"/],
  ['an unknown option', { onyl: ['S-01'] }, /unknown option "onyl"/],
  ['an unknown need', { without: ['signURL'], only: ['S-01'] }, /without names "signURL"/],
  ['a timeout beyond all timers', { timeout: 2 ** 31, only: ['S-01'] }, /timeout .*got 2147483648/],
  ['a timeout of nothing', { timeout: 0, only: ['S-01'] }, /timeout must be an integer/],
  ['a concurrency of nothing', { concurrency: 0 }, /concurrency must be an integer/],
] as const) {
  test(`${what} is a TypeError`, async (t) => {
    await t.throwsAsync(() => runContract(createWorldFixture, options as object), {
      instanceOf: TypeError,
      message,
    });
  });
}

test('a report is written as TAP', (t) => {
  const check = { id: 'X-01', title: 'a #title', run: async () => undefined };
  const tap = formatReport({
    passed: 1,
    failed: 1,
    knownDeviations: 1,
    skipped: 1,
    results: [
      { kind: 'passed', check, duration: 1.4 },
      { kind: 'failed', check, duration: 2, error: new Error('two\nlines') },
      { kind: 'known-deviation', check, duration: 3, error: new Error('e'), reason: 'why\nnot' },
      { kind: 'skipped', check, duration: 0, missing: ['put', 'plant.fifo'] },
    ],
  });
  t.is(
    tap,
    String.raw`TAP version 14
1..4
ok 1 - X-01 a \#title
  ---
  duration_ms: 1
  ...
not ok 2 - X-01 a \#title
  ---
  message: "two\nlines"
  ...
not ok 3 - X-01 a \#title # TODO why not
  ---
  message: "e"
  ...
ok 4 - X-01 a \#title # SKIP needs put, plant.fifo
# passed 1, failed 1, known deviations 1, skipped 1
`,
  );
});

test('a report is written as JSON, without errors and functions in it', (t) => {
  const check = { id: 'X-01', title: 'a title', run: async () => undefined };
  const report: ContractReport = {
    passed: 1,
    failed: 1,
    knownDeviations: 1,
    skipped: 1,
    results: [
      { kind: 'passed', check, duration: 1.4 },
      { kind: 'failed', check, duration: 2, error: new Error('wrong') },
      { kind: 'known-deviation', check, duration: 3, error: 'text', reason: 'why not' },
      { kind: 'skipped', check, duration: 0, missing: ['put', 'plant.fifo'] },
    ],
  };
  const named = { id: 'X-01', title: 'a title' };
  const expected: JsonReport = {
    passed: 1,
    failed: 1,
    knownDeviations: 1,
    skipped: 1,
    checks: [
      { ...named, outcome: 'passed', duration: 1 },
      { ...named, outcome: 'failed', duration: 2, message: 'wrong' },
      { ...named, outcome: 'known-deviation', duration: 3, message: 'text', reason: 'why not' },
      { ...named, outcome: 'skipped', duration: 0, missing: ['put', 'plant.fifo'] },
    ],
  };
  t.deepEqual(reportToJson(report), expected);
  t.deepEqual(JSON.parse(formatReport(report, 'json')), expected);
});

test.serial(
  'AVA gets one test after the other, what measures the process first, and is told what is skipped',
  async (t) => {
    const told: (readonly [string, string])[] = [];
    const runs: Parameters<AvaTest>[1][] = [];
    const fake: AvaTest = Object.assign((title: string) => void told.push(['test', title]), {
      serial: (title: string, run: Parameters<AvaTest>[1]) => {
        told.push(['serial', title]);
        runs.push(run);
      },
      skip: (title: string) => void told.push(['skip', title]),
    });
    const only = ['S-01', 'S-07', 'R-01', 'T-11'];
    await contractWithAva(fake, () => ({ ...failing(), seedSparse: undefined as never }), {
      only,
      known: { 'S-01': 'there is no stat' },
      name: 'mine',
    });
    const titled = (id: string): string =>
      `mine: ${id} ${storageContract.find((check) => check.id === id)?.title}`;
    t.deepEqual(told, [
      ['serial', titled('T-11')],
      ['serial', titled('S-01')],
      ['skip', `${titled('S-07')} (needs seedSparse)`],
      ['serial', titled('R-01')],
    ]);
    const logged: unknown[] = [];
    const context = {
      pass: () => true,
      log: (...values: unknown[]) => void logged.push(...values),
    };
    for (const run of runs) await run(context);
    t.deepEqual(logged, ['known deviation: there is no stat']);
  },
);

/** The `test` of `node:test` is what the glue asks for; the compiler proves it. */
type Proved = typeof nodeTest extends NodeTest ? true : never;

test.serial('node:test runs the same contract with the same counts', async (t) => {
  const options = {
    known: { 'S-03': 'a deviation that is not there' },
    only: ['C', 'S', 'O', 'R', 'K'],
  };
  const testing = new URL('../../src/testing/index.js', import.meta.url);
  const world = new URL('world.js', import.meta.url);
  const program = `
    import test from 'node:test';
    import { contractWithNodeTest } from ${JSON.stringify(testing)};
    import { createWorldFixture } from ${JSON.stringify(world)};
    const create = () => ({ ...createWorldFixture(), secrets: undefined });
    contractWithNodeTest(test, create, ${JSON.stringify(options)});
  `;
  const args = ['--input-type=module', '--test-reporter=tap', '--eval', program];
  // What AVA's process hands down would make a child report in another form.
  const { NODE_TEST_CONTEXT: _context, NODE_OPTIONS: _options, ...env } = process.env;
  const ended = promisify(execFile)(process.execPath, args, { env });
  const { stdout } = await t.throwsAsync<Error & { stdout: string }>(ended);
  const count = (name: string): number =>
    Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(stdout)?.[1]);
  const create = () => ({ ...createWorldFixture(), secrets: undefined as never });
  const report = await runContract(create, options);
  t.deepEqual(
    stdout.match(/^not ok \d+ - \S+/gm)?.map((line) => line.slice(-4)),
    ['S-03'],
  );
  t.deepEqual(
    [count('tests'), count('pass'), count('fail'), count('skipped')],
    [report.results.length, report.passed, report.failed, report.skipped],
  );
  t.deepEqual([report.failed, report.skipped], [1, 1]);
  const proved: Proved = true;
  t.true(proved);
});

test('the memory driver copies what it is given and what it gives', async (t) => {
  const driver = createMemoryDriver();
  const key = assertKey('test', '__proto__');
  const bytes = Buffer.from('hello');
  const stat = await driver.put(key, bytes);
  bytes.fill(0);
  const handle = await driver.open(key);
  const piece = (await handle?.read({ start: 0, end: 5 })) as Uint8Array;
  t.is(Buffer.from(piece).toString(), 'hello');
  piece.fill(0);
  t.is(Buffer.from((await handle?.read({ start: 0, end: 5 })) as Uint8Array).toString(), 'hello');
  t.deepEqual(await driver.stat(key), stat);
  t.is(driver.openHandles(), 1);
  await handle?.close();
  t.is(driver.openHandles(), 0);
});

test('the memory driver tags equal bytes equally, with a strong tag', async (t) => {
  const driver = createMemoryDriver();
  const one = await driver.put(assertKey('test', 'one'), Buffer.from('same'));
  const two = await driver.put(assertKey('test', 'two'), Buffer.from('same'));
  const other = await driver.put(assertKey('test', 'other'), Buffer.from('diff'));
  t.is(one.entityTag, two.entityTag);
  t.not(one.entityTag, other.entityTag);
  t.regex(one.entityTag ?? '', /^"[\w-]{43}"$/);
});

test('the map given to a memory driver is the store, shared with who else has it', async (t) => {
  const objects = new Map<string, MemoryObject>();
  const [one, two] = [createMemoryDriver({ objects }), createMemoryDriver({ objects })];
  const key = assertKey('test', 'a');
  objects.set(key, { bytes: Buffer.from('x'), contentType: 'text/plain', contentEncoding: 'br' });
  const stat = await one.stat(key);
  t.deepEqual(
    [stat?.contentType, stat?.contentEncoding, stat?.lastModified],
    ['text/plain', 'br', undefined],
  );
  await one.close();
  t.is((await two.stat(key))?.size, 1);
});

test('a put that waits for its source in vain ends with the signal', async (t) => {
  const driver = createMemoryDriver();
  const controller = new AbortController();
  const silent = (async function* silent(): AsyncGenerator<Uint8Array> {
    await new Promise(() => undefined);
    yield new Uint8Array(0);
  })();
  const put = driver.put(assertKey('test', 'a'), silent, { signal: controller.signal });
  setImmediate(() => controller.abort());
  await t.throwsAsync(put, { code: 'SLUICE_ABORTED' });
});

test('a source that fails when its put is aborted already harms nobody', async (t) => {
  const driver = createMemoryDriver();
  const controller = new AbortController();
  const source = {
    [Symbol.asyncIterator]: () => ({
      // Unheard, what comes after the abort would end the process.
      async next(): Promise<never> {
        controller.abort();
        throw new Error('the upload was broken off');
      },
    }),
  };
  const put = driver.put(assertKey('test', 'a'), source, controller);
  await t.throwsAsync(put, { code: 'SLUICE_ABORTED' });
  await new Promise((resolve) => setImmediate(resolve));
});

test('a put of text for bytes is refused, and stores nothing', async (t) => {
  const driver = createMemoryDriver();
  const key = assertKey('test', 'a');
  const text = Readable.from([Buffer.from('text')]).setEncoding('utf8');
  await t.throwsAsync(driver.put(key, text), { instanceOf: TypeError, message: /must be bytes/ });
  t.is(await driver.stat(key), undefined);
});

test('a memory driver refuses what it is not made for', (t) => {
  t.throws(() => createMemoryDriver({ object: new Map() } as never), { instanceOf: TypeError });
  t.throws(() => createMemoryDriver({ objects: {} as never }), {
    instanceOf: TypeError,
    message: /objects must be a Map, got an object/,
  });
});
