/** A front server that Sluice knows. */
export type ServerName = 'nginx' | 'apache' | 'lighttpd' | 'caddy' | 'h2o';

/** All of them, in the order in which help texts name them. */
export const SERVER_NAMES: readonly ServerName[] = Object.freeze<ServerName[]>([
  'nginx',
  'apache',
  'lighttpd',
  'caddy',
  'h2o',
]);
