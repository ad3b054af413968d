import { assertKey, type StorageKey } from '@sluice/core';

/** An invoice, as the accounts know it. */
export interface Invoice {
  /** `2026-001` */
  readonly number: string;
  /** The id of the student who pays it. */
  readonly student: string;
}

/**
 * Where the PDF of an invoice lies. The policy of invoices reads the student out of this key.
 *
 * @throws TypeError when an id or a number cannot be part of a key
 */
export function invoiceKey({ number, student }: Invoice): StorageKey {
  return assertKey('invoiceKey', `invoices/${student}/${number}.pdf`);
}
