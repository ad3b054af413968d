import { randomBytes } from 'node:crypto';

import {
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ContractFixture, ContractNeed } from '@sluice/core/testing';
import { createS3Driver, type S3Driver, type S3DriverOptions } from '@sluice/storage-s3';

import { createStoreClient } from './client.ts';
import { PAGE_SIZE, type StoreEngine } from './engine.ts';
import { countRequests } from './open-requests.ts';
import { driverOptions } from './store-fixture.ts';

/** A bucket on which the contract of drivers is run. */
export interface ContractBucket {
  /** Makes a driver over the bucket, for one check. */
  createFixture(): ContractFixture;
  close(): void;
}

/** What an engine with its bucket has nothing of. */
export function missingFrom({ name }: StoreEngine): readonly ContractNeed[] {
  // Ceph has one answer at a time for whoever asks; an OSD that was away takes no part until it knows.
  return name === 'ceph' ? [...S3_HAS_NO, 'seedStale'] : S3_HAS_NO;
}

/** Lets every check have a driver of its own over one bucket. */
export function openContractBucket(engine: StoreEngine, bucket: string): ContractBucket {
  const client = createStoreClient(engine, engine.credentials);
  const openResources = countRequests(engine.endpoint);
  return {
    createFixture: () => createFixture({ engine, bucket, client, openResources }),
    close: () => client.destroy(),
  };
}

/** What S3 has nothing of. */
const S3_HAS_NO: readonly ContractNeed[] = [
  // An object is replaced, never written to.
  'rewriteInPlace',
  'touch',
  'seedSparse',
  // Nothing is at hand without a request, and nothing on a disk.
  'fills',
  'localPath',
  'readPath',
  // There is nothing but objects.
  'plant.fifo',
  'plant.socket',
  'plant.device',
  'plant.link-out',
  'plant.link-dangling',
  'plant.parent-link-out',
];

/** Bytes: the least that S3 takes for a part. */
const PART_SIZE = 5 * 1_048_576;

/** Milliseconds that a store on a machine at work has for an answer. */
const PATIENCE = 2500;

interface Ground {
  readonly engine: StoreEngine;
  readonly bucket: string;
  readonly client: S3Client;
  readonly openResources: () => number;
}

function createFixture({ engine, bucket, client, openResources }: Ground): ContractFixture {
  const drivers: S3Driver[] = [];
  const create = (more: Partial<S3DriverOptions> = {}): S3Driver => {
    const options = { ...driverOptions(engine, bucket), partSize: PART_SIZE, ...more };
    const driver = createS3Driver(options);
    drivers.push(driver);
    return driver;
  };
  const { accessKeyId, secretAccessKey } = engine.credentials;
  const put = async (key: string, body: Uint8Array | string): Promise<void> => {
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
  };
  return {
    driver: create(),
    async seed(key, bytes, { contentType, contentEncoding } = {}) {
      const meta = { ContentType: contentType, ContentEncoding: contentEncoding };
      const object = { Bucket: bucket, Key: key, Body: bytes, ...meta };
      await client.send(new PutObjectCommand(object));
    },
    async remove(key) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
    // As consoles make a folder: an object of no bytes, which no key of ours can name.
    plant: { directory: (key) => put(`${key}/`, '') },
    another: async () => create(),
    openResources,
    secrets: [bucket, new URL(engine.endpoint).host, secretAccessKey, accessKeyId],
    credentials: [secretAccessKey],
    remote: {
      target: { host: '127.0.0.1', port: Number(new URL(engine.endpoint).port) },
      connect: ({ host, port }) =>
        create({
          endpoint: `http://${host}:${port}`,
          timeouts: { answer: PATIENCE, idle: PATIENCE, write: PATIENCE },
        }),
      patience: PATIENCE,
      http: true,
    },
    refused: () => create({ credentials: { accessKeyId, secretAccessKey: 'not it' } }),
    misplaced: () => create({ bucket: `none-${randomBytes(6).toString('hex')}` }),
    ...(engine.name === 'swift' && {
      async seedStale(key, older, newer) {
        await put(key, older);
        await engine.killNode(0);
        await put(key, newer);
        // Nothing replicates: the node goes on with what it has.
        await engine.startNode(0);
      },
    }),
    async stray(prefix) {
      for (const name of STRAYS) await put(`${prefix}${name}`, 'astray');
    },
    pageSize: PAGE_SIZE,
    partSize: PART_SIZE,
    async debris() {
      const answer = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      return answer.Uploads?.length ?? 0;
    },
    async dispose() {
      await Promise.all(drivers.map((driver) => driver.close()));
    },
  };
}

/** Names of objects that break the grammar of keys, and that both engines take. */
const STRAYS = ['a//b', 'folder/', '/./dot', '/../dots', 'line\nbreak', 'control\u0001'];
