import { type Check, NO_SAMPLE, type Received, sampleOf } from '../bench.ts';
import { type Reply, shown, valuesOf } from '../client.ts';
import type { FindingId } from '../finding-kinds.ts';
import type { Discovery } from '../findings.ts';

/** Asks for parts of the large file and compares them with the whole. */
export const RANGES: Check = {
  title: 'Single ranges are answered with the right bytes, in a large file, too.',
  async run(bench) {
    const sample = sampleOf(bench, 'large');
    if (sample === undefined) return NO_SAMPLE;
    const { size } = sample.canary;
    const middle = Math.floor(size / 2);
    const ranges: readonly (readonly [field: string, start: number, end: number])[] = [
      ['bytes=0-99', 0, 100],
      [`bytes=${middle}-${middle + 999}`, middle, middle + 1000],
      ['bytes=-100', size - 100, size],
      [`bytes=${size - 10}-`, size - 10, size],
      [`bytes=${size - 10}-${size + 10}`, size - 10, size],
    ];
    const found: Discovery[] = [];
    for (const [range, start, end] of ranges) {
      const reply = await bench.client.ask({ key: sample.canary.key, headers: { range } });
      found.push(...judge(reply, sample, { range, start, end }));
    }
    return found;
  },
};

/** Asks for two parts at once: the whole, a multipart body, and one range over both are right. */
export const SEVERAL_RANGES: Check = {
  title: 'Several ranges are answered as several, as one that spans them, or with the whole.',
  async run(bench) {
    const sample = sampleOf(bench);
    if (sample === undefined) return NO_SAMPLE;
    const range = 'bytes=0-9,1000-1009';
    const reply = await bench.client.ask({ key: sample.canary.key, headers: { range } });
    return isRightForTwo(reply, sample) ? [] : [discover('range-wrong', reply, range)];
  },
};

/** Asks for a part that is not there. */
export const UNSATISFIABLE: Check = {
  title: 'A range outside the file is answered with 416.',
  async run(bench) {
    const sample = sampleOf(bench);
    if (sample === undefined) return NO_SAMPLE;
    const range = `bytes=${sample.canary.size}-`;
    const reply = await bench.client.ask({ key: sample.canary.key, headers: { range } });
    return reply.status === 416 ? [] : [discover('range-unsatisfiable', reply, range)];
  },
};

/** An empty file has no range; 200 and 416 are both in use (RFC 9110 §14.1.2). */
export const EMPTY_FILE: Check = {
  title: 'An empty file is answered as one, to a range request, too.',
  async run({ client, received }) {
    const empty = received.get('empty');
    if (empty === undefined) return { untried: 'the empty file did not arrive' };
    const reply = await client.ask({ key: empty.canary.key, headers: { range: 'bytes=0-9' } });
    const isRight = reply.status === 416 || (reply.status === 200 && reply.body.length === 0);
    return isRight ? [] : [discover('range-wrong', reply, 'bytes=0-9')];
  },
};

/** Resumes a download: with the entity tag of the file, and with that of another version. */
export const IF_RANGE: Check = {
  title: 'A download resumes as long as the file is the same, and begins anew when it is not.',
  async run(bench) {
    const sample = sampleOf(bench);
    const [tag] = sample === undefined ? [] : valuesOf(sample.reply, 'etag');
    if (sample === undefined || tag === undefined) return NO_SAMPLE;
    const range = 'bytes=100-199';
    const ask = (condition: string): Promise<Reply> =>
      bench.client.ask({ key: sample.canary.key, headers: { range, 'if-range': condition } });
    const same = await ask(tag);
    const other = await ask('"another-version"');
    const found: Discovery[] = [];
    if (same.status === 206) found.push(...judge(same, sample, { range, start: 100, end: 200 }));
    else found.push(discover('if-range-refused', same, `${range}, If-Range: ${tag}`));
    if (other.status !== 200 || !other.body.equals(sample.reply.body)) {
      found.push(discover('if-range-ignored', other, `${range}, If-Range: "another-version"`));
    }
    return found;
  },
};

interface Asked {
  readonly range: string;
  readonly start: number;
  /** Not included. */
  readonly end: number;
}

/** Judges the answer to a range that lies in the file. */
export function judge(
  reply: Reply,
  { reply: whole, canary: { size } }: Received,
  { range, start, end }: Asked,
): readonly Discovery[] {
  if (reply.status === 200) return [discover('range-ignored', reply, range)];
  const [frame] = valuesOf(reply, 'content-range');
  const isRight =
    reply.status === 206 &&
    frame === `bytes ${start}-${end - 1}/${size}` &&
    reply.body.equals(whole.body.subarray(start, end));
  return isRight ? [] : [discover('range-wrong', reply, range)];
}

function discover(id: FindingId, reply: Reply, range: string): Discovery {
  const frame = valuesOf(reply, 'content-range').join(' | ') || 'no Content-Range';
  return {
    id,
    evidence: [`${shown(reply)}, ${frame}, ${reply.body.length} bytes (Range: ${range})`],
  };
}

function isRightForTwo(reply: Reply, { reply: whole, canary: { size } }: Received): boolean {
  if (reply.status === 200) return reply.body.equals(whole.body);
  if (reply.status !== 206) return false;
  const [first, second] = [whole.body.subarray(0, 10), whole.body.subarray(1000, 1010)];
  const [type = ''] = valuesOf(reply, 'content-type');
  if (/^multipart\/byteranges/i.test(type)) {
    return reply.body.includes(first) && reply.body.includes(second) && reply.body.length < size;
  }
  const [, start, end] =
    /^bytes (\d+)-(\d+)\//.exec(valuesOf(reply, 'content-range')[0] ?? '') ?? [];
  return (
    start === '0' &&
    Number(end) >= 1009 &&
    reply.body.equals(whole.body.subarray(0, Number(end) + 1))
  );
}
