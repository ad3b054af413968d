import type {
  ByteSource,
  Call,
  ListEntry,
  ObjectHandle,
  ObjectStat,
  OpenCall,
  PutOptions,
  SignedUrl,
  SignOptions,
  StorageDriver,
  StorageKey,
} from '@sluice/core';
import { throwIfAborted } from '@sluice/core/drivers';

import { createConnection } from './connection.ts';
import { createFindObject, isStorable } from './find-object.ts';
import { listObjects } from './listing.ts';
import { createObjectHandle } from './object-handle.ts';
import { objectStat } from './object-stat.ts';
import { checkSettings, type S3DriverOptions } from './settings.ts';
import { signUrl } from './sign-url.ts';
import { pinOf } from './version.ts';
import { deleteObject, moveObject } from './write/move.ts';
import { putObject, type Store } from './write/put.ts';

/** A {@link StorageDriver} with everything that a store of the S3 kind can do. */
export interface S3Driver extends StorageDriver {
  readonly name: 's3';
  signUrl(key: StorageKey, options: SignOptions): Promise<SignedUrl | undefined>;
  internalUrl(key: StorageKey, options: SignOptions): Promise<SignedUrl | undefined>;
  list(prefix: string, call?: Call): AsyncIterable<ListEntry>;
  put(key: StorageKey, source: ByteSource, options?: PutOptions): Promise<ObjectStat>;
  delete(key: StorageKey, call?: Call): Promise<void>;
  move(from: StorageKey, to: StorageKey, call?: Call): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Creates a driver for the objects of one bucket in a store that speaks S3: AWS, Ceph, MinIO, Swift
 * and others.
 *
 * Every read is bound to the version that was opened, by its id where the bucket keeps versions and
 * by its entity tag elsewhere, and the answer is compared with it as well. A request is sent once,
 * or up to twice more where that promises much: further attempts are for a wrapper.
 *
 * Nothing is sent here; a wrong endpoint, bucket or credential shows in the first call.
 *
 * @throws TypeError for a mistake in the options, quoting the value
 */
export function createS3Driver(options: S3DriverOptions): S3Driver {
  const settings = checkSettings(options);
  const connection = createConnection(settings);
  const findObject = createFindObject(connection, settings);
  return composeDriver({ connection, settings, findObject });
}

function composeDriver(store: Store): S3Driver {
  const { connection, findObject } = store;
  const requireOpen = ({ signal }: Call = {}): void => {
    connection.requireOpen();
    throwIfAborted(signal);
  };
  const statOf = async (key: StorageKey, call?: Call): Promise<ObjectStat | undefined> => {
    requireOpen(call);
    const answer = await findObject(key, call);
    return answer && objectStat(key, answer);
  };
  return Object.freeze<S3Driver>({
    name: 's3',
    stat: statOf,
    async open(key, call) {
      requireOpen(call);
      return openObject(store, key, knownStat(key, call) ?? (await statOf(key, call)));
    },
    async signUrl(key, signing) {
      requireOpen(signing);
      return signUrl(store, key, signing, 'outside');
    },
    async internalUrl(key, signing) {
      requireOpen(signing);
      return signUrl(store, key, signing, 'inside');
    },
    async *list(prefix, call) {
      requireOpen(call);
      yield* listObjects(store, prefix, call);
    },
    put: (key, source, given) => putObject(store, key, source, given),
    async delete(key, call) {
      requireOpen(call);
      await deleteObject(store, key, call);
    },
    async move(from, to, call) {
      requireOpen(call);
      return moveObject(store, from, to, call);
    },
    async close() {
      connection.close();
    },
  });
}

/** A stat that the caller brings saves the question, if it binds reads to a version of this store. */
function knownStat(key: StorageKey, call: OpenCall = {}): ObjectStat | undefined {
  const { known } = call;
  return known !== undefined && isStorable(key) && pinOf(known.version) !== undefined
    ? known
    : undefined;
}

function openObject(
  store: Store,
  key: StorageKey,
  stat: ObjectStat | undefined,
): ObjectHandle | undefined {
  const pin = stat && pinOf(stat.version);
  if (stat === undefined || pin === undefined) return undefined;
  return createObjectHandle(store, { key, stat, pin });
}
