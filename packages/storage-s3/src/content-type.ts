import { extname } from 'node:path/posix';

import { isMediaType } from '@sluice/core/http';
import mimeTypes from 'mime-types';

/**
 * Gives the media type of an object: the one that the store was told, else the one that the
 * extension of its key names. Never the content decides.
 *
 * `binary/octet-stream` is what AWS and Ceph keep when nobody told them, `application/octet-stream`
 * what the SDKs tell them then: neither says anything of the object.
 */
export function contentTypeOf(key: string, told: string | undefined): string | undefined {
  const isTold = told !== undefined && isMediaType(told) && !UNTOLD.has(told.toLowerCase());
  return isTold ? told : typeByExtension(key);
}

/** Gives the media type that the extension of a key names; a name that is all extension has none. */
export function typeByExtension(key: string): string | undefined {
  const extension = extname(key);
  return extension.length < 2 ? undefined : mimeTypes.contentType(extension) || undefined;
}

const UNTOLD: ReadonlySet<string> = new Set(['binary/octet-stream', 'application/octet-stream']);
