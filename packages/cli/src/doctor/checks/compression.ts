import { type Check, sampleOf, NO_SAMPLE } from '../bench.ts';
import { type Reply, shown, valuesOf } from '../client.ts';
import type { Discovery } from '../findings.ts';
import { judge } from './ranges.ts';

/** Says what browsers say, for every file that a front server might like to compress. */
export const COMPRESSION: Check = {
  title: 'Nothing is compressed on its way, whatever the client accepts.',
  async run(bench) {
    const { client, received } = bench;
    const coding = { 'accept-encoding': 'gzip, deflate, br, zstd' };
    const found: Discovery[] = [];
    for (const id of ['plain', 'large', 'active content shown inline', 'further headers']) {
      const one = received.get(id);
      if (one === undefined) continue;
      const reply = await client.ask({ key: one.canary.key, headers: coding });
      if (isChanged(reply, one.reply)) found.push(discover(reply));
    }
    const sample = sampleOf(bench, 'large');
    if (sample === undefined) return NO_SAMPLE;
    const range = 'bytes=2000-5999';
    const part = await client.ask({ key: sample.canary.key, headers: { ...coding, range } });
    if (valuesOf(part, 'content-encoding').length > 0) return [...found, discover(part)];
    return sample.canary.size < 6000
      ? found
      : [...found, ...judge(part, sample, { range, start: 2000, end: 6000 })];
  },
};

function isChanged(reply: Reply, plain: Reply): boolean {
  return valuesOf(reply, 'content-encoding').length > 0 || !reply.body.equals(plain.body);
}

function discover(reply: Reply): Discovery {
  const coding = valuesOf(reply, 'content-encoding').join() || 'none';
  return {
    id: 'compressed',
    evidence: [
      `${shown(reply)}, Content-Encoding: ${coding}, ${reply.body.length} bytes (Accept-Encoding: gzip)`,
    ],
  };
}
