import { Readable } from 'node:stream';

import {
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
} from '@aws-sdk/client-s3';
import { type Call, isSluiceError, parseKey, type StorageKey } from '@sluice/core';

import type { Connection } from './connection.ts';
import type { Settings } from './settings.ts';
import { noBucket, refusalOf } from './store-fault.ts';

/** Bytes of UTF-8: the longest key of S3. */
export const MAX_KEY_BYTES = 1024;

/** Asks for the head of an object; `undefined` when there is none, or none of that version. */
export type FindObject = (
  key: StorageKey,
  call: Call | undefined,
  versionId?: string,
) => Promise<HeadObjectCommandOutput | undefined>;

/**
 * Tells keys that this store can hold: S3 ends at 1024 bytes. What is no key at all, as programs
 * without types may pass it, is not sent either.
 */
export function isStorable(key: StorageKey): boolean {
  return Buffer.byteLength(key) <= MAX_KEY_BYTES && parseKey(key) !== undefined;
}

/**
 * Creates the question for one object.
 *
 * The answer to HEAD has no body, so that a refusal names no cause. Where the cause matters it is
 * asked for once more by other means: whether the bucket is there, whether it is the credentials.
 */
export function createFindObject(
  connection: Connection,
  { bucket: Bucket, missingAs403, timeouts }: Settings,
): FindObject {
  const limit = timeouts.answer;
  let bucketSeen = Number.NEGATIVE_INFINITY;

  /** @throws SluiceError `SLUICE_CONFIG` when there is no bucket */
  const requireBucket = async (signal: AbortSignal | undefined): Promise<void> => {
    if (performance.now() - bucketSeen < BUCKET_BELIEVED) return;
    try {
      await connection.ask((client, told) => client.send(new HeadBucketCommand({ Bucket }), told), {
        signal,
        limit,
      });
    } catch (error) {
      const status = refusalOf(error)?.status;
      if (status === 404) throw noBucket(isSluiceError(error) ? error.cause : error);
      // Who may read objects need not be allowed to ask for their bucket.
      if (status !== 403) throw error;
    }
    bucketSeen = performance.now();
  };

  /** Asks for the cause of a refusal; `undefined` when the object has come to be readable. */
  const explain = async (Key: StorageKey, signal: AbortSignal | undefined): Promise<unknown> => {
    try {
      const input = { Bucket, Key, Range: 'bytes=0-0' };
      await connection.ask(
        async (client, told) => {
          const { Body } = await client.send(new GetObjectCommand(input), told);
          // Not read: some stores send the whole object, whatever was asked for.
          if (Body instanceof Readable) Body.on('error', () => undefined).destroy();
        },
        { signal, limit },
      );
      return undefined;
    } catch (error) {
      return error;
    }
  };

  return async (Key, { signal } = {}, VersionId) => {
    if (!isStorable(Key)) return undefined;
    const input = { Bucket, Key, ...(VersionId !== undefined && { VersionId }) };
    try {
      const answer = await connection.ask(
        (client, told) => client.send(new HeadObjectCommand(input), told),
        { signal, limit },
      );
      bucketSeen = performance.now();
      return answer;
    } catch (error) {
      const status = refusalOf(error)?.status;
      if (status === undefined || !UNEXPLAINED.has(status)) throw error;
      if (status === 404) {
        await requireBucket(signal);
        return undefined;
      }
      const cause = (await explain(Key, signal)) ?? error;
      if (missingAs403 && refusalOf(cause)?.code === 'AccessDenied') return undefined;
      if (refusalOf(cause)?.code === 'NoSuchKey') return undefined;
      throw cause;
    }
  };
}

/** Milliseconds for which a bucket that was there is not looked for again. */
const BUCKET_BELIEVED = 60_000;

/** Statuses of HEAD that stand for more than one cause. */
const UNEXPLAINED: ReadonlySet<number> = new Set([400, 401, 403, 404]);
