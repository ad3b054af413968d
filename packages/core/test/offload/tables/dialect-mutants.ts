import { apache, type Dialect, type FileFacts, nginx } from '@sluice/core/offload';

/** A dialect with one fault, and the check that must see it, by its id. */
export type DialectMutant = readonly [fault: string, dialect: unknown, caughtBy: string];

const good: Dialect = nginx({ prefix: '/_sluice/' });
const path: Dialect = apache({ encoding: 'percent' });

/** Changes what the dialect says of every file that it can tell. */
function spell(change: (value: string, path: string) => string, base: Dialect = good): Dialect {
  return {
    ...base,
    valueFor(place, headers) {
      const value = base.valueFor(place, headers);
      return value === undefined ? undefined : change(value, place.path);
    },
  };
}

const LOOKUP: Readonly<Record<string, boolean>> = { 'content-type': true, vary: true };

let calls = 0;
const kept = new Map<number, [string, string]>();
function keep(rate: number): [string, string] {
  const pair: [string, string] = ['x-accel-limit-rate', String(rate)];
  kept.set(rate, pair);
  return pair;
}

/** The origin that the tests have for a store. */
export const STORE = 'https://s3.internal:9000';

const store: Dialect = nginx({ prefix: '/_sluice/', store: { origin: STORE } });

/** Changes what the dialect says of every URL. */
function fetching(change: (value: string) => string): Dialect {
  return {
    ...store,
    valueForUrl(url) {
      const value = store.valueForUrl?.(url);
      return value === undefined ? undefined : change(value);
    },
  };
}

