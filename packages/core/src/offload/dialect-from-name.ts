import { checkOptions, quote } from '../options.ts';
import { apache, type ApacheOptions } from './apache.ts';
import { caddy, type CaddyOptions } from './caddy.ts';
import type { Dialect } from './dialect.ts';
import { h2o, type H2oOptions } from './h2o.ts';
import { lighttpd } from './lighttpd.ts';
import { nginx, type NginxOptions } from './nginx.ts';
import type { RootPlaces } from './root-map.ts';

/** What {@link dialectFromName} takes: the options of all servers, of which each reads its own. */
export interface DialectOptions
  extends Partial<NginxOptions>, ApacheOptions, Partial<CaddyOptions>, Partial<H2oOptions> {
  /** For nginx, Caddy and H2O. Default: `/_sluice/`. */
  readonly prefix?: RootPlaces;
}

/** The names that {@link dialectFromName} knows; the last three are those of django-sendfile. */
export type DialectName =
  | 'nginx'
  | 'apache'
  | 'lighttpd'
  | 'caddy'
  | 'h2o'
  | 'xsendfile'
  | 'simple'
  | 'development';

/**
 * Takes the dialect from configuration, as `SENDFILE_BACKEND` of django-sendfile does.
 *
 * @param name that of a server; `xsendfile` is `apache`; `simple` and `development` stream. Case
 * matters.
 * @returns `undefined` where the application is to stream
 *
 * @example
 * createSluice({ storage, policy, dialect: dialectFromName(process.env.SENDFILE ?? 'simple') })
 *
 * @throws TypeError when the name is none of these, or an option is wrong
 */
export function dialectFromName(
  name: DialectName | (string & {}),
  options: DialectOptions = {},
): Dialect | undefined {
  const own = checkOptions('dialectFromName', options, OPTIONS);
  const { prefix = '/_sluice/', restored, bufferSize, root, encoding, version, host } = own;
  switch (name) {
    case 'nginx':
      return nginx({ prefix, restored, bufferSize });
    case 'apache':
    case 'xsendfile':
      return apache({ root, encoding });
    case 'lighttpd':
      return lighttpd({ root });
    case 'caddy':
      return caddy({ prefix, version });
    case 'h2o':
      return h2o({ prefix, host });
    case 'simple':
    case 'development':
      return undefined;
  }
  throw new TypeError(
    `dialectFromName: the name must be one of ${NAMES.join(', ')}, got ${quote(name)}`,
  );
}

const OPTIONS = ['prefix', 'restored', 'bufferSize', 'root', 'encoding', 'version', 'host'];

const NAMES: readonly DialectName[] = [
  'nginx',
  'apache',
  'lighttpd',
  'caddy',
  'h2o',
  'xsendfile',
  'simple',
  'development',
];
