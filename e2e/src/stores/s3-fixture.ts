import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { ContractFixture, ContractNeed } from '@sluice/core/testing';
import { createS3Driver, type S3DriverOptions } from '@sluice/storage-s3';

import { createStoreClient } from './client.ts';
import type { StoreEngine } from './engine.ts';
import { countRequests } from './open-requests.ts';
import { driverOptions } from './store-fixture.ts';

/** A bucket on which the contract of drivers is run. */
export interface ContractBucket {
  /** Makes a driver over the bucket, for one check. */
  createFixture(): ContractFixture;
  close(): void;
}

/** What an object of S3 has nothing of. */
export const S3_HAS_NO: readonly ContractNeed[] = [
  // An object is replaced, never written to.
  'rewriteInPlace',
  'touch',
  'seedSparse',
  // Nothing is at hand without a request.
  'fills',
  // There is nothing but objects.
  'plant.fifo',
  'plant.socket',
  'plant.device',
  'plant.link-out',
  'plant.link-dangling',
  'plant.parent-link-out',
];

/** Lets every check have a driver of its own over one bucket. */
export function openContractBucket(
  engine: StoreEngine,
  bucket: string,
  more: Partial<S3DriverOptions> = {},
): ContractBucket {
  const client = createStoreClient(engine, engine.credentials);
  const openRequests = countRequests(engine.endpoint);
  const options = { ...driverOptions(engine, bucket), ...more };
  const { accessKeyId, secretAccessKey } = engine.credentials;
  return {
    createFixture() {
      const driver = createS3Driver(options);
      const drivers = [driver];
      return {
        driver,
        async seed(key, bytes, { contentType, contentEncoding } = {}) {
          const meta = { ContentType: contentType, ContentEncoding: contentEncoding };
          const object = { Bucket: bucket, Key: key, Body: bytes, ...meta };
          await client.send(new PutObjectCommand(object));
        },
        async remove(key) {
          await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
        },
        plant: {
          // As consoles make a folder: an object of no bytes, which no key of ours can name.
          async directory(key) {
            await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${key}/`, Body: '' }));
          },
        },
        async another() {
          const another = createS3Driver(options);
          drivers.push(another);
          return another;
        },
        openResources: openRequests,
        secrets: [bucket, engine.endpoint, secretAccessKey, accessKeyId],
        async dispose() {
          await Promise.all(drivers.map((driver) => driver.close()));
        },
      };
    },
    close: () => client.destroy(),
  };
}
