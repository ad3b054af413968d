import { GIB, KIB, MANY, MANY_SIZE, manyPath, MIB, type SiteFile } from './fixture.ts';
import type { Metric } from './summary.ts';

/** What is asked, of whom, and what must come back. */
export interface Case {
  readonly name: string;
  /** `--case` takes it in place of the names of its cases. */
  readonly group: string;
  readonly title: string;
  /** Whether it is part of `--quick`. */
  readonly quick: boolean;
  /** All the objects that are asked for; the load generator asks for them in turn. */
  readonly files: readonly SiteFile[];
  readonly method: 'GET' | 'HEAD';
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the request carries the validator that the contender itself gave before. */
  readonly conditional: boolean;
  /** Whether contenders get the objects from a store, over HTTP, and not from the folder. */
  readonly store: boolean;
  readonly load: 'keep-alive' | 'head' | 'slow';
  readonly connections: number;
  /** How many times as long as usual everybody is warmed up. */
  readonly warmUp: number;
  readonly expected: Expected;
  /** What the ratios are made of. */
  readonly metric: Metric;
  /** By name, in the order of the table; those that answer otherwise are named and left out. */
  readonly contenders: readonly string[];
  /** What 1 is: koa-send where it can do this. */
  readonly baseline: string;
  /** What Node, Koa or the front server can do at best. */
  readonly ceiling: string;
}

/** The answer, which is checked before anything is timed. */
interface Expected {
  readonly status: number;
  /** Value of `Content-Length`; `undefined` where each may say what it likes. */
  readonly length: number | undefined;
  /** Windows of the object, half-open; more than one is `multipart/byteranges`. */
  readonly windows: readonly Window[];
}

export interface Window {
  readonly start: number;
  readonly end: number;
}

const KOA_PEERS = ['koa-send', '@koa/send', 'koa-static', 'koa-sendfile'];
const RANGE_PEERS = ['send', 'express', 'fastify', 'sirv'];
const PEERS = [...KOA_PEERS, ...RANGE_PEERS];
const OURS = ['sluice', 'sluice-cache'];
const MEMORY = ['koa-memory', 'node-memory'];
const EVERYBODY = [...PEERS, ...OURS, ...MEMORY, 'nginx'];

/** For cases beside the main ones: the other peers stand on these, or come out as they do. */
const FEWER = ['koa-send', 'send', 'fastify', 'sirv', ...OURS, ...MEMORY, 'nginx'];

/** Connections, unless the case is about them. */
const CONNECTIONS = 50;

/** Of the cases that exist in several sizes. */
const SIZES = {
  '1k': KIB,
  '16k': 16 * KIB,
  '100k': 100 * KIB,
  '1m': MIB,
  '100m': 100 * MIB,
  '1g': GIB,
};

/** Every case, in the order of the run: from small to large. */
export const cases: readonly Case[] = [
  size('1k', '1 KiB', KIB, { group: 'small', quick: true }),
  size('16k', '16 KiB', 16 * KIB, { group: 'small', contenders: FEWER }),
  size('100k', '100 KiB', 100 * KIB, { group: 'small', quick: true }),
  size('500-connections', '16 KiB, 500 connections', 16 * KIB, {
    group: 'connections',
    connections: 500,
    contenders: FEWER,
  }),
  {
    ...size('many', `${MANY.toLocaleString('en')} different files of 4 KiB`, MANY_SIZE),
    group: 'many',
    contenders: FEWER,
    files: Array.from({ length: MANY }, (_, index) => ({
      path: manyPath((index * 7919) % MANY),
      size: MANY_SIZE,
    })),
  },
  {
    ...size('304', '304, the client has it already', 16 * KIB, { group: 'empty', quick: true }),
    conditional: true,
    expected: { status: 304, length: undefined, windows: [] },
    contenders: ['koa-conditional', 'koa-sendfile', ...RANGE_PEERS, ...OURS, ...MEMORY, 'nginx'],
    baseline: 'koa-conditional',
  },
  {
    ...size('head', 'HEAD of 16 KiB', 16 * KIB, { group: 'empty' }),
    method: 'HEAD',
    load: 'head',
    contenders: FEWER,
    expected: { status: 200, length: 16 * KIB, windows: [] },
  },
  {
    ...size('denied', 'denied by the policy', KIB, { group: 'empty', quick: true }),
    files: [{ path: 'files/denied/1k.bin', size: KIB }],
    expected: { status: 404, length: undefined, windows: [] },
    contenders: [...OURS, ...MEMORY],
    baseline: 'koa-memory',
  },
  {
    ...size('missing', 'no such object', KIB, { group: 'empty' }),
    files: [{ path: 'files/missing/1k.bin', size: 0 }],
    expected: { status: 404, length: undefined, windows: [] },
    contenders: FEWER,
  },
  size('1m', '1 MiB', MIB, { group: 'large', quick: true, metric: 'bytesPerSecond' }),
  size('100m', '100 MiB', 100 * MIB, {
    group: 'large',
    metric: 'bytesPerSecond',
    contenders: FEWER,
  }),
  size('1g', '1 GiB', GIB, { group: 'large', quick: true, metric: 'bytesPerSecond' }),
  size('1g-1', '1 GiB, one connection', GIB, {
    group: 'large',
    metric: 'bytesPerSecond',
    connections: 1,
    contenders: ['koa-send', 'send', 'fastify', 'sirv', ...OURS, 'nginx'],
  }),
  range('range', '64 KiB out of 1 GiB', 'bytes=536870913-536936448', {
    start: 536_870_913,
    end: 536_936_449,
  }),
  {
    ...range('suffix', 'the last 64 KiB of 1 GiB', 'bytes=-65536', {
      start: GIB - 64 * KIB,
      end: GIB,
    }),
    contenders: ['send', 'fastify', 'sirv', ...OURS, 'koa-memory', 'nginx'],
  },
  {
    ...range('two-ranges', 'two ranges of 32 KiB out of 1 GiB', 'bytes=1000-33767,5000000-5032767'),
    expected: {
      status: 206,
      length: undefined,
      windows: [
        { start: 1000, end: 33_768 },
        { start: 5_000_000, end: 5_032_768 },
      ],
    },
    contenders: [...RANGE_PEERS, ...OURS, 'nginx'],
    baseline: 'nginx',
    ceiling: 'nginx',
  },
  {
    ...size('rules', 'a policy of 1, 100 and 10,000 rules', KIB, { group: 'policy', quick: true }),
    files: [{ path: 'files/last/1k.bin', size: KIB }],
    contenders: ['rules-1', 'rules-100', 'rules-10000', 'koa-memory'],
    baseline: 'rules-1',
  },
  ...(['1k', '16k', '100k', '1m', '100m', '1g'] as const).map(offload),
  ...(['16k', '1m', '100m'] as const).map(s3),
  {
    ...size('slow', '1 GiB to 500 readers of 64 KiB/s', GIB, {
      group: 'memory',
      quick: true,
      metric: 'memoryPerReader',
      connections: 500,
      contenders: ['koa-send', 'send', 'fastify', 'sirv', ...OURS, 'nginx'],
    }),
    load: 'slow',
    ceiling: 'nginx',
  },
];

