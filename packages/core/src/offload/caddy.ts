import { checkOptions, quote } from '../options.ts';
import type { Dialect, FileFacts } from './dialect.ts';
import { bytesAsText, hasControl, percentEncode, segmentsBelow } from './place-codec.ts';
import { createUriMap, type RootPlaces } from './root-map.ts';

/** What {@link caddy} takes. */
export interface CaddyOptions {
  /**
   * The path that the configuration maps to the root: `/_sluice/`. Several roots lie below it under
   * their prefixes of keys, or each has a path of its own: `{ '': '/_a/', videos: '/_b/' }`.
   */
  readonly prefix: RootPlaces;
  /**
   * Which Caddy it is: `2.6` reads the path as it stands and makes an entity tag of its own; `2.7`
   * and every later one decodes the path and keeps the application's entity tag. Default: only names
   * that both read alike, and the entity tag of the application.
   */
  readonly version?: '2.6' | '2.7' | undefined;
}

/**
 * Describes Caddy as the sender: `X-Accel-Redirect` with a path, which a `handle_response` block
 * with `copy_response_headers` and `file_server` takes.
 *
 * - The block copies every header of the answer; `Last-Modified` and `Accept-Ranges` are Caddy's.
 * - With a copied `Content-Encoding` the length gets lost, so that an encoded object is streamed.
 * - It has no header for a rate.
 *
 * @throws TypeError for a mistake in the options, quoting the value
 * @see https://caddyserver.com/docs/caddyfile/directives/reverse_proxy#intercepting-responses
 */
export function caddy(options: CaddyOptions): Dialect {
  const { prefix, version } = checkOptions('caddy', options, ['prefix', 'version']);
  if (version !== undefined && version !== '2.6' && version !== '2.7') {
    throw new TypeError(`caddy: version must be "2.6" or "2.7", got ${quote(version)}`);
  }
  const uriOf = createUriMap('caddy', prefix);
  const isOld = version === '2.6';
  return Object.freeze<Dialect>({
    name: 'caddy',
    header: 'x-accel-redirect',
    valueFor(place) {
      const base = uriOf(place);
      const segments = segmentsBelow(place);
      if (base === undefined || segments === undefined) return undefined;
      if (version === '2.7') return `${base}${percentEncode(segments)}`;
      const path = segments.join('/');
      return isCarriedRaw(path, isOld) ? `${base}${bytesAsText(path)}` : undefined;
    },
    carries: (name) => name !== 'content-encoding',
    makes: [...MADE, ...(isOld ? ['etag'] : [])],
    ...(isOld && { entityTagOf: caddyEntityTag }),
  });
}

const MADE = ['accept-ranges', 'content-length', 'last-modified'];

/** `rewrite` ends the path at a `?`; a later Caddy decodes what looks like an escape. */
function isCarriedRaw(path: string, isOld: boolean): boolean {
  if (hasControl(path) || path.endsWith(' ') || path.includes('?')) return false;
  return isOld || !path.includes('%');
}

/** Up to 2.6: seconds of the modification and the size in base 36, one behind the other (`calculateEtag`). */
function caddyEntityTag({ size, lastModified }: FileFacts): string {
  return `"${Math.floor(lastModified / 1000).toString(36)}${size.toString(36)}"`;
}
