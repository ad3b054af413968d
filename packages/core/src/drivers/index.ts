// A driver from as little as two functions.
export {
  driverFromReader,
  type Reader,
  type ReaderCall,
  type ReaderDriver,
  type ReaderPutOptions,
} from './driver-from-reader.ts';
export type { ReaderListEntry, ReaderListing } from './reader-list.ts';
export type { ReaderStat, ReaderVersion } from './reader-stat.ts';

// For a driver that is written without it.
export { abortedBy, throwIfAborted, untilAborted } from './abort.ts';
export { onSilence } from './silence.ts';
export { takePieces } from './take-pieces.ts';

// Around one driver, or several.
export { prefix } from './prefix.ts';
export { readonly, type ReadonlyDriver } from './readonly.ts';
export { mount, type MountDriver, type MountOptions } from './mount.ts';
export type { Wrapped } from './wrapped.ts';

// Between an application and a store that is far away: from the outside in.
export {
  observe,
  type ObservedCall,
  type ObservedEnd,
  type ObservedOp,
  type ObserveHooks,
} from './observe.ts';
export { cacheStat, type CacheStatOptions } from './cache-stat.ts';
export { retry, type RetryOptions } from './retry.ts';
export { timeout, type TimeoutOptions } from './timeout.ts';
export { limit, type LimitOptions } from './limit.ts';
