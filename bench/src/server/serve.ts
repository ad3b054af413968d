// One contender in a process of its own. Told what to serve over the channel of its parent, it answers
// with its port, and ends when the channel does: it cannot outlive the run.
import { createServer } from 'node:http';

import { cases } from '../cases.ts';
import { findContender } from '../contenders.ts';

process.once('disconnect', () => process.exit());
process.once('message', (order) => {
  listen(order).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});

async function listen(order: unknown): Promise<void> {
  const { contender, root, subject, store } = readOrder(order);
  const found = cases.find(({ name }) => name === subject);
  const listener = findContender(contender)?.listener;
  if (found === undefined || listener === undefined) throw new Error(`${contender}, ${subject}`);
  const server = createServer(
    { keepAliveTimeout: 60_000 },
    await listener({ root, subject: found, store }),
  );
  server.listen(0, '127.0.0.1', 1024, () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') process.send?.({ port: address.port });
  });
}

interface Order {
  readonly contender: string;
  readonly root: string;
  readonly subject: string;
  readonly store: string | undefined;
}

function readOrder(order: unknown): Order {
  if (typeof order === 'object' && order !== null) {
    const fields = { contender: '', root: '', subject: '', store: undefined, ...order };
    const { contender, root, subject, store } = fields;
    const named = [contender, root, subject, ...(store === undefined ? [] : [store])];
    if (named.every((one) => typeof one === 'string' && one !== '')) {
      return { contender, root, subject, store };
    }
  }
  throw new TypeError(`serve: not an order: ${JSON.stringify(order)}`);
}
