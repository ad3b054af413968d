import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { type Answer, field } from '../src/client.ts';
import { bytesOf, type Disk, diskOf, MARK } from '../src/fixture.ts';
import type { Habits } from '../src/habits.ts';
import type { Sender } from '../src/sender.ts';
import { leaksOf } from '../src/verdict.ts';
import { senderOf, targetOf, test } from './helpers.ts';

/** Tries what a sender does with objects that change under its hands. */
export function testChanges(sender: Sender): void {
  testBetweenRequests(sender);
  testVanishing(sender);
  testReplaced(sender);
  if (sender.storage === 's3') return;
  testCut(sender);
  testSwaps(sender);
}

function testBetweenRequests({ name, storage }: Sender): void {
  test.serial(`${name}: gives whoever resumes a replaced object the new one`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const key = `changing/${name}/replaced.zip`;
    const target = targetOf(key);
    const [first, second] = [bytesOf(`${key} 1`, 5000), bytesOf(`${key} 2`, 5000)];
    await fixture.put(key, first);
    const begun = await sender.ask({ target });
    t.true(begun.body.equals(first));
    const tag = field(begun, 'etag') ?? '';
    const date = field(begun, 'last-modified') ?? '';

    // RFC 9110 §8.8.2.2: a date tells two versions apart if they are not of one second. A file on the
    // disk is made old; what a store takes is of now.
    if (storage === 's3') await delay(1000);
    await fixture.put(key, second);
    for (const validator of [tag, date]) {
      const headers = { range: 'bytes=2000-', 'if-range': validator };
      const resumed = await sender.ask({ target, headers });
      t.is(resumed.status, 200, validator);
      t.true(resumed.body.equals(second), validator);
    }
    const matched = await sender.ask({ target, headers: { 'if-match': tag } });
    t.is(matched.status, 412);
    const stored = await sender.ask({ target, headers: { 'if-none-match': tag } });
    t.is(stored.status, 200);
    t.true(stored.body.equals(second));
    t.not(field(stored, 'etag'), tag);
  });

  // Not serial: it waits.
  test(`${name}: tells apart two versions of the same second and size`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const key = `changing/${name}/twice.zip`;
    const target = targetOf(key);
    const [first, second] = [bytesOf(`${key} 1`, 5000), bytesOf(`${key} 2`, 5000)];
    await fixture.putYoung(key, first);
    const begun = await sender.ask({ target });
    t.true(begun.body.equals(first));
    const tag = field(begun, 'etag') ?? '';

    await fixture.putYoung(key, second);
    const tellsApart = async (): Promise<string> => {
      const resumed = await sender.ask({
        target,
        headers: { range: 'bytes=2000-', 'if-range': tag },
      });
      t.is(resumed.status, 200);
      t.true(resumed.body.equals(second));
      const stored = await sender.ask({ target, headers: { 'if-none-match': tag } });
      t.is(stored.status, 200);
      t.true(stored.body.equals(second));
      return field(stored, 'etag') ?? '';
    };
    t.not(await tellsApart(), tag);
    // By now it has the tag by which it can be resumed.
    await delay(2500);
    const settled = await tellsApart();
    t.regex(settled, /^"/);
    const headers = { range: 'bytes=2000-', 'if-range': settled };
    const resumed = await sender.ask({ target, headers });
    t.is(resumed.status, 206);
    t.true(resumed.body.equals(second.subarray(2000)));
  });
}

function testVanishing({ name, habits }: Sender): void {
  test.serial(`${name}: sends nothing wrong of an object that vanishes meanwhile`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const key = `changing/${name}/vanishing.zip`;
    const bytes = bytesOf(key, 5000);
    for (const headers of [{}, { range: 'bytes=0-99' }]) {
      await fixture.put(key, bytes);
      const remove = (): Promise<void> => fixture.delete(key);
      const answer = await sender.askMeanwhile({ target: targetOf(key), headers }, remove);
      t.deepEqual(leaksOf(answer, fixture), []);
      if (habits === 'streaming') {
        // Whoever has opened it before has it to the end.
        t.true(bytes.subarray(0, answer.body.length).equals(answer.body));
        continue;
      }
      t.true([403, 404].includes(answer.status), `${answer.status}`);
      // How long the object may be kept says nothing of how long it is gone.
      t.regex(field(answer, 'cache-control') ?? 'no-store', /no-store/);
    }
  });
}

function testCut({ name }: Sender): void {
  test.serial(`${name}: sends nothing wrong of an object that is cut meanwhile`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const key = `changing/${name}/cut.zip`;
    const bytes = bytesOf(key, 5000);
    for (const headers of [{}, { range: 'bytes=0-99' }, { range: 'bytes=3000-3099' }]) {
      await fixture.put(key, bytes);
      const cut = (): void => truncateSync(diskOf(fixture).path(key), 1000);
      const answer = await sender.askMeanwhile({ target: targetOf(key), headers }, cut);
      t.deepEqual(leaksOf(answer, fixture), []);
      if (answer.status === 416) continue;
      const start = answer.status === 206 ? startOf(answer) : 0;
      t.true(bytes.subarray(start, start + answer.body.length).equals(answer.body));
      // What seems whole is one of the two versions; all else is seen to be cut.
      const isWhole = answer.status === 200 && answer.complete;
      if (isWhole) t.true([1000, 5000].includes(answer.body.length), `${answer.body.length}`);
    }
  });
}

