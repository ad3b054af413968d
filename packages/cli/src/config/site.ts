import { checkOptions, createPathMap, quote, type PathMap } from '@sluice/core';
import { createUriMap, h2o, hasControl, nginx, type RootPlaces } from '@sluice/core/offload';

import { type Address, canMeet, hostAndPort } from './addresses.ts';
import { areNested, checkApart, checkFolder, type NamedFolder } from './folders.ts';

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
  readonly store: Store | undefined;
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

/** A store, in the terms in which configurations are written. */
export interface Store extends Address {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  /** As it stands in `Host`. */
  readonly authority: string;
  /** Starts and ends with `/`. */
  readonly uri: string;
  /** Absolute path of a file. */
  readonly certificates: string;
}

/** @throws TypeError for a mistake in the options, quoting the value */
export function checkSite(options: ConfigOptions): Site {
  const own = checkOptions('config', options, OPTIONS);
  const { prefix = '/_sluice/', restored = [], host = 'sluice.internal' } = own;
  // Before the dialects, which would call the paths theirs.
  const places =
    own.roots === undefined && own.store !== undefined ? [] : placesOf(own.roots, prefix);
  const store = own.store === undefined ? undefined : checkStore(own.store);
  // What these may be, the dialects know.
  nginx({ prefix, restored, store: store && { origin: originOf(store), prefix: store.uri } });
  h2o({ prefix, host });
  const shown = own.public === undefined ? undefined : checkPublic(own.public, places, store);
  const app = checkApp(own.app);
  const listen = checkListen(own.listen ?? ':80', app);
  return {
    places,
    base: typeof prefix === 'string' ? prefix : undefined,
    app,
    listen,
    serverName: own.serverName === undefined ? undefined : checkServerName(own.serverName),
    restored: restored.map((name) => name.toLowerCase()),
    store,
    public: shown,
    host,
    internal: checkInternal(own.internal ?? '127.0.0.1:8081'),
    standalone:
      own.standalone === undefined ? undefined : checkStandalone(own.standalone, places, shown),
  };
}

const OPTIONS = [
  'roots',
  'app',
  'listen',
  'serverName',
  'prefix',
  'restored',
  'store',
  'public',
  'host',
  'internal',
  'standalone',
];

function placesOf(roots: ConfigOptions['roots'], prefix: RootPlaces): readonly Place[] {
  const uriOf = createUriMap('config', prefix);
  return mapOf(roots).map(({ prefix: keys, root }) => {
    const folder = checkFolder('a root', root);
    const uri = uriOf({ root: folder, prefix: keys, path: folder });
    if (uri === undefined) {
      throw new TypeError(`config: prefix has no path for the root of the keys ${quote(keys)}`);
    }
    return { keys, uri: decodeURIComponent(uri), folder };
  });
}

function mapOf(roots: ConfigOptions['roots']): PathMap['roots'] {
  return callByOwnName(() => {
    // What is no map, it says itself.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    const given = (typeof roots === 'string' ? { '': roots } : roots) as Record<string, string>;
    return createPathMap(given).roots;
  });
}

/** Debian's, and what its users have added to it. */
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

function checkStore(value: StoreOptions): Store {
  const owner = 'config: store';
  const own = checkOptions(owner, value, ['origin', 'prefix', 'certificates']);
  const { origin, prefix = '/_store/', certificates = CERTIFICATES } = own;
  // What they may be, the dialect knows.
  callByOwnName(() => nginx({ store: { origin, prefix } }));
  const { protocol, hostname, host, port } = new URL(origin);
  if (!/^(?:[\w.-]+|\[[\da-f:.]+\])$/.test(hostname)) {
    throw new TypeError(`${owner}: origin must have a plain host, got ${quote(origin)}`);
  }
  if (!/^\/[^"$\\]+$/.test(certificates) || hasControl(certificates)) {
    throw new TypeError(
      `${owner}: certificates must be the absolute path of a file, got ${quote(certificates)}`,
    );
  }
  const scheme = protocol === 'https:' ? 'https' : 'http';
  const usual = scheme === 'https' ? 443 : 80;
  return {
    scheme,
    host: hostname,
    port: port === '' ? usual : Number(port),
    authority: host,
    uri: prefix,
    certificates,
  };
}

function originOf({ scheme, authority }: Store): string {
  return `${scheme}://${authority}`;
}

/** Who reads the message has called `config`. */
function callByOwnName<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new TypeError(message.replace(/^\w+(?=: )/, 'config'), { cause: error });
  }
}

function checkPublic(
  value: PublicFolder,
  places: readonly Place[],
  store: Store | undefined,
): PublicFolder {
  const { url, folder: given } = checkOptions('config: public', value, ['url', 'folder']);
  if (typeof url !== 'string' || !/^(?:\/[\w.~-]+)+\/$/.test(url) || /\/\.\.?\//.test(url)) {
    throw new TypeError(
      `config: url of public must be a path that starts and ends with "/", such as "/static/", got ${quote(url)}`,
    );
  }
  const folder = checkFolder('folder of public', given);
  checkApart({ what: 'the public folder', folder }, places.map(guarded));
  const internal = store === undefined ? places : [...places, store];
  const near = internal.find(({ uri }) => areNested(url, uri));
  if (near !== undefined) {
    throw new TypeError(
      `config: the public path ${quote(url)} and the internal one ${quote(near.uri)} must lie apart`,
    );
  }
  return { url, folder };
}

/** Whoever reads the folder of the server reads what it logs, and the bodies that it stores there. */
function checkStandalone(
  value: string,
  places: readonly Place[],
  shown: PublicFolder | undefined,
): string {
  const folder = checkFolder('standalone', value);
  checkApart({ what: 'the folder of the server', folder }, [
    ...places.map(guarded),
    ...(shown === undefined ? [] : [{ what: 'the public one', folder: shown.folder }]),
  ]);
  return folder;
}

function guarded({ folder }: Place): NamedFolder {
  return { what: 'the guarded one', folder };
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

function checkListen(value: string, app: Site['app']): Address {
  const listen = checkAddress('listen', value);
  if (!canMeet(listen, app)) return listen;
  throw new TypeError(
    `config: listen is where the application is, ${quote(hostAndPort(app))}, so that the server would ask itself, got ${quote(value)}`,
  );
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
