import { SluiceError } from '../errors.ts';

/**
 * Checks a window that a caller asks for.
 *
 * @throws SluiceError `SLUICE_RANGE` unless 0 ≤ start ≤ end ≤ size, all integers
 */
export function requireWindow(start: number, end: number, size: number): void {
  const isInside =
    Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= size;
  if (isInside) return;
  throw new SluiceError('SLUICE_RANGE', `the window ${start}–${end} is not inside ${size} bytes`);
}
