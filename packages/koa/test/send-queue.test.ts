import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import test, { type ExecutionContext } from 'ava';

import { sendQueueOf } from '../src/send-queue.ts';

for (const host of ['127.0.0.1', '::1']) {
  test(`the kernel's queue of a connection over ${host} falls as the other end reads`, async (t) => {
    const { sender, reader } = await connection(t, host);
    reader.pause();
    sender.write(Buffer.alloc(16 * 1_048_576));
    const full = await settledQueue(sender);
    if (full === undefined) {
      t.not(process.platform, 'linux');
      return;
    }
    t.true(full > 0);
    t.is(await settledQueue(sender), full);
    reader.resume();
    await once(sender, 'drain');
    await sleep(300);
    t.is(await sendQueueOf(sender), 0);
  });
}

test('a connection that is closed, or never was, has no queue', async (t) => {
  const { sender } = await connection(t, '127.0.0.1');
  sender.destroy();
  t.is(await sendQueueOf(sender), undefined);
});

async function connection(
  t: ExecutionContext,
  host: string,
): Promise<{ sender: Socket; reader: Socket }> {
  const server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const reader = connect(port, host);
  const [sender] = (await once(server, 'connection')) as [Socket];
  for (const socket of [reader, sender]) socket.on('error', () => undefined);
  t.teardown(() => {
    reader.destroy();
    sender.destroy();
    server.close();
  });
  return { sender, reader };
}

/** The kernel goes on moving bytes to the other end's own queue for a moment. */
async function settledQueue(socket: Socket): Promise<number | undefined> {
  let queue = await sendQueueOf(socket);
  for (;;) {
    await sleep(300);
    const next = await sendQueueOf(socket);
    if (next === queue) return next;
    queue = next;
  }
}
