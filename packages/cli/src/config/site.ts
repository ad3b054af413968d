import { checkOptions, createPathMap, quote, type PathMap } from '@sluice/core';
import { createUriMap, h2o, hasControl, nginx, type RootPlaces } from '@sluice/core/offload';

import { type Address, canMeet, hostAndPort } from './addresses.ts';
import { areNested, checkApart, checkFolder, type NamedFolder } from './folders.ts';
import type { ConfigOptions, PublicFolder, StoreOptions } from './options.ts';

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
