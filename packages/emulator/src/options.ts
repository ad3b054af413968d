import { checkOptions, quote } from '@sluice/core';
import { isFieldName } from '@sluice/core/http';
import type { RootPlaces } from '@sluice/core/offload';

import type { FrontServer, ServerName } from './model.ts';
import { servedRoots } from './places.ts';
import { apacheServer } from './servers/apache.ts';
import { caddyServer } from './servers/caddy.ts';
import { h2oServer } from './servers/h2o.ts';
import { lighttpdServer } from './servers/lighttpd.ts';
import { nginxServer } from './servers/nginx.ts';

/** What {@link emulate} takes: what `sluice config` takes for the same server. */
export interface EmulatorOptions {
  /** The folder of all keys, or folders by prefix of keys, as the local driver has them. */
  readonly roots: string | Readonly<Record<string, string>>;
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
  const own = checkOptions('emulate', options, OPTIONS);
  const { prefix = '/_sluice/', encoding = 'raw', version = '2.7' } = own;
  const restored = checkNames(own.restored ?? []);
  const host = checkHost(own.host ?? 'sluice.internal');
  checkWord('encoding', encoding, ['raw', 'percent']);
  checkWord('version', version, ['2.6', '2.7']);
  const makers: Readonly<Record<ServerName, () => FrontServer>> = {
    nginx: () => nginxServer(served(), { base: baseOf(prefix), restored }),
    apache: () => apacheServer(served(), encoding),
    lighttpd: () => lighttpdServer(served()),
    caddy: () => caddyServer(served(), version),
    h2o: () => h2oServer(served(), host),
  };
  const served = (): ReturnType<typeof servedRoots> => servedRoots(own.roots, prefix);
  if (typeof name === 'string' && Object.hasOwn(makers, name)) return makers[name]();
  throw new TypeError(
    `emulate: the server must be one of ${Object.keys(makers).join(', ')}, got ${quote(name)}`,
  );
}

const OPTIONS = ['roots', 'prefix', 'restored', 'encoding', 'version', 'host'];

function baseOf(prefix: RootPlaces): string | undefined {
  return typeof prefix === 'string' ? prefix : undefined;
}

function checkWord(option: string, value: unknown, words: readonly string[]): void {
  if (words.some((word) => word === value)) return;
  const known = words.map((word) => `"${word}"`).join(' or ');
  throw new TypeError(`emulate: ${option} must be ${known}, got ${quote(value)}`);
}

function checkHost(host: unknown): string {
  if (typeof host === 'string' && /^[\da-z-]+(?:\.[\da-z-]+)*$/.test(host)) return host;
  throw new TypeError(`emulate: host must be a host name in lower case, got ${quote(host)}`);
}

function checkNames(names: unknown): readonly string[] {
  if (!Array.isArray(names)) {
    throw new TypeError(`emulate: restored must be an array of header names, got ${quote(names)}`);
  }
  return names.map((name: unknown) => {
    if (typeof name === 'string' && isFieldName(name)) return name.toLowerCase();
    throw new TypeError(`emulate: restored must hold names of headers, got ${quote(name)}`);
  });
}
