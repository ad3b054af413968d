import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { type ObjectStat, SluiceError, type StorageKey } from '@sluice/core';

import { contentTypeOf } from './content-type.ts';
import { entityTagOf, versionFrom } from './version.ts';

/**
 * Makes the facts of an object of the answer to HEAD.
 *
 * @throws SluiceError `SLUICE_IO` when the answer has no length, or nothing to tell versions by
 */
export function objectStat(key: StorageKey, answer: HeadObjectCommandOutput): ObjectStat {
  const { ContentLength: size, ContentType, VersionId: versionId } = answer;
  if (size === undefined || !Number.isSafeInteger(size) || size < 0) {
    throw new SluiceError('SLUICE_IO', 'the store does not tell how long the object is');
  }
  const entityTag = entityTagOf(answer.ETag);
  const lastModified = timeOf(answer.LastModified);
  const version = versionFrom({
    versionId,
    size,
    ...(entityTag !== undefined && { entityTag }),
    ...(lastModified !== undefined && { lastModified }),
  });
  if (version === undefined) {
    throw new SluiceError('SLUICE_IO', 'the store does not tell versions of the object apart');
  }
  const contentType = contentTypeOf(key, ContentType);
  const contentEncoding = codingOf(answer.ContentEncoding);
  return Object.freeze<ObjectStat>({
    size,
    version: Object.freeze(version),
    ...(entityTag !== undefined && { entityTag }),
    ...(lastModified !== undefined && { lastModified }),
    ...(contentType !== undefined && { contentType }),
    ...(contentEncoding !== undefined && { contentEncoding }),
  });
}

/** Milliseconds since 1970. */
export function timeOf(date: Date | undefined): number | undefined {
  const time = date?.getTime();
  return time === undefined || Number.isNaN(time) ? undefined : time;
}

/** `aws-chunked` is the framing of an upload, which some stores keep as if it were a coding. */
function codingOf(value: string | undefined): string | undefined {
  const codings = (value ?? '')
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && !NO_CODINGS.has(coding.toLowerCase()));
  return codings.length === 0 ? undefined : codings.join(', ');
}

const NO_CODINGS: ReadonlySet<string> = new Set(['aws-chunked', 'identity']);
