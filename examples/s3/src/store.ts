import { type DriverWith, parseKey } from '@sluice/core';
import { cacheStat, retry } from '@sluice/core/drivers';
import { startCeph, startSwift } from '@sluice/e2e/stores';
import { createS3Driver, type S3DriverOptions } from '@sluice/storage-s3';

/** The engines that can be started, and their packages in Debian. */
export type EngineName = 'ceph' | 'swift';

/** A store that is there. */
export interface Store {
  readonly driver: DriverWith<'put' | 'internalUrl'>;
  /** For the reader. */
  readonly description: string;
  /** Frees the driver, and ends the engine if one was started. */
  close(): Promise<void>;
}

/** Takes a bucket that exists. */
export function openStore(settings: S3DriverOptions): Store {
  const driver = createDriver(settings);
  return {
    driver,
    description: `the bucket ${settings.bucket} at ${settings.endpoint ?? 'AWS'}`,
    close: () => driver.close(),
  };
}

/**
 * Starts an engine of three nodes on this machine, as children of this process, and makes a bucket
 * that keeps versions.
 *
 * @throws Error with what to install, where the engine is not there
 */
export async function startStore(name: EngineName): Promise<Store> {
  const engine = await (name === 'ceph' ? startCeph() : startSwift());
  const { endpoint, region, credentials } = engine;
  const bucket = await engine.createBucket({ versioned: true });
  const driver = createDriver({ bucket, endpoint, region, credentials });
  return {
    driver,
    description: `a bucket of ${name}, three nodes, at ${endpoint}`,
    async close() {
      await driver.close();
      await engine.stop();
    },
  };
}

/**
 * What an application in production has around a store on a network. From the outside in: a stat is
 * believed for a moment, which saves most downloads the HEAD; what fails for now is tried again, a
 * body from where it broke off.
 */
function createDriver(settings: S3DriverOptions) {
  return cacheStat(retry(createS3Driver(settings)), { ttl: 2000 });
}

/**
 * Finds the origin that nginx is to fetch from: that of the URLs which are signed for it.
 *
 * @throws Error when the store signs none
 */
export async function originOfStore({ driver }: Store): Promise<string> {
  const key = parseKey('any');
  const signed = key && (await driver.internalUrl(key, { expiresIn: 1 }));
  if (signed === undefined) throw new Error('the store signs no URL');
  return new URL(signed.url).origin;
}
