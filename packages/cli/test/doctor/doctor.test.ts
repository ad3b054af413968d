import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { nginx } from '@sluice/core/offload';
import { createRun, uncheckedKey } from '@sluice/core/probe';
import test, { type ExecutionContext } from 'ava';

import {
  doctor,
  DoctorError,
  type DoctorErrorCode,
  type DoctorReport,
  formatDoctorReport,
  serverNames,
} from '../../src/index.ts';
import type { Bench } from '../../src/doctor/bench.ts';
import { createClient } from '../../src/doctor/client.ts';
import { LINKS, STRAY_ORDER } from '../../src/doctor/checks/races.ts';
import { fixFor } from '../../src/doctor/fixes.ts';
import { SECRET, startSite } from './site.ts';
import { FAULTS } from './tables/faults.ts';

test('nothing is found where everything is right, and nothing is left in the store', async (t) => {
  const { url, objects } = await startSite(t);
  const report = await doctor({ url, secret: SECRET });
  t.deepEqual(report.findings, []);
  t.true(report.ok);
  t.is(report.canaries.front, 0);
  t.true(report.canaries.application > 30);
  t.deepEqual(
    report.checks.filter(({ outcome }) => outcome === 'failed'),
    [],
  );
  t.is(objects.size, 0);
});

for (const { title, change, store, timeout, finds, evidence } of FAULTS) {
  const declare = timeout === undefined ? test : test.serial;
  declare(`it is found out that ${title}`, async (t) => {
    const { url, objects } = await startSite(t, { change, store });
    const report = await doctor({ url, secret: SECRET, timeout });
    const { findings } = report;
    t.deepEqual(
      findings.map(({ id }) => id),
      finds,
      JSON.stringify(findings, undefined, 2),
    );
    t.is(
      report.ok,
      findings.every(({ severity }) => severity === 'note'),
    );
    t.regex(findings[0]?.evidence.join('\n') ?? '', new RegExp(evidence, 'm'));
    if (!finds.includes('canary-left')) t.is(objects.size, 0);
  });
}

