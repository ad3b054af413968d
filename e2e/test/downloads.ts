import { gunzipSync } from 'node:zlib';

import { RATE } from '../src/app.ts';
import { type Answer, field } from '../src/client.ts';
import { bytesOf, HUGE, hugeMark, MARK } from '../src/fixture.ts';
import { LONG_KEY, ODD_NAMES } from '../src/names.ts';
import type { Habits } from '../src/habits.ts';
import type { Sender } from '../src/sender.ts';
import { faultsOf, leaksOf } from '../src/verdict.ts';
import { fileOf, senderOf, targetOf, test } from './helpers.ts';
import { EMPTY_RANGES_REFUSED, HEADERS_OF_OTHERS, NOT_TOLD } from './tables/differences.ts';
import {
  CONFUSED_TARGETS,
  forgedHeaders,
  HEADER_CASES,
  INTERNAL_TARGETS,
  ordersFor,
} from './tables/requests.ts';

/** Tries what a sender does with the objects of a store, and with what is none. */
export function testDownloads(sender: Sender): void {
  testNames(sender);
  testHeaders(sender);
  testSizes(sender);
  testRefusals(sender);
  testForgery(sender);
}

const WHOLE = { status: 200, sends: 'all' } as const;

function testNames(sender: Sender): void {
  testOddNames(sender);
  testLongPath(sender);
  testRoots(sender);
  testValidators(sender);
}

function testOddNames({ name, habits }: Sender): void {
  const isTold = (key: string): boolean => NOT_TOLD[habits](key) === undefined;

  test.serial(`${name}: carries odd names byte for byte`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const faults: Record<string, readonly string[]> = {};
    for (const file of fixture.files.values()) {
      if (!file.key.startsWith('odd/') || !isTold(file.key)) continue;
      const { answer, event } = await sender.askWithEvent({ target: targetOf(file.key) });
      const wrong = faultsOf(answer, WHOLE, { habits, fixture, file });
      const outcome = habits === 'streaming' ? 'complete' : 'offloaded';
      const late = event.outcome === outcome ? [] : [`${event.outcome}: ${event.why}`];
      if (wrong.length + late.length > 0) faults[file.key] = [...wrong, ...late];
    }
    t.deepEqual(faults, {});
  });

  const untold = ODD_NAMES.map((name) => `odd/${name}`).filter((key) => !isTold(key));
  if (untold.length > 0) testUntold(name, habits, untold);
}

function testLongPath({ name, habits, longestKey: key = LONG_KEY }: Sender): void {
  test.serial(`${name}: sends an object whose key is as long as the store takes it`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const bytes = bytesOf('long', 2000);
    await fixture.put(key, bytes);
    const target = `/by-key?${Buffer.from(key).toString('hex')}`;
    const { answer, event } = await sender.askWithEvent({ target });
    t.is(answer.status, 200);
    t.true(answer.body.equals(bytes));
    t.deepEqual(leaksOf(answer, fixture), []);
    t.is(event.outcome, habits === 'streaming' ? 'complete' : 'offloaded', event.why);
  });
}

function testRoots({ name, habits, storage }: Sender): void {
  const what = storage === 's3' ? 'folders in folders' : 'several roots';
  test.serial(`${name}: carries ${what}`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const keys = [
      'videos/film.mp4',
      'videos/old/film.mp4',
      'videosX/film.mp4',
      'videos/odd é%41.txt',
      '_sluice/a.txt',
    ];
    for (const key of keys) {
      const file = fileOf(t, key);
      const { answer, event } = await sender.askWithEvent({ target: targetOf(key) });
      t.deepEqual(faultsOf(answer, WHOLE, { habits, fixture, file }), [], key);
      t.is(event.outcome, habits === 'streaming' ? 'complete' : 'offloaded', key);
    }
    const { answer } = await sender.askWithEvent({ target: targetOf('videos/shadowed.txt') });
    t.is(answer.status, 404);
    t.deepEqual(leaksOf(answer, fixture), []);
  });
}

function testValidators({ name }: Sender): void {
  test.serial(`${name}: gives no two objects the same validator`, async (t) => {
    const sender = senderOf(t, name);
    const tags = new Map<string, string[]>();
    for (const { key } of t.context.fixture.files.values()) {
      if (key.startsWith('denied/')) continue;
      const answer = await sender.ask({ target: targetOf(key), stop: { bytes: 0 } });
      const tag = field(answer, 'etag') ?? 'none';
      t.regex(tag, /^"[^"]{3,}"$/, key);
      tags.set(tag, [...(tags.get(tag) ?? []), key]);
    }
    t.deepEqual(
      [...tags.values()].filter((keys) => keys.length > 1),
      [],
    );
  });
}

