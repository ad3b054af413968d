import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
} from '@aws-sdk/client-s3';
import { SluiceError } from '@sluice/core';
import { throwIfAborted, untilAborted } from '@sluice/core/drivers';

import type { Connection } from '../connection.ts';
import type { Settings } from '../settings.ts';
import { unconfirmed } from '../store-fault.ts';

/** What a multipart upload is made with. */
export interface MultipartOptions {
  readonly connection: Connection;
  readonly settings: Settings;
  /** The object: its key and what the store is to be told of it. */
  readonly object: Omit<CreateMultipartUploadCommandInput, 'Bucket'>;
  readonly signal: AbortSignal | undefined;
  /** Looked at last of all; fails where the object must not come to be. */
  readonly beforeEnd?: () => Promise<void>;
  readonly ifNoneMatch?: '*';
}

/** Where an uploaded part belongs. */
interface PartPlace {
  readonly UploadId: string;
  readonly PartNumber: number;
}

/** Uploads one part, or has it copied, and gives its entity tag. */
export type UploadPart<P> = (part: P, place: PartPlace) => Promise<string | undefined>;

/**
 * Makes an object of parts: it comes to be when the last one is there, all at once. When anything
 * fails the parts are removed again.
 *
 * @returns the id of the new version, where the bucket keeps versions
 * @throws whatever fails first
 */
export async function uploadInParts<P>(
  options: MultipartOptions,
  parts: AsyncIterable<P> | Iterable<P>,
  upload: UploadPart<P>,
): Promise<string | undefined> {
  const { connection, settings, object, signal } = options;
  const target = { Bucket: settings.bucket, Key: object.Key };
  const UploadId = await beginUpload(options);
  try {
    const Parts: { readonly PartNumber: number; readonly ETag: string }[] = [];
    for await (const part of parts) {
      const PartNumber = Parts.length + 1;
      if (PartNumber > MOST_PARTS) throw tooManyParts();
      const ETag = await upload(part, { UploadId, PartNumber });
      if (ETag === undefined) throw unconfirmed();
      Parts.push({ PartNumber, ETag });
    }
    await options.beforeEnd?.();
    const input = { ...target, UploadId, MultipartUpload: { Parts } };
    const { ifNoneMatch } = options;
    const { ETag, VersionId } = await connection.ask(
      (client, told) =>
        client.send(
          new CompleteMultipartUploadCommand({
            ...input,
            ...(ifNoneMatch !== undefined && { IfNoneMatch: ifNoneMatch }),
          }),
          told,
        ),
      { signal, limit: settings.timeouts.write, once: true },
    );
    if (ETag === undefined) throw unconfirmed();
    return VersionId;
  } catch (error) {
    await removeParts(options, UploadId);
    throw error;
  }
}

const MOST_PARTS = 10_000;

/**
 * Not under the caller's signal: an upload that has begun without our knowing would stay in the
 * store for ever. Whoever aborts does not wait for it, and it is removed when it is known.
 */
async function beginUpload(options: MultipartOptions): Promise<string> {
  const { connection, settings, object, signal } = options;
  throwIfAborted(signal);
  const input = { ...object, Bucket: settings.bucket };
  const begun = connection.ask(
    (client, told) => client.send(new CreateMultipartUploadCommand(input), told),
    { limit: settings.timeouts.answer, once: true },
  );
  const { UploadId } = await untilAborted(begun, signal, (late) => {
    void removeParts(options, late.UploadId);
  });
  if (UploadId === undefined) throw unconfirmed();
  return UploadId;
}

/** Not under the caller's signal, which may be why it is called. What fails here is not told. */
async function removeParts(
  { connection, settings, object }: MultipartOptions,
  UploadId: string | undefined,
): Promise<void> {
  if (UploadId === undefined) return;
  const input = { Bucket: settings.bucket, Key: object.Key, UploadId };
  await connection
    .ask((client, told) => client.send(new AbortMultipartUploadCommand(input), told), {
      limit: settings.timeouts.answer,
    })
    .catch(() => undefined);
}

function tooManyParts(): SluiceError {
  return new SluiceError(
    'SLUICE_UNSUPPORTED',
    `an object has ${MOST_PARTS} parts at most: give the driver a larger partSize`,
  );
}