test('orders that nobody takes are found, with the lines for the server that is named', async (t) => {
  const { url } = await startSite(t, {
    dialect: nginx({ prefix: '/_sluice/' }),
  });
  const report = await doctor({ url, secret: SECRET });
  const [first] = report.findings;
  t.is(first?.id, 'order-shown');
  t.is(report.server, 'nginx');
  const taken = report.findings.find(({ id }) => id === 'order-not-taken');
  t.regex(taken?.sentence ?? '', /Is it the server that the dialect of the application names\?$/);
  t.regex(taken?.evidence[0] ?? '', /^plain: .*, 0 bytes, Server: absent$/);
  t.regex(
    taken?.fix ?? '',
    /^location \^~ \/_sluice\/ \{\n {4}internal;\n {4}alias "\/srv\/private\/";$/m,
  );
  const other = await doctor({ url, secret: SECRET, server: 'caddy' });
  t.is(other.server, 'caddy');
  t.is(other.dialect, 'nginx');
  t.regex(other.findings[0]?.fix ?? '', /^header_down -X-Accel-Redirect$/m);
});

test('an application that counts on a front server and streams everything is found out', async (t) => {
  const { url } = await startSite(t, {
    dialect: nginx({ prefix: '/_sluice/' }),
    store: (driver) => ({ ...driver, localPath: () => undefined }),
  });
  const report = await doctor({ url, secret: SECRET });
  t.deepEqual(
    report.findings.map(({ id }) => id),
    ['forged-header-arrives', 'nothing-sent-by-front'],
  );
  t.regex(report.findings[1]?.evidence[0] ?? '', /the object lies on no local disk/);
});

test('a check that had no download to look at is said not to be tried', async (t) => {
  const { url } = await startSite(t, { change: (ctx) => ctx.throw(403) });
  const { checks } = await doctor({ url, secret: SECRET });
  const passed = checks.filter(({ outcome }) => outcome === 'passed').map(({ title }) => title);
  t.deepEqual(passed, ['No answer, of whatever status, shows an order or a path.']);
});

test('an order on another status is compared with the file that it names, or with none', async (t) => {
  const canary = { key: 'k', sha256: '', headers: {}, sender: 'front', why: '', size: 4 } as const;
  const reply = { asked: '', status: 404, headers: [], body: Buffer.from('file') } as const;
  const received = (id: string): Pick<Bench, 'received'> => ({
    received: new Map([[id, { canary: { ...canary, id, order: '/_sluice/k' }, reply }]]),
  });
  const bench = {
    client: { base: '/', replies: [], ask: () => Promise.resolve(reply), close: () => undefined },
    begin: {
      protocol: 1,
      run: 'r',
      versions: {},
      storage: 's',
      settling: 0,
      refused: [],
      dialect: { name: 'apache', header: 'x-sendfile' },
    },
    description: { canaries: [] },
    server: 'apache',
    sameMachine: false,
  } as const;
  const result = await STRAY_ORDER.run({ ...bench, ...received('plain') });
  t.like(result, [{ id: 'stray-order-shown' }]);
  t.like(await STRAY_ORDER.run({ ...bench, ...received('large') }), {
    untried: 'the file that it names did not arrive',
  });
});

const PROBE_RUN = createRun(Date.now());

interface Told {
  readonly run?: string;
  readonly key?: string;
  readonly path?: string;
  readonly unchecked?: string;
}

/** What an answer may claim, and how the file may be spoilt; the paths lie below the folder. */
const plants: readonly (readonly [
  title: string,
  told: Told,
  spoil: (path: string) => Promise<unknown>,
])[] = [
  ['the link would lie elsewhere', { unchecked: 'victim.conf' }, keep],
  ['the link would lie beside the folder', { unchecked: `${PROBE_RUN}-unchecked.txt` }, keep],
  ['the path is not that of the key', { path: 'etc/os-release' }, keep],
  [
    'the key is of another run',
    { run: createRun(Date.now()), key: `sluice-probe/${PROBE_RUN}.txt` },
    keep,
  ],
  ['the key is none of the catalogue', { key: 'etc/os-release', unchecked: 'etc/x' }, keep],
  ['the run is none', { run: '../x', key: 'x.txt', path: 'x.txt', unchecked: 'x' }, keep],
  ['the file is a FIFO', {}, (path) => replace(path, () => execFileSync('env', ['mkfifo', path]))],
  ['the file is a device', {}, (path) => replace(path, () => symlink('/dev/zero', path))],
  ['the file is another', {}, (path) => writeFile(path, 'life')],
  ['the file is longer', {}, (path) => writeFile(path, 'file and more')],
];

test('a link is planted beside the file of the run, and taken away', async (t) => {
  const { result, planted, left } = await plant(t, {}, keep);
  t.like(result, [{ id: 'links-followed' }]);
  t.regex(planted ?? '', /\/sluice-probe\/\w+-\w+\.txt$/);
  t.deepEqual(left, [`${PROBE_RUN}.txt`]);
});

for (const [title, told, spoil] of plants) {
  test(`no link is planted where ${title}`, async (t) => {
    const { result, planted } = await plant(t, told, spoil);
    t.like(result, { untried: 'the files do not lie on this machine' });
    t.is(planted, undefined);
  });
}

/** Looks for links as a doctor does that was told so. */
async function plant(t: ExecutionContext, told: Told, spoil: (path: string) => Promise<unknown>) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-doctor-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const { run = PROBE_RUN } = told;
  const { key = `sluice-probe/${run}.txt`, unchecked = `sluice-probe/${run}-unchecked.txt` } = told;
  const path = join(folder, told.path ?? key);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, 'file');
  await spoil(path);
  let planted: string | undefined;
  const reply = { asked: '', status: 200, headers: [], body: Buffer.from('file') };
  const canary = { id: 'plain', key, size: 4, sha256: '', headers: {}, path } as const;
  const result = await LINKS.run({
    client: {
      base: '/',
      replies: [],
      async ask() {
        const link = join(folder, unchecked);
        if (existsSync(link)) planted = await readlink(link);
        return reply;
      },
      close: () => undefined,
    },
    begin: { protocol: 1, run, versions: {}, storage: 's', settling: 0, refused: [] },
    description: {
      canaries: [],
      unchecked: { key: uncheckedKey(PROBE_RUN), order: '/', path: join(folder, unchecked) },
    },
    server: 'nginx',
    sameMachine: true,
    received: new Map([
      ['plain', { canary: { ...canary, sender: 'front', why: '', order: '/' }, reply }],
    ]),
  });
  return { result, planted, left: await readdir(dirname(path)) };
}

async function keep(): Promise<void> {}

