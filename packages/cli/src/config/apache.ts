import { existsSync } from 'node:fs';

import { quote } from '@sluice/core';

import { type Address, hostAndPort } from './addresses.ts';
import { CONTROL_REQUEST_HEADERS, CONTROL_RESPONSE_HEADERS } from './control-headers.ts';
import type { Site } from './site.ts';
import { render, type Block } from './text.ts';

/**
 * Writes the configuration of Apache 2.4.47 and later with mod_xsendfile.
 *
 * @see https://tn123.org/mod_xsendfile/
 * @see https://httpd.apache.org/docs/2.4/mod/mod_proxy.html
 */
export function apacheConfig(site: Site): string {
  const { standalone } = site;
  return render(standalone === undefined ? siteFile(site) : wholeFile(site, standalone), '    ');
}

/** Quotes a parameter (`ap_getword_conf`). */
export function quoteForApache(value: string): string {
  const quoted = value.replaceAll(/["\\]/g, '\\$&').replaceAll('${', `\${${DOLLAR}}{`);
  return `"${quoted}"`;
}

function siteFile(site: Site): Block {
  const { listen } = site;
  return [
    '# Sluice: the application decides, Apache sends the file.',
    '# A file for sites-available. It needs: a2enmod alias headers proxy proxy_http xsendfile',
    '# Try it with `apachectl configtest`, and the running site with `sluice doctor`.',
    '',
    // Distributions listen on these.
    ...([80, 443].includes(listen.port) ? [] : [`Listen ${listenOn(listen)}`, '']),
    ...limitLines(),
    '# Apache takes these two from the first virtual host of the address: where another one is read',
    '# first, as 000-default.conf is, put them into a file of conf-available/ and a2enconf that.',
    '',
    ...hostBlock(site),
  ];
}

function limitLines(): Block {
  return [
    '# Keys have up to 4000 bytes, which are 12 kB in a URL.',
    'LimitRequestLine 32768',
    'LimitRequestFieldSize 32768',
  ];
}

function wholeFile(site: Site, folder: string): Block {
  const modules = MODULE_FOLDERS.find(existsSync) ?? MODULE_FOLDERS[0];
  return [
    '# Sluice: the application decides, Apache sends the file.',
    '# A whole Apache, which needs no rights but to read the files.',
    '',
    ...defineDollar(site),
    `ServerRoot ${quoteForApache(folder)}`,
    `DefaultRuntimeDir ${quoteForApache(folder)}`,
    `PidFile ${quoteForApache(`${folder}/apache.pid`)}`,
    `ErrorLog ${quoteForApache(`${folder}/error.log`)}`,
    `ServerName ${site.serverName ?? 'localhost'}`,
    'ServerTokens Prod',
    // Apache refuses to serve as root.
    ...(process.getuid?.() === 0
      ? [
          '# Printed by root: this user must be able to read the files.',
          'User nobody',
          'Group #65534',
        ]
      : []),
    `Listen ${listenOn(site.listen)}`,
    '',
    ...MODULES.flatMap((name) => [
      `<IfModule !${name}_module>`,
      [`LoadModule ${name}_module ${quoteForApache(`${modules}/mod_${name}.so`)}`],
      '</IfModule>',
    ]),
    '',
    'TypesConfig /dev/null',
    'AddType text/html .html',
    'AddType text/plain .txt',
    'AddType text/css .css',
    'AddType text/javascript .js',
    'AddType image/svg+xml .svg',
    'AddType image/png .png',
    '',
    ...limitLines(),
    '',
    ...hostBlock(site),
  ];
}

const MODULE_FOLDERS = [
  '/usr/lib/apache2/modules',
  '/usr/lib64/httpd/modules',
  '/usr/lib/httpd/modules',
  '/opt/homebrew/lib/httpd/modules',
] as const;

const MODULES = [
  'mpm_event',
  'unixd',
  'authz_core',
  'alias',
  'mime',
  'headers',
  'proxy',
  'proxy_http',
  'xsendfile',
];

function hostBlock(site: Site): Block {
  const { listen, serverName, places, standalone } = site;
  return [
    ...(standalone === undefined ? defineDollar(site) : []),
    `<VirtualHost ${listen.host ?? '*'}:${listen.port}>`,
    [
      serverName === undefined
        ? '# For every name; one that was read before, as distributions have it, must go (a2dissite).'
        : `ServerName ${serverName}`,
      '',
      ...publicBlock(site),
      '# The guarded files lie below no Alias and no DocumentRoot. Only an answer of the application',
      '# opens them, and only what lies below these folders.',
      'XSendFile On',
      ...places.map(({ folder }) => `XSendFilePath ${quoteForApache(folder)}`),
      '# Apache follows links below them and has no option against it: whoever may write into the',
      '# folders must not be able to make links there. Sluice itself orders no file behind a link.',
      '',
      '# The entity tag is the one of the application. mod_xsendfile 0.12 would make "0" for every',
      '# file, with which a client goes on with the wrong one.',
      'FileETag None',
      '# A file that gets shorter while it is mapped into memory would end the process.',
      'EnableMMAP Off',
      '# Say Off for files on a network file system.',
      'EnableSendfile On',
      '',
      ...proxyLines(site),
      '',
      ...headerLines(),
    ],
    '</VirtualHost>',
  ];
}

function publicBlock({ public: shown }: Site): Block {
  if (shown === undefined) return [];
  return [
    '# For everybody, without the application.',
    `Alias "${shown.url}" ${quoteForApache(`${shown.folder}/`)}`,
    `<Directory ${quoteForApache(plain(shown.folder))}>`,
    [
      'Options None',
      'AllowOverride None',
      'Require all granted',
      'FileETag MTime Size',
      'Header set X-Content-Type-Options nosniff',
    ],
    '</Directory>',
    `ProxyPass "${shown.url}" "!"`,
    '',
  ];
}

/** `<Directory>` takes a pattern, in which no name with these characters was found, escaped or not. */
function plain(folder: string): string {
  if (!/[*?[]/.test(folder)) return folder;
  throw new TypeError(
    `config: Apache cannot show a public folder with *, ? or [ in its name, got ${quote(folder)}`,
  );
}

function proxyLines({ app }: Site): Block {
  return [
    "# Everything else is the application's, with the URL as the client has spelt it.",
    'AllowEncodedSlashes NoDecode',
    '# ttl: sooner than Node closes the connection (server.keepAliveTimeout, 5 s).',
    `ProxyPass "/" "http://${hostAndPort(app)}/" nocanon upgrade=websocket ttl=4 responsefieldsize=32768`,
    'ProxyPreserveHost On',
    '# Uploads: LimitRequestBody bounds them at 1 GB from Apache 2.4.54 on.',
    'LimitRequestBody 0',
    '# mod_xsendfile sends what mod_deflate has not seen. If mod_deflate or mod_brotli is on, keep them',
    '# away from what the application streams itself, with the path of your downloads:',
    '# SetEnvIf Request_URI "^/files/" no-gzip no-brotli',
  ];
}

function headerLines(): Block {
  const own = 'X-Sendfile';
  return [
    '# Whatever a client claims here is replaced: by mod_proxy, which would add to it, and below.',
    ...['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Server', 'Forwarded'].map(
      (name) => `RequestHeader unset ${name}`,
    ),
    'RequestHeader set X-Forwarded-Proto "expr=%{REQUEST_SCHEME}"',
    '# What only the application may say to Apache, no client says to the application.',
    ...CONTROL_REQUEST_HEADERS.flatMap((name) => [
      `RequestHeader unset ${name}`,
      `RequestHeader unset ${name.replaceAll('-', '_')}`,
    ]),
    '',
    '# mod_xsendfile acts on status 200 alone; of any other answer the path would be shown. Without',
    '# the condition this line would turn it off.',
    `Header unset ${own} "expr=%{REQUEST_STATUS} -ne 200"`,
    '# Orders to other servers, and the one to delete a file after it was sent.',
    ...CONTROL_RESPONSE_HEADERS.filter((name) => name !== own).map(
      (name) => `Header unset ${name}`,
    ),
  ];
}

function listenOn({ host, port }: Address): string {
  return host === undefined ? String(port) : `${host}:${port}`;
}

const DOLLAR = 'sluice_dollar';

/** `${name}` stands for a variable or an environment variable, quoted or not (`ap_resolve_env`). */
function defineDollar({ places, public: shown, standalone }: Site): Block {
  const folders = [...places.map(({ folder }) => folder), shown?.folder, standalone];
  if (!folders.some((folder) => folder?.includes('${') === true)) return [];
  return [
    '# Apache has no other way to write a dollar sign before a brace.',
    `Define ${DOLLAR} "$"`,
    '',
  ];
}
