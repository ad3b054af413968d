import { realpathSync } from 'node:fs';
import { isAbsolute } from 'node:path';

import { checkOptions, createPathMap, quote, type PathMap } from '@sluice/core';
import { createUriMap, h2o, nginx, type RootPlaces } from '@sluice/core/offload';

/** What {@link config} takes: the same roots and prefixes that the application uses. */
export interface ConfigOptions {
  /**
   * The folder of all keys, or folders by prefix of keys, as `createPathMap` and the local driver
   * take them. Links in them are resolved where the folder exists, as the driver does.
   */
  readonly roots: string | Readonly<Record<string, string>>;
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

/** A folder that is served as it is. */
export interface PublicFolder {
  /** Path that starts and ends with `/`: `/static/`. */
  readonly url: string;
  /** Absolute path. */
  readonly folder: string;
}

/** Checked options, in the terms in which configurations are written. */
export interface Site {
  /** Longest prefix of keys first. */
  readonly places: readonly Place[];
  /** The path below which all roots lie, if there is one. */
  readonly base: string | undefined;
  readonly app: Address & { readonly host: string };
  readonly listen: Address;
  readonly serverName: string | undefined;
  readonly restored: readonly string[];
  readonly public: PublicFolder | undefined;
  readonly host: string;
  readonly internal: Address & { readonly host: string };
  readonly standalone: string | undefined;
}

/** One root: a prefix of keys, the internal path that stands for it, and its folder. */
export interface Place {
  readonly keys: string;
  /** Decoded; starts and ends with `/`. */
  readonly uri: string;
  /** Absolute, without a slash at its end. */
  readonly folder: string;
}

/** Where somebody listens; without a host, on all addresses. An IPv6 host has its brackets. */
export interface Address {
  readonly host: string | undefined;
  readonly port: number;
}

/** @throws TypeError for a mistake in the options, quoting the value */
export function checkSite(options: ConfigOptions): Site {
  const own = checkOptions('config', options, OPTIONS);
  const { prefix = '/_sluice/', restored = [], host = 'sluice.internal' } = own;
  // Before the dialects, which would call the paths theirs.
  const places = placesOf(own.roots, prefix);
  // What these may be, the dialects know.
  nginx({ prefix, restored });
  h2o({ prefix, host });
  const shown = own.public === undefined ? undefined : checkPublic(own.public, places);
  return {
    places,
    base: typeof prefix === 'string' ? prefix : undefined,
    app: checkApp(own.app),
    listen: checkAddress('listen', own.listen ?? ':80'),
    serverName: own.serverName === undefined ? undefined : checkServerName(own.serverName),
    restored: restored.map((name) => name.toLowerCase()),
    public: shown,
    host,
    internal: checkInternal(own.internal ?? '127.0.0.1:8081'),
    standalone:
      own.standalone === undefined ? undefined : checkFolder('standalone', own.standalone),
  };
}

/** Writes an address as it stands in a URL. */
export function hostAndPort({ host, port }: Address & { readonly host: string }): string {
  return `${host}:${port}`;
}

const OPTIONS = [
  'roots',
  'app',
  'listen',
  'serverName',
  'prefix',
  'restored',
  'public',
  'host',
  'internal',
  'standalone',
];

function placesOf(roots: ConfigOptions['roots'], prefix: RootPlaces): readonly Place[] {
  const uriOf = createUriMap('config', prefix);
  return mapOf(roots).map(({ prefix: keys, root }) => {
    const folder = checkFolder('a root', resolved(root));
    const uri = uriOf({ root: folder, prefix: keys, path: folder });
    if (uri === undefined) {
      throw new TypeError(`config: prefix has no path for the root of the keys ${quote(keys)}`);
    }
    return { keys, uri: decodeURIComponent(uri), folder };
  });
}

function mapOf(roots: ConfigOptions['roots']): PathMap['roots'] {
  try {
    return createPathMap(typeof roots === 'string' ? { '': roots } : roots).roots;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new TypeError(message.replace(/^createPathMap/, 'config'), { cause: error });
  }
}

/** The driver opens below the real folder, and that is what it tells the server. */
function resolved(folder: unknown): unknown {
  if (typeof folder !== 'string' || folder.includes('\0')) return folder;
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/** A line break would end the line of the configuration; the rest is for each server to quote. */
function checkFolder(what: string, folder: unknown): string {
  if (typeof folder !== 'string' || !isAbsolute(folder)) {
    throw new TypeError(`config: ${what} must be an absolute path, got ${quote(folder)}`);
  }
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(folder) || !folder.isWellFormed()) {
    throw new TypeError(
      `config: ${what} must have no control character in its name, got ${quote(folder)}`,
    );
  }
  const name = folder.replace(/\/+$/, '');
  if (name !== '') return name;
  throw new TypeError(`config: ${what} is a whole file system, got ${quote(folder)}`);
}

function checkPublic(value: PublicFolder, places: readonly Place[]): PublicFolder {
  const { url, folder: given } = checkOptions('config: public', value, ['url', 'folder']);
  if (typeof url !== 'string' || !/^(?:\/[\w.~-]+)+\/$/.test(url) || /\/\.\.?\//.test(url)) {
    throw new TypeError(
      `config: url of public must be a path that starts and ends with "/", such as "/static/", got ${quote(url)}`,
    );
  }
  const folder = checkFolder('folder of public', resolved(given));
  const near = places.find(
    (place) => areNested(`${folder}/`, `${place.folder}/`) || areNested(url, place.uri),
  );
  if (near !== undefined) {
    throw new TypeError(
      `config: the public folder ${quote(folder)} at ${quote(url)} and the guarded one ${quote(near.folder)} must lie apart`,
    );
  }
  return { url, folder };
}

/** @param path ends with a slash, as `other` does */
function areNested(path: string, other: string): boolean {
  return path.startsWith(other) || other.startsWith(path);
}

function checkApp(app: unknown): Site['app'] {
  const url = typeof app === 'string' && URL.canParse(app) ? new URL(app) : undefined;
  // A URL takes hosts with ";", "{" and the like, too.
  if (url?.href !== `http://${url?.host}/` || !/^(?:[\w.-]+|\[[\da-f:.]+\])$/.test(url.hostname)) {
    throw new TypeError(
      `config: app must be an origin, such as "http://127.0.0.1:3000", got ${quote(app)}`,
    );
  }
  return { host: url.hostname, port: url.port === '' ? 80 : Number(url.port) };
}

function checkAddress(name: string, address: unknown): Address {
  const match =
    typeof address === 'string'
      ? /^(?<host>[a-z\d][a-z\d.-]*|\[[\da-f:.]+\])?:(?<port>\d{1,5})$/i.exec(address)
      : undefined;
  const port = Number(match?.groups?.['port']);
  if (!(port >= 1 && port <= 65_535)) {
    throw new TypeError(
      `config: ${name} must be an address with a port, such as "127.0.0.1:8080" or ":80", got ${quote(address)}`,
    );
  }
  return { host: match?.groups?.['host'], port };
}

function checkInternal(address: unknown): Site['internal'] {
  const { host, port } = checkAddress('internal', address);
  if (host !== undefined) return { host, port };
  throw new TypeError(
    `config: internal must name an address that no client can reach, such as "127.0.0.1:8081", got ${quote(address)}`,
  );
}

function checkServerName(name: unknown): string {
  if (typeof name === 'string' && /^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i.test(name)) {
    return name.toLowerCase();
  }
  throw new TypeError(
    `config: serverName must be a host name, such as "files.example", got ${quote(name)}`,
  );
}
