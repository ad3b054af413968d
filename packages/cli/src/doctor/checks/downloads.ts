import { createHash } from 'node:crypto';

import type { CanaryDescription } from '@sluice/core/probe';

import type { Received } from '../bench.ts';
import { type Client, NoReplyError, type Reply, shown, valuesOf } from '../client.ts';
import type { FindingId } from '../finding-kinds.ts';
import type { Discovery } from '../findings.ts';

/** What came of the downloads of all canaries. */
export interface Downloads {
  readonly received: ReadonlyMap<string, Received>;
  readonly discoveries: readonly Discovery[];
}

/** Downloads every canary and compares it with what the application stored, byte by byte. */
export async function downloadAll(
  client: Client,
  canaries: readonly CanaryDescription[],
): Promise<Downloads> {
  const received = new Map<string, Received>();
  const discoveries: Discovery[] = [];
  for (const canary of canaries) {
    const outcome = await download(client, canary, discoveries.some(isOfPlain));
    if ('status' in outcome) received.set(canary.id, { canary, reply: outcome });
    else discoveries.push(outcome);
  }
  // An empty file that nobody sent looks like one that was.
  if (discoveries.some(({ id }) => id === 'order-not-taken')) received.delete('empty');
  return { received, discoveries };
}

/** Where not even the plain name comes, the other names are not to blame. */
function isOfPlain({ evidence }: Discovery): boolean {
  return evidence.some((line) => line.startsWith('plain: '));
}

async function download(
  client: Client,
  canary: CanaryDescription,
  isPlainLost: boolean,
): Promise<Reply | Discovery> {
  try {
    const reply = await client.ask({ key: canary.key });
    const id = faultOf(reply, canary, isPlainLost);
    if (id === undefined) return reply;
    const whose = id === 'order-not-taken' ? `, Server: ${serverIn(reply)}` : '';
    return { id, evidence: [`${canary.id}: ${describe(reply)}${whose}`] };
  } catch (error) {
    if (!(error instanceof NoReplyError)) throw error;
    return { id: 'answer-broken', evidence: [`${canary.id}: ${error.message}`] };
  }
}

function faultOf(
  reply: Reply,
  { id, size, sha256, sender }: CanaryDescription,
  isPlainLost: boolean,
): FindingId | undefined {
  const { status, body } = reply;
  if (status !== 200 && id !== 'plain' && !isPlainLost) return 'name-not-carried';
  if (status !== 200) return sender === 'front' ? 'file-not-sent' : 'download-refused';
  if (isCoded(reply)) return 'compressed';
  if (sender === 'front' && size > 0 && body.length === 0) return 'order-not-taken';
  return createHash('sha256').update(body).digest('hex') === sha256 ? undefined : 'wrong-bytes';
}

function isCoded(reply: Reply): boolean {
  return valuesOf(reply, 'content-encoding').some((coding) => coding !== 'identity');
}

function serverIn(reply: Reply): string {
  return valuesOf(reply, 'server').join(' | ') || 'absent';
}

function describe(reply: Reply): string {
  return `${shown(reply)}, ${reply.body.length} bytes`;
}
