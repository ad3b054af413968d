import { createHmac, timingSafeEqual } from 'node:crypto';

import { quote } from '../options.ts';

/** What a signature of a probe speaks of. */
export interface ProbeFacts {
  readonly method: string;
  /**
   * The key that the target names below the prefix of the downloads. Not the target itself: some
   * front servers write a path in another spelling, and some cut a folder off it.
   */
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** The request header that carries the signature, in lower case. */
export const PROBE_HEADER = 'sluice-probe';

/** Milliseconds by which the clocks of the two sides may differ; so long can a request be repeated. */
export const PROBE_WINDOW: number = 5 * 60 * 1000;

/** Writes the header that proves to hold the secret. The secret itself never travels. */
export function signProbe(secret: string, facts: ProbeFacts): string {
  return `t=${facts.time}; s=${signatureOf(secret, facts).toString('base64url')}`;
}

/**
 * Tells whether a header was made with the secret, for this method and key, and not longer ago than
 * {@link PROBE_WINDOW}. Signatures are compared in constant time.
 *
 * @param now milliseconds since 1970
 */
export function isProbe(
  secret: string,
  header: unknown,
  facts: Omit<ProbeFacts, 'time'>,
  now: number,
): boolean {
  if (typeof header !== 'string') return false;
  const [, digits, signature] = /^t=(\d{1,15}); s=([\w-]{43})$/.exec(header) ?? [];
  if (digits === undefined || signature === undefined) return false;
  const time = Number(digits);
  const expected = signatureOf(secret, { ...facts, time });
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
  return Math.abs(now - time) <= PROBE_WINDOW;
}

/**
 * Checks a secret.
 *
 * @throws TypeError when it is not a text of at least 32 characters; the
 * message does not hold it
 */
export function checkProbeSecret(owner: string, secret: unknown): string {
  if (typeof secret !== 'string') {
    throw new TypeError(`${owner}: the secret of the probe must be a string, got ${typeof secret}`);
  }
  if (secret.length < MIN_SECRET_LENGTH) {
    throw new TypeError(
      `${owner}: the secret of the probe must have at least ${MIN_SECRET_LENGTH} characters, ` +
        `got ${quote(secret.length)}`,
    );
  }
  return secret;
}

/** The least characters of a secret. */
const MIN_SECRET_LENGTH = 32;

/** No method and no key holds a line break, so that no two facts are written alike. */
function signatureOf(secret: string, { method, key, time }: ProbeFacts): Buffer {
  const text = ['sluice-probe 1', method, key, time].join('\n');
  return createHmac('sha256', secret).update(text).digest();
}
