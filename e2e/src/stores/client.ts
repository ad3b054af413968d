import {
  CreateBucketCommand,
  ListBucketsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';

import type { BucketOptions, StoreCredentials, StoreEngine } from './engine.ts';

/** What a client of an engine must know. */
export type StoreAddress = Pick<StoreEngine, 'endpoint' | 'region'>;

/** Makes a client that speaks to an engine as it is, with no retry and no checksum of its own. */
export function createStoreClient(
  { endpoint, region }: StoreAddress,
  credentials: StoreCredentials,
): S3Client {
  return new S3Client({
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
    maxAttempts: 1,
    // Neither engine takes what the SDK adds by default (aws-sdk-js-v3 #6810).
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

/** Credentials that nobody else has: what knows them is the engine that was told them. */
export function createCredentials(accessKeyId: string): StoreCredentials {
  return { accessKeyId, secretAccessKey: randomBytes(20).toString('hex') };
}

/** Whether what answers is the engine that was told these credentials, and tells them from wrong ones. */
export async function knowsCredentials(
  address: StoreAddress,
  credentials: StoreCredentials,
  owner: string,
): Promise<boolean> {
  const wrong = createCredentials(credentials.accessKeyId);
  return (
    (await ownerFor(address, credentials)) === owner &&
    (await ownerFor(address, wrong)) === undefined
  );
}

/** Makes a bucket that nobody else uses, and gives its name. */
export async function createBucket(
  client: S3Client,
  { versioned = false }: BucketOptions = {},
): Promise<string> {
  const Bucket = `sluice-${randomBytes(8).toString('hex')}`;
  await client.send(new CreateBucketCommand({ Bucket }));
  if (versioned) {
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
  }
  return Bucket;
}

async function ownerFor(
  address: StoreAddress,
  credentials: StoreCredentials,
): Promise<string | undefined> {
  const client = createStoreClient(address, credentials);
  try {
    return (await client.send(new ListBucketsCommand())).Owner?.ID;
  } catch {
    return undefined;
  } finally {
    client.destroy();
  }
}
