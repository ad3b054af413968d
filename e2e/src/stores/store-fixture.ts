import {
  DeleteObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { createS3Driver, type S3DriverOptions } from '@sluice/storage-s3';

import { FILES, type Fixture, type StoredFile, type Validators } from '../fixture.ts';
import { createStoreClient } from './client.ts';
import type { BucketOptions, StoreEngine } from './engine.ts';

/** The objects of every fixture, in a bucket. */
export interface StoreFixture extends Fixture {
  readonly bucket: string;
  readonly engine: StoreEngine;
  /** Speaks to the store around the driver. */
  readonly client: S3Client;
}

/** What {@link createStoreFixture} takes. */
export interface StoreFixtureOptions extends BucketOptions {
  /** What the application's driver is told besides where the store is. */
  readonly driver?: Partial<S3DriverOptions> | undefined;
  /** Default: those of every fixture. */
  readonly files?: readonly StoredFile[] | undefined;
}

/** Puts the objects of every fixture into a new bucket of a store that runs. */
export async function createStoreFixture(
  engine: StoreEngine,
  { versioned, driver, files = FILES }: StoreFixtureOptions = {},
): Promise<StoreFixture> {
  const bucket = await engine.createBucket({ versioned });
  const client = createStoreClient(engine, engine.credentials);
  const validators = new Map<string, Validators>();
  const put = async (key: string, bytes: Buffer, type?: string): Promise<void> => {
    const object = { Bucket: bucket, Key: key };
    await client.send(new PutObjectCommand({ ...object, Body: bytes, ContentType: type }));
    const { ETag = '', LastModified } = await client.send(new HeadObjectCommand(object));
    validators.set(key, { etag: ETag, 'last-modified': LastModified?.toUTCString() ?? '' });
  };
  await eachOf(files, 8, ({ key, bytes, type }) => put(key, bytes, type));
  return {
    bucket,
    engine,
    client,
    files: new Map(files.map((file) => [file.key, file])),
    secrets: [bucket, engine.endpoint, engine.credentials.secretAccessKey, 'X-Amz-'],
    createDriver: () => createS3Driver({ ...driverOptions(engine, bucket), ...driver }),
    validatorsOf(key) {
      const known = validators.get(key);
      if (known === undefined) throw new TypeError(`nobody has put ${JSON.stringify(key)}`);
      return known;
    },
    orderFor: (key) => `${engine.endpoint}/${bucket}/${key}`,
    put,
    putYoung: put,
    async delete(key) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
    async remove() {
      client.destroy();
    },
  };
}

/** What a driver must be told to read a bucket of a store that runs. */
export function driverOptions(
  { endpoint, region, credentials }: StoreEngine,
  bucket: string,
): Pick<Required<S3DriverOptions>, 'bucket' | 'credentials' | 'endpoint' | 'region'> {
  return { bucket, endpoint, region, credentials };
}

async function eachOf<Item>(
  items: readonly Item[],
  atOnce: number,
  act: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const work = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
