import { PROBE_MEDIA_TYPE } from '@sluice/core/probe';

import { type Bench, type Check, sampleOf } from '../bench.ts';
import { type Reply, shown, valuesOf, withoutQuery } from '../client.ts';
import type { Discovery } from '../findings.ts';
import { placesOf } from '../places.ts';

/** Provokes answers that are no downloads, and looks through all answers of the run. */
export const LEAKS: Check = {
  title: 'No answer, of whatever status, shows an order or a path.',
  async run(bench) {
    await provoke(bench);
    const secrets = secretsOf(bench);
    const header = bench.begin.dialect?.header ?? '';
    return bench.client.replies
      .filter((reply) => !isExpected(reply))
      .flatMap((reply) => [...ordersIn(reply, header), ...pathsIn(reply, secrets)]);
  },
};

/** Answers with the pages of the front server and with those of the application. */
async function provoke(bench: Bench): Promise<void> {
  const { client, begin } = bench;
  for (const name of ['not-there.txt', 'not-there/', '%2e%2e/not-there', '%']) {
    await client.ask({ target: `${client.base}sluice-probe/${begin.run}-${name}` });
  }
  const sample = sampleOf(bench);
  if (sample === undefined) return;
  // What the policy says to somebody who is not signed in.
  const target = sample.reply.asked.replace(/^GET /, '');
  await client.ask({ target });
  await client.ask({ target, method: 'DELETE' });
}

/** Answers to the holder of the secret, and the one that has a check of its own. */
function isExpected(reply: Reply): boolean {
  return (
    valuesOf(reply, 'content-type').join() === PROBE_MEDIA_TYPE || reply.asked.endsWith('/stray')
  );
}

const ORDERS =
  /^(?:x-accel-redirect|x-sendfile(?:2|-temporary)?|x-lighttpd-send-?file|x-litespeed-location|x-reproxy-url)$/;

function ordersIn(reply: Reply, header: string): readonly Discovery[] {
  return reply.headers
    .filter(([name]) => name === header || ORDERS.test(name))
    .map(([name, value]) => ({
      id: 'order-shown',
      headers: [name],
      evidence: [`${shown(reply)}, ${name}: ${withoutQuery(value)}`],
    }));
}

function pathsIn(reply: Reply, secrets: readonly string[]): readonly Discovery[] {
  const body = reply.body.toString('latin1');
  return secrets
    .filter((secret) => !reply.asked.includes(secret))
    .flatMap((secret): readonly Discovery[] => {
      const [name] = reply.headers.find(([, value]) => value.includes(secret)) ?? [];
      // Told by the headers of the order itself, already.
      if (name !== undefined && ORDERS.test(name)) return [];
      if (name === undefined && !body.includes(secret)) return [];
      const where = name === undefined ? 'in the body' : `in the header ${name}`;
      return [{ id: 'path-shown', evidence: [`${shown(reply)}, ${secret} ${where}`] }];
    });
}

/** The folder of the canaries on the disk, and within the front server. */
function secretsOf({ description, begin }: Bench): readonly string[] {
  const { folder, internal } = placesOf(description, begin.dialect);
  return [folder, internal]
    .filter((place) => place !== undefined)
    .map((place) => `${place.replace(/\/$/, '')}/sluice-probe`);
}
