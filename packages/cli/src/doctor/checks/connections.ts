import { questionKey } from '@sluice/core/probe';

import { type Check, NO_SAMPLE, sampleOf } from '../bench.ts';
import { readArrival } from '../read-answer.ts';

/** Downloads by order, and asks in between on which connections that came. */
export const CONNECTIONS: Check = {
  title: 'Connections to the application are used again, after an order, too.',
  async run(bench) {
    const { client, begin, server } = bench;
    const sample = sampleOf(bench);
    if (sample === undefined) return NO_SAMPLE;
    const seen: string[] = [];
    let most = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      await client.ask({ key: sample.canary.key });
      const key = questionKey(begin.run, 'arrival');
      const arrival = readArrival(await client.ask({ method: 'POST', key }));
      if (arrival === undefined) return { untried: 'the probe gave no answer' };
      const { connection, httpVersion } = arrival;
      most = Math.max(most, connection.requests);
      seen.push(`HTTP/${httpVersion}, request ${connection.requests} of its connection`);
    }
    if (most >= LEAST) return [];
    // mod_proxy of lighttpd 1.4 sends `Connection: close` with every request.
    if (server === 'lighttpd') {
      return [
        { id: 'habit-of-server', evidence: ['lighttpd keeps no connection to the application'] },
      ];
    }
    return [{ id: 'connections-not-kept', evidence: seen }];
  },
};

const ROUNDS = 8;

/** Where the server closes a connection after each order, the second is the last on it. */
const LEAST = 3;
