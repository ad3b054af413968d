import { checkOptions, quote } from '@sluice/core';
import {
  dialectFromName,
  type NginxStore,
  type RootPlaces,
  SERVER_NAMES,
  type ServerName,
} from '@sluice/core/offload';

import type { FrontServer } from './model.ts';
import { servedRoots } from './places.ts';
import { apacheServer } from './servers/apache.ts';
import { caddyServer } from './servers/caddy.ts';
import { h2oServer } from './servers/h2o.ts';
import { lighttpdServer } from './servers/lighttpd.ts';
import { nginxServer } from './servers/nginx.ts';

/** What {@link emulate} takes: what `sluice config` takes for the same server. */
export interface EmulatorOptions {
  /**
   * The folder of all keys, or folders by prefix of keys, as the local driver has them. May be absent
   * where there is a `store`.
   */
  readonly roots?: string | Readonly<Record<string, string>> | undefined;
  /** For nginx: the store that it fetches from, exactly as the dialect has it. Default: none. */
  readonly store?: NginxStore | undefined;
  /**
   * Internal paths, exactly as the dialect of the application has them. For nginx, Caddy and H2O.
   * Default: `/_sluice/`.
   */
  readonly prefix?: RootPlaces | undefined;
  /** For nginx: further headers that its configuration gives back. */
  readonly restored?: readonly string[] | undefined;
  /**
   * For Apache: whether the module reads the path as `raw` bytes (0.12, Debian 12 and before) or
   * `percent`-encoded (Debian 13). Default: `raw`.
   */
  readonly encoding?: 'raw' | 'percent' | undefined;
  /** For Caddy: `2.6`, or `2.7` for that and every later one. Default: `2.7`. */
  readonly version?: '2.6' | '2.7' | undefined;
  /** For H2O: name of the private host. Default: `sluice.internal`. */
  readonly host?: string | undefined;
}

/** @throws TypeError for an unknown server or a mistake in the options, quoting the value */
export function frontServerOf(name: ServerName, options: EmulatorOptions): FrontServer {
  const { roots, ...agreed } = checkOptions('emulate', options, OPTIONS);
  const known = SERVER_NAMES.find((server) => server === name);
  if (known === undefined) {
    throw new TypeError(
      `emulate: the server must be one of ${SERVER_NAMES.join(', ')}, got ${quote(name)}`,
    );
  }
  const { prefix = '/_sluice/', restored = [], store, encoding, version, host } = agreed;
  // The dialect is not needed here, but it refuses what its server could not be told.
  dialectFromName(known, { prefix, restored, store, encoding, version, host });
  if (roots === undefined && (known !== 'nginx' || store === undefined)) {
    throw new TypeError('emulate: roots is missing, the folder of all keys');
  }
  const served = roots === undefined ? [] : servedRoots(roots, prefix);
  const makers: Readonly<Record<ServerName, () => FrontServer>> = {
    nginx: () =>
      nginxServer(served, {
        base: baseOf(prefix),
        restored,
        store: store && { origin: store.origin, prefix: store.prefix ?? '/_store/' },
      }),
    apache: () => apacheServer(served, encoding ?? 'raw'),
    lighttpd: () => lighttpdServer(served),
    caddy: () => caddyServer(served, version ?? '2.7'),
    h2o: () => h2oServer(served, host ?? 'sluice.internal'),
  };
  return makers[known]();
}

const OPTIONS = ['roots', 'prefix', 'restored', 'store', 'encoding', 'version', 'host'];

function baseOf(prefix: RootPlaces): string | undefined {
  return typeof prefix === 'string' ? prefix : undefined;
}
