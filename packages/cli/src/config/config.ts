import { apacheConfig } from './apache.ts';
import { caddyConfig } from './caddy.ts';
import { h2oConfig } from './h2o.ts';
import { lighttpdConfig } from './lighttpd.ts';
import { nginxConfig } from './nginx.ts';
import type { ConfigOptions } from './options.ts';
import { checkServerName, type ServerName } from './server-name.ts';
import { checkSite, type Site } from './site.ts';

/**
 * Writes the configuration of a front server, from the same roots and prefixes that the application
 * uses: complete, commented, and accepted by the server's own check.
 *
 * @example
 * config('nginx', { roots: '/srv/private', app: 'http://127.0.0.1:3000', listen: ':80' })
 *
 * @throws TypeError for an unknown server, a mistake in the options, a server without a root, or a folder that the server's
 * language cannot express, quoting the value
 */
export function config(server: ServerName, options: ConfigOptions): string {
  const name = checkServerName('config', server);
  const site = checkSite(options);
  if (site.places.length === 0 && name !== 'nginx') {
    throw new TypeError(`config: roots is missing, and ${name} fetches from no store`);
  }
  return WRITERS[name](site);
}

const WRITERS: Readonly<Record<ServerName, (site: Site) => string>> = {
  nginx: nginxConfig,
  apache: apacheConfig,
  lighttpd: lighttpdConfig,
  caddy: caddyConfig,
  h2o: h2oConfig,
};