function testReplaced({ name }: Sender): void {
  test.serial(`${name}: mixes no versions of an object that is replaced meanwhile`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const key = `changing/${name}/exchanged.zip`;
    const [first, second] = [bytesOf(`${key} 1`, 5000), bytesOf(`${key} 2`, 6000)];
    await fixture.put(key, first);
    const exchange = (): Promise<void> => fixture.put(key, second);
    const answer = await sender.askMeanwhile({ target: targetOf(key) }, exchange);
    t.deepEqual(leaksOf(answer, fixture), []);
    if (answer.complete) t.true(answer.body.equals(first) || answer.body.equals(second));
    else t.true(first.subarray(0, answer.body.length).equals(answer.body));
    // Whoever goes on by what they were told comes to the second version, whole or in order.
    const tag = field(answer, 'etag') ?? '';
    const resumed = await sender.ask({
      target: targetOf(key),
      headers: { range: 'bytes=1000-', 'if-range': tag },
    });
    const isSecond = answer.body.equals(second);
    t.true(
      resumed.status === 200
        ? resumed.body.equals(second)
        : isSecond && resumed.body.equals(second.subarray(1000)),
    );
  });
}

/** What may lie in the place of an object by the time that the server looks for it. */
const SWAPS: readonly Swap[] = [
  {
    title: 'a folder',
    lay: (path) => {
      mkdirSync(path);
      writeFileSync(join(path, 'index.html'), `${MARK} index`);
    },
    refusedBy: ['streaming', 'nginx', 'apache', 'lighttpd', 'caddy', 'h2o'],
  },
  {
    title: 'a link out of the root',
    lay: (path, { folder }) => symlinkSync(join(folder, 'outside.txt'), path),
    // The others follow links and have no option against it.
    refusedBy: ['streaming', 'nginx', 'lighttpd'],
  },
  {
    title: 'a FIFO',
    lay: (path) => execFileSync('env', ['mkfifo', path]),
    // In the others a request, a thread, or all that they do would wait for somebody to write to it.
    refusedBy: ['streaming', 'nginx', 'lighttpd'],
  },
];

interface Swap {
  readonly title: string;
  readonly lay: (path: string, disk: Disk) => void;
  readonly refusedBy: readonly Habits[];
}

function testSwaps({ name, habits }: Sender): void {
  for (const { title, lay, refusedBy } of SWAPS) {
    if (!refusedBy.includes(habits)) continue;
    test.serial(
      `${name}: sends nothing but the object when ${title} takes its place`,
      async (t) => {
        const sender = senderOf(t, name);
        const { fixture } = t.context;
        const disk = diskOf(fixture);
        const key = `changing/${name}/${title}/swapped.txt`;
        const bytes = bytesOf(key, 5000);
        for (const headers of [{}, { range: 'bytes=0-99' }]) {
          await fixture.put(key, bytes);
          const swap = (): void => {
            unlinkSync(disk.path(key));
            lay(disk.path(key), disk);
          };
          const answer = await sender.askMeanwhile({ target: targetOf(key), headers }, swap);
          rmSync(disk.path(key), { recursive: true });
          t.deepEqual(leaksOf(answer, fixture), []);
          // The application has opened the object before.
          const isObject = bytes.subarray(0, answer.body.length).equals(answer.body);
          if (habits === 'streaming') t.true(isObject);
          else t.true([403, 404].includes(answer.status), `${answer.status}`);
        }
        const next = await sender.ask({ target: targetOf('plain.txt') });
        t.is(next.status, 200);
      },
    );
  }

  const refuses = habits === 'streaming' || habits === 'nginx' || habits === 'lighttpd';
  const how = refuses ? 'follows no link' : 'has no option against a link';
  test.serial(`${name}: ${how} in the place of a folder`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const key = `changing/${name}/folder/a.txt`;
    const bytes = bytesOf(key, 5000);
    await fixture.put(key, bytes);
    const disk = diskOf(fixture);
    const folder = dirname(disk.path(key));
    const swap = (): void => {
      renameSync(folder, `${folder}.aside`);
      // There is an `a.txt` in it, too.
      symlinkSync(join(disk.folder, 'files-secret'), folder);
    };
    const answer = await sender.askMeanwhile({ target: targetOf(key) }, swap);
    t.deepEqual(leaksOf(answer, fixture), []);
    if (habits === 'streaming') t.true(answer.body.equals(bytes));
    else if (refuses) t.true([403, 404].includes(answer.status), `${answer.status}`);
    // What their pages and their configurations warn of.
    else t.is(answer.body.toString(), `${MARK} sibling`);
  });
}

function startOf(answer: Answer): number {
  return Number(/^bytes (\d+)-/.exec(field(answer, 'content-range') ?? '')?.[1] ?? Number.NaN);
}
