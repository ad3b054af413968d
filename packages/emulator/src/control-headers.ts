import { CONTROL_REQUEST_HEADERS, CONTROL_RESPONSE_HEADERS } from '@sluice/core/offload';

/** Response headers that every printed configuration takes away. In lower case. */
export const HIDDEN_RESPONSE_HEADERS: readonly string[] = CONTROL_RESPONSE_HEADERS.map((name) =>
  name.toLowerCase(),
);

/**
 * Tells whether a request header is one that every printed configuration takes away, or would be
 * taken for one by an application that does not tell `_` from `-`.
 *
 * @param name in lower case
 */
export function isControlRequestHeader(name: string): boolean {
  return KEPT_REQUEST_HEADERS.has(name.replaceAll('_', '-'));
}

const KEPT_REQUEST_HEADERS: ReadonlySet<string> = new Set(
  CONTROL_REQUEST_HEADERS.map((name) => name.toLowerCase()),
);
