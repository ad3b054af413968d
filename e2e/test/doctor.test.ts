import { readdirSync } from 'node:fs';

import { doctor, type DoctorReport } from '@sluice/cli';
import test from 'ava';

import { BROKEN } from '../src/doctor-broken.ts';
import { type Break, SECRET, startDeployment } from '../src/doctor-deployment.ts';
import { SERVERS } from '../src/front.ts';

for (const server of SERVERS) {
  test(`the doctor finds nothing wrong with ${server} as sluice config sets it up`, async (t) => {
    const { report, left } = await examine(server);
    t.deepEqual(report.findings.filter(isFinding), []);
    t.true(report.ok);
    t.deepEqual(
      report.checks.filter(({ outcome }) => outcome !== 'passed'),
      [],
    );
    t.is(report.server, server);
    t.true(report.canaries.front >= 30, `${report.canaries.front}`);
    t.deepEqual(left, [], 'no file is left in the store');
  });
}

for (const { server, wrong, change, finds, sentence, fix } of BROKEN) {
  test(`the doctor finds out about ${server} that ${wrong}`, async (t) => {
    const { report, left } = await examine(server, change);
    const findings = report.findings.filter(isFinding);
    t.deepEqual(
      findings.map(({ id }) => id),
      finds,
      JSON.stringify(findings, undefined, 2),
    );
    const found = findings.find((finding) => sentence.test(finding.sentence));
    t.regex(found?.fix ?? '', fix);
    t.false(report.ok);
    t.deepEqual(left, [], 'no file is left in the store');
  });
}

test('there are five broken configurations at least for each server', (t) => {
  for (const server of SERVERS) {
    t.true(BROKEN.filter((one) => one.server === server).length >= 5, server);
  }
});

interface Examined {
  readonly report: DoctorReport;
  /** Files of the store when the doctor had gone. */
  readonly left: readonly string[];
}

/** Most of it is waiting, until the files are old enough. */
const AT_ONCE = 4;

const waiting: (() => void)[] = [];
let running = 0;

async function examine(server: (typeof SERVERS)[number], change?: Break): Promise<Examined> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    const deployment = await startDeployment(server, change);
    try {
      const report = await doctor({ url: deployment.url, secret: SECRET, sameMachine: true });
      const entries = readdirSync(deployment.root, { recursive: true, withFileTypes: true });
      const left = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
      return { report, left };
    } finally {
      await deployment.stop();
    }
  } finally {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

function isFinding({ severity }: DoctorReport['findings'][number]): boolean {
  return severity !== 'note';
}
