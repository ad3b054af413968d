// A driver from as little as two functions.
export {
  driverFromReader,
  type Reader,
  type ReaderCall,
  type ReaderDriver,
  type ReaderListEntry,
  type ReaderPutOptions,
} from './driver-from-reader.ts';
export type { ReaderStat, ReaderVersion } from './reader-stat.ts';
