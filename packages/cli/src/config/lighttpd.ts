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

/** Quotes a text; only the quotation mark is escaped (`config_tokenizer`). */
export function quoteForLighttpd(value: string): string {
  return `"${value.replaceAll('"', '\\"')}"`;
}

function siteFile(site: Site): Block {
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
    ...conditionsOf(site).reduceRight(within, siteBlock(site)),
  ];
}

/** For what requests the site is, from the outermost condition to the innermost. */
function conditionsOf({ serverName, listen }: Site): readonly string[] {
  const isDefault = listen.host === undefined && listen.port === 80;
  return [
    ...(isDefault ? [] : [`$SERVER["socket"] == "${listen.host ?? ''}:${listen.port}"`]),
    ...(serverName === undefined ? [] : [`$HTTP["host"] =~ "${hostPattern(serverName)}"`]),
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
    `server.document-root = ${quoteForLighttpd(folder)}`,
    `server.errorlog = ${quoteForLighttpd(`${folder}/error.log`)}`,
    `server.upload-dirs = ( ${quoteForLighttpd(folder)} )`,
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

function modulesOf({ public: shown, standalone }: Site): string {
  const names = [
    ...(standalone === undefined ? ['mod_access'] : []),
    ...(shown === undefined ? [] : ['mod_alias']),
    'mod_setenv',
    'mod_proxy',
  ];
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
          `alias.url += ( "${shown.url}" => ${quoteForLighttpd(`${shown.folder}/`)} )`,
          `$HTTP["url"] =~ "^${escaped(shown.url)}" {`,
          ['setenv.set-response-header = ( "X-Content-Type-Options" => "nosniff" )'],
          '} else {',
          proxyBlock(site),
          '}',
        ]),
  ];
}

function proxyBlock(site: Site): Block {
  const { app, places } = site;
  return [
    ...accessLines(site),
    'proxy.server = ( "" => ((',
    [
      `"host" => "${app.host.replaceAll(/[[\]]/g, '')}",`,
      `"port" => ${app.port},`,
      '"x-sendfile" => "enable",',
      '# Without this list every file that lighttpd can read would be sent.',
      '"x-sendfile-docroot" => (',
      [places.map(({ folder }) => quoteForLighttpd(`${folder}/`)).join(', ')],
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

/** Outside of all conditions an option that is set already can only be replaced. */
function accessLines(site: Site): Block {
  if (site.standalone !== undefined) return [];
  const isGlobal = conditionsOf(site).length === 0 && site.public === undefined;
  return [
    '# Distributions refuse names that end in "~" or ".inc"; here the application decides.',
    `url.access-deny ${isGlobal ? ':=' : '='} ()`,
  ];
}

const OWN_HEADERS = ['X-Sendfile', 'X-LIGHTTPD-send-file', 'X-LIGHTTPD-KBytes-per-second'];

/** Puts a condition around a block. */
function within(block: Block, condition: string): Block {
  return [`${condition} {`, block, '}'];
}

/** The host of a request comes with its port. */
function hostPattern(name: string): string {
  return `^${escaped(name)}(:[0-9]+)?$`;
}

function escaped(value: string): string {
  return value.replaceAll('.', '\\.');
}