export const dialectMutants: readonly DialectMutant[] = [
  ['is no object', null, 'D-01'],
  ['has no codec', { ...good, valueFor: undefined }, 'D-01'],
  ['orders in a header that clients are told', { ...good, header: 'content-type' }, 'D-01'],
  ['makes no length', { ...good, makes: ['accept-ranges', 'etag', 'last-modified'] }, 'D-01'],
  ['makes an entity tag and does not say which', { ...good, entityTagOf: undefined }, 'D-01'],
  ['has a line break in its name', { ...good, name: 'my\nserver' }, 'D-01'],
  ['makes what anybody may change', { ...good, makes: [...good.makes] }, 'D-02'],
  ['makes a header twice', { ...good, makes: Object.freeze([...good.makes, 'etag']) }, 'D-02'],
  [
    'throws on half a surrogate pair',
    { ...good, valueFor: ({ path }) => `/_sluice/${encodeURIComponent(path)}` } satisfies Dialect,
    'D-03',
  ],
  [
    'throws on a range that it cannot read',
    {
      ...good,
      objectionTo: ({ range }) =>
        /^bytes=(\d+)/.exec(range ?? 'bytes=0')![1] === '7' ? 'seven' : undefined,
    } satisfies Dialect,
    'D-03',
  ],
  [
    'throws on a rate that is too small for it',
    {
      ...good,
      rateHeaderFor(rate) {
        if (rate < 1024) throw new RangeError('too slow');
        return ['x-accel-limit-rate', String(rate)];
      },
    } satisfies Dialect,
    'D-03',
  ],
  ['passes line breaks on', spell((_, path) => `/_sluice${path}`), 'D-04'],
  ['ends a value in a blank', spell((value) => `${value} `), 'D-04'],
  ['says null', { ...good, valueFor: () => null as never }, 'D-04'],
  ['writes letters that are no bytes', spell((value) => decodeURIComponent(value)), 'D-04'],
  ['ignores case', spell((value) => value.toLowerCase()), 'D-05'],
  ['normalises accents', spell((value) => encodeURI(decodeURI(value).normalize())), 'D-05'],
  ['takes + for a blank', spell((value) => value.replaceAll('%2B', '%20')), 'D-05'],
  ['does not know roots', spell((value) => value.replace('/videos/', '/')), 'D-05'],
  ['encodes nothing twice', spell((value) => value.replaceAll('%25', '%')), 'D-05'],
  [
    'passes .. on',
    {
      ...good,
      valueFor: ({ root, path }) =>
        path.isWellFormed() && path.startsWith(`${root}/`)
          ? `/_sluice/${encodeURIComponent(path.slice(root.length + 1)).replaceAll('%2F', '/')}`
          : undefined,
    } satisfies Dialect,
    'D-06',
  ],
  [
    'compares roots without the slash',
    {
      ...good,
      valueFor: (place, headers) =>
        good.valueFor(place, headers) ??
        (place.path.startsWith(`${place.root}-`) ? '/_sluice/beside' : undefined),
    } satisfies Dialect,
    'D-06',
  ],
  [
    'only counts the letters of a root',
    {
      ...good,
      valueFor: (place, headers) =>
        good.valueFor(place, headers) ??
        (place.path.startsWith('/file', place.root.length) ? '/_sluice/file' : undefined),
    } satisfies Dialect,
    'D-06',
  ],
  ['leaves the question mark', spell((value) => value.replaceAll('%3F', '?')), 'D-07'],
  ['encodes once too often', spell((value) => value.replaceAll('%', '%25')), 'D-07'],
  ['has another prefix than the server', nginx({ prefix: '/_other/' }), 'D-07'],
  ['tells nobody of anything', { ...good, valueFor: () => undefined }, 'D-08'],
  ['knows the root of all keys alone', nginx({ prefix: { '': '/_sluice/' } }), 'D-08'],
  ['drops every header', { ...good, carries: () => false }, 'D-09'],
  ['objects to everything', { ...good, objectionTo: () => 'it is Monday' }, 'D-17'],
  ['takes no head', { ...good, maxHeadBytes: 100 }, 'D-09'],
  ['counts its calls', spell((value) => `${value}-${calls++}`), 'D-10'],
  [
    'changes the headers that it is shown',
    {
      ...good,
      valueFor(place, headers) {
        Reflect.set(headers, 'x-seen', 'yes');
        return good.valueFor(place, headers);
      },
    } satisfies Dialect,
    'D-10',
  ],
  ['gives a path where a URI is meant', spell((value) => value.slice(1)), 'D-11'],
  ['gives a relative path', spell((value) => value.slice(1), path), 'D-11'],
  ['gives a query', spell((value) => `${value}?v=1`), 'D-11'],
  [
    'looks names up in a plain object',
    { ...good, carries: (name: string) => LOOKUP[name] ?? false },
    'D-12',
  ],
  [
    'carries Content-Encoding without Vary',
    { ...good, carries: (name) => name !== 'vary' } satisfies Dialect,
    'D-13',
  ],
  ['quotes no entity tag', { ...good, entityTagOf: ({ size }: FileFacts) => `${size}` }, 'D-14'],
  [
    'makes weak entity tags',
    { ...good, entityTagOf: (file) => `W/${good.entityTagOf?.(file)}` } satisfies Dialect,
    'D-14',
  ],
  ['gives every file one entity tag', { ...good, entityTagOf: () => '"0"' }, 'D-14'],
  [
    'makes an entity tag of the size alone',
    { ...good, entityTagOf: ({ size }) => `"${size}"` } satisfies Dialect,
    'D-14',
  ],
  [
    'tells clients of the rate',
    { ...good, rateHeaderFor: (n: number) => ['x-rate', `${n}`] },
    'D-15',
  ],
  [
    'tells the rate in the header of the order',
    { ...good, rateHeaderFor: (rate) => ['x-accel-redirect', `${rate}`] } satisfies Dialect,
    'D-15',
  ],
  [
    'tells no rate that a header holds',
    { ...good, rateHeaderFor: () => ['x-accel-limit-rate', ''] } satisfies Dialect,
    'D-15',
  ],
  [
    'tells one rate, whatever is asked',
    { ...good, rateHeaderFor: () => ['x-accel-limit-rate', '1'] } satisfies Dialect,
    'D-16',
  ],
  [
    'gives away the pair that it keeps',
    {
      ...good,
      rateHeaderFor(rate) {
        return kept.get(rate) ?? keep(rate);
      },
    } satisfies Dialect,
    'D-16',
  ],
  ['objects in two lines', { ...good, objectionTo: objectToRange('a\nb') }, 'D-17'],
  ['objects with nothing to say', { ...good, objectionTo: objectToRange('') }, 'D-17'],
  ['decodes the path of a URL', fetching((url) => decodeURIComponent(url)), 'D-18'],
  ['drops the query of a URL', fetching((url) => url.replace(/\?.*/, '')), 'D-18'],
  ['writes a URL in small letters', fetching((url) => url.toLowerCase()), 'D-18'],
  ['fetches nothing', { ...store, valueForUrl: () => undefined }, 'D-18'],
  [
    'fetches from any host',
    { ...store, valueForUrl: (url) => `/_store${new URL(url).pathname}` } satisfies Dialect,
    'D-19',
  ],
  [
    'compares an origin without the slash',
    {
      ...store,
      valueForUrl: (url) => (url.startsWith(STORE) ? url.slice(STORE.length) : undefined),
    } satisfies Dialect,
    'D-19',
  ],
  [
    'objects to If-Range alone',
    {
      ...good,
      objectionTo: ({ ifRange }) => (ifRange === undefined ? undefined : 'no'),
    } satisfies Dialect,
    'D-17',
  ],
];

function objectToRange(objection: string): NonNullable<Dialect['objectionTo']> {
  return ({ range }) => (range === undefined ? undefined : objection);
}
