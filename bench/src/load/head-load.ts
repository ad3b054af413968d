// wrk and autocannon wait for a body that a HEAD announces and never gets (RFC 9110 §9.3.2).
import { connect } from 'node:net';

import { readOrder, requestOf } from './order.ts';

const order = readOrder();
const request = requestOf('HEAD', order);
const times: number[] = [];
let bytes = 0;
let errors = 0;
let refusals = 0;

const sockets = Array.from({ length: order.connections }, () => {
  const socket = connect({ port: order.port, host: '127.0.0.1', noDelay: true });
  let asked = 0;
  let rest = '';
  const again = (): void => {
    asked = performance.now();
    socket.write(request);
  };
  socket.on('connect', again);
  socket.on('error', () => {
    errors += 1;
  });
  socket.on('data', (piece) => {
    bytes += piece.length;
    rest += piece.toString('latin1');
    if (!rest.endsWith('\r\n\r\n')) return;
    times.push(performance.now() - asked);
    if (Number(rest.slice(9, 12)) >= 400) refusals += 1;
    rest = '';
    again();
  });
  return socket;
});

const started = performance.now();
setTimeout(() => {
  const seconds = (performance.now() - started) / 1000;
  const sorted = Float64Array.from(times).toSorted();
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? 0;
  const counts = { requests: times.length, bytes, seconds, errors, refusals };
  console.log(JSON.stringify({ ...counts, p50: at(0.5), p99: at(0.99) }));
  for (const socket of sockets) socket.destroy();
}, order.seconds * 1000);
