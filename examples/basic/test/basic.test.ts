import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type DownloadEvent, parseKey } from '@sluice/core';
import test from 'ava';

import { createChecksums } from '../src/checksums.ts';
import { DEMO_KEYS, makeDemoFolder } from '../src/content/demo-folder.ts';
import { completionLine } from '../src/log.ts';
import type { Person } from '../src/people.ts';
import { demoPolicy, folderPolicy } from '../src/policy.ts';
import { type Site, startSite } from '../src/site.ts';
import { ask } from './client.ts';
import { runMain, startMain } from './main-process.ts';
import { access, hostileTargets, ranges, RECORDING_BYTES, wrongFlags } from './tables.ts';

const home = await mkdtemp(join(tmpdir(), 'sluice-basic-'));
const files = await makeDemoFolder({ home, bigBytes: RECORDING_BYTES });
const recording = await readFile(join(files, DEMO_KEYS.recording));
const events: DownloadEvent<Person>[] = [];
const told = new EventEmitter();
const site = await startSite({
  root: files,
  policy: demoPolicy,
  port: 0,
  onCompletion(event) {
    events.push(event);
    told.emit('event');
  },
});
const { origin } = site;

test.after.always(async () => {
  await site.close();
  await rm(home, { recursive: true, force: true });
});

test('a person who signs in gets a signed cookie that no script can read', async (t) => {
  const { status, headers } = await signIn('ada');
  t.is(status, 303);
  t.is(headers.location, '/');
  const cookies = headers['set-cookie'] ?? [];
  t.deepEqual(
    cookies.map((cookie) => cookie.split('=')[0]),
    ['person', 'person.sig'],
  );
  for (const cookie of cookies) {
    t.regex(cookie, /; httponly/i);
    t.regex(cookie, /; samesite=lax/i);
  }
});

test('the cookie opens what the person may have, and the page greets them', async (t) => {
  const Cookie = cookieOf(await signIn('ben'));
  const notes = await ask(origin, fileTarget(DEMO_KEYS.notes), { headers: { Cookie } });
  t.is(notes.status, 200);
  t.deepEqual(notes.body, await readFile(join(files, DEMO_KEYS.notes)));
  const page = await ask(origin, '/', { headers: { Cookie } });
  t.regex(page.body.toString(), /Signed in as <strong>Ben<\/strong>, sales team/);
});

test('a cookie whose signature does not fit is nobody', async (t) => {
  const Cookie = cookieOf(await signIn('ben')).replace('person=ben', 'person=ada');
  t.regex(Cookie, /person=ada/);
  const report = await ask(origin, fileTarget(DEMO_KEYS.report), { headers: { Cookie } });
  t.is(report.status, 404);
  const unsigned = await ask(origin, '/', { headers: { Cookie: 'person=ada' } });
  t.regex(unsigned.body.toString(), /Not signed in/);
});

test('signing out takes the cookie back', async (t) => {
  const Cookie = cookieOf(await signIn('ben'));
  const { status, headers } = await ask(origin, '/sign-out', { form: '', headers: { Cookie } });
  t.is(status, 303);
  t.regex(String(headers['set-cookie']), /person=; .*expires=Thu, 01 Jan 1970|person=;/i);
});

test('a form of another site signs nobody in', async (t) => {
  const foreign = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { 'Sec-Fetch-Site': 'cross-site', Origin: origin },
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
  ];
  for (const headers of foreign) {
    for (const target of ['/sign-in', '/sign-out']) {
      const answer = await ask(origin, target, { form: 'person=ada', headers });
      t.is(answer.status, 403, JSON.stringify(headers));
      t.is(answer.headers['set-cookie'], undefined);
    }
  }
  const own = { 'Sec-Fetch-Site': 'same-origin', Origin: origin };
  t.is((await ask(origin, '/sign-in', { form: 'person=ada', headers: own })).status, 303);
});

test('only a POST of somebody we know signs in', async (t) => {
  t.is((await ask(origin, '/sign-in?person=ada')).status, 405);
  for (const form of ['person=eve', 'person=__proto__', '', `person=ada&x=${'x'.repeat(1024)}`]) {
    const answer = await ask(origin, '/sign-in', { form });
    t.is(answer.status, 400, form.slice(0, 40));
    t.is(answer.headers['set-cookie'], undefined);
  }
});