async function replace(path: string, make: () => unknown): Promise<void> {
  await rm(path);
  await make();
}

test('lines that mend quote a folder as the printed configuration does', (t) => {
  const folder = `/srv/a "b" 'c'`;
  const fixes = serverNames.map((server) => fixFor('file-not-sent', server, { folder }));
  for (const line of [
    `alias "/srv/a \\"b\\" 'c'/";`,
    `XSendFilePath "/srv/a \\"b\\" 'c'"`,
    `"x-sendfile-docroot" => ( "/srv/a \\"b\\" 'c'/" )`,
    `root \`/srv/a "b" 'c'\``,
    `file.dir: '/srv/a "b" ''c''/'`,
  ]) {
    t.true(
      fixes.some((fix) => fix?.includes(line)),
      line,
    );
  }
});

test('headers that the caller gives come with every request', async (t) => {
  const { url } = await startSite(t, {
    above: (ctx, next) => {
      if (ctx.get('Authorization') !== 'Basic eDp5') ctx.throw(401);
      return next();
    },
  });
  const headers = { Authorization: 'Basic eDp5' };
  t.true((await doctor({ url, secret: SECRET, headers })).ok);
  const error = await t.throwsAsync(doctor({ url, secret: SECRET }));
  t.is((error as DoctorError).code, 'NOT_ANSWERED');
  t.regex(error?.message ?? '', /POST \/files\/sluice-probe\/begin → 401/);
});

