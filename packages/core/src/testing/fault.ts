import { checkOptions, integerOption, MAX_MILLISECONDS, quote } from '../options.ts';

/** A place on the network that bytes are sent to. */
export interface NetworkAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * What a fault proxy does to the connections through it. `after` counts the bytes of answer that a
 * connection lets through first, its head among them, from the moment the fault was set; default 0,
 * so before any header.
 *
 * - `pass`: nothing.
 * - `refuse`: resets those that are open, and every new one as it comes.
 * - `reset`: breaks off with a reset; `truncate`: with a clean end, as if all had been said;
 *   `stall`: goes silent, and stays open.
 * - `drip`: gives `bytes` bytes every so many milliseconds.
 * - `answer`: gives every request of HTTP/1.1 this answer, and the store none of them.
 * - `rewrite`: changes the store's good answers (2xx) to GET; a header of `undefined` is taken away.
 *   A new `body` brings its own length; `content-length` is then not to be named.
 *
 * After `times` connections or answers that it has spoilt, a fault is over; by default it lasts.
 */
export type Fault =
  | { readonly kind: 'pass' }
  | { readonly kind: 'refuse'; readonly times?: number }
  | {
      readonly kind: 'reset' | 'truncate';
      readonly after?: number;
      readonly times?: number;
    }
  | { readonly kind: 'stall'; readonly after?: number }
  | { readonly kind: 'drip'; readonly bytes: number; readonly every: number }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: Uint8Array;
      readonly times?: number;
    }
  | {
      readonly kind: 'rewrite';
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string | undefined>>;
      readonly body?: Uint8Array;
      readonly times?: number;
    };

/**
 * Checks a fault that a caller has made.
 *
 * @throws TypeError on one that does not exist, or whose numbers make no sense
 */
export function assertFault(fault: Fault): void {
  if (!Object.hasOwn(MEMBERS, fault.kind)) {
    throw new TypeError(
      `mode: kind must be one of ${Object.keys(MEMBERS).join(', ')}, got ${quote(fault.kind)}`,
    );
  }
  checkOptions('mode', fault, ['kind', ...MEMBERS[fault.kind]]);
  const integer = (
    name: string,
    value: number | undefined,
    least: number,
    most = Number.MAX_SAFE_INTEGER,
  ): void => void integerOption('mode', name, value, { least, most, fallback: least });
  if ('after' in fault) integer('after', fault.after, 0);
  if ('times' in fault) integer('times', fault.times, 1);
  if ('status' in fault) integer('status', fault.status, 200, 599);
  if (fault.kind === 'drip') {
    integer('bytes', fault.bytes, 1);
    integer('every', fault.every, 1, MAX_MILLISECONDS);
  }
}

const MEMBERS: Readonly<Record<Fault['kind'], readonly string[]>> = {
  pass: [],
  refuse: ['times'],
  reset: ['after', 'times'],
  truncate: ['after', 'times'],
  stall: ['after'],
  drip: ['bytes', 'every'],
  answer: ['status', 'headers', 'body', 'times'],
  rewrite: ['status', 'headers', 'body', 'times'],
};
