import { quote } from '@sluice/core';

import { hostAndPort } from './addresses.ts';
import { CONTROL_RESPONSE_HEADERS } from './control-headers.ts';
import type { Place, Site } from './site.ts';
import { render, type Block } from './text.ts';

/**
 * Writes the Caddyfile, which serves 2.6 and every later version.
 *
 * @see https://caddyserver.com/docs/caddyfile/directives/reverse_proxy#intercepting-responses
 */
export function caddyConfig(site: Site): string {
  const { listen, serverName, standalone } = site;
  return render(
    [
      '# Sluice: the application decides, Caddy sends the file.',
      standalone === undefined
        ? '# A site for the Caddyfile. Try it with `caddy validate`, and the running site with `sluice doctor`.'
        : '# A whole Caddy, which needs no rights but to read the files.',
      '# Caddy follows links and has no option against it: whoever may write into the folder must',
      '# not be able to make links there. Sluice itself orders no file behind a link.',
      ...(standalone === undefined
        ? ['', '# Without "http://" and the port, Caddy gets a certificate and serves HTTPS.']
        : ['{', ['admin off', 'auto_https off'], '}', '']),
      `http://${serverName ?? ''}:${listen.port} {`,
      [
        ...(listen.host === undefined ? [] : [`bind ${listen.host.replaceAll(/[[\]]/g, '')}`, '']),
        ...siteBlock(site),
      ],
      '}',
    ],
    '\t',
  );
}

/**
 * Quotes a token that may hold anything; `undefined` for the few that cannot be. Between backticks
 * nothing is special to the reader of the Caddyfile but them; braces are for the replacer of
 * placeholders (`Replacer.replace`).
 */
export function quoteForCaddy(value: string): string | undefined {
  const escaped = value.includes('{') ? value.replaceAll(/[{}]/g, '\\$&') : value;
  if (value.includes('{$')) return undefined;
  if (!escaped.includes('`')) return `\`${escaped}\``;
  return /\\(?:"|$)/.test(escaped) ? undefined : `"${escaped.replaceAll('"', '\\"')}"`;
}

function siteBlock(site: Site): Block {
  const { public: shown } = site;
  return [
    '# No `encode` here: it compresses the part that a range request asks for, and calls it a part',
    '# of the file. Say `encode` inside of a `handle` that no download comes from.',
    ...(shown === undefined
      ? []
      : [
          '# For everybody, without the application.',
          `handle_path ${shown.url}* {`,
          [
            'header X-Content-Type-Options nosniff',
            'file_server {',
            [`root ${text(shown.folder)}`],
            '}',
          ],
          '}',
          '',
        ]),
    'handle {',
    proxyBlock(site),
    '}',
    '',
    '# An error of Caddy is no answer of the application: a file that has just gone, say.',
    'handle_errors {',
    [
      'header {',
      [
        ...ANSWER_HEADERS.map((name) => `-${name}`),
        'Content-Type "text/plain; charset=utf-8"',
        'Cache-Control no-store',
      ],
      '}',
      'respond "{http.error.status_code} {http.error.status_text}"',
    ],
    '}',
  ];
}

function proxyBlock(site: Site): Block {
  const { app, places } = site;
  return [
    `reverse_proxy ${hostAndPort(app)} {`,
    [
      'transport http {',
      [
        '# Otherwise Caddy asks for gzip by itself, and unpacks what the application streams.',
        'compression off',
        '# Sooner than Node closes the connection (server.keepAliveTimeout, 5 s).',
        'keepalive 4s',
      ],
      '}',
      '',
      '# What only the application may say to Caddy, no client says to the application.',
      '# X-Forwarded-* are replaced by Caddy itself.',
      ...CONTROL_REQUEST_PATTERNS.map((name) => `header_up -${name}`),
      'header_up -Forwarded',
      '',
      ...places.flatMap((place, index) => placeBlock(place, index)),
      '# Any other path is none of a root.',
      '@sluice_unknown {',
      ['status 200', 'header X-Accel-Redirect *'],
      '}',
      'handle_response @sluice_unknown {',
      ['error 404'],
      '}',
      '',
      '# An order that was not followed would show paths.',
      ...CONTROL_RESPONSE_HEADERS.map((name) => `header_down -${name}`),
    ],
    '}',
  ];
}

/** The header is matched as it came: paths of requests Caddy compares without regard to case. */
function placeBlock(place: Place, index: number): Block {
  const { folder } = place;
  const uri = plainUri(place);
  const name = `@sluice_${index}`;
  return [
    `${name} {`,
    ['status 200', `header X-Accel-Redirect ${uri}*`],
    '}',
    `handle_response ${name} {`,
    [
      'rewrite * {rp.header.X-Accel-Redirect}',
      `uri strip_prefix ${uri.slice(0, -1)}`,
      '# No rewrite of the method, as recipes have it: with HEAD made GET, Caddy sends the file as the',
      '# body of an answer that has none. The application refuses every other method.',
      '# Every header of the answer reaches the client, but for those that Caddy makes.',
      'copy_response_headers {',
      [`exclude ${[...OWN_HEADERS, ...CONTROL_RESPONSE_HEADERS].join(' ')}`],
      '}',
      'file_server {',
      [
        `root ${text(folder)}`,
        '# Folders are nothing to send.',
        'index .sluice-has-no-index',
        'disable_canonical_uris',
      ],
      '}',
    ],
    '}',
    '',
  ];
}

/** What versions strip of an encoded path differs. */
function plainUri({ keys, uri }: Place): string {
  if (/^[\w/.~-]+$/.test(uri)) return uri;
  throw new TypeError(
    `config: for Caddy the root of the keys ${quote(keys)} needs a path of its own, such as prefix: { ${JSON.stringify(keys)}: "/_sluice-1/" }`,
  );
}

const CONTROL_REQUEST_PATTERNS = [
  'X-Accel-*',
  'X_Accel_*',
  'X-Sendfile*',
  'X_Sendfile*',
  'X-LIGHTTPD-*',
  'X_LIGHTTPD_*',
  'X-LiteSpeed-*',
  'X_LiteSpeed_*',
  'X-Reproxy-*',
  'X_Reproxy_*',
];

/** Those of the connection, of the order, and of the file. */
const OWN_HEADERS = [
  'Accept-Ranges',
  'Connection',
  'Content-Length',
  'Content-Range',
  'Date',
  'Keep-Alive',
  'Last-Modified',
  'Server',
  'Transfer-Encoding',
];

const ANSWER_HEADERS = [
  'Access-Control-*',
  'Content-*',
  'Cross-Origin-*',
  'X-*',
  'Accept-Ranges',
  'ETag',
  'Expires',
  'Last-Modified',
  'Link',
  'Permissions-Policy',
  'Referrer-Policy',
  'Set-Cookie',
  'Timing-Allow-Origin',
  'Vary',
];

function text(value: string): string {
  const quoted = quoteForCaddy(value);
  if (quoted !== undefined) return quoted;
  throw new TypeError(`config: a Caddyfile cannot express the folder ${quote(value)}`);
}