test('what cannot be looked at is an error that says why, and never the secret', async (t) => {
  const { url } = await startSite(t);
  const slow = await startSite(t, {
    above: (ctx) => {
      ctx.status = 404;
      ctx.set('Date', new Date(Date.now() - 20 * 60_000).toUTCString());
    },
  });
  const dead = await startSite(t, { above: (ctx) => void (ctx.status = 502) });
  const other = `${SECRET}!`;
  const cases: readonly (readonly [
    url: string,
    secret: string,
    code: DoctorErrorCode,
    says: RegExp,
  ])[] = [
    [url, other, 'NOT_ANSWERED', /→ 405\. There are downloads here.* is it the same secret/],
    [`${url}deeper`, SECRET, 'NOT_ANSWERED', /the probe does not answer at \/files\/deeper\//],
    [new URL('/other/', url).href, SECRET, 'NOT_ANSWERED', /→ 404\. Is this the prefix of downl/],
    [dead.url, SECRET, 'NOT_ANSWERED', /→ 502\. The application behind .* does not answer\.$/],
    [slow.url, SECRET, 'NOT_ANSWERED', /clocks of the two machines differ by 20 minutes/],
    [`http://127.0.0.1:${await closedPort()}/files/`, SECRET, 'UNREACHABLE', /ECONNREFUSED/],
  ];
  for (const [address, secret, code, says] of cases) {
    const error = await t.throwsAsync(doctor({ url: address, secret }));
    t.true(error instanceof DoctorError, address);
    t.is((error as DoctorError).code, code);
    t.regex(error?.message ?? '', says);
    t.false(error?.message.includes(secret));
  }
});

test('an answer that does not come is told without the query, which may be a signature', async (t) => {
  const server = createServer((socket) => void socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${port}/files/`);
  const client = createClient({ url, secret: SECRET, headers: {}, timeout: 60_000 });
  t.teardown(() => client.close());
  await t.throwsAsync(client.ask({ target: '/_store/b/k?X-Amz-Signature=5ec' }), {
    message: /^GET \/_store\/b\/k: /,
  });
});

test('a mistake in the options is a TypeError that does not tell the secret', async (t) => {
  const url = 'http://127.0.0.1/files/';
  const call = doctor as (options: unknown) => Promise<unknown>;
  for (const options of [
    undefined,
    { url },
    { url, secret: 'short' },
    { secret: SECRET },
    { url: '/files/', secret: SECRET },
    { url: 'ftp://host/', secret: SECRET },
    { url: 'http://a:b@host/', secret: SECRET },
    { url, secret: SECRET, server: 'iis' },
    { url, secret: SECRET, timeout: 0 },
    { url, secret: SECRET, secrets: 1 },
  ]) {
    const error = await t.throwsAsync(call(options), { instanceOf: TypeError });
    t.regex(error.message, /^doctor: /);
    t.false(error.message.includes(SECRET) || error.message.includes('short"'));
  }
});

const REPORT: DoctorReport = {
  url: 'https://example.org/files/',
  ok: false,
  server: 'nginx',
  dialect: 'nginx',
  storage: 'local',
  versions: { core: '1.2.3', koa: '1.2.4' },
  canaries: { front: 30, application: 3 },
  checks: [
    { title: 'This holds.', outcome: 'passed' },
    { title: 'That holds.', outcome: 'failed' },
    { title: 'This is unknown.', outcome: 'not tried', why: 'no file arrived whole' },
  ],
  findings: [
    {
      id: 'header-lost',
      severity: 'error',
      sentence: 'Headers get lost.',
      evidence: [
        'vary: absent',
        'a\u001b[31m\r\nb',
        ...Array.from({ length: 8 }, (_, at) => String(at)),
      ],
      fix: 'add_header Vary $upstream_http_vary;\ngzip off;',
    },
  ],
};

test('a report is written as lines, and what a server said cannot write on the terminal', (t) => {
  t.is(
    formatDoctorReport(REPORT),
    `https://example.org/files/
The application (core 1.2.3, koa 1.2.4; store: local) orders files from nginx.
Of 33 files the front server sends 30.

✓ This holds.
✗ That holds.
- This is unknown. Not tried: no file arrived whole.

error: Headers get lost. (header-lost)
  seen: vary: absent
  seen: a\\x1b[31m\\x0d\\x0ab
  seen: 0
  seen: 1
  seen: 2
  seen: 3
  seen: 4
  seen: 5
  and 2 more
  mend it with:
    add_header Vary $upstream_http_vary;
    gzip off;

1 error, 0 warnings.
`,
  );
});

interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

test('the command ends with 0 when nothing is wrong, and prints the report', async (t) => {
  const { url } = await startSite(t);
  const { status, out, err } = await run([url]);
  t.is(err, '');
  t.is(status, 0);
  t.regex(out, /^http.*\n[^]*\nNothing is wrong\.\n$/);
});

test('the command ends with 1 when something is wrong, and prints JSON when it is asked to', async (t) => {
  const { url } = await startSite(t, { dialect: nginx({ prefix: '/_sluice/' }) });
  const { status, out } = await run([url, '--json', '--secret-env', 'OTHER'], { OTHER: SECRET });
  t.is(status, 1);
  const report: DoctorReport = JSON.parse(out);
  t.false(report.ok);
  t.is(report.url, url);
  t.is(report.findings[0]?.severity, 'error');
  t.true(report.findings.every(({ sentence, evidence }) => sentence !== '' && evidence.length > 0));
});

const wrong: readonly (readonly [
  title: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  says: RegExp,
])[] = [
  ['without an address', [], {}, /missing required argument 'url'/],
  [
    'with what is no address',
    ['files'],
    {},
    /^sluice doctor: url must be the address of the downloads/,
  ],
  [
    'without a secret',
    ['http://127.0.0.1/'],
    { SLUICE_PROBE_SECRET: '' },
    /variable SLUICE_PROBE_SECRET must hold/,
  ],
  [
    'with a short secret',
    ['http://127.0.0.1/'],
    { SLUICE_PROBE_SECRET: 'abc' },
    /at least 32 characters/,
  ],
  [
    'with another server',
    ['http://127.0.0.1/', '--server', 'iis'],
    {},
    /Allowed choices are nginx/,
  ],
  [
    'with a broken header',
    ['http://127.0.0.1/', '--header', 'x'],
    {},
    /must look like "Name: value"/,
  ],
  [
    'with a secret on the command line',
    ['http://127.0.0.1/', '--secret', SECRET],
    {},
    /unknown option '--secret'/,
  ],
];

for (const [title, args, env, says] of wrong) {
  test(`the command ends with 2 when it is called ${title}`, async (t) => {
    const { status, out, err } = await run(args, env);
    t.is(status, 2, err);
    t.is(out, '');
    t.regex(err, says);
    t.false(err.includes(SECRET));
  });
}

test('the command ends with 2 when nobody answers', async (t) => {
  const { status, err } = await run([`http://127.0.0.1:${await closedPort()}/files/`]);
  t.is(status, 2);
  t.regex(err, /^sluice doctor: nobody answers: .*ECONNREFUSED/);
});

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'doctor', ...args], {
    env: { ...process.env, SLUICE_PROBE_SECRET: SECRET, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { status, out, err };
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('not a port');
  return address.port;
}
