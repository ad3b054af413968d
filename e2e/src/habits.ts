/** Who sends the bytes in the end. */
export type Habits = 'streaming' | 'nginx' | 'apache' | 'lighttpd' | 'caddy' | 'h2o';
