import { type ProbeArrival, questionKey } from '@sluice/core/probe';

import { type Check, NO_SAMPLE, sampleOf } from '../bench.ts';
import { shown } from '../client.ts';
import type { Discovery } from '../findings.ts';
import { readArrival } from '../read-answer.ts';

/** Sends what only the application may say to the front server. */
export const FORGED_HEADERS: Check = {
  title: 'Headers that a client makes up neither reach the application nor change its answer.',
  async run(bench) {
    const { client, begin, server } = bench;
    const sample = sampleOf(bench);
    const forged = forgedHeaders(sample?.canary.order ?? '/sluice-probe-forged');
    const found: Discovery[] = [];
    // An application that nobody stands in front of hears all that is said.
    if (begin.dialect !== undefined || server !== undefined) {
      const key = questionKey(begin.run, 'arrival');
      const arrival = readArrival(await client.ask({ method: 'POST', key, headers: forged }));
      found.push(...arrivedOf(arrival));
    }
    if (sample === undefined) return found.length > 0 ? found : NO_SAMPLE;
    // Of a file that is not there the client gets no other one.
    const elsewhere = `${client.base}sluice-probe/${begin.run}-not-there.txt`;
    const missing = await client.ask({ target: elsewhere, headers: forged });
    const again = await client.ask({ key: sample.canary.key, headers: forged });
    if (missing.body.equals(sample.reply.body)) {
      found.push({ id: 'forged-header-obeyed', evidence: [`${shown(missing)}, a guarded file`] });
    }
    if (!again.body.equals(sample.reply.body)) {
      found.push({ id: 'forged-header-obeyed', evidence: [`${shown(again)}, another body`] });
    }
    return found;
  },
};

function forgedHeaders(order: string): Readonly<Record<string, string>> {
  return {
    'X-Accel-Redirect': order,
    'X-Accel-Mapping': '/=/sluice-probe-forged/',
    'X-Sendfile': order,
    'X-Sendfile-Type': 'X-Accel-Redirect',
    'X-Reproxy-URL': order,
  };
}

function arrivedOf(arrival: ProbeArrival | undefined): readonly Discovery[] {
  const names = arrival?.controlHeaders.filter(([, value]) => value !== '').map(([name]) => name);
  if (names === undefined || names.length === 0) return [];
  return [{ id: 'forged-header-arrives', headers: names, evidence: names }];
}
