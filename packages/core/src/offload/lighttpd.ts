import { checkOptions } from '../options.ts';
import type { Dialect } from './dialect.ts';
import { hasControl, pathBelow, percentEncode } from './place-codec.ts';
import { createFolderMap, type RootPlaces } from './root-map.ts';

/** What {@link lighttpd} takes. */
export interface LighttpdOptions {
  /**
   * Where lighttpd has the root of the store, if elsewhere than the application: `/mnt/private`.
   * Several roots lie below it under their prefixes of keys, or each has a folder of its own.
   */
  readonly root?: RootPlaces | undefined;
}

/**
 * Describes lighttpd with mod_proxy as the sender: `X-Sendfile` with an absolute path.
 *
 * - The path is decoded once; control characters in it are replaced, so that those names cannot be
 *   told (`http_response_xsendfile`, `buffer_urldecode_path`).
 * - It keeps every header but `Content-Length`, the entity tag too. Ranges go off where the answer
 *   has a `Content-Encoding`, so that an encoded object is streamed.
 * - `X-LIGHTTPD-KBytes-per-second` bounds the rate, in units of 1024 bytes.
 *
 * @throws TypeError for a mistake in the options, quoting the value
 * @see https://redmine.lighttpd.net/projects/lighttpd/wiki/X-LIGHTTPD-send-file
 */
export function lighttpd(options: LighttpdOptions = {}): Dialect {
  const { root } = checkOptions('lighttpd', options, ['root']);
  const folderOf = createFolderMap('lighttpd', root);
  return Object.freeze<Dialect>({
    name: 'lighttpd',
    header: 'x-sendfile',
    valueFor(place) {
      const folder = folderOf(place);
      const path = folder === undefined ? undefined : pathBelow(folder, place);
      if (path === undefined || hasControl(path)) return undefined;
      return percentEncode(path.split('/'));
    },
    carries: (name) => name !== 'content-encoding',
    makes: MADE,
    rateHeaderFor(rate) {
      if (rate < 1024) return undefined;
      return ['x-lighttpd-kbytes-per-second', String(Math.floor(rate / 1024))];
    },
  });
}

const MADE = Object.freeze(['content-length']);
