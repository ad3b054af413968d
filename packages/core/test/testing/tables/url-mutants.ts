import { keyOf } from '../../helpers/objects.ts';
import type { StorageKey } from '../../../src/keys/storage-key.ts';
import type { SignedUrl, SignOptions, StorageDriver } from '../../../src/storage/driver.ts';
import { TOKEN, type Weakness } from '../http-store.ts';
import type { World } from '../world.ts';
import type { Mutant } from './mutant.ts';

/** Faults in signed URLs and local paths. */
export const urlMutants: readonly Mutant[] = [
  [
    'signs another key',
    (driver) => alterSign(driver, (sign, key, options) => sign(keyOf(`${key}x`), options)),
    'U-01 U-03 U-06 U-13 U-14',
  ],
  [
    'says seconds for milliseconds',
    (driver) => alterUrl(driver, (url) => ({ ...url, expires: url.expires / 1000 })),
    'U-01',
  ],
  ['signs no headers', (driver) => alterOptions(driver, () => ({ headers: {} })), 'U-02'],
  ['cuts headers at a semicolon', (driver) => alterOptions(driver, cutHeaders), 'U-02'],
  ['gives URLs that know no windows', (driver) => weakens(driver, 'whole'), 'U-03 U-13'],
  ['gives URLs that nobody verifies', (driver) => weakens(driver, 'unverified'), 'U-04 U-05'],
  ['signs for an hour', (driver) => alterOptions(driver, () => ({ expiresIn: 3600 })), 'U-05 U-09'],
  ['leaves odd letters in the path', (driver) => rewrites(driver, unescaped), 'U-06 U-13'],
  ['escapes what is escaped', (driver) => rewrites(driver, escapedTwice), 'U-06 U-13'],
  ['calls every URL pinned', callsPinned, 'U-07'],
  ['signs for HEAD as well', (driver) => weakens(driver, 'head'), 'U-08'],
  ['shortens the term', (driver) => alterOptions(driver, shortened), 'U-09'],
  [
    'tells its token in the URL',
    (driver) => rewrites(driver, (url) => `${url}&token=${TOKEN}`),
    'U-10',
  ],
  ['looks for the object before it signs', looksFirst, 'U-11'],
  ['gives the path of another object', (driver) => alterPath(driver, upperCase), 'U-12'],
  [
    'gives a path that is not in the root',
    (driver) => alterPath(driver, (place) => ({ ...place, root: '/srv/other' })),
    'U-12',
  ],
  ['signs for writes as well', (driver) => weakens(driver, 'writes'), 'U-14'],
  [
    'signs in spite of an abort',
    (driver) => alterOptions(driver, () => ({ signal: undefined })),
    'U-15',
  ],
  ['repairs the keys that it signs', repairs, 'K-07'],
  [
    'finds a path for everything',
    (driver) => ({
      ...driver,
      localPath: (key) => ({ root: '/srv', prefix: '', path: `/srv/${key}` }),
    }),
    'K-07 U-12',
  ],
];

type Sign = (key: StorageKey, options: SignOptions) => Promise<SignedUrl | undefined>;

type Place = NonNullable<ReturnType<NonNullable<StorageDriver['localPath']>>>;

/** Changes how URLs are signed, for clients and for front servers. */
function alterSign(
  driver: StorageDriver,
  change: (sign: Sign, key: StorageKey, options: SignOptions) => ReturnType<Sign>,
): StorageDriver {
  return {
    ...driver,
    signUrl: (key, options) => change((...call) => driver.signUrl!(...call), key, options),
    internalUrl: (key, options) => change((...call) => driver.internalUrl!(...call), key, options),
  };
}

function alterOptions(
  driver: StorageDriver,
  change: (options: SignOptions) => Partial<SignOptions>,
): StorageDriver {
  return alterSign(driver, (sign, key, options) => sign(key, { ...options, ...change(options) }));
}

function alterUrl(driver: StorageDriver, change: (url: SignedUrl) => SignedUrl): StorageDriver {
  return alterSign(driver, async (sign, key, options) => {
    const url = await sign(key, options);
    return url && change(url);
  });
}

function rewrites(driver: StorageDriver, change: (url: string) => string): StorageDriver {
  return alterUrl(driver, (signed) => ({ ...signed, url: change(signed.url) }));
}

/** Gives URLs that the store is not strict with. */
function weakens(driver: StorageDriver, weakness: Weakness): StorageDriver {
  return rewrites(driver, (url) => `${url}&weak=${weakness}`);
}

function cutHeaders({ headers = {} }: SignOptions): Partial<SignOptions> {
  const cut = Object.entries(headers).map(([name, value]) => [name, value.split(';')[0]!]);
  return { headers: Object.fromEntries(cut) };
}

function shortened({ expiresIn }: SignOptions): Partial<SignOptions> {
  return { expiresIn: Math.min(expiresIn, 604_800) };
}

function unescaped(url: string): string {
  const [path = '', query] = url.split('?');
  return `${decodeURIComponent(path)}?${query}`;
}

function escapedTwice(url: string): string {
  const [path = '', query] = url.split('?');
  return `${path.replaceAll('%', '%25')}?${query}`;
}

function callsPinned(driver: StorageDriver): StorageDriver {
  return alterSign(driver, async (sign, key, { version: _version, ...options }) => {
    const url = await sign(key, options);
    return url && { ...url, pinned: true };
  });
}

function looksFirst(driver: StorageDriver, { objects }: World): StorageDriver {
  return alterSign(driver, async (sign, key, options) =>
    objects.has(key) ? sign(key, options) : undefined,
  );
}

function repairs(driver: StorageDriver): StorageDriver {
  return alterSign(driver, (sign, key, options) => {
    const repaired = key.replaceAll(/\/+/g, '/').replaceAll(/^\/|\/$/g, '');
    return sign((repaired || 'index') as StorageKey, options);
  });
}

function alterPath(driver: StorageDriver, change: (place: Place) => Place): StorageDriver {
  return {
    ...driver,
    localPath(key) {
      const place = driver.localPath?.(key);
      return place && change(place);
    },
  };
}

function upperCase(place: Place): Place {
  return {
    ...place,
    path: `${place.root}/${place.path.slice(place.root.length + 1).toUpperCase()}`,
  };
}
