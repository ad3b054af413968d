import type { RootPlaces } from '@sluice/core/offload';

/** What {@link config} takes: the same roots and prefixes that the application uses. */
export interface ConfigOptions {
  /**
   * The folder of all keys, or folders by prefix of keys, as `createPathMap` and the local driver
   * take them. Links in them are resolved as the driver does, as far as the folder exists. May be
   * absent where there is a `store`.
   */
  readonly roots?: string | Readonly<Record<string, string>> | undefined;
  /**
   * For nginx: the store that it fetches from what lies on no disk, exactly as the dialect has it.
   * Default: there is none.
   */
  readonly store?: StoreOptions | undefined;
  /** Origin of the application: `http://127.0.0.1:3000`. */
  readonly app: string;
  /** Address and port of the server: `127.0.0.1:8080`, `[::1]:8080`, `:80`. Default: `:80`. */
  readonly listen?: string | undefined;
  /** Host name of the site. Default: every name. */
  readonly serverName?: string | undefined;
  /**
   * Internal paths, exactly as the dialect of the application has them. For nginx, Caddy and H2O.
   * Default: `/_sluice/`.
   */
  readonly prefix?: RootPlaces | undefined;
  /** For nginx: further response headers to give back, exactly as the dialect has them. */
  readonly restored?: readonly string[] | undefined;
  /** A folder that the server shows to everybody, without the application. */
  readonly public?: PublicFolder | undefined;
  /** For H2O: name of the private host. Default: `sluice.internal`. */
  readonly host?: string | undefined;
  /** For H2O: where the private host listens; no client may reach it. Default: `127.0.0.1:8081`. */
  readonly internal?: string | undefined;
  /**
   * A folder for the process id, logs and temporary files: the configuration is then that of a whole
   * server which any user can start. Default: the file of one site, for the server of the
   * distribution.
   */
  readonly standalone?: string | undefined;
}

/** A store that nginx fetches objects from. */
export interface StoreOptions {
  /** Scheme, host and port of the URLs that the driver signs for nginx: `https://s3.internal:9000`. */
  readonly origin: string;
  /** The internal path. Default: `/_store/`. */
  readonly prefix?: string | undefined;
  /**
   * File of the certificates by which a store with HTTPS is trusted. Default:
   * `/etc/ssl/certs/ca-certificates.crt`, where Debian has those of the public authorities.
   */
  readonly certificates?: string | undefined;
}

/** A folder that is served as it is. */
export interface PublicFolder {
  /** Path that starts and ends with `/`: `/static/`. */
  readonly url: string;
  /** Absolute path. */
  readonly folder: string;
}
