import { dirname } from 'node:path';

import type { ServerName } from '@sluice/cli';

import type { Break } from './doctor-deployment.ts';

/** A configuration that somebody might have, and what the doctor must say of it. */
export interface BrokenConfig {
  readonly server: ServerName;
  /** What is wrong with it. */
  readonly wrong: string;
  readonly change: Break;
  /** All findings that are no notes, gravest first. */
  readonly finds: readonly string[];
  /** What the one says that is about it. */
  readonly sentence: RegExp;
  /** What the lines that mend it must have. */
  readonly fix: RegExp;
}

/** At least five configurations for each server. */
export const BROKEN: readonly BrokenConfig[] = [
  {
    server: 'nginx',
    wrong: 'the location is not internal',
    change: swap(/^ *internal;\n/gm, ''),
    finds: ['internal-reachable'],
    sentence: /^Guarded files can be had without asking the application\.$/,
    fix: /^ {4}internal;$/m,
  },
  {
    server: 'nginx',
    wrong: 'the location has another prefix than the application',
    change: swap('location ^~ "/_sluice/"', 'location ^~ "/_other/"'),
    finds: ['file-not-sent'],
    sentence: /does not find the file or may not read it: its prefix, its folder/,
    fix: /^location \^~ \/_sluice\/ \{$/m,
  },
  {
    server: 'nginx',
    wrong: 'the alias has no slash at its end',
    change: swap(/alias "(.*)\/";/, 'alias "$1";'),
    finds: ['file-not-sent'],
    sentence: /does not find the file or may not read it/,
    fix: /^ {4}alias "\/.*\/private\/";$/m,
  },
  {
    server: 'nginx',
    wrong: 'the order is ignored',
    change: swap(
      'proxy_http_version 1.1;',
      'proxy_http_version 1.1; proxy_ignore_headers X-Accel-Redirect;',
    ),
    finds: ['order-not-taken'],
    sentence: /^The front server does not act on the order of the application/,
    fix: /remove proxy_ignore_headers X-Accel-Redirect/,
  },
  {
    server: 'nginx',
    wrong: 'headers are not given back',
    change: swap(/^ *add_header .*\n/gm, ''),
    finds: ['header-lost'],
    sentence: /^Headers of the application do not reach the client beside the file\.$/,
    fix: /^add_header X-Content-Type-Options \$upstream_http_x_content_type_options;$/m,
  },
  {
    server: 'nginx',
    wrong: 'a header is given back that nginx keeps by itself',
    change: swap('gzip off;', 'gzip off; add_header Cache-Control $upstream_http_cache_control;'),
    finds: ['header-twice'],
    sentence: /^Headers reach the client twice\.$/,
    fix: /remove those of Cache-Control/,
  },
  {
    server: 'nginx',
    wrong: 'links are followed',
    change: swap(/^ *disable_symlinks .*\n/gm, ''),
    finds: ['links-followed'],
    sentence: /^The front server follows symbolic links below the folder/,
    fix: /^disable_symlinks on "from=.*\/private";$/m,
  },
  {
    server: 'nginx',
    wrong: 'files are compressed',
    change: swap('gzip off;', 'gzip on; gzip_types *; gzip_min_length 1;'),
    finds: ['compressed'],
    sentence: /^The front server compresses what it sends/,
    fix: /^gzip off;$/m,
  },
  {
    server: 'nginx',
    wrong: 'connections to the application are closed',
    change: swap(/^ *proxy_http_version .*\n/gm, ''),
    finds: ['connections-not-kept'],
    sentence: /^The front server opens a new connection to the application for every download\.$/,
    fix: /^proxy_http_version 1\.1;$/m,
  },
  {
    server: 'nginx',
    wrong: 'headers that clients make up go through',
    change: swap(/^ *proxy_set_header X-(?:Accel|Sendfile|Reproxy).*\n/gm, ''),
    finds: ['forged-header-arrives'],
    sentence:
      /^Headers that only the application may send to the front server reach the application/,
    fix: /^proxy_set_header X-Sendfile-Type "";$/m,
  },
  {
    server: 'nginx',
    wrong: 'the path is decoded on its way to the application',
    change: swap(/proxy_pass (.*);/, 'proxy_pass $1$$uri;'),
    finds: ['wrong-bytes', 'name-not-carried'],
    sentence: /^Objects with some names cannot be downloaded\.$/,
    fix: /^proxy_pass http:\/\/app;$/m,
  },
  {
    server: 'apache',
    wrong: 'mod_xsendfile is off',
    change: swap('XSendFile On', 'XSendFile Off'),
    finds: ['order-shown', 'order-not-taken'],
    sentence: /^The header by which the application orders a file reaches the client/,
    fix: /^XSendFile On$/m,
  },
  {
    server: 'apache',
    wrong: 'the folder is not named',
    change: swap(/^ *XSendFilePath .*\n/gm, ''),
    finds: ['file-not-sent'],
    sentence: /does not find the file or may not read it/,
    fix: /^XSendFilePath "\/.*\/private"$/m,
  },
  {
    server: 'apache',
    wrong: 'the order is removed before it is read',
    change: swap(/Header unset X-Sendfile "expr=.*"/, 'Header unset X-Sendfile'),
    finds: ['order-not-taken'],
    sentence: /^The front server does not act on the order of the application/,
    fix: /^XSendFile On$/m,
  },
  {
    server: 'apache',
    wrong: 'the entity tag is the one of mod_xsendfile',
    change: (text) =>
      swap(
        'FileETag None',
        'FileETag MTime Size',
      )(swap('XSendFile On', 'XSendFile On\nXSendFileIgnoreEtag On')(text)),
    finds: ['validator-changed', 'validator-shared', 'if-range-refused'],
    sentence: /^The front server sends another entity tag or date than the application knows/,
    fix: /^XSendFileIgnoreEtag Off$/m,
  },
  {
    server: 'apache',
    wrong: 'an order on another status is shown',
    change: swap(/^ *Header unset X-Sendfile "expr=.*\n/m, ''),
    finds: ['stray-order-shown'],
    sentence: /^An order on an answer that is not a 200 would be shown or obeyed/,
    fix: /^Header unset X-Sendfile "expr=%\{REQUEST_STATUS\} -ne 200"$/m,
  },
  {
    server: 'apache',
    wrong: 'a header is unset',
    change: swap('FileETag None', 'FileETag None\nHeader unset X-Content-Type-Options'),
    finds: ['header-lost'],
    sentence: /^Headers of the application do not reach the client/,
    fix: /remove the lines that unset or set X-Content-Type-Options/,
  },
  {
    server: 'apache',
    wrong: 'headers that clients make up go through',
    change: swap(/^ *RequestHeader unset X-(?:Accel|Sendfile|Reproxy).*\n/gm, ''),
    finds: ['forged-header-arrives'],
    sentence: /^Headers that only the application may send/,
    fix: /^RequestHeader unset X-Sendfile-Type$/m,
  },
  {
    server: 'apache',
    wrong: 'paths are spelt anew on their way to the application',
    change: swap(' nocanon', ''),
    finds: ['name-not-carried'],
    sentence: /^Objects with some names cannot be downloaded\.$/,
    fix: /nocanon/,
  },
  {
    server: 'apache',
    wrong: 'an Alias shows the guarded folder to everybody',
    change: (text, { root }) =>
      swap(
        'XSendFile On',
        `XSendFile On
         Alias "/private/" "${root}/"
         ProxyPass "/private/" "!"
         <Directory "${root}">
           Require all granted
         </Directory>`,
      )(text),
    finds: ['internal-reachable'],
    sentence: /^Guarded files can be had without asking the application\.$/,
    fix: /below no DocumentRoot and no Alias/,
  },
  {
    server: 'apache',
    wrong: 'connections to the application are closed',
    change: swap(' ttl=4', ' disablereuse=on'),
    finds: ['connections-not-kept'],
    sentence: /^The front server opens a new connection/,
    fix: /remove disablereuse=on/,
  },
  {
    server: 'lighttpd',
    wrong: 'x-sendfile is off',
    change: swap('"x-sendfile" => "enable"', '"x-sendfile" => "disable"'),
    finds: ['order-not-taken'],
    sentence: /^The front server does not act on the order of the application/,
    fix: /^"x-sendfile" => "enable",$/m,
  },
  {
    server: 'lighttpd',
    wrong: 'the folder is another one',
    change: swap(/("x-sendfile-docroot" => \(\s*)"[^"]*"/, '$1"/srv/elsewhere/"'),
    finds: ['file-not-sent'],
    sentence: /does not find the file or may not read it/,
    fix: /^"x-sendfile-docroot" => \( "\/.*\/private\/" \)$/m,
  },
  {
    server: 'lighttpd',
    wrong: 'links are followed',
    change: swap('server.follow-symlink = "disable"', 'server.follow-symlink = "enable"'),
    finds: ['links-followed'],
    sentence: /^The front server follows symbolic links/,
    fix: /^server\.follow-symlink = "disable"$/m,
  },
  {
    server: 'lighttpd',
    wrong: 'a header is removed',
    change: swap(
      'setenv.set-response-header = (',
      'setenv.set-response-header = ( "X-Content-Type-Options" => "",',
    ),
    finds: ['header-lost'],
    sentence: /^Headers of the application do not reach the client/,
    fix: /remove setenv\.set-response-header for X-Content-Type-Options/,
  },
  {
    server: 'lighttpd',
    wrong: 'headers that clients make up go through',
    change: swap(/^ *"X-(?:Accel|Sendfile|Reproxy)[\w-]*" => "",\n/gm, ''),
    finds: ['forged-header-arrives'],
    sentence: /^Headers that only the application may send/,
    fix: /"X-Sendfile-Type" => ""/,
  },
  {
    server: 'lighttpd',
    wrong: 'ranges are off',
    change: swap(/^server\.port = .*$/m, '$&\nserver.range-requests = "disable"'),
    // What resumes is streamed.
    finds: ['range-ignored', 'range-unsatisfiable'],
    sentence: /^Ranges are not answered: downloads do not resume\.$/,
    fix: /^server\.range-requests = "enable"$/m,
  },
  {
    server: 'lighttpd',
    wrong: 'the guarded folder lies in the public one',
    change: (text, { root }) =>
      swap(
        /^server\.document-root = .*$/m,
        `server.document-root = "${dirname(root)}"`,
      )(swap('proxy.server = ( "" =>', 'proxy.server = ( "/files/" =>')(text)),
    finds: ['internal-reachable'],
    sentence: /^Guarded files can be had without asking the application\.$/,
    fix: /below no server\.document-root/,
  },
  {
    server: 'caddy',
    wrong: 'the headers of the answer are not copied',
    change: swap(/^\t*copy_response_headers \{[^}]*\}\n/m, ''),
    finds: ['header-lost'],
    sentence: /^Headers of the application do not reach the client beside the file\.$/,
    fix: /^copy_response_headers \{$/m,
  },
  {
    server: 'caddy',
    wrong: 'the order is copied to the client with the other headers',
    change: swap(/(exclude .*?) X-Accel-Redirect\b/, '$1'),
    finds: ['order-shown'],
    sentence: /^The header by which the application orders a file reaches the client/,
    fix: /^ {8}exclude X-Accel-Redirect /m,
  },
  {
    server: 'caddy',
    wrong: 'the folder is another one',
    change: swap(/(file_server \{\s*root) .*/, '$1 /srv/elsewhere'),
    finds: ['file-not-sent'],
    sentence: /does not find the file or may not read it/,
    fix: /^ {8}root `\/.*\/private`$/m,
  },
  {
    server: 'caddy',
    wrong: 'the prefix is another one than that of the application',
    change: swap('header X-Accel-Redirect /_sluice/*', 'header X-Accel-Redirect /_other/*'),
    finds: ['file-not-sent'],
    sentence: /does not find the file or may not read it: its prefix/,
    fix: /^ {4}header X-Accel-Redirect \/_sluice\/\*$/m,
  },
  {
    server: 'caddy',
    wrong: 'nobody takes the order',
    change: (text) =>
      swap(/^\t*header_down -X-Accel-Redirect\n/m, '')(swap(/status 200/g, 'status 299')(text)),
    finds: ['order-shown', 'order-not-taken'],
    sentence: /^The header by which the application orders a file reaches the client/,
    fix: /^header_down -X-Accel-Redirect$/m,
  },
  {
    server: 'caddy',
    wrong: 'an order is obeyed on any status',
    change: swap(/^\t*status 200\n/gm, ''),
    finds: ['stray-order-shown'],
    sentence: /^An order on an answer that is not a 200/,
    fix: /^status 200$/m,
  },
  {
    server: 'caddy',
    wrong: 'files are compressed',
    change: swap(/^\thandle \{/m, '\tencode gzip\n\thandle {'),
    finds: ['compressed'],
    sentence: /^The front server compresses what it sends/,
    fix: /encode gzip/,
  },
  {
    server: 'caddy',
    wrong: 'headers that clients make up go through',
    change: swap(/^\t*header_up -X.*\n/gm, ''),
    finds: ['forged-header-arrives'],
    sentence: /^Headers that only the application may send/,
    fix: /^header_up -X-Sendfile-Type$/m,
  },
  {
    server: 'caddy',
    wrong: 'the guarded folder is served to everybody, too',
    change: (text, { root }) =>
      swap(
        /^\thandle \{/m,
        `\thandle_path /private/* {\n\t\tfile_server {\n\t\t\troot ${root}\n\t\t}\n\t}\n\thandle {`,
      )(text),
    finds: ['internal-reachable'],
    sentence: /^Guarded files can be had without asking the application\.$/,
    fix: /below the root of no file_server but the one in handle_response/,
  },
  {
    server: 'h2o',
    wrong: 'reproxy is off',
    change: swap('reproxy: ON', 'reproxy: OFF'),
    finds: ['order-shown', 'order-not-taken'],
    sentence: /^The header by which the application orders a file reaches the client/,
    fix: /^reproxy: ON$/m,
  },
  {
    server: 'h2o',
    wrong: 'the folder is another one',
    change: swap(/file\.dir: .*/, "file.dir: '/usr/share/'"),
    finds: ['file-not-sent'],
    sentence: /does not find the file or may not read it/,
    fix: /^ {2}file\.dir: '\/.*\/private\/'$/m,
  },
  {
    server: 'h2o',
    wrong: 'the private path is on the public host, too',
    change: (text, { root }) =>
      swap(/^ {6}'\/':\n/m, `      '/_sluice/':\n        file.dir: '${root}/'\n      '/':\n`)(text),
    finds: ['internal-reachable'],
    sentence: /^Guarded files can be had without asking the application\.$/,
    fix: /only in the private host/,
  },
  {
    server: 'h2o',
    wrong: 'the private host listens where clients come in',
    change: (text, { port }) =>
      swap(
        /('sluice\.internal':\n *listen: \{ host: '127\.0\.0\.1', port: )\d+/,
        `$1${port}`,
      )(text),
    finds: ['internal-reachable'],
    sentence: /^Guarded files can be had without asking the application\.$/,
    fix: /which listens where no client can reach it/,
  },
  {
    server: 'h2o',
    wrong: 'nobody makes headers of the query',
    change: swap(/^ *mruby\.handler: \|\n(?: {10,}.*\n)*/m, ''),
    finds: ['header-lost'],
    sentence: /^Headers of the application do not reach the client beside the file\.$/,
    fix: /^mruby\.handler: \|$/m,
  },
  {
    server: 'h2o',
    wrong: 'headers that clients make up go through',
    change: swap(/^ *proxy\.header\.unset: 'X-(?:Accel|Sendfile|Reproxy).*\n/gm, ''),
    finds: ['forged-header-arrives'],
    sentence: /^Headers that only the application may send/,
    fix: /^proxy\.header\.unset: "X-Sendfile-Type"$/m,
  },
  {
    server: 'h2o',
    wrong: 'connections to the application are closed',
    change: swap(/proxy\.timeout\.keepalive: \d+/, 'proxy.timeout.keepalive: 0'),
    finds: ['connections-not-kept'],
    sentence: /^The front server opens a new connection/,
    fix: /^proxy\.timeout\.keepalive: 4000$/m,
  },
];

/** Replaces what must be there, so that no test passes because nothing was changed. */
function swap(from: RegExp | string, to: string): (text: string) => string {
  return (text) => {
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`the configuration has no ${String(from)}:\n${text}`);
    return changed;
  };
}
