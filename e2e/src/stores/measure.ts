// Measures what it costs to send a large object from a store, in each of the ways there are, beside the AWS SDK
// piped into the response by hand: `npx --yes pnpm@12 bench:stores [MiB] [rounds]`. Starts Ceph by itself. The ways
// take turns, so that what else the machine does hits all of them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';

import { assertKey } from '@sluice/core';
import { createS3Driver } from '@sluice/storage-s3';

import { startFront } from '../front.ts';
import { startCeph } from './ceph.ts';
import type { StoreEngine } from './engine.ts';
import type { MeasuredOptions, Usage, Way } from './measured-app.ts';

const MIB = 1_048_576;
const [size = 1024, rounds = 5] = process.argv.slice(2).map(Number);
const WAYS: readonly Way[] = ['aws-sdk', 'sluice', 'redirect', 'nginx'];
const KEY = 'large.bin';

/** One way of sending that is ready to. */
interface Contender {
  readonly way: Way;
  /** Where clients ask. */
  readonly port: number;
  usage(): Promise<Usage>;
  /** Seconds of processor time that the front server has used. */
  readonly front: () => number;
  stop(): Promise<void>;
}

/** What one download took. */
interface Sample {
  /** Seconds of processor time, of the application. */
  readonly app: number;
  readonly front: number;
  /** Seconds. */
  readonly time: number;
  /** The most bytes of memory until then, of the application. */
  readonly peak: number;
}

const engine = await startCeph();
const contenders: Contender[] = [];
try {
  const bucket = await fill(engine);
  for (const way of WAYS) contenders.push(await start(way, engine, bucket));
  const samples = new Map<Way, Sample[]>(WAYS.map((way) => [way, []]));
  // The first round warms up, and is not counted.
  for (const contender of contenders) await measure(contender);
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      samples.get(contender.way)?.push(await measure(contender));
    }
  }
  print(samples);
} finally {
  for (const contender of contenders) await contender.stop();
  await engine.stop();
}

async function fill(engine: StoreEngine): Promise<string> {
  const { endpoint, region, credentials } = engine;
  const bucket = await engine.createBucket();
  const driver = createS3Driver({ bucket, endpoint, region, credentials, partSize: 64 * MIB });
  const piece = Buffer.alloc(MIB, 'sluice');
  await driver.put(
    assertKey('measure', KEY),
    (async function* pieces() {
      for (let index = 0; index < size; index++) yield piece;
    })(),
  );
  await driver.close();
  return bucket;
}

async function start(
  way: Way,
  { endpoint, region, credentials }: StoreEngine,
  bucket: string,
): Promise<Contender> {
  const options: MeasuredOptions = { way, bucket, endpoint, region, credentials };
  const file = fileURLToPath(new URL('measured-app.js', import.meta.url));
  const child = spawn(process.execPath, [file, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const app = Number(String(line));
  const front =
    way === 'nginx'
      ? await startFront('nginx', 'standalone', {
          app: `http://127.0.0.1:${app}`,
          store: { origin: endpoint },
        })
      : undefined;
  return {
    way,
    port: front?.port ?? app,
    usage: async () => JSON.parse(String(await bodyOf(await ask(app, '/usage')))) as Usage,
    front: front === undefined ? () => 0 : nginxTime,
    async stop() {
      await front?.stop();
      child.kill();
      await once(child, 'exit');
    },
  };
}

async function measure(contender: Contender): Promise<Sample> {
  const { port, front } = contender;
  const [before, frontBefore] = [await contender.usage(), front()];
  const start = performance.now();
  let answer = await ask(port, `/files/${KEY}`);
  const { location } = answer.headers;
  if (location !== undefined) {
    answer.resume();
    answer = await follow(location);
  }
  const length = await lengthOf(answer);
  const time = (performance.now() - start) / 1000;
  if (answer.statusCode !== 200 || length !== size * MIB) {
    throw new Error(`a download ended with ${answer.statusCode} and ${length} bytes`);
  }
  const after = await contender.usage();
  return { app: after.cpu - before.cpu, front: front() - frontBefore, time, peak: after.peak };
}

function ask(port: number, path: string): Promise<IncomingMessage> {
  return follow(`http://127.0.0.1:${port}${path}`);
}

function follow(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, resolve).on('error', reject);
  });
}

async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function lengthOf(answer: IncomingMessage): Promise<number> {
  let length = 0;
  return new Promise((resolve, reject) => {
    answer.on('data', (piece: Buffer) => {
      length += piece.byteLength;
    });
    answer.on('end', () => resolve(length));
    answer.on('error', reject);
  });
}

/** Seconds of processor time of the nginx that this process has started, and of its workers. */
function nginxTime(): number {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const stats = processes.flatMap((id) => {
    try {
      const text = readFileSync(`/proc/${id}/stat`, 'utf8');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      const ticks = Number(fields[11]) + Number(fields[12]);
      return text.includes('(nginx)') ? [{ id, parent: fields[1], ticks }] : [];
    } catch {
      return [];
    }
  });
  const master = stats.find(({ parent }) => parent === String(process.pid));
  const own = stats.filter(({ id, parent }) => id === master?.id || parent === master?.id);
  // Linux counts a hundred ticks a second, whatever its clock.
  return own.reduce((sum, { ticks }) => sum + ticks, 0) / 100;
}

function print(samples: ReadonlyMap<Way, readonly Sample[]>): void {
  const perGib = 1024 / size;
  const least = (values: readonly number[]): string => (Math.min(...values) * perGib).toFixed(2);
  console.log(`${size} MiB from Ceph, the best of ${rounds}, processor seconds for 1 GiB`);
  console.log('| way      | app  | nginx | MB/s | peak memory, MB |');
  console.log('| -------- | ---- | ----- | ---- | --------------- |');
  for (const [way, all] of samples) {
    const speed = (size * MIB) / 1e6 / Math.min(...all.map(({ time }) => time));
    const peak = Math.max(...all.map((one) => one.peak)) / 1e6;
    const cells = [least(all.map(({ app }) => app)), least(all.map(({ front }) => front))];
    console.log(
      `| ${way.padEnd(8)} | ${cells.join(' | ')}  | ${speed.toFixed(0).padStart(4)} | ${peak.toFixed(0).padStart(15)} |`,
    );
  }
}
