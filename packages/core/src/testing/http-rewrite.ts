import { STATUS_CODES } from 'node:http';

import type { Fault } from './fault.ts';

/** What came of a piece of an answer. */
export interface Rewritten {
  readonly bytes: Buffer;
  /** `changed` and `replaced` once for an answer: with its head, or with its head and a new body. */
  readonly outcome: 'passed' | 'changed' | 'replaced';
}

/** The method of a request, from its first bytes; `undefined` where no request begins. */
export function methodOf(text: string): string | undefined {
  return /^([A-Z]+) /.exec(text)?.[1];
}

/** Writes an answer of HTTP/1.1 that ends its connection. */
export function answerOf(
  { status, headers = {}, body = new Uint8Array(0) }: Extract<Fault, { readonly kind: 'answer' }>,
  method: string | undefined,
): Buffer {
  const fields = { ...headers, 'content-length': String(body.byteLength), connection: 'close' };
  const head = headOf(status, Object.entries(fields));
  // RFC 9110 §9.3.2: the answer to HEAD has no content.
  return method === 'HEAD' ? head : Buffer.concat([head, body]);
}

/** Changes one answer, piece by piece: a good one to GET, and no other. */
export function createRewriter(
  fault: Extract<Fault, { readonly kind: 'rewrite' }>,
  method: string | undefined,
): (chunk: Buffer) => Rewritten {
  let kept: Buffer | undefined = method === 'GET' ? Buffer.alloc(0) : undefined;
  return (chunk) => {
    if (kept === undefined) return { bytes: chunk, outcome: 'passed' };
    kept = Buffer.concat([kept, chunk]);
    const end = kept.indexOf('\r\n\r\n');
    if (end < 0) return { bytes: Buffer.alloc(0), outcome: 'passed' };
    const [head, rest] = [kept.toString('latin1', 0, end), kept.subarray(end + 4)];
    const whole = kept;
    kept = undefined;
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]);
    if (!(status >= 200 && status < 300)) return { bytes: whole, outcome: 'passed' };
    const changed = headOf(fault.status ?? status, changedFields(head, fault));
    return fault.body === undefined
      ? { bytes: Buffer.concat([changed, rest]), outcome: 'changed' }
      : { bytes: Buffer.concat([changed, fault.body]), outcome: 'replaced' };
  };
}

function changedFields(
  head: string,
  { headers = {}, body }: Extract<Fault, { readonly kind: 'rewrite' }>,
): readonly (readonly [string, string])[] {
  const fields = new Map<string, string>();
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const changes = Object.entries(headers).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  // One answer for a connection: what follows would have to be found in the bytes.
  changes.push(['connection', 'close'], ['keep-alive', undefined]);
  if (body !== undefined) {
    changes.push(['content-length', String(body.byteLength)], ['transfer-encoding', undefined]);
  }
  for (const [name, value] of changes) {
    if (value === undefined) fields.delete(name);
    else fields.set(name, value);
  }
  return Array.from(fields);
}

function headOf(status: number, fields: readonly (readonly [string, string])[]): Buffer {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
