import { isSendfileHeader } from '../http/sendfile-header.ts';
import { checkOptions, integerOption, quote } from '../options.ts';
import type { Dialect, FileFacts } from './dialect.ts';
import { isPlain, percentEncode, segmentsBelow } from './place-codec.ts';
import { checkUriPath, createUriMap, type RootPlaces } from './root-map.ts';

/** What {@link nginx} takes. */
export interface NginxOptions {
  /**
   * The path of the `internal` location that sends the files: `/_sluice/`. Several roots lie below
   * it under their prefixes of keys, or each has a path of its own: `{ '': '/_a/', videos: '/_b/' }`.
   * Without it, no file of a disk is sent, and there must be a `store`.
   */
  readonly prefix?: RootPlaces | undefined;
  /** The store from which nginx fetches what lies on no disk. Default: there is none. */
  readonly store?: NginxStore | undefined;
  /**
   * Names of further headers that the internal location gives back with
   * `add_header <Name> $upstream_http_<name>;`, beside {@link NGINX_RESTORED}.
   */
  readonly restored?: readonly string[] | undefined;
  /**
   * Bytes of `proxy_buffer_size`, into which nginx reads the whole head of the application's answer;
   * a longer one is 502. 1 KiB of it is left to headers that other code of the application adds; what
   * then does not fit is streamed. At least 2048. Default: 4096, the least that nginx has by itself.
   *
   * @see https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffer_size
   */
  readonly bufferSize?: number | undefined;
}

/** The store of objects that nginx fetches from on the application's order. */
export interface NginxStore {
  /**
   * Scheme, host and port of the URLs that the driver signs for nginx: `https://s3.internal:9000`. An
   * object whose URL is of another origin is streamed.
   */
  readonly origin: string;
  /** The path of the `internal` location that fetches. Default: `/_store/`. */
  readonly prefix?: string | undefined;
}

/**
 * Headers that nginx drops from the answer when it sends a file, and that the configuration of
 * `sluice config nginx` gives back. In lower case.
 */
export const NGINX_RESTORED: readonly string[] = Object.freeze([
  'access-control-allow-credentials',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'content-encoding',
  'content-language',
  'content-security-policy',
  'cross-origin-resource-policy',
  'link',
  'permissions-policy',
  'referrer-policy',
  'strict-transport-security',
  'timing-allow-origin',
  'vary',
  'x-content-type-options',
  'x-frame-options',
  'x-robots-tag',
]);

/**
 * Describes nginx as the sender: `X-Accel-Redirect` with the URI of an internal location.
 *
 * - The URI is decoded once, and a `?` begins its query (`ngx_http_upstream_process_headers`).
 * - Of the answer it keeps `Content-Type`, `Content-Disposition`, `Cache-Control`, `Expires`,
 *   `Set-Cookie` and `Accept-Ranges` (`ngx_http_upstream_headers_in`, those with `redirect`); all
 *   others must be given back by its configuration. `Accept-Ranges` would be there twice.
 * - The entity tag and the date are its own (`ngx_http_set_etag`), as are all ranges.
 * - From a store it fetches what the location of `sluice config nginx --store` is ordered to: the path
 *   is percent-encoded twice, because nginx decodes it once, and a signature speaks of every byte.
 * - `X-Accel-Limit-Rate` bounds the rate, in bytes a second, over any `limit_rate`.
 *
 * @throws TypeError for a mistake in the options, quoting the value
 * @see https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers
 */
export function nginx(options: NginxOptions): Dialect {
  const { prefix, store, restored, bufferSize } = checkOptions('nginx', options, OPTIONS);
  if (prefix === undefined && store === undefined) {
    throw new TypeError('nginx: prefix must be a path such as "/_sluice/", got undefined');
  }
  const uriOf = prefix === undefined ? nowhere : createUriMap('nginx', prefix);
  const carried = new Set([...KEPT, ...NGINX_RESTORED, ...checkNames(restored)]);
  const buffer = integerOption('nginx', 'bufferSize', bufferSize, { least: 2048, fallback: 4096 });
  return Object.freeze<Dialect>({
    name: 'nginx',
    header: 'x-accel-redirect',
    valueFor(place) {
      const base = uriOf(place);
      const segments = segmentsBelow(place);
      if (base === undefined || segments === undefined) return undefined;
      return `${base}${percentEncode(segments)}`;
    },
    ...(store !== undefined && { valueForUrl: createUrlCodec(store, prefix) }),
    // `add_header` adds no header whose value is empty.
    carries: (name, value) => carried.has(name) && value !== '',
    makes: MADE,
    entityTagOf: nginxEntityTag,
    rateHeaderFor: (rate) => ['x-accel-limit-rate', String(rate)],
    maxHeadBytes: buffer - 1024,
  });
}

