import { quote } from '@sluice/core';

/**
 * Checks that a value is a sluice.
 *
 * @throws TypeError quoting what it is instead
 */
export function checkSluice(owner: string, sluice: unknown): void {
  const isSluice =
    typeof sluice === 'object' &&
    sluice !== null &&
    'open' in sluice &&
    typeof sluice.open === 'function' &&
    'idleTimeout' in sluice;
  if (!isSluice) {
    throw new TypeError(`${owner}: sluice must come from createSluice, got ${quote(sluice)}`);
  }
}
