import type { Ask } from '../src/client.ts';
import type { Habits } from '../src/habits.ts';
import type { Sender } from '../src/sender.ts';
import { fileOf, senderOf, targetOf, test } from './helpers.ts';

const DOWNLOADS = 200;

/**
 * How many connections to the application 200 offloaded downloads may take, one after the other: a
 * few for each process of a server that keeps them.
 */
const MOST_CONNECTIONS: Readonly<Record<Exclude<Habits, 'streaming'>, number>> = {
  nginx: 8,
  // Its keep-alive is that of a process, of which it starts more under load.
  apache: 30,
  // mod_proxy closes the connection after every answer.
  lighttpd: DOWNLOADS,
  caddy: 4,
  h2o: 8,
};

/** Counts the connections that a front server opens to the application. */
export function testUpstream({ name, habits }: Sender): void {
  if (habits === 'streaming') return;
  const most = MOST_CONNECTIONS[habits];
  const how =
    most < DOWNLOADS
      ? 'uses connections to the application again for'
      : 'opens a connection to the application for each of';
  test.serial(`${name}: ${how} ${DOWNLOADS} offloaded downloads`, async (t) => {
    const sender = senderOf(t, name);
    const { bytes } = fileOf(t, 'plain.txt');
    const before = sender.connections();
    for (let count = 0; count < DOWNLOADS; count += 1) {
      const answer = await sender.ask({ target: targetOf('plain.txt') });
      if (!answer.body.equals(bytes)) t.fail(`download ${count}`);
    }
    const opened = sender.connections() - before;
    t.log(`${opened} new connections`);
    t.true(opened <= most, `${opened}`);
    if (most === DOWNLOADS) t.is(opened, DOWNLOADS);
  });
}

/** Sends answers of every kind on one connection, where a wrong length would shift them all. */
export function testOneConnection({ name }: Sender): void {
  test.serial(`${name}: keeps answers of one connection apart`, async (t) => {
    const sender = senderOf(t, name);
    const { bytes } = fileOf(t, 'data.zip');
    const target = targetOf('data.zip');
    const range = { range: 'bytes=100-199' };
    const kinds: readonly (Ask & {
      readonly status: number;
      readonly sends: Buffer | undefined;
    })[] = [
      { target, method: 'HEAD', status: 200, sends: NOTHING },
      { target, headers: range, status: 206, sends: bytes.subarray(100, 200) },
      { target, headers: { 'if-none-match': '*' }, status: 304, sends: NOTHING },
      { target, headers: { range: 'bytes=100000-' }, status: 416, sends: undefined },
      { target: targetOf('empty.txt'), status: 200, sends: NOTHING },
      { target: targetOf('empty.txt'), method: 'HEAD', status: 200, sends: NOTHING },
      { target: targetOf('denied/secret.txt'), status: 404, sends: undefined },
      { target, headers: { 'if-match': '"x"' }, status: 412, sends: undefined },
      { target, status: 200, sends: bytes },
    ];
    const asked = [...kinds, ...kinds.toReversed()];
    const answers = await sender.converse(asked);
    for (const [index, answer] of answers.entries()) {
      const { status, sends } = asked[index]!;
      t.is(answer.status, status);
      if (sends !== undefined) t.true(answer.body.equals(sends));
    }
  });
}

const NOTHING = Buffer.alloc(0);
