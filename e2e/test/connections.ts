import { Agent, get, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';

import type { Habits, Sender } from '../src/sender.ts';
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
  const how = most < DOWNLOADS ? 'uses connections to the application again' : 'opens one for each';
  test.serial(`${name}: ${how}, over ${DOWNLOADS} offloaded downloads`, async (t) => {
    const sender = senderOf(t, name);
    const { bytes } = fileOf(t, 'plain.txt');
    const before = sender.connections();
    for (let count = 0; count < DOWNLOADS; count += 1) {
      const answer = await sender.ask({ target: targetOf('plain.txt') });
      if (!answer.body.equals(bytes)) t.fail(`download ${count}`);
    }
    const opened = sender.connections() - before;
    t.log(`${opened} connections`);
    t.true(opened <= most, `${opened}`);
    if (most === DOWNLOADS) t.is(opened, DOWNLOADS);
  });
}

/** Sends answers of every kind on one connection, where a wrong length would shift them all. */
export function testOneConnection({ name }: Sender): void {
  test.serial(`${name}: keeps answers of one connection apart`, async (t) => {
    const sender = senderOf(t, name);
    const { bytes } = fileOf(t, 'data.zip');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    const ask = async (method: string, key: string, headers = {}): Promise<Seen> => {
      const asked = { agent, port: sender.port, method, headers, path: targetOf(key) };
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        get(asked, resolve).on('error', reject);
      });
      sockets.add(response.socket);
      return { status: response.statusCode, body: await buffer(response) };
    };
    const range = { range: 'bytes=100-199' };
    for (let round = 0; round < 3; round += 1) {
      t.is((await ask('HEAD', 'data.zip')).body.length, 0);
      t.true((await ask('GET', 'data.zip', range)).body.equals(bytes.subarray(100, 200)));
      t.is((await ask('GET', 'data.zip', { 'if-none-match': '*' })).status, 304);
      t.is((await ask('GET', 'data.zip', { range: 'bytes=100000-' })).status, 416);
      t.is((await ask('HEAD', 'data.zip', range)).body.length, 0);
      t.is((await ask('GET', 'empty.txt')).body.length, 0);
      t.is((await ask('GET', 'denied/secret.txt')).status, 404);
      t.is((await ask('GET', 'data.zip', { 'if-match': '"x"' })).status, 412);
      t.is((await ask('HEAD', 'empty.txt')).status, 200);
      t.true((await ask('GET', 'data.zip')).body.equals(bytes));
    }
    agent.destroy();
    t.log(`${sockets.size} connections of the client`);
  });
}

interface Seen {
  readonly status: number | undefined;
  readonly body: Buffer;
}
