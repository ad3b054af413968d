import { setTimeout as sleep } from 'node:timers/promises';

import {
  BEGIN_KEY,
  PROBE_HEADER,
  PROBE_WINDOW,
  type ProbeBegin,
  type ProbeDescription,
  questionKey,
} from '@sluice/core/probe';

import { serverNames } from '../config/server-name.ts';
import { type Bench, type Check, type CheckResult, orBroken } from './bench.ts';
import { DIRECT_ACCESS } from './checks/access.ts';
import { COMPRESSION } from './checks/compression.ts';
import { HEAD, NOT_MODIFIED } from './checks/conditions.ts';
import { CONNECTIONS } from './checks/connections.ts';
import { downloadAll } from './checks/downloads.ts';
import { FORGED_HEADERS } from './checks/forged-headers.ts';
import { HEADERS, VALIDATORS } from './checks/headers.ts';
import { LEAKS } from './checks/leaks.ts';
import { LINKS, MISSING_FILE, STRAY_ORDER } from './checks/races.ts';
import { EMPTY_FILE, IF_RANGE, RANGES, SEVERAL_RANGES, UNSATISFIABLE } from './checks/ranges.ts';
import { type Client, createClient, NoReplyError, type Reply, valuesOf } from './client.ts';
import { DoctorError } from './doctor-error.ts';
import { checkDoctorOptions, type DoctorOptions, type DoctorSettings } from './doctor-options.ts';
import { type Discovery, findingsOf } from './findings.ts';
import { placesOf } from './places.ts';
import { readBegin, readDescription, readEnd } from './read-answer.ts';
import type { CheckReport, DoctorReport } from './report.ts';

/**
 * Looks at a deployment through its public address: has the application store some files, downloads
 * them in every way, and has them removed. It takes about five seconds.
 *
 * @throws TypeError for a mistake in the options; the message does not hold the secret
 * @throws DoctorError when nobody answers, or nobody who knows the secret
 */
export async function doctor(options: DoctorOptions): Promise<DoctorReport> {
  const settings = checkDoctorOptions(options);
  const client = createClient(settings);
  try {
    const begin = await beginRun(client);
    let left: readonly string[] = [];
    let examined: Examined;
    try {
      examined = await examine(client, begin, settings);
    } finally {
      // Whatever happens, nothing is to stay in the store.
      left = await endRun(client, begin.run);
    }
    return summarize(examined, settings.url, left);
  } finally {
    client.close();
  }
}

async function beginRun(client: Client): Promise<ProbeBegin> {
  const reply = await ask(client, BEGIN_KEY);
  const begin = readBegin(reply);
  if (begin !== undefined) return begin;
  const seen = `the probe does not answer at ${client.base}: ${reply.asked} → ${reply.status}. `;
  throw new DoctorError('NOT_ANSWERED', `${seen}${reasonOf(reply)}`);
}

async function ask(client: Client, key: string): Promise<Reply> {
  try {
    return await client.ask({ method: 'POST', key });
  } catch (error) {
    if (!(error instanceof NoReplyError)) throw error;
    throw new DoctorError('UNREACHABLE', `nobody answers: ${error.message}`, { cause: error });
  }
}

/** What is known of why a probe would not answer. */
function reasonOf(reply: Reply): string {
  const date = Date.parse(valuesOf(reply, 'date').join());
  const minutes = Math.round(Math.abs(Date.now() - date) / 60_000);
  if (minutes * 60_000 >= PROBE_WINDOW) {
    return `The clocks of the two machines differ by ${minutes} minutes; five are allowed.`;
  }
  return (
    REASONS[reply.status] ??
    `Do the front server and the application let POST and the header ${PROBE_HEADER} through?`
  );
}

const REASONS: Readonly<Record<number, string>> = {
  404: 'Is this the prefix of downloads(sluice, { prefix, probe: { secret } })?',
  405: `There are downloads here, but no probe that knows this secret: is it the same secret, and does the front server let the header ${PROBE_HEADER} through?`,
  502: 'The application behind the front server does not answer.',
  503: 'The application behind the front server does not answer.',
  504: 'The application behind the front server does not answer.',
};

/** Milliseconds; what an application could ask for at most. */
const LONGEST_WAIT = 10_000;

