import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import test from 'ava';

import { DEMO_KEYS } from '../src/content/demo-folder.ts';
import { startMain } from '../test/main-process.ts';

const run = promisify(execFile);

test('the printed lines, pasted into a shell, show what they say', async (t) => {
  const version = await run('curl', ['--version']).catch(() => undefined);
  if (version === undefined) t.fail('This test needs curl, on Debian `apt-get install curl`.');
  const temp = await mkdtemp(join(tmpdir(), 'sluice curl-'));
  const main = await startMain(['--port', '0'], { TMPDIR: temp });
  t.teardown(async () => {
    main.process.kill('SIGKILL');
    await rm(temp, { recursive: true });
  });
  const printed = main.output().matchAll(/^ {2}# (\w+)\n {2}(curl .*)$/gm);
  const commands = Object.fromEntries([...printed].map(([, shows, command]) => [shows, command]));
  const shell = async (shows: string): Promise<string> =>
    (await run('sh', ['-c', commands[shows] ?? 'false'])).stdout;

  const allowed = await shell('allowed');
  t.regex(allowed, /^HTTP\/1\.1 200 OK\r\n/);
  t.regex(await shell('denied'), /^HTTP\/1\.1 404 Not Found\r\n/);
  const range = await shell('range');
  t.regex(range, /^HTTP\/1\.1 206 Partial Content\r\n/);
  const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);
  t.is(bodyOf(range), bodyOf(allowed).slice(4, 16));

  await shell('resumed');
  const demo = fileURLToPath(new URL('../../.demo/files/', import.meta.url));
  const disk = await readFile(join(demo, DEMO_KEYS.recording));
  t.true(disk.equals(await readFile(join(temp, 'sluice-resumed.bin'))), 'the bytes of the disk');
  await main.printed(/"outcome":"partial","status":206,.*"bytes":100000000/);

  main.process.kill('SIGINT');
  t.deepEqual(await once(main.process, 'exit'), [0, null]);
});
