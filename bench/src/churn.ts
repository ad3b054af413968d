// What a bounded cache holds while 10,000 objects go through it: `npx --yes pnpm@12 bench:churn`.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { type Case, filesOf, findCases, urlOf } from './cases.ts';
import { checkAnswer } from './check-answer.ts';
import { findContender } from './contenders.ts';
import { makeFixture } from './fixture.ts';
import { runLoad } from './load/load.ts';
import { findTools, type Tools } from './machine.ts';
import { costOf } from './process-cost.ts';
import { type RunningServer, startContender } from './server/start.ts';

/** Without a cache, and with one of 500 objects that lets go of what was not used for a second. */
const CONTENDERS = ['sluice', 'sluice-500'];

const REQUESTS = 100_000;

/** Lines of the table before all requests are made. */
const LINES = 5;

/** Milliseconds in which everything that nobody uses must have been closed. */
const IDLE = 3000;

const [subject] = findCases(['many']);
const tools = findTools();
if (subject !== undefined) await run(subject);

async function run(one: Case): Promise<void> {
  const fixture = await makeFixture(filesOf([one]));
  try {
    const list = join(fixture.work, 'many.paths');
    await writeFile(list, `${one.files.map(urlOf).join('\n')}\n`);
    for (const name of CONTENDERS) {
      const contender = findContender(name);
      if (contender === undefined) throw new TypeError(`no contender ${name}`);
      const server = await startContender(contender, { fixture, tools, subject: one.name });
      try {
        console.log(`${contender.title}: ${one.title}, ${REQUESTS.toLocaleString('en')} requests`);
        await churn(one, server, list, tools);
      } finally {
        await server.stop();
      }
    }
  } finally {
    await fixture.remove();
  }
}

async function churn(one: Case, server: RunningServer, list: string, given: Tools): Promise<void> {
  const { port, pids } = server;
  const checked = await checkAnswer(port, one);
  if (checked.kind === 'wrong') throw new Error(checked.why);
  const order = { port, connections: one.connections, headers: {}, paths: one.files.map(urlOf) };
  const tell = (when: string): void => {
    const cost = costOf(pids);
    const [memory = 0, descriptors = 0] = [cost?.memory, cost?.descriptors];
    console.log(
      `  ${when.padEnd(22)}${String(descriptors).padStart(6)} descriptors${(memory / 1e6).toFixed(0).padStart(6)} MB`,
    );
  };
  await delay(IDLE);
  tell('before');
  let made = 0;
  for (let line = 1; line <= LINES; line += 1) {
    while (made < (REQUESTS * line) / LINES) {
      const { requests, errors, refusals } = await runLoad(
        'keep-alive',
        { ...order, list, seconds: 1 },
        given,
      );
      if (errors + refusals > 0) throw new Error(`${errors} errors, ${refusals} refusals`);
      made += requests;
    }
    tell(`${made.toLocaleString('en')} requests`);
  }
  await delay(IDLE);
  tell(`${IDLE / 1000} seconds later`);
}
