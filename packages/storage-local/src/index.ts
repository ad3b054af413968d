export {
  createLocalDriver,
  type LocalDriver,
  type LocalDriverOptions,
  type LocalRoot,
} from './local-driver.ts';
export type { OpenCacheOptions, OpenCacheStats } from './cache/open-cache.ts';
