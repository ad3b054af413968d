export {
  createSchoolStorage,
  type SchoolStorage,
  type SchoolStorageOptions,
} from './school-storage.ts';
export { type Invoice, invoiceKey } from './invoice.ts';