async function examine(
  client: Client,
  begin: ProbeBegin,
  settings: DoctorSettings,
): Promise<Examined> {
  await sleep(Math.min(begin.settling, LONGEST_WAIT));
  const described = readDescription(await ask(client, questionKey(begin.run, 'describe')));
  const description: ProbeDescription = described ?? { canaries: [] };
  const server = settings.server ?? serverNames.find((name) => name === begin.dialect?.name);
  const { received, discoveries } = await downloadAll(client, description.canaries);
  const bench: Bench = {
    client,
    begin,
    description,
    server,
    sameMachine: settings.sameMachine,
    received,
  };
  const outcomes = [reportOf(DOWNLOADS, tried(bench, discoveries))];
  const found: Discovery[] = [...circumstancesOf(bench), ...discoveries];
  for (const check of CHECKS) {
    const result = await orBroken(() => check.run(bench));
    outcomes.push(reportOf(check.title, result));
    if (!('untried' in result)) found.push(...result);
  }
  return { bench, outcomes, found };
}

interface Examined {
  readonly bench: Bench;
  readonly outcomes: readonly CheckReport[];
  readonly found: readonly Discovery[];
}

const DOWNLOADS = 'Every file arrives with all its bytes, whatever its name.';

/** The search for leaks is last: it looks through the answers of all others. */
const CHECKS: readonly Check[] = [
  HEADERS,
  VALIDATORS,
  RANGES,
  SEVERAL_RANGES,
  UNSATISFIABLE,
  EMPTY_FILE,
  IF_RANGE,
  NOT_MODIFIED,
  HEAD,
  COMPRESSION,
  DIRECT_ACCESS,
  FORGED_HEADERS,
  CONNECTIONS,
  MISSING_FILE,
  LINKS,
  STRAY_ORDER,
  LEAKS,
];

function tried({ description }: Bench, discoveries: readonly Discovery[]): CheckResult {
  return description.canaries.length === 0 ? { untried: 'there are no files' } : discoveries;
}

function reportOf(title: string, result: CheckResult): CheckReport {
  if ('untried' in result) return { title, outcome: 'not tried', why: result.untried };
  const isFailed = result.some(({ id }) => id !== 'habit-of-server');
  return { title, outcome: isFailed ? 'failed' : 'passed' };
}

/** What the application itself says of the run. */
function circumstancesOf({ begin, description }: Bench): readonly Discovery[] {
  const { objection, refused, dialect } = begin;
  const { canaries } = description;
  const streamed = canaries.filter(({ sender }) => sender === 'application');
  const found: Discovery[] = [];
  if (objection !== undefined) found.push({ id: 'no-canaries', evidence: [objection] });
  else if (canaries.length === 0) {
    const evidence =
      'the application does not find what it has stored; has each process its own store?';
    found.push({ id: 'no-canaries', evidence: [evidence] });
  }
  if (refused.length > 0) {
    const evidence = refused.map(({ id, reason }) => `${id}: ${reason}`);
    found.push({ id: 'canary-refused', evidence });
  }
  if (dialect !== undefined && streamed.length > 0) {
    const isAll = streamed.length === canaries.length;
    const evidence = streamed.map(({ id, why }) => `${id}: ${why}`);
    found.push({ id: isAll ? 'nothing-sent-by-front' : 'streamed-by-application', evidence });
  }
  return found;
}

function summarize(
  { bench: { begin, description, server }, outcomes, found }: Examined,
  url: URL,
  left: readonly string[],
): DoctorReport {
  const { dialect, storage, versions } = begin;
  const all: readonly Discovery[] =
    left.length === 0 ? found : [...found, { id: 'canary-left', evidence: left }];
  const findings = findingsOf(all, server, placesOf(description, dialect));
  const front = description.canaries.filter(({ sender }) => sender === 'front').length;
  return {
    url: url.href,
    ok: findings.every(({ severity }) => severity === 'note'),
    ...(server !== undefined && { server }),
    ...(dialect !== undefined && { dialect: dialect.name }),
    storage,
    versions,
    canaries: { front, application: description.canaries.length - front },
    checks: outcomes,
    findings,
  };
}

/** @returns the canaries that stay; a later run removes them when they are an hour old */
async function endRun(client: Client, run: string): Promise<readonly string[]> {
  try {
    const reply = await client.ask({ method: 'POST', key: questionKey(run, 'end') });
    return readEnd(reply)?.left ?? ['the application did not say what it has removed'];
  } catch (error) {
    if (!(error instanceof NoReplyError)) throw error;
    return [error.message];
  }
}
