// Lines of configurations that mend more than one finding.
import { quoteForCaddy } from '../config/caddy.ts';
import { CONTROL_REQUEST_HEADERS } from '../config/control-headers.ts';
import { quoteForH2o } from '../config/h2o.ts';
import { quoteForLighttpd } from '../config/lighttpd.ts';
import { quoteForNginx } from '../config/nginx.ts';
import type { ServerName } from '../config/server-name.ts';

/** What the lines of a configuration depend on. */
export interface FixFacts {
  /** The folder of the files, without a slash at its end. */
  readonly folder?: string;
  /** The internal path; ends with `/`. */
  readonly internal?: string;
  /** Headers that the finding is about, in lower case. */
  readonly headers?: readonly string[];
}

/** Writes lines of the configuration of one server. */
export type Fix = (facts: Required<FixFacts>) => readonly string[];

/** The lines for one finding, where a server has any. */
export type Fixes = Readonly<Partial<Record<ServerName, Fix>>>;

export const NGINX_LOCATION: Fix = ({ folder, internal }) => [
  `location ^~ ${internal} {`,
  '    internal;',
  `    alias ${quoteForNginx(`${folder}/`)};`,
  `    disable_symlinks on ${quoteForNginx(`from=${folder}`)};`,
  '}',
];

/** What nginx makes, or keeps by itself, needs no line but the absence of one. */
export const NGINX_HEADERS: Fix = ({ internal, headers }) => {
  const given = headers.filter((name) => !NGINX_OWN.includes(name));
  const own = headers.filter((name) => NGINX_OWN.includes(name));
  return [
    `# in location ^~ ${internal}, and in none nested in it`,
    ...given.map(
      (name) => `add_header ${titled(name)} $upstream_http_${name.replaceAll('-', '_')};`,
    ),
    ...(own.includes('etag') ? ['etag on;'] : []),
    ...(own.length === 0 ? [] : [`# no proxy_hide_header and no add_header for ${titles(own)}`]),
  ];
};

const NGINX_OWN = [
  'cache-control',
  'content-disposition',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'set-cookie',
];

export const APACHE_KEEPS: Fix = ({ headers }) => [
  `# mod_xsendfile keeps every header: remove the lines that unset or set ${titles(headers)}`,
];

export const LIGHTTPD_KEEPS: Fix = ({ headers }) => [
  `# lighttpd keeps every header: remove setenv.set-response-header for ${titles(headers)}`,
];

export const CADDY_COPIES: Fix = () => [
  '# in handle_response, before file_server',
  'copy_response_headers {',
  '    exclude X-Accel-Redirect Accept-Ranges Connection Content-Length Content-Range Date Keep-Alive Last-Modified Server Transfer-Encoding',
  '}',
];

export const CADDY_SENDS: Fix = ({ folder, internal }) => [
  '@sluice {',
  '    status 200',
  `    header X-Accel-Redirect ${internal}*`,
  '}',
  'handle_response @sluice {',
  '    rewrite * {rp.header.X-Accel-Redirect}',
  `    uri strip_prefix ${internal.slice(0, -1)}`,
  '    copy_response_headers {',
  '        exclude X-Accel-Redirect Accept-Ranges Connection Content-Length Content-Range Date Keep-Alive Last-Modified Server Transfer-Encoding',
  '    }',
  '    file_server {',
  `        root ${quoteForCaddy(folder) ?? folder}`,
  '    }',
  '}',
];

export const H2O_PRIVATE_HOST: Fix = ({ folder, internal }) => [
  '# only in the private host, which listens where no client can reach it',
  `"${internal}":`,
  `  file.dir: ${quoteForH2o(`${folder}/`)}`,
  '  file.index: []',
];

export const H2O_HANDLER: Fix = () => [
  '# before file.dir of the private host: the headers are in the query of the order',
  'mruby.handler: |',
  '  Proc.new do |env|',
  '    dec = Proc.new { |s| s.gsub(/%([0-9a-fA-F]{2})/) { $1.to_i(16).chr } }',
  '    h = {}',
  "    (env['QUERY_STRING'] || '').split('&').each { |kv| k, v = kv.split('=', 2); h[k] = dec.call(v || '') }",
  '    [399, h, []]',
  '  end',
];

export const LIGHTTPD_SENDS: Fix = ({ folder }) => [
  '# in proxy.server, beside "host" and "port"',
  '"x-sendfile" => "enable",',
  `"x-sendfile-docroot" => ( ${quoteForLighttpd(`${folder}/`)} )`,
];

export const RANGES: Fixes = {
  nginx: ({ internal }) => [`# in location ^~ ${internal}, remove`, 'max_ranges 0;'],
  apache: () => ['# remove the lines', 'MaxRanges none', 'RequestHeader unset Range'],
  lighttpd: () => ['server.range-requests = "enable"'],
  caddy: () => ['# remove the lines', 'header_up -Range', 'encode gzip'],
  h2o: () => ['compress: OFF'],
};

export const IF_RANGE: Fixes = {
  nginx: ({ internal }) => [`# in location ^~ ${internal}, and no add_header ETag`, 'etag on;'],
  apache: () => ['FileETag None', 'XSendFileIgnoreEtag Off', '# no RequestHeader unset If-Range'],
  lighttpd: () => ['# remove "If-Range" from setenv.set-request-header'],
  caddy: () => [
    '# in the application: caddy({ version: "2.6" }), or "2.7" for that and later ones; remove',
    'header_up -If-Range',
  ],
};

/** Names of headers in their usual case, for a sentence. */
export function titles(names: readonly string[]): string {
  return names.map(titled).join(', ');
}

/** The name of a header in its usual case. */
export function titled(name: string): string {
  const known = [...CONTROL_REQUEST_HEADERS, 'ETag'].find((one) => one.toLowerCase() === name);
  return known ?? name.replaceAll(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
