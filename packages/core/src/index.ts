// The key of an object, and where it lies.
export {
  assertKey,
  keyFromUrlPath,
  MAX_KEY_BYTES,
  MAX_SEGMENT_BYTES,
  parseKey,
  type StorageKey,
  urlForKey,
} from './keys/storage-key.ts';
export { createPathMap, type MappedPath, type PathMap, type PathRoot } from './keys/path-map.ts';

// Who may download it.
export {
  type Allow,
  allow,
  type Decision,
  type Deny,
  deny,
  type DenyOptions,
  type DenyStatus,
  type NotApplicable,
  notApplicable,
} from './policy/decision.ts';
export { checkObligations, type Obligations } from './policy/obligations.ts';
export {
  checkPolicy,
  type Policy,
  type PolicyObserver,
  type PolicyRequest,
  type Subject,
} from './policy/policy.ts';
export { denyOverrides, firstApplicable, forPattern, forPrefix } from './policy/combine.ts';
export type { Explanation, PassedOver } from './policy/explain.ts';

// Where its bytes come from.
export type {
  ByteSource,
  Call,
  DriverWith,
  ListEntry,
  LocalPath,
  ObjectHandle,
  ObjectStat,
  OpenCall,
  PutOptions,
  SignedUrl,
  SignOptions,
  StorageDriver,
  Version,
  Window,
} from './storage/driver.ts';
export {
  isSluiceError,
  SluiceError,
  type SluiceErrorCode,
  type SluiceErrorOptions,
} from './errors.ts';

// How the answer looks, and how it ended.
export type * from './plan/download-plan.ts';
export { type CompletionListener, DOWNLOAD_CHANNEL } from './completion.ts';
export type {
  Download,
  DownloadEvent,
  DownloadOutcome,
  DownloadRequest,
  Transfer,
} from './download.ts';

// The front server that sends it.
export type { Dialect } from './offload/dialect.ts';

// All of it together.
export {
  createSluice,
  type ExplainRequest,
  type RedirectOptions,
  type Sluice,
  type SluiceOptions,
} from './sluice.ts';

// For authors of drivers and adapters.
export { checkOptions, integerOption, ownOf, quote } from './options.ts';
