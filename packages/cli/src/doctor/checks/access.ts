import type { CanaryDescription } from '@sluice/core/probe';

import { type Bench, type Check, NO_SAMPLE, sampleOf } from '../bench.ts';
import { type Ask, type Reply, shown } from '../client.ts';
import type { Discovery } from '../findings.ts';

/** Asks for a guarded file at every address that a front server might have it at. */
export const DIRECT_ACCESS: Check = {
  title: 'No file can be had without the application.',
  async run(bench) {
    const sample = sampleOf(bench);
    if (sample === undefined) return NO_SAMPLE;
    const found: Discovery[] = [];
    for (const ask of addressesOf(sample.canary, bench)) {
      const reply = await bench.client.ask(ask);
      if (!holds(reply, sample.reply)) continue;
      const host = ask.headers?.['host'];
      const evidence = `${shown(reply)}, ${reply.body.length} bytes of the file`;
      found.push({
        id: 'internal-reachable',
        evidence: [host === undefined ? evidence : `${evidence} (Host: ${host})`],
      });
    }
    return found;
  },
};

function holds(reply: Reply, whole: Reply): boolean {
  return reply.status < 300 && reply.body.length > 0 && whole.body.includes(reply.body);
}

function addressesOf({ order, path }: CanaryDescription, { client }: Bench): readonly TargetAsk[] {
  const asks = [...(order === undefined ? [] : asksForOrder(order)), ...asksForPath(path)];
  // Below the prefix of the downloads it is the application that answers.
  return asks.filter(({ target }) => !target.startsWith(`${client.base}sluice-probe/`));
}

type TargetAsk = Extract<Ask, { readonly target: string }>;

/** An order is a path of the front server's, or a URL on a private host of its. */
function asksForOrder(order: string): readonly TargetAsk[] {
  if (!URL.canParse(order)) return [{ target: escape(order) }];
  const { host, pathname, search } = new URL(order);
  return [
    { target: pathname },
    { target: pathname, headers: { host } },
    { target: `${pathname}${search}`, headers: { host } },
  ];
}

/** A public folder that holds the guarded one: `/srv/private/a.txt` at `/private/a.txt`. */
function asksForPath(path: string | undefined): readonly TargetAsk[] {
  if (path === undefined) return [];
  const names = path.split(/[\\/]/).filter((name) => name !== '');
  return names.slice(0, -1).map((_, from) => ({
    target: `/${names.slice(from).map(encodeURIComponent).join('/')}`,
  }));
}

/** What of a value cannot stand in a request line. */
function escape(value: string): string {
  return value.replaceAll(
    /[^!-~]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
