import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { serverNames } from '@sluice/cli';
import test, { type ExecutionContext } from 'ava';

const EXAMPLES = fileURLToPath(new URL('../../../examples', import.meta.url));

interface Example {
  /** `http://127.0.0.1:40001` */
  readonly origin: string;
  /** Waits for the next line that tells how a download ended. */
  readonly nextEvent: () => Promise<Readonly<Record<string, unknown>>>;
  readonly stop: () => Promise<number | null>;
}

/** Starts what the script that the README names runs once it has built, on a port that is free. */
async function startExample(t: ExecutionContext, server: string): Promise<Example> {
  const folder = join(EXAMPLES, 'front-servers');
  const [, main = ''] =
    /^tsc --build && node (\S+) \w+$/.exec(await scriptOf(folder, server)) ?? [];
  const child = spawn(process.execPath, [main, server, '--port', '0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let complaints = '';
  child.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
  const exit = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`the example ended: ${complaints}`);
      if (pattern.test(value)) return value;
    }
  };
  const [, origin = ''] =
    / listens at (http:\/\/[\d.:]+)\/,/.exec(await next(/ listens at /)) ?? [];
  return {
    origin,
    nextEvent: async () => JSON.parse(await next(/^\{"outcome"/)) as Record<string, unknown>,
    async stop() {
      child.kill('SIGTERM');
      const [status] = (await exit) as [number | null];
      return status;
    },
  };
}

async function scriptOf(folder: string, name: string): Promise<string> {
  const readme = await readFile(join(folder, 'README.md'), 'utf8');
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
  const isNamed = readme.includes(`pnpm@12 -C examples/front-servers ${name}\n`);
  const script = manifest.scripts[name];
  if (!isNamed || script === undefined) throw new Error(`the README names no script ${name}`);
  return script;
}

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
}

const AS_BEN = { authorization: `Basic ${btoa('ben:ben')}` };

for (const server of serverNames) {
  test.serial(
    `${server}: the example's one command serves the site, and the server sends`,
    async (t) => {
      const { origin, nextEvent, stop } = await startExample(t, server);
      const url = `${origin}/files/people/ben/notes.txt`;

      const page = await fetch(`${origin}/`);
      t.regex(await page.text(), /<h1/);

      const allowed = await fetch(url, { headers: AS_BEN });
      t.is(allowed.status, 200);
      const notes = await readFile(join(EXAMPLES, 'basic/.demo/files/people/ben/notes.txt'));
      t.deepEqual(Buffer.from(await allowed.arrayBuffer()), notes);
      t.like(await nextEvent(), { outcome: 'offloaded', person: 'ben', why: `${server} sends it` });

      const denied = await fetch(url);
      t.is(denied.status, 404);
      t.is(await denied.text(), 'Not Found');
      t.like(await nextEvent(), { outcome: 'refused' });

      const range = await fetch(url, { headers: { ...AS_BEN, range: 'bytes=4-15' } });
      t.is(range.status, 206);
      t.is(await range.text(), notes.subarray(4, 16).toString());

      t.is(await stop(), 0);
      await t.throwsAsync(fetch(`${origin}/`), undefined, 'nothing listens any more');
    },
  );
}
