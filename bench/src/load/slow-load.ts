// Readers on slow lines: each takes 64 KiB a second, and the rest waits where the server keeps it.
import { connect } from 'node:net';

import { readOrder, requestOf } from './order.ts';

/** Milliseconds between two bites. */
const PACE = 250;

/** Bytes of one. */
const BITE = 16 * 1024;

const order = readOrder();
const request = requestOf('GET', order);
let bytes = 0;
let errors = 0;
let begun = 0;

const sockets = Array.from({ length: order.connections }, () => {
  const socket = connect({ port: order.port, host: '127.0.0.1' });
  socket.on('connect', () => socket.write(request));
  socket.on('error', () => {
    errors += 1;
  });
  // Without a listener nothing would ever be read from the kernel.
  socket.on('readable', () => undefined);
  socket.once('readable', () => {
    begun += 1;
    if (begun === order.connections) console.log('all have begun');
  });
  return socket;
});

const timer = setInterval(() => {
  for (const socket of sockets) {
    const bite: unknown = socket.read(Math.min(BITE, socket.readableLength));
    if (Buffer.isBuffer(bite)) bytes += bite.length;
  }
}, PACE);

process.once('SIGINT', () => {
  clearInterval(timer);
  console.log(JSON.stringify({ requests: 0, bytes, seconds: 0, errors, refusals: 0 }));
  for (const socket of sockets) socket.destroy();
});
