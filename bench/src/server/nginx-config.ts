import { join } from 'node:path';

import { config } from '@sluice/cli';

/** What the configuration of an nginx is made of. */
export interface NginxSite {
  /** The folder of the site. */
  readonly root: string;
  /** For its own files: process id, logs, temporary ones. */
  readonly folder: string;
  /** Where it listens on the loopback. */
  readonly port: number;
  /** Origin of the application behind it, where there is one. */
  readonly app: string | undefined;
  /** Origin of the store, where the case has one. */
  readonly store?: string | undefined;
}

/** nginx as `sluice config nginx` writes it, in front of an application. */
export function inFrontOf({ root, folder, port, app }: NginxSite): string {
  return config('nginx', {
    roots: join(root, 'files'),
    app: app ?? '',
    listen: `127.0.0.1:${port}`,
    standalone: folder,
  });
}

/** nginx that asks nobody. */
export function staticFiles(site: NginxSite): string {
  return whole(site, [], []);
}

/** nginx that asks an application whether it may, before each answer. */
export function authRequest(site: NginxSite): string {
  return whole(
    site,
    [`upstream app { server ${new URL(site.app ?? '').host}; keepalive 64; }`],
    [
      'location /files/ { auth_request /auth; }',
      'location = /auth {',
      '  internal;',
      '  proxy_pass http://app;',
      '  proxy_http_version 1.1;',
      '  proxy_set_header Connection "";',
      '  proxy_set_header Content-Length "";',
      '  proxy_pass_request_body off;',
      '}',
    ],
  );
}

/**
 * A store, as far as streaming from one goes: path-style buckets, ranges, strong entity tags and
 * `If-Match` (RFC 9110 §13.1.1). It believes every signature, and writes no log: what it costs is
 * nobody's.
 */
export function objectStore(site: NginxSite): string {
  return whole(site, [], ['access_log off;']);
}

/** nginx in front of the store, which asks nobody. */
export function throughProxy(site: NginxSite): string {
  return whole(
    site,
    [`upstream store { server ${new URL(site.store ?? '').host}; keepalive 64; }`],
    [
      'location / {',
      '  proxy_pass http://store;',
      '  proxy_http_version 1.1;',
      '  proxy_set_header Connection "";',
      // Else what a client does not take at once would be written to a disk.
      '  proxy_max_temp_file_size 0;',
      '}',
    ],
  );
}

/** Beside what differs, the same as `sluice config` writes: one worker, a log, `sendfile`, no cache. */
function whole(
  { root, folder, port }: NginxSite,
  http: readonly string[],
  server: readonly string[],
): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    'daemon off;',
    `pid "${folder}/nginx.pid";`,
    `error_log "${folder}/error.log";`,
    // The workers of a master that runs as root change to a user who may not read the files.
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'events { worker_connections 1024; }',
    'http {',
    `access_log "${folder}/access.log";`,
    ...temporary.map((name) => `${name}_temp_path "${folder}/${name}";`),
    'default_type application/octet-stream;',
    'sendfile on;',
    ...http,
    'server {',
    `listen 127.0.0.1:${port};`,
    `root "${root}";`,
    ...server,
    '}',
    '}',
    '',
  ].join('\n');
}
