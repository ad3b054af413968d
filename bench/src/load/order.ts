import { readFileSync } from 'node:fs';

import type { LoadOrder } from './load.ts';

/** Reads the order that the parent gave in the command, with all of its paths. */
export function readOrder(): LoadOrder {
  const order: LoadOrder & { readonly several?: boolean } = JSON.parse(process.argv[2] ?? '');
  if (order.several !== true) return order;
  return { ...order, paths: readFileSync(order.list, 'utf8').trimEnd().split('\n') };
}

/** One request as it goes over the wire. */
export function requestOf(method: string, { port, headers, paths }: LoadOrder): Buffer {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${method} ${paths[0] ?? '/'} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`;
  return Buffer.from(`${head}${fields.join('')}\r\n`, 'latin1');
}
