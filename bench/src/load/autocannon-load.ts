// Stands in where wrk is not installed. It takes several times wrk's processor time.
import autocannon from 'autocannon';

import { readOrder } from './order.ts';

const { port, connections, headers, paths, seconds } = readOrder();
let at = 0;
// Given as a list, every connection would build all of its requests first.
const nextPath = (): string => paths[at++ % paths.length] ?? '/';

const result = await autocannon({
  url: `http://127.0.0.1:${port}`,
  connections,
  headers,
  duration: seconds,
  timeout: 60,
  requests: [{ setupRequest: (request) => ({ ...request, path: nextPath() }) }],
});
const refusals = Object.entries(result.statusCodeStats)
  .filter(([status]) => Number(status) >= 400)
  .reduce((sum, [, { count }]) => sum + count, 0);
console.log(
  JSON.stringify({
    requests: result.requests.total,
    bytes: result.throughput.total,
    seconds: result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    errors: result.errors + result.timeouts,
    refusals,
  }),
);