/** Of a title: the application sends the object itself. */
function suffixOf(habits: Habits, isStreamed: boolean): string {
  return isStreamed && habits !== 'streaming' ? ' (streamed)' : '';
}

function testUntold(name: string, habits: Habits, untold: readonly string[]): void {
  test.serial(`${name}: leaves names that it cannot be told to the application`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const faults: Record<string, readonly string[]> = {};
    for (const file of untold.map((key) => fileOf(t, key))) {
      const { answer, event } = await sender.askWithEvent({ target: targetOf(file.key) });
      // The application has the tag of nginx, whoever stands in front of it.
      const wrong = faultsOf(answer, WHOLE, { habits: 'streaming', fixture, file });
      const says = event.why.includes(`not sent by ${habits}: `) && event.outcome === 'complete';
      const late = says ? [] : [`${event.outcome}: ${event.why}`];
      if (wrong.length + late.length > 0) faults[file.key] = [...wrong, ...late];
    }
    t.deepEqual(faults, {});
  });
}

function testHeaders({ name, habits }: Sender): void {
  for (const { title, key, headers, streamedBy = [] } of HEADER_CASES) {
    const isStreamed = habits === 'streaming' || streamedBy.includes(habits);
    test.serial(`${name}: carries ${title}${suffixOf(habits, isStreamed)}`, async (t) => {
      const sender = senderOf(t, name);
      const { fixture } = t.context;
      const file = fileOf(t, key);
      const { answer, event } = await sender.askWithEvent({ target: targetOf(key) });
      const asked = { habits: isStreamed ? 'streaming' : habits, fixture, file, headers } as const;
      t.deepEqual(faultsOf(answer, WHOLE, asked), []);
      t.is(event.outcome, isStreamed ? 'complete' : 'offloaded', event.why);
      if (isStreamed && habits !== 'streaming') t.regex(event.why, /not sent by/);
      const range = await sender.ask({ target: targetOf(key), headers: { range: 'bytes=10-19' } });
      t.deepEqual(faultsOf(range, { status: 206, sends: [[10, 19]] }, asked), []);
    });
  }

  const others = Object.entries(HEADERS_OF_OTHERS[habits]);
  const kept = others.filter(([, value]) => value !== undefined).map(([header]) => header);
  const which = kept.length === 0 ? 'no headers' : kept.join(', ');
  test.serial(`${name}: carries ${which} of another middleware`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const file = fileOf(t, 'plain.txt');
    const answer = await sender.ask({ target: `/dressed${targetOf(file.key)}` });
    t.deepEqual(faultsOf(answer, WHOLE, { habits, fixture, file }), []);
    for (const [header, value] of others) t.is(field(answer, header), value, header);
  });

  const isStreamed = habits !== 'nginx';
  const encoded = `carries an encoded object as it is stored${suffixOf(habits, isStreamed)}`;
  test.serial(`${name}: ${encoded}`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const file = fileOf(t, 'encoded/a.txt');
    const headers = { 'content-encoding': 'gzip' };
    for (const accepted of ['gzip', 'identity']) {
      const { answer, event } = await sender.askWithEvent({
        target: targetOf(file.key),
        headers: { 'accept-encoding': accepted },
      });
      const asked = { habits: isStreamed ? 'streaming' : habits, fixture, file, headers } as const;
      t.deepEqual(faultsOf(answer, WHOLE, asked), []);
      t.true(gunzipSync(answer.body).includes(MARK));
      t.is(event.outcome, isStreamed ? 'complete' : 'offloaded', event.why);
    }
  });
}

function testSizes(sender: Sender): void {
  testSmall(sender);
  testMany(sender);
  // The engines of the tests keep what they have in memory.
  if (sender.storage !== 's3') testHuge(sender);
  testRate(sender);
}

function testSmall({ name, habits }: Sender): void {
  test.serial(`${name}: sends an empty object`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const file = fileOf(t, 'empty.txt');
    const target = targetOf(file.key);
    const asked = { habits, fixture, file };
    t.deepEqual(faultsOf(await sender.ask({ target }), WHOLE, asked), []);
    const head = await sender.ask({ method: 'HEAD', target });
    // RFC 9110 §8.6 lets Apache leave a length of 0 out.
    const unsaid = habits === 'apache' ? ['content-length is undefined, not 0'] : [];
    t.deepEqual(faultsOf(head, { ...WHOLE, bodiless: true }, asked), unsaid);
    const refused: string[] = [];
    for (const range of ['bytes=0-0', 'bytes=0-', 'bytes=-1', 'bytes=1-']) {
      const answer = await sender.ask({ target, headers: { range } });
      // RFC 9110 §14.2 lets a server ignore Range; of nothing, no range can be satisfied either.
      if (answer.status !== 200) refused.push(range);
      else t.deepEqual(faultsOf(answer, WHOLE, asked), [], range);
      t.true(answer.complete);
      t.deepEqual(leaksOf(answer, fixture), []);
    }
    t.deepEqual(refused, EMPTY_RANGES_REFUSED[habits]);
  });

  test.serial(`${name}: sends an object of one byte`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const file = fileOf(t, 'one.txt');
    const asked = { habits, fixture, file };
    const target = targetOf(file.key);
    t.deepEqual(faultsOf(await sender.ask({ target }), WHOLE, asked), []);
    const range = await sender.ask({ target, headers: { range: 'bytes=-5' } });
    t.deepEqual(faultsOf(range, { status: 206, sends: [[0, 0]] }, asked), []);
  });
}