/**
 * Finds cases by name or group.
 *
 * @throws TypeError when one is neither, naming all
 */
export function findCases(names: readonly string[]): readonly Case[] {
  const unknown = names.find(
    (name) => !cases.some((one) => one.name === name || one.group === name),
  );
  if (unknown !== undefined) {
    const groups = [...new Set(cases.map(({ group }) => group))].join(', ');
    const all = cases.map(({ name }) => name).join(', ');
    throw new TypeError(`no case ${JSON.stringify(unknown)}; cases: ${all}; groups: ${groups}`);
  }
  return cases.filter(({ name, group }) => names.includes(name) || names.includes(group));
}

/** The files that a set of cases needs, each once. */
export function filesOf(some: readonly Case[]): readonly SiteFile[] {
  const byPath = new Map(some.flatMap(({ files }) => files).map((file) => [file.path, file]));
  return [...byPath.values()].filter(({ size }) => size > 0);
}

/** The URL path of a file. */
export function urlOf({ path }: SiteFile): string {
  return `/${path}`;
}

function size(name: string, title: string, bytes: number, change: Partial<Case> = {}): Case {
  const large = bytes >= MIB;
  return {
    name,
    group: name,
    title,
    quick: false,
    files: [{ path: `files/${bytes}.bin`, size: bytes }],
    method: 'GET',
    headers: {},
    conditional: false,
    store: false,
    load: 'keep-alive',
    connections: CONNECTIONS,
    warmUp: 1,
    expected: { status: 200, length: bytes, windows: [{ start: 0, end: bytes }] },
    metric: 'requestsPerSecond',
    contenders: EVERYBODY,
    baseline: 'koa-send',
    ceiling: large ? 'nginx' : 'koa-memory',
    ...change,
  };
}

function range(name: string, title: string, value: string, window?: Window): Case {
  const windows = window === undefined ? [] : [window];
  return {
    ...size(name, title, GIB, { group: 'ranges', quick: name === 'range' }),
    headers: { range: value },
    expected: { status: 206, length: 64 * KIB, windows },
    contenders: [...RANGE_PEERS, ...OURS, ...MEMORY, 'nginx'],
    baseline: 'send',
    ceiling: 'koa-memory',
  };
}

function titleOf(bytes: number): string {
  if (bytes === GIB) return '1 GiB';
  return bytes < MIB ? `${bytes / KIB} KiB` : `${bytes / MIB} MiB`;
}

function offload(name: keyof typeof SIZES): Case {
  const bytes = SIZES[name];
  return size(`offload-${name}`, `${titleOf(bytes)} behind nginx`, bytes, {
    group: 'offload',
    quick: name === '1m',
    metric: bytes < MIB ? 'requestsPerSecond' : 'bytesPerSecond',
    contenders: ['sluice-offload', 'auth-request', 'sluice-proxied', 'nginx'],
    baseline: 'auth-request',
    ceiling: 'nginx',
  });
}

function s3(name: '16k' | '1m' | '100m'): Case {
  const bytes = SIZES[name];
  return size(`s3-${name}`, `${titleOf(bytes)} from a store`, bytes, {
    group: 's3',
    quick: name === '1m',
    store: true,
    // There is so much code in the AWS SDK that V8 is at work on it for seconds.
    warmUp: 2,
    metric: bytes < MIB ? 'requestsPerSecond' : 'bytesPerSecond',
    contenders: ['koa-s3', 'sluice-s3', 'sluice-s3-cache', 'node-s3', 'nginx-s3'],
    baseline: 'koa-s3',
    ceiling: 'nginx-s3',
  });
}
