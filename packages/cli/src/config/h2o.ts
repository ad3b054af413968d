import { quote } from '@sluice/core';
import { H2O_TYPES } from '@sluice/core/offload';

import { type Address, canMeet, hostAndPort, isEverywhere } from './addresses.ts';
import { CONTROL_REQUEST_HEADERS, CONTROL_RESPONSE_HEADERS } from './control-headers.ts';
import type { Site } from './site.ts';
import { render, type Block } from './text.ts';

/**
 * Writes the configuration of H2O 2.2. Experimental, as its dialect is.
 *
 * @see https://h2o.examp1e.net/configure/reproxy_directives.html
 * @see https://h2o.examp1e.net/configure/mruby.html
 */
export function h2oConfig(site: Site): string {
  const { standalone } = site;
  checkPrivateHost(site);
  return render([...headOf(standalone), ...typeLines(), '', 'hosts:', hostsBlock(site)], '  ');
}

/** Quotes a scalar of YAML (YAML 1.1 §9.1.3). */
export function quoteForH2o(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/**
 * Who reaches the private host has all files. H2O looks for the host of a request among those of the
 * listener, so that nothing but a port of its own keeps clients from it.
 */
function checkPrivateHost({ internal, listen, app, host, serverName }: Site): void {
  const address = quote(hostAndPort(internal));
  if (isEverywhere(internal)) {
    throw new TypeError(
      `config: internal must name an address that no client can reach, such as "127.0.0.1:8081", got ${address}`,
    );
  }
  if (internal.port === listen.port) {
    throw new TypeError(
      `config: internal must have another port than listen, ${quote(hostAndPort(listen))}, got ${address}`,
    );
  }
  if (canMeet(internal, app)) {
    throw new TypeError(
      `config: internal must be another address than the application's, ${quote(hostAndPort(app))}, got ${address}`,
    );
  }
  if (serverName === host) {
    throw new TypeError(
      `config: host must be another name than serverName, ${quote(serverName)}, got ${quote(host)}`,
    );
  }
}

function headOf(folder: string | undefined): Block {
  const limits = [
    '# H2O follows links and has no option against it, and a FIFO in a folder stops the whole server:',
    '# whoever may write into the folders must not be able to make either there. Sluice itself orders',
    '# no file behind a link, and regular files only.',
  ];
  if (folder === undefined) {
    return [
      '# Sluice: the application decides, H2O sends the file. Experimental.',
      '# For /etc/h2o/h2o.conf, below what the distribution has there of its own, as in Debian',
      '#   user: debian-h2o',
      '#   pid-file: /run/h2o.pid',
      '# and its logs. Other hosts of yours go below `hosts`. Try it with `h2o -t -c` and its path, and',
      '# the running site with `sluice doctor`.',
      ...limits,
      '',
    ];
  }
  return [
    '# Sluice: the application decides, H2O sends the file. Experimental.',
    '# A whole H2O, which needs no rights but to read the files.',
    ...limits,
    '',
    `pid-file: ${quoteForH2o(`${folder}/h2o.pid`)}`,
    `error-log: ${quoteForH2o(`${folder}/error.log`)}`,
    `access-log: ${quoteForH2o(`${folder}/access.log`)}`,
    // H2O changes to nobody when root starts it.
    ...(process.getuid?.() === 0
      ? ['# Printed by root: the files may be readable to nobody else.', 'user: root']
      : []),
    '',
  ];
}

function typeLines(): Block {
  const types = [...new Set(Object.values(H2O_TYPES))];
  return [
    '# H2O takes no media type from the application. It has these by extension, as the dialect knows,',
    '# and Sluice streams every file of another type.',
    'file.mime.settypes:',
    types.map((type) => {
      const extensions = Object.keys(H2O_TYPES).filter((name) => H2O_TYPES[name] === type);
      return `${quoteForH2o(type)}: [${extensions.map((name) => quoteForH2o(`.${name}`)).join(', ')}]`;
    }),
    'file.mime.setdefaulttype: application/octet-stream',
    '# Uploads: the application bounds them; H2O would at 1 GB.',
    'limit-request-body: 1099511627776',
  ];
}

function hostsBlock(site: Site): Block {
  const { listen, serverName, host, internal, places } = site;
  return [
    `${quoteForH2o(serverName ?? 'default')}:`,
    [`listen: ${listenOn(listen)}`, 'paths:', [...publicBlock(site), "'/':", proxyBlock(site)]],
    '# The private host: it listens where no client can reach it, so that no Host field of a request',
    '# leads here. The hand-over finds it by its name.',
    `${quoteForH2o(host)}:`,
    [
      `listen: ${listenOn(internal)}`,
      'paths:',
      places.flatMap(({ uri, folder }) => [
        `${quoteForH2o(uri)}:`,
        [
          ...HANDLER,
          `file.dir: ${quoteForH2o(`${folder}/`)}`,
          '# Folders are nothing to send.',
          'file.index: []',
          'file.dirlisting: OFF',
          'file.send-compressed: OFF',
          'compress: OFF',
        ],
      ]),
    ],
  ];
}

function publicBlock({ public: shown }: Site): Block {
  if (shown === undefined) return [];
  return [
    '# For everybody, without the application.',
    `${quoteForH2o(shown.url)}:`,
    [
      `file.dir: ${quoteForH2o(`${shown.folder}/`)}`,
      'file.dirlisting: OFF',
      "header.set: 'X-Content-Type-Options: nosniff'",
    ],
  ];
}

function proxyBlock({ app }: Site): Block {
  const own = 'X-Reproxy-URL';
  return [
    `proxy.reverse.url: ${quoteForH2o(`http://${hostAndPort(app)}/`)}`,
    'proxy.preserve-host: ON',
    '# WebSockets of the application go through.',
    'proxy.websocket: ON',
    '# Milliseconds; sooner than Node closes the connection (server.keepAliveTimeout, 5 s).',
    'proxy.timeout.keepalive: 4000',
    'reproxy: ON',
    'compress: OFF',
    '# What only the application may say to H2O, no client says to the application. H2O sets',
    '# X-Forwarded-For and X-Forwarded-Proto itself.',
    ...['X-Forwarded-For', 'X-Forwarded-Host', 'Forwarded'].map(unset('proxy.header.unset')),
    ...CONTROL_REQUEST_HEADERS.flatMap((name) => [name, name.replaceAll('-', '_')]).map(
      unset('proxy.header.unset'),
    ),
    '# Orders to other servers would show paths; H2O keeps its own to itself.',
    ...CONTROL_RESPONSE_HEADERS.filter((name) => name !== own).map(unset('header.unset')),
  ];
}

function unset(directive: string): (name: string) => string {
  return (name) => `${directive}: ${quoteForH2o(name)}`;
}

/** 399 goes on to the next handler and keeps the headers, on an answer that has the file. */
const HANDLER: Block = [
  '# Every header of the answer is dropped, so that they come in the query: name=value&name=value.',
  'mruby.handler: |',
  [
    'Proc.new do |env|',
    [
      'decode = Proc.new { |s| s.gsub(/%([0-9a-fA-F]{2})/) { $1.to_i(16).chr } }',
      'headers = {}',
      "(env['QUERY_STRING'] || '').split('&').each do |pair|",
      ["name, value = pair.split('=', 2)", "headers[name] = decode.call(value || '')"],
      'end',
      '[399, headers, []]',
    ],
    'end',
  ],
];

function listenOn({ host, port }: Address): string {
  if (host === undefined) return String(port);
  return `{ host: ${quoteForH2o(host.replaceAll(/[[\]]/g, ''))}, port: ${port} }`;
}
