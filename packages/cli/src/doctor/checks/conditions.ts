import { type Check, NO_SAMPLE, sampleOf } from '../bench.ts';
import { type Client, NoReplyError, type Reply, shown, valuesOf } from '../client.ts';
import type { Discovery } from '../findings.ts';

/** Asks again for what a client has. */
export const NOT_MODIFIED: Check = {
  title: 'A client that has the file is told so with 304, and one that has another gets it.',
  async run(bench) {
    const sample = sampleOf(bench);
    if (sample === undefined) return NO_SAMPLE;
    const { key } = sample.canary;
    const ask = (headers: Readonly<Record<string, string>>): Promise<Reply> =>
      bench.client.ask({ key, headers });
    const [tag = ''] = valuesOf(sample.reply, 'etag');
    const [date = ''] = valuesOf(sample.reply, 'last-modified');
    const byTag = await ask({ 'if-none-match': tag });
    const byDate = await ask({ 'if-modified-since': date });
    const other = await ask({ 'if-none-match': '"another-version"' });
    const found: Discovery[] = [];
    if (byTag.status !== 304) found.push(discover(byTag, `If-None-Match: ${tag}`));
    if (byDate.status !== 304) found.push(discover(byDate, `If-Modified-Since: ${date}`));
    if (!other.body.equals(sample.reply.body)) {
      found.push({ id: 'wrong-bytes', evidence: [`${shown(other)} (If-None-Match: another)`] });
    }
    return found;
  },
};

/** Asks for the head alone. */
export const HEAD: Check = {
  title: 'HEAD is answered as GET is meant to be, without a body.',
  async run(bench) {
    const sample = sampleOf(bench);
    if (sample === undefined) return NO_SAMPLE;
    const { key, size, headers } = sample.canary;
    const head = await headOf(bench.client, key);
    if (!('status' in head)) return [head];
    const compared = ['content-type', 'content-disposition', 'etag', 'last-modified'];
    // Who sends it may be another than with GET; what GET lacks is told by the check of headers.
    const differing = compared.filter((name) => {
      const value = valuesOf(head, name).join();
      return value !== headers[name] && value !== valuesOf(sample.reply, name).join();
    });
    const length = valuesOf(head, 'content-length').join();
    if (head.status === 200 && length === String(size) && differing.length === 0) return [];
    const seen = `${shown(head)}, Content-Length: ${length || 'absent'}, instead of ${size}`;
    const others = differing.length === 0 ? '' : `; differs in ${differing.join(', ')}`;
    return [{ id: 'head-wrong', evidence: [`${seen}${others}`] }];
  },
};

/** What follows a head that has no body is taken for the next answer (RFC 9112 §6.3). */
async function headOf(client: Client, key: string): Promise<Reply | Discovery> {
  try {
    const head = await client.ask({ method: 'HEAD', key });
    // Bytes that come too late for this answer spoil the next one.
    await client.ask({ method: 'HEAD', key });
    return head;
  } catch (error) {
    if (!(error instanceof NoReplyError)) throw error;
    return { id: 'head-wrong', evidence: [`${error.message}: a body follows the head`] };
  }
}

function discover(reply: Reply, condition: string): Discovery {
  return { id: 'not-modified-missing', evidence: [`${shown(reply)} (${condition})`] };
}