/**
 * Gives the entity tag that nginx and H2O make of a file: hex seconds of its modification, a dash,
 * its hex size.
 */
export function nginxEntityTag({ size, lastModified }: FileFacts): string {
  return `"${Math.floor(lastModified / 1000).toString(16)}-${size.toString(16)}"`;
}

/** `ngx_http_upstream_headers_in`: what is copied to the redirected request. */
const KEPT = ['cache-control', 'content-disposition', 'content-type', 'expires', 'set-cookie'];

const MADE = Object.freeze(['accept-ranges', 'content-length', 'etag', 'last-modified']);

const OPTIONS = ['prefix', 'store', 'restored', 'bufferSize'];

/** No root is mapped to any path. */
function nowhere(): undefined {
  return undefined;
}

/** Spells the URL of a signed object as the URI of the location that fetches it. */
function createUrlCodec(
  store: NginxStore,
  local: RootPlaces | undefined,
): (url: string) => string | undefined {
  const owner = 'nginx: store';
  const { origin, prefix = '/_store/' } = checkOptions(owner, store, ['origin', 'prefix']);
  const base = `${checkOrigin(owner, origin)}/`;
  const uri = checkUriPath(owner, prefix);
  for (const other of typeof local === 'string' ? [local] : Object.values(local ?? {})) {
    if (uri.startsWith(other) || other.startsWith(uri)) {
      throw new TypeError(
        `${owner}: prefix ${quote(uri)} and ${quote(other)}, where files are, must lie apart`,
      );
    }
  }
  return (url) => {
    if (!url.startsWith(base)) return undefined;
    const [path = '', ...query] = url.slice(base.length).split('?');
    const segments = path.split('/');
    // nginx refuses `..`, merges what is empty, and drops a `?` with nothing behind it.
    if (!segments.every(isPlain) || query.join('?') === '') return undefined;
    return `${uri}${percentEncode(segments)}?${query.join('?')}`;
  };
}

function checkOrigin(owner: string, origin: unknown): string {
  const isOrigin =
    typeof origin === 'string' &&
    /^https?:/.test(origin) &&
    URL.canParse(origin) &&
    new URL(origin).origin === origin;
  if (!isOrigin) {
    throw new TypeError(
      `${owner}: origin must be scheme, host and port, such as "https://s3.internal:9000", got ${quote(origin)}`,
    );
  }
  return origin;
}

/** `add_header` would send these a second time, or break the framing. */
const NOT_RESTORED: ReadonlySet<string> = new Set([
  ...KEPT,
  ...MADE,
  'connection',
  'content-range',
  'date',
  'keep-alive',
  'server',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function checkNames(names: readonly string[] | undefined): readonly string[] {
  if (names === undefined) return [];
  if (!isList(names)) {
    throw new TypeError(`nginx: restored must be an array of header names, got ${quote(names)}`);
  }
  return names.map((name) => {
    // What a variable of nginx can name: `$upstream_http_x_frame_options`.
    if (typeof name !== 'string' || !/^[\w-]+$/.test(name)) {
      throw new TypeError(
        `nginx: restored must hold names of headers, of letters, digits, "-" and "_", got ${quote(name)}`,
      );
    }
    const lower = name.toLowerCase();
    if (NOT_RESTORED.has(lower) || isSendfileHeader(lower)) {
      throw new TypeError(
        `nginx: restored cannot hold ${quote(name)}, which is not the application's`,
      );
    }
    return lower;
  });
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