test('Basic authentication with a wrong password is 401 and names the scheme', async (t) => {
  const wrong = ['ada:ben', 'ada:', 'eve:eve', ':', 'ada'];
  for (const credentials of wrong) {
    const Authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    const answer = await ask(origin, fileTarget(DEMO_KEYS.welcome), { headers: { Authorization } });
    t.is(answer.status, 401, credentials);
    t.regex(answer.headers['www-authenticate'] ?? '', /^Basic realm=/);
  }
  t.is((await ask(origin, '/', { headers: { Authorization: 'Bearer x' } })).status, 401);
});

for (const [person, statuses] of Object.entries(access)) {
  const as = person === 'nobody' ? undefined : person;

  test(`the page marks for ${person} what the downloads then answer`, async (t) => {
    const page = (await ask(origin, '/', { as })).body.toString();
    t.deepEqual(
      marksOf(page),
      mapValues(statuses, (status) => (status === 200 ? 'allow' : 'deny')),
    );
    for (const [key, status] of Object.entries(statuses)) {
      const answer = await ask(origin, fileTarget(key), { as });
      t.is(answer.status, status, key);
      if (status !== 200) continue;
      t.true(answer.body.equals(await readFile(join(files, key))), key);
    }
  });
}

test('the page says why: the rule, the reason and the status', async (t) => {
  const { body } = await ask(origin, '/', { as: 'ada' });
  const page = body.toString().replaceAll(/\s+/g, ' ');
  t.regex(
    page,
    /Denied by <code>forPattern\(&quot;people\/:owner\/\*path&quot;\)<\/code>: only ben/,
  );
  t.regex(page, /the offer ended on 2024-12-31 <b>→ 410 Gone<\/b>/);
  t.regex(page, /contracts are for managers <b>→ 403 Forbidden<\/b>/);
  t.regex(page, /Allowed by <code>forPattern\(&quot;teams\/:team\/\*path&quot;\)<\/code>/);
});

test('the page allows no script but its own, and its parts come with their types', async (t) => {
  const { headers } = await ask(origin, '/');
  t.regex(String(headers['content-security-policy']), /default-src 'none'; script-src 'self'/);
  t.notRegex(String(headers['content-security-policy']), /unsafe/);
  const parts = {
    '/client.js': 'text/javascript',
    '/style.css': 'text/css',
    '/icon.svg': 'image/svg',
  };
  for (const [target, type] of Object.entries(parts)) {
    const part = await ask(origin, target);
    t.is(part.status, 200, target);
    t.true(part.headers['content-type']?.startsWith(type), target);
    const again = await ask(origin, target, { headers: { 'If-None-Match': part.headers.etag! } });
    t.is(again.status, 304, target);
  }
});

test('what is denied and what is missing get the same answer, byte for byte', async (t) => {
  const denied = await ask(origin, fileTarget(DEMO_KEYS.notes), { as: 'ada' });
  const missing = await ask(origin, fileTarget('people/ben/no such notes.txt'), { as: 'ada' });
  const none = await ask(origin, fileTarget('people/ada/no such notes.txt'), { as: 'ada' });
  t.is(denied.status, 404);
  t.deepEqual(withoutDate(denied), withoutDate(missing));
  t.deepEqual(withoutDate(denied), withoutDate(none));
});

for (const { title, method, headers, status, contentRange, window } of ranges) {
  test(`the recording: ${title}`, async (t) => {
    const target = fileTarget(DEMO_KEYS.recording);
    const { headers: facts } = await ask(origin, target, { as: 'ada', method: 'HEAD' });
    const tag = facts.etag!;
    t.regex(tag, /^"/, 'a strong tag, or there would be no resume');
    const answer = await ask(origin, target, {
      as: 'ada',
      ...(method !== undefined && { method }),
      headers: mapValues(headers, (value) => value.replace('$tag', tag)),
    });
    t.is(answer.status, status);
    t.is(answer.headers['content-range'], contentRange);
    if (status < 300) t.is(answer.headers['accept-ranges'], 'bytes');
    if (method === 'HEAD') t.is(answer.headers['content-length'], String(RECORDING_BYTES));
    if (window !== undefined) {
      t.true(answer.body.equals(recording.subarray(...window)), 'the bytes of the disk');
    } else if (status < 400) t.is(answer.body.length, 0);
  });
}

test('several ranges come as parts, each with the bytes of the disk', async (t) => {
  const Range = 'bytes=0-9,1500000-1500009,-10';
  const answer = await ask(origin, fileTarget(DEMO_KEYS.recording), {
    as: 'ada',
    headers: { Range },
  });
  t.is(answer.status, 206);
  const boundary = /^multipart\/byteranges; ?boundary="?([^"]+)"?$/.exec(
    answer.headers['content-type'] ?? '',
  )?.[1];
  t.truthy(boundary);
  const parts = answer.body.toString('latin1').split(`--${boundary}`).slice(1, -1);
  const bodies = parts.map((part) => part.slice(part.indexOf('\r\n\r\n') + 4, -2));
  const at = (start: number): string => recording.subarray(start, start + 10).toString('latin1');
  t.deepEqual(bodies, [at(0), at(1_500_000), at(RECORDING_BYTES - 10)]);
});

