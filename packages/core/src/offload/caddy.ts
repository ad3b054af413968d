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
   * Which Caddy it is: `2.6` (Debian 12 and 13) reads the path as it stands and makes an entity tag
   * of its own; `2.7` and every later one decodes the path and keeps the application's entity tag.
   * Default: only names that both read alike, and the entity tag of the application; then a client
   * of 2.6 that sends Caddy's tag back in `If-Match` gets 412, so that it is better to name it.
   */
  readonly version?: '2.6' | '2.7' | undefined;
}

/**
 * Describes Caddy as the sender: `X-Accel-Redirect` with a path, which a `handle_response` block
 * with `copy_response_headers` and `file_server` takes.
 *
 * - The block copies the headers of the answer but `Date` and `Server`; `Last-Modified` and
 *   `Accept-Ranges` are Caddy's.
 * - With a copied `Content-Encoding` the length gets lost, so that an encoded object is streamed.
 * - It answers 416 to a range unit that it does not know, and 206 to the suffix `-0`, both of which
 *   are streamed (`parseRange` of Go's net/http), as is every range of an empty object.
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
    carries: (name) => !LOST.has(name),
    makes: isOld ? MADE_BY_2_6 : MADE,
    objectionTo: ({ range, size }) =>
      range === undefined ? undefined : objectionToRange(range, size),
    ...(isOld && { entityTagOf: caddyEntityTag }),
  });
}

const MADE = Object.freeze(['accept-ranges', 'content-length', 'last-modified']);

const MADE_BY_2_6 = Object.freeze([...MADE, 'etag']);

const LOST: ReadonlySet<string> = new Set(['content-encoding', 'date', 'server']);

function objectionToRange(range: string, size: number): string | undefined {
  // 2.6 answers 416 to `bytes=0-`, and to a suffix a 206 of `bytes 0--1/0` (measured).
  if (size === 0) return 'it knows no range of an empty object';
  // RFC 9110 §14.2: a unit that is not understood MUST be ignored; §14.1: its case does not matter.
  if (!range.startsWith('bytes=')) return 'it refuses this range unit';
  // RFC 9110 §14.1.2: a suffix of no bytes is unsatisfiable.
  return /[=,]\s*-\s*\+?0+\s*(?:,|$)/.test(range) ? 'it sends a range of no bytes' : undefined;
}

/**
 * `rewrite` ends the path at a `?` (`caddyhttp/rewrite`); a later Caddy decodes what looks like an
 * escape. Go cuts a blank off the end of a field.
 */
function isCarriedRaw(path: string, isOld: boolean): boolean {
  if (hasControl(path) || path.endsWith(' ') || path.includes('?')) return false;
  return isOld || !path.includes('%');
}

/** Up to 2.6: seconds of the modification and the size in base 36, one behind the other (`calculateEtag`). */
function caddyEntityTag({ size, lastModified }: FileFacts): string {
  return `"${Math.floor(lastModified / 1000).toString(36)}${size.toString(36)}"`;
}
