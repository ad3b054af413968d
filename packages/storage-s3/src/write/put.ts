import { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import {
  type ByteSource,
  type Call,
  type ObjectStat,
  type PutOptions,
  quote,
  SluiceError,
  type StorageKey,
} from '@sluice/core';
import { takePieces, throwIfAborted } from '@sluice/core/drivers';
import { isMediaType } from '@sluice/core/http';

import type { Connection } from '../connection.ts';
import { typeByExtension } from '../content-type.ts';
import { type FindObject, isStorable } from '../find-object.ts';
import { objectStat } from '../object-stat.ts';
import type { Settings } from '../settings.ts';
import {
  refusalOf,
  storeFault,
  unconfirmed,
  unstorableKey,
  versionChanged,
} from '../store-fault.ts';
import { uploadInParts } from './multipart.ts';
import { cutBytes, type Part, partsOf } from './parts.ts';

/** What a write needs. */
export interface Store {
  readonly connection: Connection;
  readonly settings: Settings;
  readonly findObject: FindObject;
}

/**
 * Stores an object: in one request up to `partSize`, above it in parts. The store shows it when the
 * last byte is there.
 *
 * @throws SluiceError `SLUICE_EXISTS`, `SLUICE_INVALID_KEY`, `SLUICE_UNSUPPORTED` and whatever the
 * store fails with; what the source throws
 */
export async function putObject(
  store: Store,
  key: StorageKey,
  source: ByteSource,
  options: PutOptions = {},
): Promise<ObjectStat> {
  const taken = source instanceof Uint8Array ? source : takePieces(source, options.signal);
  try {
    store.connection.requireOpen();
    throwIfAborted(options.signal);
    const { contentType } = options;
    if (contentType !== undefined && !isMediaType(contentType)) {
      throw new TypeError(`put: contentType must be a media type, got ${quote(contentType)}`);
    }
    if (!isStorable(key)) throw unstorableKey();
    // Some stores do not heed a condition on writes, or not everywhere: Ceph 16 not where versions
    // are kept, nor at the end of an upload in parts. There only what is written at the same time
    // collides.
    if (options.ifAbsent === true) await requireAbsence(store, key, options);
    const versionId = await upload(store, key, taken, options);
    const answer = await store.findObject(key, options, versionId);
    // Somebody has removed it since.
    if (answer === undefined) throw versionChanged();
    return objectStat(key, answer);
  } finally {
    // Whatever failed, and where: the source is let go of.
    if (!(taken instanceof Uint8Array)) await taken.return?.();
  }
}

/** Bytes: the most that one request may store. */
const MOST_AT_ONCE = 5 * 1_073_741_824;

async function upload(
  store: Store,
  key: StorageKey,
  source: Uint8Array | AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<string | undefined> {
  const { partSize } = store.settings;
  if (source instanceof Uint8Array) {
    // Of a condition on a single request more can be expected than of one at the end of many.
    const most = options.ifAbsent === true ? MOST_AT_ONCE : partSize;
    return source.byteLength <= most
      ? putAtOnce(store, key, source, options)
      : putInParts(store, key, cutBytes(source, partSize), options);
  }
  const parts = partsOf(source, partSize);
  const { value: first } = await parts.next();
  return first === undefined || first.isLast
    ? putAtOnce(store, key, first?.bytes ?? new Uint8Array(0), options)
    : putInParts(store, key, withFirst(first, parts), options);
}

async function* withFirst(
  first: Part,
  rest: AsyncGenerator<Part, undefined>,
): AsyncGenerator<Part, undefined> {
  yield first;
  yield* rest;
}

async function putAtOnce(
  store: Store,
  key: StorageKey,
  bytes: Uint8Array,
  { ifAbsent, contentType, signal }: PutOptions,
): Promise<string | undefined> {
  const { connection, settings } = store;
  const input = {
    ...describe(key, contentType),
    Bucket: settings.bucket,
    Body: bytes,
    ContentLength: bytes.byteLength,
    ...(ifAbsent === true && { IfNoneMatch: '*' }),
  };
  try {
    const { ETag, VersionId } = await connection.ask(
      (client, told) => client.send(new PutObjectCommand(input), told),
      // The second of two would find what the first has made.
      { signal, limit: settings.timeouts.write, ...(ifAbsent === true && { once: true }) },
    );
    if (ETag === undefined) throw unconfirmed();
    return VersionId;
  } catch (error) {
    throw ifAbsent === true ? await creationFault(store, key, error) : error;
  }
}

async function putInParts(
  store: Store,
  key: StorageKey,
  parts: AsyncIterable<Part> | Iterable<Part>,
  { ifAbsent, contentType, signal }: PutOptions,
): Promise<string | undefined> {
  const { connection, settings } = store;
  const beforeEnd = (): Promise<void> => requireAbsence(store, key, { signal });
  const condition = { beforeEnd, ifNoneMatch: '*' } as const;
  const options = { connection, settings, object: describe(key, contentType), signal };
  try {
    return await uploadInParts(
      { ...options, ...(ifAbsent === true && condition) },
      parts,
      async ({ bytes: Body }, place) => {
        const input = { Bucket: settings.bucket, Key: key, Body, ...place };
        const length = { ContentLength: Body.byteLength };
        const { ETag } = await connection.ask(
          (client, told) => client.send(new UploadPartCommand({ ...input, ...length }), told),
          { signal, limit: settings.timeouts.write },
        );
        return ETag;
      },
    );
  } catch (error) {
    throw ifAbsent === true ? await creationFault(store, key, error) : error;
  }
}

/** @throws SluiceError `SLUICE_EXISTS` */
async function requireAbsence(store: Store, key: StorageKey, { signal }: Call): Promise<void> {
  if ((await store.findObject(key, { signal })) !== undefined) throw exists();
}

/** The store is told the type, so that it stands in the answers to signed URLs too. */
function describe(
  key: StorageKey,
  told: string | undefined,
): { readonly Key: string; readonly ContentType?: string } {
  const type = told ?? typeByExtension(key);
  return { Key: key, ...(type !== undefined && { ContentType: type }) };
}

/** Tells why an object could not be created. */
async function creationFault(store: Store, key: StorageKey, error: unknown): Promise<unknown> {
  const status = refusalOf(error)?.status;
  if (status === 412) return exists(error);
  // Of several who create at once, AWS tells some of the losers only that there was a conflict.
  if (status === 409) {
    const found = await store.findObject(key, undefined).catch(() => undefined);
    return found === undefined ? error : exists(error);
  }
  return error;
}

function exists(error?: unknown): SluiceError {
  const cause = error === undefined ? undefined : storeFault(error).cause;
  return new SluiceError('SLUICE_EXISTS', 'there is an object already', { cause });
}
