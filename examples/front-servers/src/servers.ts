import { execFileSync } from 'node:child_process';

import type { ServerName } from '@sluice/cli';
import type { Dialect } from '@sluice/core';
import { apache, caddy, h2o, lighttpd, nginx } from '@sluice/core/offload';

/** What the application and the configuration of its front server have to agree on. */
export interface Agreement {
  readonly dialect: Dialect;
  /** The same, as `sluice config` takes it. */
  readonly options: { readonly prefix?: string };
}

/** Packages of Debian and Ubuntu. */
export const packages: Readonly<Record<ServerName, string>> = {
  nginx: 'nginx-light',
  apache: 'apache2 libapache2-mod-xsendfile',
  lighttpd: 'lighttpd',
  caddy: 'caddy',
  h2o: 'h2o',
};

/** Says how a server comes to this machine, with the modules that its configuration names. */
export function installLine(name: ServerName): string {
  return `What ${name} needs, on Debian or Ubuntu: apt-get install ${packages[name]}`;
}

/** @param program the server's, absolute */
export function agreeWith(name: ServerName, program: string): Agreement {
  const prefix = '/_sluice/';
  switch (name) {
    case 'nginx':
      return { dialect: nginx({ prefix }), options: { prefix } };
    case 'apache':
      return { dialect: apache(), options: {} };
    case 'lighttpd':
      return { dialect: lighttpd(), options: {} };
    case 'caddy': {
      const version = caddyVersion(program);
      return { dialect: caddy({ prefix, version }), options: { prefix } };
    }
    case 'h2o':
      return { dialect: h2o({ prefix }), options: { prefix } };
  }
}

/** Since 2.7 Caddy decodes the path in the header, and keeps the entity tag of the application. */
function caddyVersion(program: string): '2.6' | '2.7' {
  const text = execFileSync(program, ['version'], { encoding: 'utf8' });
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(text) ?? [];
  return major === '2' && Number(minor) < 7 ? '2.6' : '2.7';
}
