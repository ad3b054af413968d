import { quote } from '@sluice/core';
import { SERVER_NAMES, type ServerName } from '@sluice/core/offload';

export type { ServerName };

/** Front servers whose configuration can be printed, in the order in which help texts name them. */
export const serverNames: readonly ServerName[] = SERVER_NAMES;

/**
 * Takes the name of a server from a text.
 *
 * @param owner who takes it, for the message
 * @throws TypeError when it is none, quoting the value
 */
export function checkServerName(owner: string, value: unknown): ServerName {
  const name = serverNames.find((server) => server === value);
  if (name !== undefined) return name;
  throw new TypeError(
    `${owner}: the server must be one of ${serverNames.join(', ')}, got ${quote(value)}`,
  );
}
