import { quoteForApache } from '../config/apache.ts';
import { quoteForNginx } from '../config/nginx.ts';
import type { ServerName } from '../config/server-name.ts';
import type { FindingId } from './finding-kinds.ts';
import {
  APACHE_KEEPS,
  CADDY_COPIES,
  CADDY_SENDS,
  type Fixes,
  type FixFacts,
  H2O_HANDLER,
  H2O_PRIVATE_HOST,
  IF_RANGE,
  LIGHTTPD_KEEPS,
  LIGHTTPD_SENDS,
  NGINX_HEADERS,
  NGINX_LOCATION,
  RANGES,
  titled,
  titles,
} from './fix-lines.ts';

/**
 * Gives the lines that mend a finding, as `sluice config` prints them; `undefined` where it is not
 * the configuration that is wrong, or the server has no line for it.
 */
export function fixFor(id: FindingId, server: ServerName, facts: FixFacts): string | undefined {
  const { folder = '/srv/private', internal = '/_sluice/', headers = [] } = facts;
  const lines = FIXES[id]?.[server];
  return lines?.({ folder, internal, headers }).join('\n');
}

const FIXES: Readonly<Partial<Record<FindingId, Fixes>>> = {
  'order-shown': {
    nginx: () => ['proxy_hide_header X-Sendfile;', '# and in the application: nginx({ prefix })'],
    apache: () => ['XSendFile On', 'Header unset X-Sendfile "expr=%{REQUEST_STATUS} -ne 200"'],
    lighttpd: LIGHTTPD_SENDS,
    caddy: (facts) => [...CADDY_SENDS(facts), 'header_down -X-Accel-Redirect'],
    h2o: () => ['reproxy: ON'],
  },
  'path-shown': {
    nginx: () => ['# in the internal location', 'try_files $uri =404;'],
    caddy: () => ['# in handle_response', 'file_server {', '    index .sluice-has-no-index', '}'],
  },
  'internal-reachable': {
    nginx: NGINX_LOCATION,
    apache: ({ folder }) => [
      '# the guarded folder must lie below no DocumentRoot and no Alias; besides',
      `<Directory ${quoteForApache(folder)}>`,
      '    Require all denied',
      '</Directory>',
    ],
    lighttpd: ({ folder }) => [
      `# ${folder} must lie below no server.document-root and no alias.url; remove that line`,
    ],
    caddy: ({ folder }) => [
      `# ${folder} must lie below the root of no file_server but the one in handle_response; remove that one`,
    ],
    h2o: H2O_PRIVATE_HOST,
  },
  'order-not-taken': {
    nginx: (facts) => [
      '# remove proxy_ignore_headers X-Accel-Redirect, and have',
      ...NGINX_LOCATION(facts),
    ],
    apache: ({ folder }) => ['XSendFile On', `XSendFilePath ${quoteForApache(folder)}`],
    lighttpd: LIGHTTPD_SENDS,
    caddy: CADDY_SENDS,
    h2o: () => ['# in the path of the public host that has proxy.reverse.url', 'reproxy: ON'],
  },
  'file-not-sent': {
    nginx: NGINX_LOCATION,
    apache: ({ folder }) => ['XSendFile On', `XSendFilePath ${quoteForApache(folder)}`],
    lighttpd: LIGHTTPD_SENDS,
    caddy: CADDY_SENDS,
    h2o: H2O_PRIVATE_HOST,
  },
  'missing-file-sent': {
    nginx: ({ internal }) => [`# in location ^~ ${internal}`, 'try_files $uri =404;'],
  },
  'name-not-carried': {
    nginx: () => [
      '# nothing behind the name of the upstream: $uri is decoded',
      'proxy_pass http://app;',
    ],
    apache: () => [
      'AllowEncodedSlashes NoDecode',
      'ProxyPass "/" "http://127.0.0.1:3000/" nocanon',
      '# and in the application: apache({ encoding: "raw" }) for mod_xsendfile 0.12, "percent" for 1.0',
    ],
    lighttpd: () => [
      'server.http-parseopts = ( "url-normalize" => "disable" )',
      'server.force-lowercase-filenames = "disable"',
    ],
    caddy: () => [
      '# in the application: caddy({ version: "2.6" }), or "2.7" for that and later ones',
    ],
    h2o: H2O_PRIVATE_HOST,
  },
  'header-lost': {
    nginx: NGINX_HEADERS,
    apache: APACHE_KEEPS,
    lighttpd: LIGHTTPD_KEEPS,
    caddy: CADDY_COPIES,
    h2o: H2O_HANDLER,
  },
  'header-changed': {
    nginx: ({ internal, headers }) => [
      `# in location ^~ ${internal}, and no add_header for ${titles(headers)}`,
      'expires off;',
      'charset off;',
    ],
    apache: APACHE_KEEPS,
    lighttpd: LIGHTTPD_KEEPS,
    caddy: CADDY_COPIES,
    h2o: (facts) =>
      facts.headers.includes('content-type')
        ? ['# file.mime.settypes as `sluice config h2o` prints it']
        : H2O_HANDLER(facts),
  },
  'header-twice': {
    nginx: ({ headers }) => [
      `# one add_header each is enough; remove those of ${titles(headers)}`,
      '# that do not stand in the internal location, and those of what nginx keeps by itself',
    ],
    apache: APACHE_KEEPS,
    lighttpd: LIGHTTPD_KEEPS,
    caddy: ({ headers }) => [`# remove header_down +${headers.map(titled).join(', +')}`],
    h2o: ({ headers }) => [`# remove header.add for ${titles(headers)}`],
  },
  'validator-changed': {
    nginx: ({ internal }) => [
      `# in location ^~ ${internal}, and no add_header for ETag and Last-Modified`,
      'etag on;',
      'gzip off;',
    ],
    apache: () => ['FileETag None', 'XSendFileIgnoreEtag Off', 'XSendFileIgnoreLastModified Off'],
    lighttpd: LIGHTTPD_KEEPS,
    caddy: () => [
      '# in the application: caddy({ version: "2.6" }), or "2.7" for that and later ones',
    ],
    h2o: () => ['file.etag: ON'],
  },
  'validator-shared': {
    apache: () => ['FileETag None', 'XSendFileIgnoreEtag Off'],
  },
  compressed: {
    nginx: ({ internal }) => [`# in location ^~ ${internal}`, 'gzip off;', 'gzip_static off;'],
    apache: () => ['SetEnvIf Request_URI "^/files/" no-gzip no-brotli'],
    lighttpd: () => ['deflate.mimetypes = ()'],
    caddy: () => [
      '# encode only inside of a `handle` that no download comes from; remove',
      'encode gzip',
    ],
    h2o: () => ['compress: OFF'],
  },
  'range-ignored': RANGES,
  'range-wrong': RANGES,
  'range-unsatisfiable': RANGES,
  'if-range-ignored': IF_RANGE,
  'if-range-refused': IF_RANGE,
  'not-modified-missing': {
    nginx: () => [
      '# remove the lines that keep it from the application',
      'proxy_set_header If-None-Match "";',
      'proxy_set_header If-Modified-Since "";',
    ],
    apache: () => [
      '# remove the lines',
      'RequestHeader unset If-None-Match',
      'RequestHeader unset If-Modified-Since',
    ],
    lighttpd: () => [
      '# remove "If-None-Match" and "If-Modified-Since" from setenv.set-request-header',
    ],
    caddy: () => ['# remove the lines', 'header_up -If-None-Match', 'header_up -If-Modified-Since'],
    h2o: () => ['# remove proxy.header.unset of "If-None-Match" and "If-Modified-Since"'],
  },
  'head-wrong': {
    caddy: () => ['# in handle_response, remove', 'method * GET'],
  },
  'links-followed': {
    nginx: ({ folder, internal }) => [
      `# in location ^~ ${internal}`,
      `disable_symlinks on ${quoteForNginx(`from=${folder}`)};`,
    ],
    lighttpd: () => ['server.follow-symlink = "disable"'],
  },
  'stray-order-shown': {
    apache: () => ['Header unset X-Sendfile "expr=%{REQUEST_STATUS} -ne 200"'],
    caddy: () => [
      '# in the matcher of handle_response',
      'status 200',
      '# in reverse_proxy',
      'header_down -X-Accel-Redirect',
    ],
  },
  'forged-header-arrives': {
    nginx: ({ headers }) => headers.map((name) => `proxy_set_header ${titled(name)} "";`),
    apache: ({ headers }) => headers.map((name) => `RequestHeader unset ${titled(name)}`),
    lighttpd: ({ headers }) => [
      `setenv.set-request-header = ( ${headers.map((name) => `"${titled(name)}" => ""`).join(', ')} )`,
    ],
    caddy: ({ headers }) => headers.map((name) => `header_up -${titled(name)}`),
    h2o: ({ headers }) => headers.map((name) => `proxy.header.unset: "${titled(name)}"`),
  },
  'connections-not-kept': {
    nginx: () => [
      'upstream app { server 127.0.0.1:3000; keepalive 64; }',
      '# where proxy_pass is',
      'proxy_pass http://app;',
      'proxy_http_version 1.1;',
      'proxy_set_header Connection "";',
    ],
    apache: () => [
      '# remove disablereuse=on from ProxyPass, and SetEnv proxy-nokeepalive and force-proxy-request-1.0',
      'ProxyPass "/" "http://127.0.0.1:3000/" nocanon ttl=4',
    ],
    caddy: () => ['transport http {', '    keepalive 4s', '}'],
    h2o: () => ['proxy.timeout.keepalive: 4000'],
  },
};
