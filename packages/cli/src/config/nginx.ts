import { NGINX_RESTORED } from '@sluice/core/offload';

import { type Address, hostAndPort } from './addresses.ts';
import { CONTROL_REQUEST_HEADERS, CONTROL_RESPONSE_HEADERS } from './control-headers.ts';
import { storeLocation, storeUpstream, titled } from './nginx-store.ts';
import type { Place, Site } from './site.ts';
import { render, type Block } from './text.ts';

/**
 * Writes the configuration of nginx 1.18 and later; a server of its own needs 1.19.5.
 *
 * @see https://nginx.org/en/docs/http/ngx_http_core_module.html#internal
 * @see https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers
 */
export function nginxConfig(site: Site): string {
  const { standalone } = site;
  return render(standalone === undefined ? siteFile(site) : wholeFile(site, standalone), '    ');
}

/** Quotes a parameter in which nginx looks for variables. */
export function quoteForNginx(value: string): string {
  return literal(value).replaceAll('$', `\${${DOLLAR}}`);
}

function siteFile(site: Site): Block {
  return [
    '# Sluice: the application decides, nginx sends the file.',
    '# A file for the http block: /etc/nginx/conf.d/sluice.conf, or one in sites-enabled.',
    '# Try it with `nginx -t`, and the running site with `sluice doctor`.',
    '',
    ...httpBlock(site),
  ];
}

function wholeFile(site: Site, folder: string): Block {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    '# Sluice: the application decides, nginx sends the file.',
    '# A whole nginx, which needs no rights but to read the files.',
    '',
    'daemon off;',
    `pid ${literal(`${folder}/nginx.pid`)};`,
    `error_log ${literal(`${folder}/error.log`)};`,
    // The workers of a master that runs as root change to a user who may not read the files.
    ...(process.getuid?.() === 0
      ? ['user root;  # printed by root: the files may be readable to nobody else']
      : []),
    '',
    'events {',
    ['worker_connections 512;'],
    '}',
    '',
    'http {',
    [
      `access_log ${quoteForNginx(`${folder}/access.log`)};`,
      ...temporary.map((name) => `${name}_temp_path ${literal(`${folder}/${name}`)};`),
      'types { text/html html; text/css css; text/javascript js; image/svg+xml svg; image/png png; }',
      'default_type application/octet-stream;',
      '',
      ...httpBlock(site),
    ],
    '}',
  ];
}

function httpBlock(site: Site): Block {
  const { app, places, store, public: shown, standalone } = site;
  const upstream = `sluice_${hostAndPort(app).replaceAll(/[^\da-z]+/gi, '_')}`;
  const folders = [...places.map(({ folder }) => folder), shown?.folder, standalone];
  return [
    ...(folders.some((folder) => folder?.includes('$') === true)
      ? ['# nginx has no other way to write a dollar sign.', `geo $${DOLLAR} { default "$"; }`, '']
      : []),
    '# Keys have up to 4000 bytes, which are 12 kB in a URL. nginx reads them before it knows the name',
    '# of the site, and takes this from the default server of the address: so it stands outside of all,',
    '# once in the http block.',
    'large_client_header_buffers 4 32k;',
    '',
    `upstream ${upstream} {`,
    [
      `server ${hostAndPort(app)};`,
      '# Connections to the application are used again, after an order to send a file too; of a worker',
      '# so many may rest. It closes those above, and opens them anew a moment later.',
      'keepalive 64;',
      '# Sooner than Node closes them (server.keepAliveTimeout, 5 s).',
      'keepalive_timeout 4s;',
    ],
    '}',
    '',
    ...(store === undefined ? [] : storeUpstream(store)),
    '# WebSockets of the application go through; every other connection is kept.',
    'map $http_upgrade $sluice_connection { default upgrade; "" ""; }',
    '# An error is not the object, which may be kept for longer.',
    'map $status $sluice_unkept { default ""; ~^[45] no-store; }',
    '# A client of HTTP/1.0 may name no host; Node wants one.',
    `map $http_host $sluice_host { default $http_host; "" ${site.serverName ?? 'localhost'}; }`,
    '',
    'server {',
    serverBlock(site, upstream),
    '}',
  ];
}

function serverBlock(site: Site, upstream: string): Block {
  const { listen, serverName, public: shown, store, restored } = site;
  const isDefault = serverName === undefined ? ' default_server' : '';
  return [
    ...(isDefault === ''
      ? []
      : ['# For every name; another default, as distributions have it, must go.']),
    `listen ${listenOn(listen)}${isDefault};`,
    ...(listen.host === undefined
      ? [`# listen [::]:${listen.port}${isDefault};  # IPv6, where the machine has it`]
      : []),
    `server_name ${serverName ?? '_'};`,
    'server_tokens off;',
    '',
    '# The application bounds its uploads; without this line nginx refuses those over 1 MB.',
    'client_max_body_size 0;',
    '',
    'location / {',
    proxyBlock(upstream),
    '}',
    '',
    ...(shown === undefined
      ? []
      : [
          '# For everybody, without the application.',
          `location ^~ ${literal(shown.url)} {`,
          [
            `alias ${quoteForNginx(`${shown.folder}/`)};`,
            'autoindex off;',
            'add_header X-Content-Type-Options nosniff;',
          ],
          '}',
          '',
        ]),
    ...internalBlocks(site),
    ...(store === undefined ? [] : storeLocation(store, restored)),
  ];
}

