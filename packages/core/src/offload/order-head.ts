import type { PlanHeaders } from '../plan/download-plan.ts';

/**
 * Tells whether every server reads the value of an order as it stands: a header of Node takes no line
 * break, and an empty value, or a blank at an end, is read in as many ways as there are servers.
 */
export function isOrderValue(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/.test(value)
  );
}

/** What the head of an order takes on the wire: each field with its colon, blank and line end. */
export function headBytesOf(headers: PlanHeaders): number {
  return Object.entries(headers).reduce(
    (sum, [name, value]) => sum + name.length + value.length + 4,
    ADDED_BY_NODE,
  );
}

/** Bytes of the status line, `Date`, `Connection`, `Keep-Alive` and the empty line, and some. */
const ADDED_BY_NODE = 128;
