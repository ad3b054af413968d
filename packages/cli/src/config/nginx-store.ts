import { NGINX_RESTORED } from '@sluice/core/offload';

import { hostAndPort } from './addresses.ts';
import { CONTROL_RESPONSE_HEADERS } from './control-headers.ts';
import type { Store } from './site.ts';
import { STORE_HEADERS } from './store-headers.ts';
import type { Block } from './text.ts';

/** Writes the group of connections to a store, for the http block. */
export function storeUpstream(store: Store): Block {
  return [
    `upstream ${upstreamOf(store)} {`,
    [
      `server ${hostAndPort(store)};`,
      '# Connections to the store are used again; of a worker so many may rest.',
      'keepalive 64;',
    ],
    '}',
    '',
  ];
}

/**
 * Writes the location that fetches an object from a store, by the URL that the application has signed.
 *
 * The store sees of the client no more than a range, and the client of the store no more than the bytes,
 * their length, range and validators.
 *
 * @see https://nginx.org/en/docs/http/ngx_http_proxy_module.html
 */
export function storeLocation(store: Store, more: readonly string[]): Block {
  const restored = [...new Set([...NGINX_RESTORED, ...more])];
  return [
    '# What lies in the store: the application signs a URL, and nginx fetches. Clients get 404 here.',
    '# Where a fetch fails, the URL stands in the error log, and is good for five minutes at most.',
    `location ^~ "${store.uri}" {`,
    [
      'internal;',
      '# Signatures speak of every byte of a path. Decoded once it is as it was signed; a path of',
      '# the location, or a rewrite, would be encoded anew.',
      `location ~ "^${store.uri.replaceAll('.', '\\.')}(?<sluice_path>.+)$" {`,
      [
        'internal;',
        '# Of the answer of the application, before there is one of the store.',
        'set $sluice_tag $upstream_http_etag;',
        ...restored.map((name) => `set ${variableOf(name)} $upstream_http_${underscored(name)};`),
        '',
        ...requestLines(store),
        '',
        ...errorLines(store),
        '',
        ...answerLines(restored),
        '',
        ...bodyLines(),
      ],
      '}',
    ],
    '}',
    '',
    '# What a store says of its troubles names buckets and keys; nobody gets to see it.',
    ...(
      [
        ['failed', 502],
        ['missing', 404],
        // The object is another one by now: a new request finds it.
        ['changed', 503],
      ] as const
    ).flatMap(([name, status]) => [
      `location @${upstreamOf(store)}_${name} {`,
      [
        // nginx keeps Cache-Control and Expires of the application, which speak of the object; of two
        // that differ the stricter one counts (RFC 9111 §4.2.1, §5.2.2.5).
        'add_header Cache-Control no-store always;',
        ...(status === 503 ? ['add_header Retry-After 1 always;'] : []),
        `return ${status};`,
      ],
      '}',
    ]),
  ];
}

function requestLines(store: Store): Block {
  return [
    '# The host is this one, whatever the order says.',
    `proxy_pass ${store.scheme}://${upstreamOf(store)}/$sluice_path$is_args$args;`,
    ...(store.scheme === 'https'
      ? [
          'proxy_ssl_server_name on;',
          `proxy_ssl_name ${store.host};`,
          'proxy_ssl_verify on;',
          'proxy_ssl_verify_depth 3;',
          `proxy_ssl_trusted_certificate "${store.certificates}";`,
        ]
      : []),
    'proxy_http_version 1.1;',
    '# A URL is signed for GET alone.',
    'proxy_method GET;',
    '# No cookie, password, address or body of the client reaches the store. It judges nothing but',
    '# the range, and the version: If-Match fails where the object was replaced meanwhile.',
    'proxy_pass_request_headers off;',
    'proxy_pass_request_body off;',
    `proxy_set_header Host "${store.authority}";`,
    'proxy_set_header Connection "";',
    'proxy_set_header Content-Length "";',
    'proxy_set_header Range $http_range;',
    'proxy_set_header If-Match $sluice_tag;',
  ];
}

/** All of the registry (RFC 9110 §16.2.1); 404 and 412 have their own answers. */
const FAILURES = [
  '300 301 302 303 304 305 306 307 308',
  '400 401 402 403 405 406 407 408 409 410 411 413 414 415 416 417 418 421 422 423 424 425 426 428',
  '429 431 451 500 501 502 503 504 505 506 507 508 510 511',
];

function errorLines(store: Store): Block {
  const name = upstreamOf(store);
  return [
    'proxy_intercept_errors on;',
    ...FAILURES.map((statuses) => `error_page ${statuses} =502 @${name}_failed;`),
    `error_page 404 =404 @${name}_missing;`,
    `error_page 412 =503 @${name}_changed;`,
  ];
}

function answerLines(restored: readonly string[]): Block {
  return [
    '# The headers of the answer are those of the application; the store has the length, the range,',
    '# the entity tag and the date. What else yours sends, as metadata, is to be added here.',
    ...hidden(restored).map((name) => `proxy_hide_header ${name};`),
    'proxy_headers_hash_max_size 2048;',
    'proxy_headers_hash_bucket_size 128;',
    '# The store gives no orders.',
    'proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering',
    ['X-Accel-Charset Expires Cache-Control Set-Cookie Vary;'],
    ...restored.map((name) => `add_header ${titled(name)} ${variableOf(name)};`),
    'gzip off;',
    'charset off;',
    'expires off;',
  ];
}

function bodyLines(): Block {
  return [
    '# A slow client holds the store back; nothing is copied to the disk on its way.',
    'proxy_buffering on;',
    'proxy_buffer_size 32k;',
    'proxy_buffers 8 64k;',
    'proxy_busy_buffers_size 128k;',
    'proxy_max_temp_file_size 0;',
    'proxy_connect_timeout 5s;',
    'proxy_read_timeout 60s;',
  ];
}

/** What the application says itself, where it says it, is hidden of the store's answer. */
function hidden(restored: readonly string[]): readonly string[] {
  const names = [
    'Accept-Ranges',
    'Cache-Control',
    'Content-Disposition',
    'Content-Type',
    'Expires',
    'Set-Cookie',
    ...restored.map(titled),
    ...CONTROL_RESPONSE_HEADERS,
    ...STORE_HEADERS,
  ];
  const seen = new Map(names.map((name) => [name.toLowerCase(), name]));
  return [...seen.values()];
}

function upstreamOf(store: Store): string {
  return `sluice_store_${hostAndPort(store).replaceAll(/[^\da-z]+/gi, '_')}`;
}

function variableOf(name: string): string {
  return `$sluice_app_${underscored(name)}`;
}

function underscored(name: string): string {
  return name.replaceAll('-', '_');
}

/** Writes the name of a header as it is usually written. */
export function titled(name: string): string {
  return name.replaceAll(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