test('a download in two goes is the object', async (t) => {
  const target = fileTarget(DEMO_KEYS.recording);
  const first = await ask(origin, target, { as: 'ben', headers: { Range: 'bytes=0-1234566' } });
  const rest = await ask(origin, target, {
    as: 'ben',
    headers: { Range: 'bytes=1234567-', 'If-Range': first.headers.etag! },
  });
  t.is(rest.status, 206);
  t.true(Buffer.concat([first.body, rest.body]).equals(recording));
});

test('no other spelling of a key is served', async (t) => {
  for (const target of hostileTargets) {
    t.is((await ask(origin, target, { as: 'ada' })).status, 404, target);
  }
});

test('a hard name arrives whole, and without harm to the header', async (t) => {
  const { headers } = await ask(origin, fileTarget(DEMO_KEYS.report), { as: 'ada' });
  const disposition = headers['content-disposition'] ?? '';
  t.regex(disposition, /^attachment; filename="/);
  const [, encoded = ''] = /filename\*=UTF-8''(\S+)$/.exec(disposition) ?? [];
  t.is(decodeURIComponent(encoded), 'Überblick – 100% "final".pdf');
  t.regex(disposition, /^[\x20-\x7e]+$/);
});

test('the policy names the download, and a handler asks to save it', async (t) => {
  const named = await ask(origin, fileTarget(DEMO_KEYS.recording), { as: 'ada', method: 'HEAD' });
  t.regex(named.headers['content-disposition'] ?? '', /^attachment; .*Harbour studio, all/);
  const picture = await ask(origin, fileTarget(DEMO_KEYS.picture));
  t.notRegex(picture.headers['content-disposition'] ?? '', /attachment/);
  const saved = await ask(origin, `/save?key=${encodeURIComponent(DEMO_KEYS.picture)}`);
  t.regex(saved.headers['content-disposition'] ?? '', /^attachment; filename="?harbour\.png/);
  t.true(saved.body.equals(picture.body));
});

test('what a handler sends is decided by the same policy', async (t) => {
  for (const route of ['/save', '/checksum']) {
    const target = `${route}?key=${encodeURIComponent(DEMO_KEYS.notes)}`;
    t.is((await ask(origin, target, { as: 'ben' })).status, 200);
    t.is((await ask(origin, target, { as: 'ada' })).status, 404);
    t.is((await ask(origin, target)).status, 404);
    t.is((await ask(origin, `${route}?key=..%2Fpackage.json`, { as: 'ada' })).status, 404);
    t.is((await ask(origin, `${route}?key=a&key=b`, { as: 'ada' })).status, 404);
    t.is((await ask(origin, route, { as: 'ada' })).status, 404);
  }
});

test('a checksum is that of the bytes on the disk', async (t) => {
  const target = `/checksum?key=${encodeURIComponent(DEMO_KEYS.recording)}`;
  const expected = createHash('sha256').update(recording).digest('hex');
  t.is((await ask(origin, target, { as: 'ada' })).body.toString(), expected);
  t.is((await ask(origin, target, { as: 'ada' })).body.toString(), expected);
});

test('a checksum is read once for each version of an object', async (t) => {
  const store = { token: 'a', reads: 0, closed: 0 };
  const checksums = createChecksums({
    name: 'counting',
    stat: async () => undefined,
    open: async (key) => {
      const { token } = store;
      return {
        key,
        stat: { size: 1, version: { token, hold: 'immutable' } },
        read() {
          store.reads += 1;
          return Buffer.from(token);
        },
        async close() {
          store.closed += 1;
        },
      };
    },
  });
  const key = parseKey('x')!;
  const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex');
  t.is(await checksums.sha256(key), sumOf('a'));
  t.is(await checksums.sha256(key), sumOf('a'));
  t.deepEqual(store, { token: 'a', reads: 1, closed: 2 });
  store.token = 'b';
  t.is(await checksums.sha256(key), sumOf('b'));
  t.deepEqual(store, { token: 'b', reads: 2, closed: 3 });
});

test('a page that points its own name here gets nothing', async (t) => {
  for (const Host of ['evil.example', '127.0.0.1.evil.example', 'evil.example:3000']) {
    const answer = await ask(origin, fileTarget(DEMO_KEYS.welcome), { headers: { Host } });
    t.is(answer.status, 421, Host);
  }
  for (const Host of ['localhost', 'localhost:3000', '[::1]:3000', 'sluice.localhost', 'box']) {
    const answer = await ask(origin, fileTarget(DEMO_KEYS.welcome), { headers: { Host } });
    t.is(answer.status, 200, Host);
  }
});

test('every download ends in one line that a program can read', async (t) => {
  const key = 'people/ada/line\u0085break\u202e.pdf';
  const event: DownloadEvent<Person> = {
    outcome: 'refused',
    method: 'GET',
    status: 404,
    why: 'the store has no such object',
    key: key as DownloadEvent['key'],
    subject: { id: 'ada', name: 'Ada', team: 'studio', manager: false },
    rule: 'forPattern("people/:owner/*path")',
    ranges: undefined,
    bytes: 0,
    duration: 1.26,
    error: undefined,
  };
  const line = completionLine(event);
  t.regex(line, /^[ -~]+$/);
  t.deepEqual(JSON.parse(line), {
    outcome: 'refused',
    status: 404,
    method: 'GET',
    person: 'ada',
    key,
    rule: 'forPattern("people/:owner/*path")',
    why: 'the store has no such object',
    bytes: 0,
    ms: 1.3,
  });
});

test('the site tells how each download ended', async (t) => {
  const key = DEMO_KEYS.prices;
  const mine = (): readonly DownloadEvent<Person>[] => events.filter((event) => event.key === key);
  const before = mine().length;
  await ask(origin, fileTarget(key), { as: 'ben', headers: { Range: 'bytes=0-9' } });
  await ask(origin, fileTarget(key), { as: 'cleo' });
  // The event comes once the connection has taken the last byte, which the client may see first.
  while (mine().length < before + 2) await once(told, 'event');
  const lines = mine().map(({ outcome, status, bytes, subject }) =>
    [outcome, status, bytes, subject?.id].join(' '),
  );
  t.true(lines.includes('partial 206 10 ben'), lines.join());
  t.true(lines.includes('refused 404 0 cleo'), lines.join());
});

test('the demo folder is made once, and mended where it is damaged', async (t) => {
  const own = await mkdtemp(join(tmpdir(), 'sluice-demo-'));
  t.teardown(() => rm(own, { recursive: true }));
  const folder = await makeDemoFolder({ home: own, bigBytes: 100_000 });
  const paths = Object.values(DEMO_KEYS).map((key) => join(folder, key));
  const facts = async (): Promise<unknown> =>
    Promise.all(paths.map(async (path) => (await stat(path)).ino));
  const made = await facts();
  await makeDemoFolder({ home: own, bigBytes: 100_000 });
  t.deepEqual(await facts(), made);

  const big = join(folder, DEMO_KEYS.recording);
  const whole = await readFile(big);
  t.is(whole.length, 100_000);
  await appendFile(big, 'more');
  await makeDemoFolder({ home: own, bigBytes: 100_000 });
  t.true(whole.equals(await readFile(big)));
  await writeFile(big, whole.subarray(0, 50_000));
  await writeFile(join(folder, DEMO_KEYS.notes), 'damaged');
  await makeDemoFolder({ home: own, bigBytes: 100_000 });
  t.true(whole.equals(await readFile(big)));
  t.regex(await readFile(join(folder, DEMO_KEYS.notes), 'utf8'), /^Ben's notes/);
});

test('a folder of the reader: Ada reads all, Ben what is public, Cleo the top, none the hidden', async (t) => {
  const own = await startOwn(t);
  const statuses = async (as: string | undefined): Promise<unknown> =>
    Promise.all(
      OWN_KEYS.map(async (key) => (await ask(own.origin, fileTarget(key), { as })).status),
    );
  t.deepEqual(await statuses('ada'), [200, 200, 200, 404, 404]);
  t.deepEqual(await statuses('ben'), [404, 404, 200, 404, 404]);
  t.deepEqual(await statuses('cleo'), [200, 404, 200, 404, 404]);
  t.deepEqual(await statuses(undefined), [404, 404, 200, 404, 404]);
});

test('a name that is markup stays a name', async (t) => {
  const own = await startOwn(t);
  const page = (await ask(own.origin, '/', { as: 'ada' })).body.toString();
  t.true(page.includes('&lt;img src=x onerror=alert(1)&gt;'));
  t.false(page.includes('<img src=x'));
  t.deepEqual(Object.keys(marksOf(page)).toSorted(), [...OWN_KEYS].toSorted());
});

test('a wrong command line starts nothing and says what is wrong', async (t) => {
  for (const [args, says] of wrongFlags) {
    const { code, stdout, stderr } = await runMain(args);
    t.is(code, 2, args.join(' '));
    t.regex(stderr, says);
    t.notRegex(stderr, /^\s+at /m, 'no stack');
    t.is(stdout, '');
  }
});

test('help is printed on demand', async (t) => {
  const { code, stdout } = await runMain(['--help']);
  t.is(code, 0);
  t.regex(stdout, /--port N .*\n.*--root DIR/);
});

test('a port in use is said in words', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  const { code, stderr } = await runMain(['--root', files, '--port', port]);
  t.is(code, 1);
  t.is(
    stderr,
    `start: port ${port} is in use. Choose another one with --port N; --port 0 takes any free one.\n`,
  );
});

test('main serves a folder, prints what to try, logs downloads and stops on a signal', async (t) => {
  const main = await startMain(['--root', files, '--port', '0']);
  t.teardown(() => main.process.kill('SIGKILL'));
  const commands = [...main.output().matchAll(/^ {2}(curl .*)$/gm)].map(([, command]) => command!);
  t.is(commands.length, 4);
  t.true(commands.every((command) => command.includes(`${main.origin}/files/`)));
  const [, as = '', url = ''] = /-u (\w+):\1 (\S+)$/.exec(commands[0]!) ?? [];
  t.is((await ask(main.origin, new URL(url).pathname, { as })).status, 200);
  await main.printed(/"outcome":"complete","status":200/);
  main.process.kill('SIGTERM');
  const [code, signal] = (await once(main.process, 'exit')) as [number | null, string | null];
  t.deepEqual([code, signal], [0, null]);
});

const OWN_KEYS = [
  'a <img src=x onerror=alert(1)>.txt',
  'deep/er/b.txt',
  'public/c.txt',
  '.env',
  'deep/.git/config',
];

async function startOwn(t: { teardown(end: () => Promise<void>): void }): Promise<Site> {
  const root = await mkdtemp(join(tmpdir(), 'sluice-own-'));
  for (const key of OWN_KEYS) {
    await mkdir(join(root, key, '..'), { recursive: true });
    await writeFile(join(root, key), `this is ${key}`);
  }
  const own = await startSite({ root, policy: folderPolicy, port: 0 });
  t.teardown(async () => {
    await own.close();
    await rm(root, { recursive: true });
  });
  return own;
}

function signIn(person: string): ReturnType<typeof ask> {
  return ask(origin, '/sign-in', { form: `person=${person}` });
}

function cookieOf({ headers }: Awaited<ReturnType<typeof ask>>): string {
  return (headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0]).join('; ');
}

function fileTarget(key: string): string {
  return `/files/${key.split('/').map(encodeURIComponent).join('/')}`;
}

function marksOf(page: string): Record<string, string> {
  const rows = page.matchAll(/<li class="object (\w+)" data-key="([^"]*)"/g);
  return Object.fromEntries([...rows].map(([, mark, key]) => [unescape(key!), mark!]));
}

function unescape(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}

function withoutDate({ status, headers, body }: Awaited<ReturnType<typeof ask>>): unknown {
  const { date: _, ...others } = headers;
  return { status, headers: others, body: body.toString('latin1') };
}

function mapValues<V, W>(
  record: Readonly<Record<string, V>>,
  change: (value: V) => W,
): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
