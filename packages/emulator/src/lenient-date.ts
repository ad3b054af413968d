import { parseHttpDate } from '@sluice/core/http';

/**
 * Reads a date as nginx and Apache do, which look at its beginning and take no notice of what comes
 * behind it. Seconds since 1970.
 */
export function dateOf(field: string): number | undefined {
  const date = parseHttpDate(field) ?? parseHttpDate(field.replace(/;.*$/, ''));
  return date === undefined ? undefined : date / 1000;
}

/** Reads a date in any of the three forms of RFC 9110 §5.6.7. Seconds since 1970. */
export function strictDateOf(field: string): number | undefined {
  const date = parseHttpDate(field);
  return date === undefined ? undefined : date / 1000;
}

/** Reads IMF-fixdate alone. Seconds since 1970. */
export function fixdateOf(field: string): number | undefined {
  return /^[A-Z][a-z]{2}, \d{2} /.test(field) ? strictDateOf(field) : undefined;
}
