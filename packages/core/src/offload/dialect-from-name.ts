import { checkOptions, quote } from '../options.ts';
import { apache, type ApacheOptions } from './apache.ts';
import { caddy, type CaddyOptions } from './caddy.ts';
import type { Dialect } from './dialect.ts';
import { h2o, type H2oOptions } from './h2o.ts';
import { lighttpd } from './lighttpd.ts';
import { nginx, type NginxOptions } from './nginx.ts';
import type { RootPlaces } from './root-map.ts';
import type { ServerName } from './server-name.ts';

/** What {@link dialectFromName} takes: the options of all servers, of which each reads its own. */
export interface DialectOptions
  extends Partial<NginxOptions>, ApacheOptions, Partial<CaddyOptions>, Partial<H2oOptions> {
  /** For nginx, Caddy and H2O. Default: `/_sluice/`. */
  readonly prefix?: RootPlaces;
}

/** The names that {@link dialectFromName} knows; the last three are those of django-sendfile. */
export type DialectName = ServerName | 'xsendfile' | 'simple' | 'development';

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
 * @throws TypeError when the name is none of these, or an option is wrong, also one of another server
 */
export function dialectFromName(
  name: DialectName | (string & {}),
  options: DialectOptions = {},
): Dialect | undefined {
  const own = checkOptions('dialectFromName', options, OPTIONS);
  const makers = makersOf(own);
  if (typeof name !== 'string' || !isKnown(name, makers)) {
    throw new TypeError(
      `dialectFromName: the name must be one of ${Object.keys(makers).join(', ')}, got ${quote(name)}`,
    );
  }
  const dialect = makers[name]();
  // What is wrong for another server, too, is found before the name in the configuration changes.
  for (const make of Object.values(makers)) make();
  return dialect;
}

const OPTIONS = [
  'prefix',
  'store',
  'restored',
  'bufferSize',
  'root',
  'encoding',
  'version',
  'host',
];

type Makers = Readonly<Record<DialectName, () => Dialect | undefined>>;

function makersOf(options: DialectOptions): Makers {
  const {
    prefix = '/_sluice/',
    store,
    restored,
    bufferSize,
    root,
    encoding,
    version,
    host,
  } = options;
  const stream = (): undefined => undefined;
  return {
    nginx: () => nginx({ prefix, store, restored, bufferSize }),
    apache: () => apache({ root, encoding }),
    lighttpd: () => lighttpd({ root }),
    caddy: () => caddy({ prefix, version }),
    h2o: () => h2o({ prefix, host }),
    xsendfile: () => apache({ root, encoding }),
    simple: stream,
    development: stream,
  };
}

function isKnown(name: string, makers: Makers): name is DialectName {
  return Object.hasOwn(makers, name);
}
