// How a front server is told to send a file, and what comes of it.
export type { AskedRange, Dialect, FileFacts } from './dialect.ts';
export type { RootPlaces } from './root-map.ts';
export {
  nginx,
  NGINX_RESTORED,
  nginxEntityTag,
  type NginxOptions,
  type NginxStore,
} from './nginx.ts';
export { apache, type ApacheOptions } from './apache.ts';
export { lighttpd, type LighttpdOptions } from './lighttpd.ts';
export { caddy, type CaddyOptions } from './caddy.ts';
export { h2o, H2O_TYPES, type H2oOptions } from './h2o.ts';
export { dialectFromName, type DialectName, type DialectOptions } from './dialect-from-name.ts';

// What the packages about front servers share.
export { SERVER_NAMES, type ServerName } from './server-name.ts';
export { CONTROL_REQUEST_HEADERS, CONTROL_RESPONSE_HEADERS } from './control-headers.ts';

// For authors of dialects.
export { bytesAsText, hasControl, pathBelow, percentEncode, segmentsBelow } from './place-codec.ts';
export { createFolderMap, createUriMap, type RootMap } from './root-map.ts';
