import {
  CopyObjectCommand,
  DeleteObjectCommand,
  type HeadObjectCommandOutput,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { type Call, SluiceError, type StorageKey, urlForKey } from '@sluice/core';
import { throwIfAborted } from '@sluice/core/drivers';

import { isStorable } from '../find-object.ts';
import { objectStat } from '../object-stat.ts';
import { refusalOf, unconfirmed, unstorableKey } from '../store-fault.ts';
import { pinOf } from '../version.ts';
import { uploadInParts } from './multipart.ts';
import type { Store } from './put.ts';

/** Removes an object; one that is not there counts as removed. Where versions are kept, they stay. */
export async function deleteObject(
  { connection, settings }: Store,
  key: StorageKey,
  { signal }: Call = {},
): Promise<void> {
  throwIfAborted(signal);
  if (!isStorable(key)) return;
  try {
    const input = { Bucket: settings.bucket, Key: key };
    await connection.ask((client, told) => client.send(new DeleteObjectCommand(input), told), {
      signal,
      limit: settings.timeouts.write,
    });
  } catch (error) {
    const { status, code } = refusalOf(error) ?? {};
    if (status !== 404 || code === 'NoSuchBucket') throw error;
  }
}

/**
 * Renames an object, by a copy in the store and a removal: S3 has nothing better. At no time are
 * both absent; for a while, and when the removal fails, both are there.
 *
 * The copy is made of one version. Not every store heeds the condition that says so, hence the
 * object is looked at again before it is removed, and what has changed is copied anew. In a bucket
 * whose versioning was suspended Ceph 16 can empty a copy when the original is removed (measured).
 *
 * @returns whether there was an object to rename
 * @throws SluiceError `SLUICE_UNAVAILABLE` for one that keeps changing, and whatever the store fails with
 */
export async function moveObject(
  store: Store,
  from: StorageKey,
  to: StorageKey,
  { signal }: Call = {},
): Promise<boolean> {
  throwIfAborted(signal);
  if (!isStorable(to)) throw unstorableKey();
  let source = await store.findObject(from, { signal });
  if (source === undefined || from === to) return source !== undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const isCopied = await copyVersion(store, { from, to, source, signal });
    const now = await store.findObject(from, { signal });
    if (now === undefined) return isCopied;
    if (isCopied && isSame(from, source, now)) {
      await deleteObject(store, from, { signal });
      return true;
    }
    source = now;
  }
  throw new SluiceError('SLUICE_UNAVAILABLE', 'the object keeps changing', { retryAfter: 1 });
}

const ATTEMPTS = 5;

/** Bytes: the most that one request may copy. */
const MOST_AT_ONCE = 5 * 1_073_741_824;

/** Bytes. Ten thousand of them are more than any object has. */
const COPIED_PART = 1_073_741_824;

interface Copy {
  readonly from: StorageKey;
  readonly to: StorageKey;
  readonly source: HeadObjectCommandOutput;
  readonly signal: AbortSignal | undefined;
}

function isSame(
  key: StorageKey,
  one: HeadObjectCommandOutput,
  other: HeadObjectCommandOutput,
): boolean {
  return objectStat(key, one).version.token === objectStat(key, other).version.token;
}

/** Copies an object, and tells whether it was still the one to be copied. */
async function copyVersion(store: Store, copy: Copy): Promise<boolean> {
  const { size } = objectStat(copy.from, copy.source);
  try {
    await (size > MOST_AT_ONCE ? copyInParts(store, copy, size) : copyAtOnce(store, copy));
    return true;
  } catch (error) {
    const { status, code } = refusalOf(error) ?? {};
    if (status === 412 || (status === 404 && code !== 'NoSuchBucket')) return false;
    throw error;
  }
}

async function copyAtOnce({ connection, settings }: Store, copy: Copy): Promise<void> {
  const input = { Bucket: settings.bucket, Key: copy.to, ...sourceOf(settings.bucket, copy) };
  const { CopyObjectResult } = await connection.ask(
    (client, told) => client.send(new CopyObjectCommand(input), told),
    { signal: copy.signal, limit: settings.timeouts.write },
  );
  // What is not known to be copied is not removed.
  if (CopyObjectResult?.ETag === undefined) throw unconfirmed();
}

/** What a single copy takes along by itself must be said here. */
async function copyInParts(store: Store, copy: Copy, size: number): Promise<void> {
  const { connection, settings } = store;
  const { source, signal } = copy;
  const object = {
    Key: copy.to,
    CacheControl: source.CacheControl,
    ContentDisposition: source.ContentDisposition,
    ContentEncoding: source.ContentEncoding,
    ContentLanguage: source.ContentLanguage,
    ContentType: source.ContentType,
    Metadata: source.Metadata,
  };
  const ends = Array.from({ length: Math.ceil(size / COPIED_PART) }, (_, index) =>
    Math.min(size, (index + 1) * COPIED_PART),
  );
  await uploadInParts({ connection, settings, object, signal }, ends, async (end, place) => {
    const start = (place.PartNumber - 1) * COPIED_PART;
    const input = {
      ...sourceOf(settings.bucket, copy),
      ...place,
      Bucket: settings.bucket,
      Key: copy.to,
      CopySourceRange: `bytes=${start}-${end - 1}`,
    };
    const { CopyPartResult } = await connection.ask(
      (client, told) => client.send(new UploadPartCopyCommand(input), told),
      { signal, limit: settings.timeouts.write },
    );
    return CopyPartResult?.ETag;
  });
}

function sourceOf(
  bucket: string,
  { from, source }: Copy,
): { readonly CopySource: string; readonly CopySourceIfMatch?: string } {
  const path = `${bucket}/${urlForKey(from)}`;
  const pin = pinOf(objectStat(from, source).version);
  switch (pin?.kind) {
    case 'id':
      return { CopySource: `${path}?versionId=${encodeURIComponent(pin.versionId)}` };
    case 'tag':
      return { CopySource: path, CopySourceIfMatch: pin.ifMatch };
    case 'answer':
    case undefined:
      return { CopySource: path };
  }
}
