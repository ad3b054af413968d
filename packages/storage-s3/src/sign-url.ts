import { GetObjectCommand, type GetObjectCommandInput, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import {
  integerOption,
  type SignedUrl,
  type SignOptions,
  SluiceError,
  type StorageKey,
} from '@sluice/core';
import { throwIfAborted } from '@sluice/core/drivers';
import { isFieldValue, parseHttpDate } from '@sluice/core/http';

import { createEnding } from './ending.ts';
import type { Connection } from './connection.ts';
import { isStorable } from './find-object.ts';
import type { Settings } from './settings.ts';
import { storeFault } from './store-fault.ts';
import { pinOf } from './version.ts';

/** From where a signed URL is to be used. */
export type From = 'outside' | 'inside';

/**
 * Signs a URL for GET. Nothing is sent to the store, unless the credentials must be fetched.
 *
 * Only the host is a signed header: a redirect could not make a client send a Range or an If-Match
 * that was signed. So the version is bound where it has an id, and not otherwise.
 *
 * @throws SluiceError `SLUICE_CONFIG` for a term of more than seven days; TypeError for one that is
 * no positive integer
 */
export async function signUrl(
  { connection, settings }: { readonly connection: Connection; readonly settings: Settings },
  key: StorageKey,
  { expiresIn, version, headers = {}, signal }: SignOptions,
  from: From,
): Promise<SignedUrl | undefined> {
  integerOption('signUrl', 'expiresIn', expiresIn, { least: 1, fallback: 0 });
  if (expiresIn > LONGEST) {
    throw new SluiceError('SLUICE_CONFIG', 'S3 signs URLs for seven days at most');
  }
  throwIfAborted(signal);
  const overrides = overridesOf(headers);
  if (overrides === undefined || !isStorable(key)) return undefined;
  const pin = version && pinOf(version);
  const input: GetObjectCommandInput = {
    Bucket: settings.bucket,
    Key: key,
    ...overrides,
    ...(pin?.kind === 'id' && { VersionId: pin.versionId }),
  };
  // Whoever gives the credentials may have to be waited for.
  const ending = createEnding(signal, settings.timeouts.answer);
  try {
    const signing = signInput(connection.signer(from), input, expiresIn);
    const signed = await Promise.race([signing, ending.ended]);
    return { ...signed, pinned: pin?.kind === 'id' };
  } catch (error) {
    throw ending.fault() ?? storeFault(error);
  } finally {
    ending.release();
  }
}

async function signInput(
  client: S3Client,
  input: GetObjectCommandInput,
  expiresIn: number,
): Promise<Omit<SignedUrl, 'pinned'>> {
  const now = Date.now();
  const url = await getSignedUrl(client, new GetObjectCommand(input), {
    expiresIn,
    signingDate: new Date(now),
  });
  const { expiration } = await client.config.credentials();
  // A signature has whole seconds, and dies with the credentials that it was made with.
  const term = Math.floor(now / 1000) * 1000 + expiresIn * 1000;
  return { url, expires: Math.min(term, expiration?.getTime() ?? Infinity) };
}

/** Seconds: the most that version 4 of the signature allows. */
const LONGEST = 604_800;

type Overrides = Partial<Omit<GetObjectCommandInput, 'Bucket' | 'Key'>>;

/** Makes the parameters that override headers; `undefined` for a header that has none. */
function overridesOf(headers: Readonly<Record<string, string>>): Overrides | undefined {
  const overrides: Overrides = {};
  for (const [name, value] of Object.entries(headers)) {
    const one = overrideOf(name, value);
    if (one === undefined) return undefined;
    Object.assign(overrides, one);
  }
  return overrides;
}

function overrideOf(name: string, value: string): Overrides | undefined {
  // Beyond ASCII every store has its own idea of the bytes, and an empty value is no override.
  if (value === '' || value !== value.trim() || !/^[\x20-\x7e]+$/.test(value)) return undefined;
  if (!isFieldValue(value)) return undefined;
  switch (name) {
    case 'cache-control':
      return { ResponseCacheControl: value };
    case 'content-disposition':
      return { ResponseContentDisposition: value };
    case 'content-encoding':
      return { ResponseContentEncoding: value };
    case 'content-language':
      return { ResponseContentLanguage: value };
    case 'content-type':
      return { ResponseContentType: value };
    case 'expires':
      return expiresOverride(value);
    default:
      return undefined;
  }
}

/** The SDK takes a date, and writes it in the one form that is left today. */
function expiresOverride(value: string): Overrides | undefined {
  const time = parseHttpDate(value);
  if (time === undefined) return undefined;
  const date = new Date(time);
  return date.toUTCString() === value ? { ResponseExpires: date } : undefined;
}
