import { checkOptions, quote } from '../options.ts';
import type { Dialect } from './dialect.ts';
import { bytesAsText, hasControl, pathBelow, percentEncode } from './place-codec.ts';
import { createFolderMap, type RootPlaces } from './root-map.ts';

/** What {@link apache} takes. */
export interface ApacheOptions {
  /**
   * Where Apache has the root of the store, if elsewhere than the application: `/mnt/private`.
   * Several roots lie below it under their prefixes of keys, or each has a folder of its own.
   */
  readonly root?: RootPlaces | undefined;
  /**
   * How the module reads the path: `raw` bytes (0.12, Debian 12 and before) or `percent`-encoded
   * (the 1.0 beta, Debian 13). Default: only names that both read alike; others are streamed.
   */
  readonly encoding?: 'raw' | 'percent' | undefined;
}

/**
 * Describes Apache with mod_xsendfile as the sender: `X-Sendfile` with an absolute path.
 *
 * - The module acts on status 200 alone. It keeps all headers but `Content-Length` and
 *   `Content-Encoding`, and the application's entity tag and date, which it must have: the module
 *   makes `"0"` for every file since Apache 2.4.47.
 * - It has no header for a rate.
 *
 * @throws TypeError for a mistake in the options, quoting the value
 * @see https://tn123.org/mod_xsendfile/
 */
export function apache(options: ApacheOptions = {}): Dialect {
  const { root, encoding } = checkOptions('apache', options, ['root', 'encoding']);
  if (encoding !== undefined && encoding !== 'raw' && encoding !== 'percent') {
    throw new TypeError(`apache: encoding must be "raw" or "percent", got ${quote(encoding)}`);
  }
  const folderOf = createFolderMap('apache', root);
  return Object.freeze<Dialect>({
    name: 'apache',
    header: HEADER,
    valueFor(place) {
      const folder = folderOf(place);
      const path = folder === undefined ? undefined : pathBelow(folder, place);
      const value = path === undefined ? undefined : spell(path, encoding);
      return value !== undefined && isLine(HEADER, value) ? value : undefined;
    },
    carries: (name, value) => name !== 'content-encoding' && isLine(name, value),
    makes: MADE,
  });
}

const HEADER = 'x-sendfile';

const MADE = Object.freeze(['content-length']);

/**
 * Tells whether mod_proxy_http reads a field: `ResponseFieldSize` is 8192 bytes by default, and 8191
 * without the line end still pass; a longer field is 502 (measured with 2.4).
 */
function isLine(name: string, value: string): boolean {
  return name.length + ': '.length + value.length <= 8190;
}

function spell(path: string, encoding: ApacheOptions['encoding']): string | undefined {
  if (encoding === 'percent') return percentEncode(path.split('/'));
  // A blank at the end is taken for the end of the field.
  if (hasControl(path) || path.endsWith(' ')) return undefined;
  if (encoding === undefined && path.includes('%')) return undefined;
  return bytesAsText(path);
}