function testMany({ name, habits }: Sender): void {
  test.serial(`${name}: sends text as it is stored, whatever codings are accepted`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const asked = { habits, fixture, file: fileOf(t, 'prose.txt') };
    const target = targetOf(asked.file.key);
    const headers = { 'accept-encoding': 'br;q=1.0, zstd, gzip;q=0.8, deflate, *;q=0.1' };
    t.deepEqual(faultsOf(await sender.ask({ target, headers }), WHOLE, asked), []);
    const range = await sender.ask({ target, headers: { ...headers, range: 'bytes=1000-8999' } });
    t.deepEqual(faultsOf(range, { status: 206, sends: [[1000, 8999]] }, asked), []);
  });

  test.serial(`${name}: sends an object of three million bytes`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const file = fileOf(t, 'large.zip');
    const answer = await sender.ask({ target: targetOf(file.key) });
    t.deepEqual(faultsOf(answer, WHOLE, { habits, fixture, file }), []);
  });
}

function testHuge({ name }: Sender): void {
  test.serial(`${name}: sends ranges of an object of five GiB`, async (t) => {
    const sender = senderOf(t, name);
    const target = targetOf(HUGE.key);
    const head = await sender.ask({ method: 'HEAD', target });
    t.is(field(head, 'content-length'), String(HUGE.size));
    const begun = await sender.ask({ target, stop: { bytes: 40 } });
    t.is(field(begun, 'content-length'), String(HUGE.size));
    t.deepEqual(begun.body.subarray(0, 40), hugeMark(0));
    const tag = field(begun, 'etag') ?? '';
    t.is(field(head, 'etag'), tag);
    for (const offset of HUGE.marks) {
      const range = `bytes=${offset}-${offset + 39}`;
      const answer = await sender.ask({ target, headers: { range } });
      t.is(answer.status, 206);
      t.is(field(answer, 'content-range'), `bytes ${offset}-${offset + 39}/${HUGE.size}`);
      t.deepEqual(answer.body, hugeMark(offset));
    }
    const suffix = { range: 'bytes=-40', 'if-range': tag };
    const end = await sender.ask({ target, headers: suffix });
    t.is(end.status, 206);
    t.deepEqual(end.body, hugeMark(HUGE.size - 40));
    const beyond = await sender.ask({ target, headers: { range: `bytes=${HUGE.size}-` } });
    t.is(beyond.status, 416);
  });
}

function testRate({ name, habits }: Sender): void {
  // Not serial: it waits.
  const bounds = habits === 'nginx' || habits === 'lighttpd';
  const bounded = `is bounded by the rate that the policy asks${suffixOf(habits, !bounds)}`;
  test(`${name}: ${bounded}`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const file = fileOf(t, 'slow/a.zip');
    const target = targetOf(file.key);
    const { answer, event } = await sender.askWithEvent({ target, stop: { after: 1000 } });
    t.is(answer.status, 200);
    t.false(answer.complete);
    t.true(answer.body.length > 0);
    // A second, and what lies in buffers on the way.
    t.true(answer.body.length < 6 * RATE, `${answer.body.length} bytes in a second`);
    t.true(file.bytes.subarray(0, answer.body.length).equals(answer.body));
    t.deepEqual(leaksOf(answer, fixture), []);
    t.is(event.outcome, bounds ? 'offloaded' : 'aborted', event.why);
  });
}

