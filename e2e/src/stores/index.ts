export { startCeph, type CephOptions } from './ceph.ts';
export { createStoreClient, type StoreAddress } from './client.ts';
export type { BucketOptions, StoreCredentials, StoreEngine } from './engine.ts';
export { startSwift, type SwiftOptions } from './swift.ts';
