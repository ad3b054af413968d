import { CONTROL_REQUEST_HEADERS, CONTROL_RESPONSE_HEADERS } from './control-headers.ts';
import type { Site } from './site.ts';
import { render, type Block } from './text.ts';

/**
 * Writes the configuration of lighttpd 1.4 with mod_proxy; measured with 1.4.69.
 *
 * @see https://redmine.lighttpd.net/projects/lighttpd/wiki/X-LIGHTTPD-send-file
 * @see https://redmine.lighttpd.net/projects/lighttpd/wiki/Docs_ModProxy
 */
export function lighttpdConfig(site: Site): string {
  const { standalone } = site;
  return render(standalone === undefined ? siteFile(site) : wholeFile(site, standalone), '  ');
}

function siteFile(site: Site): Block {
  const { serverName, listen } = site;
  const host =
    serverName === undefined ? undefined : `$HTTP["host"] =~ "${hostPattern(serverName)}"`;
  const socket =
    listen.host === undefined && listen.port === 80
      ? undefined
      : `$SERVER["socket"] == "${listen.host ?? ''}:${listen.port}"`;
  return [
    '# Sluice: the application decides, lighttpd sends the file.',
    '# A file for conf-available: /etc/lighttpd/conf-available/50-sluice.conf, then lighty-enable-mod.',
    '# Try it with `lighttpd -tt -f /etc/lighttpd/lighttpd.conf`, and the running site with',
    '# `sluice doctor`.',
    '',
    `server.modules += ( ${modulesOf(site)} )`,
    '',
    ...globalLines(),
    '',
    ...within(socket, within(host, siteBlock(site))),
  ];
}

function wholeFile(site: Site, folder: string): Block {
  const { listen } = site;
  return [
    '# Sluice: the application decides, lighttpd sends the file.',
    '# A whole lighttpd, which needs no rights but to read the files.',
    '',
    `server.modules = ( ${modulesOf(site)} )`,
    ...(listen.host === undefined ? [] : [`server.bind = "${listen.host}"`]),
    `server.port = ${listen.port}`,
    '# Every lighttpd must have one; nothing is served from it.',
    `server.document-root = ${text(folder)}`,
    `server.errorlog = ${text(`${folder}/error.log`)}`,
    `server.upload-dirs = ( ${text(folder)} )`,
    'mimetype.assign = (',
    [
      '".html" => "text/html",',
      '".css" => "text/css",',
      '".js" => "text/javascript",',
      '".svg" => "image/svg+xml",',
      '".png" => "image/png",',
      '".txt" => "text/plain"',
    ],
    ')',
    '',
    ...globalLines(),
    '',
    ...siteBlock(site),
  ];
}

function modulesOf({ public: shown }: Site): string {
  const names = [...(shown === undefined ? [] : ['mod_alias']), 'mod_setenv', 'mod_proxy'];
  return names.map((name) => `"${name}"`).join(', ');
}

/** Options that lighttpd takes for all sites only. */
function globalLines(): Block {
  return [
    '# A file that was replaced or deleted is seen at once: what is remembered of it would cut the',
    '# new one short, or send the old one, for a second or two.',
    'server.stat-cache-engine = "disable"',
    '# Keys have up to 4000 bytes, which are 12 kB in a URL.',
    'server.max-request-field-size = 32768',
  ];
}

function siteBlock(site: Site): Block {
  const { public: shown } = site;
  return [
    '# No link is followed, below the roots or above them.',
    'server.follow-symlink = "disable"',
    '# The application bounds its uploads; lighttpd would at 2 GB.',
    'server.max-request-size = 0',
    '# What the application streams itself goes on as it comes, and is not kept on the disk first.',
    'server.stream-response-body = 2',
    'server.stream-request-body = 2',
    '# If mod_deflate is on, keep it away from downloads, which it makes without ranges:',
    '# deflate.mimetypes = ()',
    '',
    '# What only the application may say to lighttpd, no client says to the application. lighttpd',
    '# sets X-Forwarded-For and X-Forwarded-Proto itself.',
    'setenv.set-request-header += (',
    [
      ...['X-Forwarded-For', 'X-Forwarded-Host', 'Forwarded'].map((name) => `"${name}" => "",`),
      ...CONTROL_REQUEST_HEADERS.flatMap((name) => [
        `"${name}" => "",`,
        `"${name.replaceAll('-', '_')}" => "",`,
      ]),
    ],
    ')',
    '',
    ...(shown === undefined
      ? proxyBlock(site)
      : [
          '# For everybody, without the application.',
          `alias.url += ( "${shown.url}" => ${text(`${shown.folder}/`)} )`,
          `$HTTP["url"] =~ "^${escaped(shown.url)}" {`,
          ['setenv.set-response-header = ( "X-Content-Type-Options" => "nosniff" )'],
          '} else {',
          proxyBlock(site),
          '}',
        ]),
  ];
}

function proxyBlock({ app, places }: Site): Block {
  return [
    'proxy.server = ( "" => ((',
    [
      `"host" => "${app.host.replaceAll(/[[\]]/g, '')}",`,
      `"port" => ${app.port},`,
      '"x-sendfile" => "enable",',
      '# Without this list every file that lighttpd can read would be sent.',
      '"x-sendfile-docroot" => (',
      [places.map(({ folder }) => text(`${folder}/`)).join(', ')],
      ')',
    ],
    ')))',
    '# WebSockets of the application go through.',
    'proxy.header = ( "upgrade" => "enable" )',
    '# Orders to other servers would show paths; lighttpd keeps its own to itself.',
    'setenv.set-response-header = (',
    CONTROL_RESPONSE_HEADERS.filter((name) => !OWN_HEADERS.includes(name)).map(
      (name) => `"${name}" => "",`,
    ),
    ')',
  ];
}

const OWN_HEADERS = ['X-Sendfile', 'X-LIGHTTPD-send-file', 'X-LIGHTTPD-KBytes-per-second'];

/** Puts a condition around a block, where there is one. */
function within(condition: string | undefined, block: Block): Block {
  return condition === undefined ? block : [`${condition} {`, block, '}'];
}

/** The host of a request comes with its port. */
function hostPattern(name: string): string {
  return `^${escaped(name)}(:[0-9]+)?$`;
}

function escaped(value: string): string {
  return value.replaceAll('.', '\\.');
}

/** Quotes a text; only the quotation mark is escaped (`config_tokenizer`). */
function text(value: string): string {
  return `"${value.replaceAll('"', '\\"')}"`;
}