function testRefusals({ name, storage }: Sender): void {
  test.serial(`${name}: answers a denied object like one that is missing`, async (t) => {
    const sender = senderOf(t, name);
    const conditions = [
      {},
      { range: 'bytes=0-9' },
      { 'if-none-match': '*' },
      { 'if-match': '"x"' },
      { 'if-match': '*', range: 'bytes=99999999-' },
      { 'if-modified-since': 'Sun, 06 Nov 2044 08:49:37 GMT' },
    ];
    for (const method of ['GET', 'HEAD']) {
      for (const headers of conditions) {
        const target = targetOf('denied/secret.txt');
        const denied = await sender.ask({ method, target, headers });
        const missing = await sender.ask({ method, target: targetOf('denied/miss.txt'), headers });
        const nowhere = await sender.ask({ method, target: targetOf('nowhere.txt'), headers });
        t.is(denied.status, 404);
        t.deepEqual(withoutDate(denied), withoutDate(missing));
        t.deepEqual(withoutDate(denied), withoutDate(nowhere));
        t.deepEqual(leaksOf(denied, t.context.fixture), []);
      }
    }
  });

  for (const { title, target, headers } of CONFUSED_TARGETS) {
    test.serial(`${name}: sends nothing for ${title}`, async (t) => {
      const answer = await senderOf(t, name).ask({ target, headers });
      t.true([400, 403, 404].includes(answer.status), `${answer.status}`);
      t.false(answer.body.includes(MARK));
      t.deepEqual(leaksOf(answer, t.context.fixture), []);
    });
  }

  if (storage !== 's3') testFifo(name);

  for (const { title, target, headers } of INTERNAL_TARGETS) {
    test.serial(`${name}: refuses direct access: ${title}`, async (t) => {
      const answer = await senderOf(t, name).ask({ target, headers });
      t.true([400, 403, 404, 421].includes(answer.status), `${answer.status}`);
      t.false(answer.body.includes(MARK));
    });
  }
}

function testFifo(name: string): void {
  test.serial(`${name}: goes on after a FIFO was asked for`, async (t) => {
    const sender = senderOf(t, name);
    const asked = Array.from({ length: 4 }, () => sender.ask({ target: targetOf('pipe.txt') }));
    for (const answer of await Promise.all(asked)) t.is(answer.status, 404);
    const next = await sender.ask({ target: targetOf('plain.txt') });
    t.deepEqual(next.body, fileOf(t, 'plain.txt').bytes);
  });
}

function testForgery({ name, habits }: Sender): void {
  test.serial(`${name}: takes no orders from a client`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const file = fileOf(t, 'plain.txt');
    const secret = fixture.orderFor('denied/secret.txt');
    for (const headers of forgedHeaders(secret)) {
      const label = JSON.stringify(headers);
      const allowed = await sender.ask({ target: targetOf(file.key), headers });
      t.deepEqual(faultsOf(allowed, WHOLE, { habits, fixture, file }), [], label);
      const denied = await sender.ask({ target: targetOf('denied/secret.txt'), headers });
      t.is(denied.status, 404, label);
      t.deepEqual(leaksOf(denied, fixture), [], label);
      const page = await sender.ask({ target: '/hello', headers });
      t.is(page.status, 200, label);
      t.false(page.body.includes(MARK), label);
      t.deepEqual(leaksOf(page, fixture), [], label);
    }
  });

  // Without a front server there is nobody to order, and so no fence.
  if (habits !== 'streaming') testFence(name);

  for (const how of ['403', '404', '410', '500', '503', 'status', 'body', 'throw', '201', '204']) {
    test.serial(`${name}: sends no file once the answer was changed: ${how}`, async (t) => {
      const sender = senderOf(t, name);
      const { fixture } = t.context;
      // Another body under a 206 would be the mistake of whoever sets it.
      for (const headers of how === 'body' ? [{}] : [{}, { range: 'bytes=0-9' }]) {
        const target = `/after/${how}${targetOf('plain.txt')}`;
        const answer = await sender.ask({ target, headers });
        const status = { status: 403, body: 200, throw: 500 }[how] ?? Number(how);
        t.is(answer.status, status);
        // A body that was not replaced is the application's to send: streamed, it still stands.
        if (how !== 'status' || habits !== 'streaming') t.false(answer.body.includes(MARK));
        if (how !== 'status') t.deepEqual(leaksOf(answer, fixture), []);
        t.deepEqual(leaksOf({ ...answer, body: Buffer.alloc(0) }, fixture), []);
      }
    });
  }
}

function testFence(name: string): void {
  test.serial(`${name}: takes no orders from another handler of the application`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    for (const [header, value] of ordersFor(fixture.orderFor('denied/secret.txt'))) {
      for (const where of ['above', 'below']) {
        const target = `/${where}/${header}?${encodeURIComponent(value)}`;
        const answer = await sender.ask({ target });
        t.false(answer.body.includes(MARK), target);
        t.is(answer.status, 200, target);
        // A client that gets its own words back learns nothing.
        t.is(field(answer, header), undefined, target);
      }
    }
  });
}

function withoutDate({ status, headers, body }: Answer): unknown {
  return { status, headers: headers.filter(([name]) => name !== 'date'), body: body.toString() };
}
