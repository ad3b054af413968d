import { checkOptions, quote } from '../options.ts';
import type { PlanHeaders } from '../plan/download-plan.ts';
import type { Dialect } from './dialect.ts';
import { nginxEntityTag } from './nginx.ts';
import { percentEncode, segmentsBelow } from './place-codec.ts';
import { createUriMap, type RootPlaces } from './root-map.ts';

/** What {@link h2o} takes. */
export interface H2oOptions {
  /**
   * The path, on the private host, that is mapped to the root: `/_sluice/`. Several roots lie below
   * it under their prefixes of keys, or each has a path of its own: `{ '': '/_a/', videos: '/_b/' }`.
   */
  readonly prefix: RootPlaces;
  /**
   * The name of the private host, which must listen where no client can reach it.
   * Default: `sluice.internal`.
   */
  readonly host?: string | undefined;
}

/**
 * Media types by extension that the configuration of `sluice config h2o` sets, since H2O takes none
 * from the application. An object of another type is streamed.
 */
export const H2O_TYPES: Readonly<Record<string, string>> = Object.freeze({
  avif: 'image/avif',
  csv: 'text/csv; charset=utf-8',
  flac: 'audio/x-flac',
  gif: 'image/gif',
  gz: 'application/gzip',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  mov: 'video/quicktime',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  ogg: 'audio/ogg',
  pdf: 'application/pdf',
  png: 'image/png',
  tar: 'application/x-tar',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  txt: 'text/plain; charset=utf-8',
  webm: 'video/webm',
  webp: 'image/webp',
  zip: 'application/zip',
});

/**
 * Describes H2O as the sender: `X-Reproxy-URL` with a URL of a private host, whose handler makes
 * response headers of its query. Experimental.
 *
 * - Every header of the answer is dropped; those that are not about the file come back through the
 *   query, and the media type from a table by extension ({@link H2O_TYPES}).
 * - The entity tag and the date are its own, in the form of nginx.
 * - It honours `Range` whatever `If-Range` says, and sends overlapping ranges as often as they are
 *   asked for; such requests are streamed.
 * - A FIFO in its folder stops the whole server, and it has no header for a rate.
 *
 * @throws TypeError for a mistake in the options, quoting the value
 * @see https://h2o.examp1e.net/configure/reproxy_directives.html
 */
export function h2o(options: H2oOptions): Dialect {
  const { prefix, host = 'sluice.internal' } = checkOptions('h2o', options, ['prefix', 'host']);
  if (typeof host !== 'string' || !/^[\da-z-]+(?:\.[\da-z-]+)*$/.test(host)) {
    throw new TypeError(`h2o: host must be a host name in lower case, got ${quote(host)}`);
  }
  const uriOf = createUriMap('h2o', prefix);
  return Object.freeze<Dialect>({
    name: 'h2o',
    header: 'x-reproxy-url',
    valueFor(place, headers) {
      const base = uriOf(place);
      const segments = segmentsBelow(place);
      if (base === undefined || segments === undefined) return undefined;
      return `http://${host}${base}${percentEncode(segments)}${queryOf(headers)}`;
    },
    carries(name, value, { path }) {
      if (name === 'content-type') return H2O_TYPES[extensionOf(path)] === value;
      return name !== 'content-encoding';
    },
    makes: MADE,
    entityTagOf: nginxEntityTag,
    objectionTo({ range, ifRange }) {
      if (range === undefined) return undefined;
      if (ifRange !== undefined) return 'it does not honour If-Range';
      return range.includes(',') ? 'it does not merge ranges' : undefined;
    },
  });
}

const MADE = ['accept-ranges', 'content-length', 'etag', 'last-modified'];

function extensionOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

function queryOf(headers: PlanHeaders): string {
  const pairs = Object.entries(headers)
    .filter(([name]) => name !== 'content-type' && !MADE.includes(name))
    .map(([name, value]) => `${name}=${percentEncode([value])}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}
