import { Readable } from 'node:stream';

import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import {
  type ByteSource,
  type Call,
  type ObjectStat,
  SluiceError,
  type StorageKey,
  type Window,
} from '@sluice/core';

import type { Connection } from './connection.ts';
import { timeOf } from './object-stat.ts';
import type { Settings } from './settings.ts';
import { versionChanged } from './store-fault.ts';
import { entityTagOf, type Pin } from './version.ts';
import { collectBody, createWindowBody } from './window-body.ts';

/** An object, and the version of it that is to be read. */
export interface PinnedObject {
  readonly key: StorageKey;
  readonly stat: ObjectStat;
  readonly pin: Pin;
}

/**
 * Reads a window that is not empty, by one request: all at once up to 128 KiB, in pieces above.
 *
 * The request names the version, and the answer is compared with it before a byte is let through:
 * not every store heeds every condition.
 *
 * @throws SluiceError `SLUICE_VERSION_CHANGED` and whatever the store fails with
 */
export async function readWindow(
  { connection, settings }: { readonly connection: Connection; readonly settings: Settings },
  object: PinnedObject,
  window: Window,
  { signal }: Call,
): Promise<ByteSource> {
  const release = connection.share();
  try {
    const { bucket: Bucket, timeouts } = settings;
    const input = { Bucket, Key: object.key, ...conditionOf(object.pin), Range: rangeOf(window) };
    const answer = await connection.ask(
      (client, told) => client.send(new GetObjectCommand(input), told),
      { signal, limit: timeouts.answer },
    );
    const source = takeBody(answer);
    try {
      assertAnswer(answer, object, window);
    } catch (error) {
      source.destroy();
      throw error;
    }
    const length = window.end - window.start;
    const body = createWindowBody(source, { length, idle: timeouts.idle, signal, release });
    return length <= READ_AT_ONCE ? await collectBody(body, length) : body;
  } catch (error) {
    release();
    throw error;
  }
}

/** Bytes. What is so short is in memory as soon as it is on its way. */
const READ_AT_ONCE = 131_072;

function conditionOf(pin: Pin): { readonly VersionId?: string; readonly IfMatch?: string } {
  switch (pin.kind) {
    case 'id':
      return { VersionId: pin.versionId };
    case 'tag':
      return { IfMatch: pin.ifMatch };
    case 'answer':
      return {};
  }
}

/** RFC 9110 §14.1.2: both ends are inclusive. */
function rangeOf({ start, end }: Window): string {
  return `bytes=${start}-${end - 1}`;
}

/** From here on the connection is in use until the stream is read to its end, or destroyed. */
function takeBody({ Body }: GetObjectCommandOutput): Readable {
  if (!(Body instanceof Readable)) throw strange('gave no body');
  // Whatever becomes of it, somebody listens.
  return Body.on('error', () => undefined);
}

/** @throws SluiceError unless the answer is the window of the version */
function assertAnswer(
  answer: GetObjectCommandOutput,
  { stat, pin }: PinnedObject,
  { start, end }: Window,
): void {
  if (!isOfVersion(answer, stat, pin)) throw versionChanged();
  const { ContentLength = end - start, ContentRange, $metadata } = answer;
  if ($metadata.httpStatusCode === 200) {
    // RFC 9110 §14.2: a server may ignore Range. The whole object is good when it was asked for.
    if (end - start !== stat.size) throw strange('gave the whole object instead of a part');
    if (ContentLength !== stat.size) throw versionChanged();
    return;
  }
  const [, first, final, total] = CONTENT_RANGE.exec(ContentRange ?? '') ?? [];
  if ($metadata.httpStatusCode !== 206 || first === undefined) throw strange('gave no such part');
  if (total !== '*' && Number(total) !== stat.size) throw versionChanged();
  const isAsked = Number(first) === start && Number(final) === end - 1;
  if (!isAsked || ContentLength !== end - start) throw strange('gave another part');
}

/** RFC 9110 §14.4. */
const CONTENT_RANGE = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i;

function isOfVersion(answer: GetObjectCommandOutput, stat: ObjectStat, pin: Pin): boolean {
  const { VersionId, ETag, LastModified } = answer;
  if (stat.entityTag !== undefined && entityTagOf(ETag) !== stat.entityTag) return false;
  switch (pin.kind) {
    case 'id':
      return VersionId === undefined || VersionId === pin.versionId;
    case 'tag':
      return true;
    case 'answer':
      return timeOf(LastModified) === stat.lastModified;
  }
}

function strange(what: string): SluiceError {
  return new SluiceError('SLUICE_IO', `the store ${what}`);
}
