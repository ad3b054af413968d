import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type Answer, field } from '../src/client.ts';
import type { Sender } from '../src/sender.ts';
import { fileOf, senderOf, targetOf, test } from './helpers.ts';

/** Begins downloads at one sender and goes on at another, for every ordered pair. */
export function testResume(senders: readonly Sender[]): void {
  for (const from of senders) {
    for (const to of senders) testPair(from, to);
  }
}

/** What goes on where is decided by the tags: Caddy 2.6 makes its own, all others that of nginx. */
function testPair(from: Sender, to: Sender): void {
  const isShared = (from.habits === 'caddy') === (to.habits === 'caddy');
  const how = isShared ? 'goes on' : 'begins anew';
  test.serial(`a download begun at ${from.name} ${how} at ${to.name}`, async (t) => {
    const file = fileOf(t, 'data.zip');
    const target = targetOf(file.key);
    const begun = await senderOf(t, from.name).ask({ target, stop: { bytes: 30_000 } });
    t.is(begun.status, 200);
    // More may have come in the same piece; a client keeps what it has written.
    const kept = begun.body.subarray(0, 30_000);
    const goOn = (validator: string | undefined): Promise<Answer> => {
      const headers = { range: `bytes=${kept.length}-`, 'if-range': validator ?? '' };
      return senderOf(t, to.name).ask({ target, headers });
    };
    const byTag = await goOn(field(begun, 'etag'));
    t.true(byTag.complete);
    t.is(byTag.status, isShared ? 206 : 200);
    const joined = isShared ? Buffer.concat([kept, byTag.body]) : byTag.body;
    t.true(joined.equals(file.bytes));

    const byDate = await goOn(field(begun, 'last-modified'));
    t.true(byDate.complete);
    t.is(byDate.status, 206);
    t.true(Buffer.concat([kept, byDate.body]).equals(file.bytes));
  });
}

/** Goes on with a file that was cut, as the program does that most people have. */
export function testCurl({ name }: Sender): void {
  test.serial(`${name}: curl goes on where it was cut`, async (t) => {
    const file = fileOf(t, 'data.zip');
    const sender = senderOf(t, name);
    const folder = mkdtempSync(join(tmpdir(), 'sluice-e2e-curl-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const saved = join(folder, 'saved');
    writeFileSync(saved, file.bytes.subarray(0, 30_000));
    const url = `http://127.0.0.1:${sender.port}${targetOf(file.key)}`;
    const args = [
      '--silent',
      '--show-error',
      '--fail',
      '--continue-at',
      '-',
      '--output',
      saved,
      url,
    ];
    await promisify(execFile)('curl', args, { timeout: 30_000 });
    t.true(readFileSync(saved).equals(file.bytes));
  });
}