function proxyBlock(upstream: string): Block {
  const own = 'X-Accel-Redirect';
  return [
    `proxy_pass http://${upstream};`,
    'proxy_http_version 1.1;',
    'proxy_set_header Connection $sluice_connection;',
    'proxy_set_header Upgrade $http_upgrade;',
    'proxy_set_header Host $sluice_host;',
    '# Whatever a client claims here is replaced. Behind one more proxy of yours, see the',
    '# realip module.',
    'proxy_set_header X-Forwarded-For $remote_addr;',
    'proxy_set_header X-Forwarded-Host $sluice_host;',
    'proxy_set_header X-Forwarded-Proto $scheme;',
    'proxy_set_header Forwarded "";',
    '',
    '# What only the application may say to nginx, no client says to the application. The forms',
    '# with underscores are dropped by nginx itself (underscores_in_headers is off).',
    ...CONTROL_REQUEST_HEADERS.map((name) => `proxy_set_header ${name} "";`),
    '# Orders to other servers would show paths; nginx keeps X-Accel-Redirect to itself.',
    ...CONTROL_RESPONSE_HEADERS.filter((name) => name !== own).map(
      (name) => `proxy_hide_header ${name};`,
    ),
    '',
    '# The whole head of an answer must fit, else it is a 502. The application learns it by',
    '# nginx({ bufferSize: 32768 }), and streams what has a longer one.',
    'proxy_buffer_size 32k;',
    'proxy_buffers 8 32k;',
    'proxy_busy_buffers_size 64k;',
    '# What the application streams itself is not copied to the disk on its way.',
    'proxy_max_temp_file_size 0;',
    '# Raise this for WebSockets that are silent for longer.',
    'proxy_read_timeout 60s;',
  ];
}

/**
 * Roots below another one are nested in its location, so that what all have in common stands there
 * once. The longest prefix wins (`ngx_http_core_find_location`).
 */
function internalBlocks({ places, base, restored }: Site): Block {
  if (places.length === 0) return [];
  const uris = places.map(({ uri }) => uri);
  const outer = [...new Set([...(base === undefined ? [] : [base]), ...uris])].filter(
    (uri, _, all) => !all.some((other) => other !== uri && uri.startsWith(other)),
  );
  return outer.flatMap((uri) => [
    '# Only an answer of the application leads here; clients get 404.',
    `location ^~ ${literal(uri)} {`,
    [
      'internal;',
      ...folderLines(places.find((place) => place.uri === uri)),
      '',
      ...commonLines(restored),
      ...places
        .filter((place) => place.uri !== uri && place.uri.startsWith(uri))
        .flatMap((place) => [
          '',
          `location ^~ ${literal(place.uri)} {`,
          ['internal;', ...folderLines(place)],
          '}',
        ]),
    ],
    '}',
  ]);
}

function folderLines(place: Place | undefined): Block {
  if (place === undefined) return ['return 404;  # no root'];
  return [
    '# Both the location and the folder end with a slash, or neighbours could be read.',
    `alias ${quoteForNginx(`${place.folder}/`)};`,
    '# No link below the root is followed.',
    `disable_symlinks on ${quoteForNginx(`from=${place.folder}`)};`,
    '# Of a folder, nginx would show the internal path in a redirect.',
    'try_files $uri =404;',
  ];
}

function commonLines(restored: readonly string[]): Block {
  const names = [...new Set([...NGINX_RESTORED, ...restored])];
  return [
    '# The bytes and their entity tag are those of the file.',
    'gzip off;',
    'etag on;',
    'charset off;',
    'expires off;',
    'sendfile on;',
    '# What is remembered of a file may be of the version before.',
    'open_file_cache off;',
    '',
    '# nginx keeps Content-Type, Content-Disposition, Cache-Control, Expires and Set-Cookie of the',
    '# answer; the rest is given back here. What the application did not send is not added.',
    ...names.map(
      (name) => `add_header ${titled(name)} $upstream_http_${name.replaceAll('-', '_')};`,
    ),
    '# Of two lines the stricter one counts (RFC 9111, 5.2.2.5).',
    'add_header Cache-Control $sluice_unkept always;',
  ];
}

function listenOn({ host, port }: Address): string {
  return host === undefined ? String(port) : `${host}:${port}`;
}

const DOLLAR = 'sluice_dollar';

/** Quotes a parameter (`ngx_conf_read_token`). */
function literal(value: string): string {
  return `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}
