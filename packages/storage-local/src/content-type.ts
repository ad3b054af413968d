import { extname } from 'node:path/posix';

import { quote } from '@sluice/core';
import { isMediaType } from '@sluice/core/http';
import mimeTypes from 'mime-types';

/** Gives the media type that the extension of a key names. */
export type ContentTypes = (key: string) => string | undefined;

/**
 * Creates the table of media types by extension: those of `mime-types`, with its charset for text,
 * under those of the application.
 *
 * Never the content decides, and a coding is never guessed: `a.tar.gz` is `application/gzip`, to be
 * stored by the client as it is. A name that is all extension, as `.html`, has none.
 *
 * @throws TypeError for an extension without its dot, or a value that is not a media type
 */
export function createContentTypes(own: Readonly<Record<string, string>> = {}): ContentTypes {
  if (typeof own !== 'object' || own === null || Array.isArray(own)) {
    throw new TypeError(`createLocalDriver: contentTypes must be an object, got ${quote(own)}`);
  }
  const types = new Map(Object.entries(own).map(checkEntry));
  return (key) => {
    const extension = extname(key).toLowerCase();
    if (extension.length < 2) return undefined;
    return types.get(extension) ?? (mimeTypes.contentType(extension) || undefined);
  };
}

function checkEntry([extension, type]: [string, unknown]): [string, string] {
  if (!/^\.[^./\\]+$/.test(extension)) {
    throw new TypeError(
      `createLocalDriver: contentTypes has extensions such as ".md", got ${quote(extension)}`,
    );
  }
  if (typeof type !== 'string' || !isMediaType(type)) {
    throw new TypeError(
      `createLocalDriver: contentTypes[${quote(extension)}] must be a media type, got ${quote(type)}`,
    );
  }
  return [extension.toLowerCase(), type];
}
