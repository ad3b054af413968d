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
  '7z': 'application/x-7z-compressed',
  aac: 'audio/aac',
  avif: 'image/avif',
  bin: 'application/octet-stream',
  bz2: 'application/x-bzip2',
  csv: 'text/csv; charset=utf-8',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  epub: 'application/epub+zip',
  flac: 'audio/x-flac',
  gif: 'image/gif',
  gz: 'application/gzip',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json; charset=utf-8',
  m4a: 'audio/mp4',
  mkv: 'video/x-matroska',
  mov: 'video/quicktime',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  odp: 'application/vnd.oasis.opendocument.presentation',
  ods: 'application/vnd.oasis.opendocument.spreadsheet',
  odt: 'application/vnd.oasis.opendocument.text',
  ogg: 'audio/ogg',
  pdf: 'application/pdf',
  png: 'image/png',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  rar: 'application/vnd.rar',
  tar: 'application/x-tar',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  txt: 'text/plain; charset=utf-8',
  wav: 'audio/wav',
  webm: 'video/webm',
  webp: 'image/webp',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  xz: 'application/x-xz',
  zip: 'application/zip',
});

/**
 * Describes H2O as the sender: `X-Reproxy-URL` with a URL of a private host, whose handler makes
 * response headers of its query. Experimental.
 *
 * - Every header of the answer is dropped; those that are not about the file come back through the
 *   query, and the media type from a table by extension ({@link H2O_TYPES}). Some a handler cannot
 *   send (`handle_response_header` of lib/handler/mruby.c); what has one is streamed.
 * - The entity tag and the date are its own, in the form of nginx.
 * - It honours `Range` whatever `If-Range` says, sends overlapping ranges as often as they are asked
 *   for, and answers 416 to a range unit that it does not know; such requests are streamed.
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
    carries(name, value, place) {
      if (name === 'content-type') return H2O_TYPES[extensionOf(place?.path ?? '')] === value;
      return !LOST.has(name) && !name.startsWith('x-fallthru-set-');
    },
    makes: MADE,
    entityTagOf: nginxEntityTag,
    objectionTo({ range, ifRange }) {
      if (range === undefined) return undefined;
      // RFC 9110 §13.1.5: the range must not be sent of another version.
      if (ifRange !== undefined) return 'it does not honour If-Range';
      // RFC 9110 §14.2: a unit that is not understood MUST be ignored.
      if (!range.startsWith('bytes=')) return 'it refuses this range unit';
      return range.includes(',') ? 'it does not merge ranges' : undefined;
    },
  });
}

const MADE: readonly string[] = Object.freeze([
  'accept-ranges',
  'content-length',
  'etag',
  'last-modified',
]);

/**
 * `Content-Encoding` is another file to H2O; it reads `Link`, to push what that names, and
 * `X-Compress-Hint`; `Date` is dropped (`proxy_should_drop_for_res`), and `Server` comes twice.
 */
const LOST: ReadonlySet<string> = new Set([
  'content-encoding',
  'date',
  'link',
  'server',
  'x-compress-hint',
]);

/** What `h2o_get_filext` takes for it; case is not folded, since the table has one spelling. */
function extensionOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

function queryOf(headers: PlanHeaders): string {
  const pairs = Object.entries(headers)
    .filter(([name]) => name !== 'content-type' && !MADE.includes(name))
    .map(([name, value]) => `${name}=${percentEncode([value])}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}
