import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

import type { ByteSource, StorageDriver } from '@sluice/core';
import { mount, readonly } from '@sluice/core/drivers';
import { openDatabase } from '@sluice/example-custom-driver/database';
import { createSqliteDriver } from '@sluice/example-custom-driver/sqlite-driver';
import { createLocalDriver } from '@sluice/storage-local';

import { type Invoice, invoiceKey } from './invoice.ts';

/** Where the objects of the school lie. */
export interface SchoolStorageOptions {
  /** The file of the accounts' database, which holds the invoices, too. It is made if need be. */
  readonly database: string;
  /** The folder of recordings, absolute, on a disk that the front server reads as well. */
  readonly recordings: string;
}

/** The objects of the school, all under one set of keys. */
export interface SchoolStorage {
  /** `invoices/…` in the database, `recordings/…` on the disk. */
  readonly driver: StorageDriver;
  /** Stores the PDF of an invoice, replacing one that is there. */
  storeInvoice(invoice: Invoice, pdf: ByteSource): Promise<void>;
  /** Frees the database. Downloads that still run fail. */
  close(): Promise<void>;
}

/**
 * Opens the stores of the school and joins them: each lies where it is kept best, and whoever
 * downloads sees one.
 *
 * @throws Error when the database cannot be opened
 * @throws TypeError when there is no folder of recordings
 */
export function createSchoolStorage(options: SchoolStorageOptions): SchoolStorage {
  mkdirSync(dirname(options.database), { recursive: true });
  const database = openDatabase(options.database);
  const invoices = createSqliteDriver({ database });
  // Teachers bring recordings to the disk by other ways; the application has no method to change one.
  const recordings = readonly(createLocalDriver({ root: options.recordings }));
  const driver = mount({ invoices, recordings });
  return {
    driver,
    async storeInvoice(invoice, pdf) {
      await driver.put(invoiceKey(invoice), pdf);
    },
    async close() {
      await driver.close();
      database.close();
    },
  };
}
