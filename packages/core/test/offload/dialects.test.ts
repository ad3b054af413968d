import test from 'ava';
import * as fc from 'fast-check';

import { createPathMap, type LocalPath, parseKey, type StorageKey } from '@sluice/core';
import {
  apache,
  caddy,
  createFolderMap,
  createUriMap,
  type Dialect,
  dialectFromName,
  h2o,
  H2O_TYPES,
  lighttpd,
  nginx,
  NGINX_RESTORED,
  nginxEntityTag,
  percentEncode,
  segmentsBelow,
} from '@sluice/core/offload';

import { names, senders } from './tables/names.ts';

const place = (name: string, more: Partial<LocalPath> = {}): LocalPath => ({
  root: '/srv/private',
  prefix: '',
  path: `/srv/private/${name}`,
  ...more,
});

for (const { name: sender, create, before, form } of senders) {
  const dialect = create();
  for (const { name, streamed = [], ...spelt } of names) {
    const isStreamed = streamed.includes(sender) || streamed.includes('every');
    const how = isStreamed ? 'is not told of' : 'is told of';
    test(`${sender} ${how} ${JSON.stringify(name)}`, (t) => {
      const expected = isStreamed ? undefined : `${before}${spelt[form]}`;
      t.is(dialect.valueFor(place(name), {}), expected);
    });
  }

  test(`${sender} is told of what lies below the root, and of nothing beside it`, (t) => {
    for (const path of [
      '/srv/private',
      '/srv/private-too/a',
      '/srv/another/a',
      '/srv',
      '/etc/passwd',
      'private/a',
      '',
    ]) {
      t.is(dialect.valueFor({ root: '/srv/private', prefix: '', path }, {}), undefined, path);
    }
  });

  test(`${sender} is told of a name of 255 bytes, and of no path that it cannot open`, (t) => {
    for (const name of ['x'.repeat(255), '\u00e9'.repeat(127)]) {
      t.is(typeof dialect.valueFor(place(name), {}), 'string');
    }
    const longest = 'd/'.repeat(2000).padEnd(4095 - '/srv/private/'.length, 'x');
    t.is(typeof dialect.valueFor(place(longest), {}), 'string');
    t.is(dialect.valueFor(place(`${longest}x`), {}), undefined);
  });

  test(`${sender} reads a value back to the path, and no two paths share one`, (t) => {
    const paths = createPathMap({ '': '/srv/private', videos: '/mnt/videos' });
    const several = create(form === 'raw' || before === '/srv/private/' ? undefined : '/_sluice/');
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        const [one, two] = [a, b].map((key) => paths.toPath(key));
        const value = one && several.valueFor(one, {});
        if (one === undefined || value === undefined) return;
        t.regex(value, /^[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/);
        for (const { readings } of senders.filter(({ name }) => name === sender)) {
          for (const read of readings) t.is(read(value), one.path);
        }
        if (two !== undefined && two.path !== one.path) t.not(several.valueFor(two, {}), value);
      }),
      { numRuns: 500 },
    );
  });

  test(`${sender} is a frozen value, and so is all that it holds`, (t) => {
    t.true(Object.isFrozen(dialect));
    t.true(Object.isFrozen(dialect.makes));
  });
}

/** Keys that differ in little: spellings of one name, and folders that are a prefix of another. */
const segment = fc.oneof(
  fc.constantFrom('a', 'A', '%41', 'a b', 'a+b', 'a%20b', '%', '%2F', 'q?', '#', '\\', 'caf\u00e9'),
  fc.constantFrom(
    'cafe\u0301',
    '...',
    '..x',
    'videos',
    'video',
    'x ',
    ' x',
    '\u00a0',
    '@',
    '\u{1f984}',
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
);
const keys: fc.Arbitrary<StorageKey> = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => parseKey(segments.join('/')))
  .filter((key) => key !== undefined);

const videos = place('clip.mp4', {
  root: '/mnt/videos',
  prefix: 'videos',
  path: '/mnt/videos/clip.mp4',
});
const films = { ...videos, prefix: 'my films/\u00e9' };

/** Several roots: where a server finds a file of the root of all keys, of `videos`, and of an odd prefix. */
const roots: readonly (readonly [
  title: string,
  dialect: Dialect,
  values: readonly (string | undefined)[],
])[] = [
  [
    'a prefix holds all roots under their prefixes of keys',
    nginx({ prefix: '/_sluice/' }),
    ['/_sluice/a', '/_sluice/videos/clip.mp4', '/_sluice/my%20films/%C3%A9/clip.mp4'],
  ],
  [
    'each root has a prefix of its own, and another one is not told of',
    caddy({ prefix: { '': '/_a/', 'videos/': '/_b/' }, version: '2.7' }),
    ['/_a/a', '/_b/clip.mp4', undefined],
  ],
  [
    'a root of no prefix is not told of',
    h2o({ prefix: { videos: '/_b/' }, host: 'files.test' }),
    [undefined, 'http://files.test/_b/clip.mp4', undefined],
  ],
  [
    'a root may be nested as its keys are',
    nginx({ prefix: { '': '/_a/', videos: '/_a/videos/' } }),
    ['/_a/a', '/_a/videos/clip.mp4', undefined],
  ],
  [
    'a folder holds all roots, where the server sees them elsewhere',
    lighttpd({ root: '/data/' }),
    ['/data/a', '/data/videos/clip.mp4', '/data/my%20films/%C3%A9/clip.mp4'],
  ],
  [
    'each root has a folder of its own',
    apache({ root: { '': '/data', videos: '/films' } }),
    ['/data/a', '/films/clip.mp4', undefined],
  ],
  [
    'each root is where the application has it',
    apache(),
    ['/srv/private/a', '/mnt/videos/clip.mp4', '/mnt/videos/clip.mp4'],
  ],
];

for (const [title, dialect, values] of roots) {
  test(`${dialect.name}: ${title}`, (t) => {
    t.deepEqual(
      [place('a'), videos, films].map((each) => dialect.valueFor(each, {})),
      values,
    );
  });
}

test('a path of Windows is written with slashes', (t) => {
  const windows = { root: 'C:\\srv\\a', prefix: '', path: 'C:\\srv\\a\\b\\c d.txt' };
  t.is(apache().valueFor(windows, {}), 'C:/srv/a/b/c d.txt');
  t.is(lighttpd().valueFor(windows, {}), 'C%3A/srv/a/b/c%20d.txt');
  t.is(nginx({ prefix: '/_s/' }).valueFor(windows, {}), '/_s/b/c%20d.txt');
  const share = { root: '\\\\host\\share', prefix: '', path: '\\\\host\\share\\b' };
  t.is(apache().valueFor(share, {}), '//host/share/b');
  t.is(apache().valueFor({ ...windows, path: 'C:\\srv\\a\\..\\b' }, {}), undefined);
});

test('a root with a backslash in its name stays as it is on POSIX', (t) => {
  const odd = { root: '/srv/a\\b', prefix: '', path: '/srv/a\\b/c' };
  t.is(apache().valueFor(odd, {}), '/srv/a\\b/c');
  t.is(apache({ root: '/data/x\\y' }).valueFor(odd, {}), '/data/x\\y/c');
});

test('a root or a prefix that no server could be told of is not told of, and nothing throws', (t) => {
  for (const { create } of senders) {
    for (const odd of ['/srv/\ud800', '/srv/line\nfeed']) {
      const value = create().valueFor({ root: odd, prefix: '', path: `${odd}/a` }, {});
      if (odd.includes('\ud800')) t.is(value, undefined);
      else t.notRegex(value ?? '', /\n/);
    }
    const value = create('/_x/').valueFor({ ...videos, prefix: '../up' }, {});
    t.is(value, undefined);
  }
});

test('a path that is too long where the server sees it is not told of', (t) => {
  const name = 'n/'.repeat(2000).slice(0, -1);
  t.is(typeof apache({ root: '/d' }).valueFor(place(name), {}), 'string');
  for (const create of [apache, lighttpd]) {
    t.is(create({ root: `/${'d'.repeat(200)}` }).valueFor(place(name), {}), undefined);
  }
});

test('a field that Apache would not read is not told of, and not carried', (t) => {
  const dialect = apache({ encoding: 'percent' });
  // ResponseFieldSize: 8190 with the name, the colon and the blank.
  const fits = `${'\u00e9/'.repeat(1160)}${'x'.repeat(8190 - 'x-sendfile: /srv/private/'.length - 1160 * 7)}`;
  t.is(dialect.valueFor(place(fits), {})?.length, 8190 - 'x-sendfile: '.length);
  t.is(dialect.valueFor(place(`${fits}x`), {}), undefined);
  t.true(dialect.carries('vary', 'x'.repeat(8184), place('a')));
  t.false(dialect.carries('vary', 'x'.repeat(8185), place('a')));
});

/** Options that are mistakes, and what the error must quote. */
const mistakes: readonly (readonly [title: string, create: () => unknown, message: RegExp])[] = [
  ['no prefix', () => nginx({}), /^nginx: prefix must be .*got undefined$/],
  ['no options', () => nginx(undefined as never), /^nginx: options must be/],
  ['an unknown option', () => nginx({ prefix: '/_s/', root: '/srv' } as never), /"root"/],
  ...[
    '/_sluice',
    '_sluice/',
    '/',
    '',
    '//',
    '/a//b/',
    '/../',
    '/a/./',
    '/a b/',
    '/%41/',
    '/caf\u00e9/',
    '/a?/',
    '/a#/',
    '@named/',
    '/a/\n',
    'http://host/a/',
  ].flatMap((prefix) =>
    [nginx, caddy, h2o].map(
      (create) =>
        [
          `the prefix ${JSON.stringify(prefix)}`,
          () => create({ prefix }),
          new RegExp(`^${create.name}: prefix must be .*got ${escape(JSON.stringify(prefix))}$`),
        ] as const,
    ),
  ),
  ['null for a prefix', () => caddy({ prefix: null as never }), /got null/],
  ['an array of prefixes', () => nginx({ prefix: ['/_a/'] as never }), /got an array/],
  ['no root at all', () => nginx({ prefix: {} }), /prefix has no root/],
  ['a bad one of several', () => nginx({ prefix: { '': '/_a/', b: '/_b' } }), /got "\/_b"/],
  ['a prefix that no key has', () => nginx({ prefix: { '../a': '/_a/' } }), /"\.\.\/a"/],
  ['a prefix with a slash before it', () => nginx({ prefix: { '/a': '/_a/' } }), /"\/a"/],
  ['a prefix given twice', () => nginx({ prefix: { a: '/_a/', 'a/': '/_b/' } }), /"a" twice/],
  ['a path given twice', () => nginx({ prefix: { '': '/_a/', b: '/_a/' } }), /"\/_a\/" twice/],
  [
    'a path where another has its files',
    () => nginx({ prefix: { '': '/_a/', b: '/_a/c/' } }),
    /"\/_a\/c\/" below "\/_a\/"/,
  ],
  [
    'a path where keys of another prefix have theirs',
    () => nginx({ prefix: { b: '/_a/', 'x/c': '/_a/c/' } }),
    /"\/_a\/c\/" below "\/_a\/"/,
  ],
  [
    'a path above one whose keys are above it',
    () => nginx({ prefix: { '': '/_a/c/', b: '/_a/' } }),
    /"\/_a\/c\/" below "\/_a\/"/,
  ],
  ...['srv', '', '.', '/', '//', '/srv/../etc', '/srv/.', '/a\0', '/a\nb', '/\ud800'].flatMap(
    (root) =>
      [apache, lighttpd].map(
        (create) =>
          [
            `the root ${JSON.stringify(root)}`,
            () => create({ root }),
            new RegExp(
              `^${create.name}: (the )?root .*${escape(JSON.stringify(root.toWellFormed()))}`,
            ),
          ] as const,
      ),
  ),
  ['a folder given twice', () => apache({ root: { '': '/d', a: '/d/' } }), /"\/d\/" twice/],
  ['a number for a root', () => lighttpd({ root: 7 as never }), /got 7/],
  ['an unknown encoding', () => apache({ encoding: 'url' as never }), /encoding .*got "url"/],
  [
    'an unknown version',
    () => caddy({ prefix: '/_s/', version: '2' as never }),
    /version .*got "2"/,
  ],
  ['a host in upper case', () => h2o({ prefix: '/_s/', host: 'Host' }), /host .*got "Host"/],
  ['a host with a port', () => h2o({ prefix: '/_s/', host: 'a:80' }), /host .*got "a:80"/],
  ['a host with a user', () => h2o({ prefix: '/_s/', host: 'u@a' }), /host .*got "u@a"/],
  ['no list of names', () => nginx({ prefix: '/_s/', restored: 'vary' as never }), /got "vary"/],
  ...[
    'x:y',
    '',
    'x.y',
    'ETag',
    'content-length',
    'Cache-Control',
    'X-Accel-Redirect',
    'Server',
  ].map(
    (name) =>
      [
        `the restored header ${JSON.stringify(name)}`,
        () => nginx({ prefix: '/_s/', restored: [name] }),
        new RegExp(`^nginx: restored .*${escape(JSON.stringify(name))}`),
      ] as const,
  ),
  [
    'a buffer of no size',
    () => nginx({ prefix: '/_s/', bufferSize: 1000 }),
    /bufferSize .*got 1000/,
  ],
  ['an unknown name', () => dialectFromName('iis'), /one of nginx, .*, development, got "iis"/],
  ['a name in upper case', () => dialectFromName('NGINX'), /got "NGINX"/],
  ['an empty name', () => dialectFromName(''), /got ""/],
  ['a name that is inherited', () => dialectFromName('constructor'), /got "constructor"/],
  ['no name', () => dialectFromName(undefined as never), /got undefined/],
  ['an unknown option', () => dialectFromName('nginx', { path: '/a/' } as never), /"path"/],
  ['a wrong option', () => dialectFromName('nginx', { prefix: 'a' }), /^nginx: prefix .*got "a"/],
  ['a wrong option', () => dialectFromName('h2o', { prefix: 'a' }), /^h2o: prefix .*got "a"/],
  ['an option that nobody reads', () => dialectFromName('simple', { prefix: 'a' }), /got "a"/],
  ['an option of another server', () => dialectFromName('apache', { prefix: 'a' }), /got "a"/],
  ['an option of another server', () => dialectFromName('nginx', { root: 'a' }), /got "a"/],
  ['an option of H2O', () => dialectFromName('development', { host: '' }), /^h2o: host .*got ""/],
];

for (const [index, [title, create, message]] of mistakes.entries()) {
  test(`${title} is a mistake of the program, and quoted (${index})`, (t) => {
    t.throws(create, { instanceOf: TypeError, message });
  });
}

test('a dialect is taken from its name, with the options that are its own', (t) => {
  const options = {
    prefix: '/_x/',
    root: '/data',
    encoding: 'percent',
    version: '2.7',
    host: 'files.test',
    restored: ['X-One'],
    bufferSize: 32_768,
  } as const;
  const values = ['nginx', 'apache', 'xsendfile', 'lighttpd', 'caddy', 'h2o'].map((name) => {
    const dialect = dialectFromName(name, options);
    return [dialect?.name, dialect?.valueFor(place('a b'), {})];
  });
  t.deepEqual(values, [
    ['nginx', '/_x/a%20b'],
    ['apache', '/data/a%20b'],
    ['apache', '/data/a%20b'],
    ['lighttpd', '/data/a%20b'],
    ['caddy', '/_x/a%20b'],
    ['h2o', 'http://files.test/_x/a%20b'],
  ]);
  t.true(dialectFromName('nginx', options)?.carries('x-one', '1', place('a')));
  t.is(dialectFromName('nginx', options)?.maxHeadBytes, 31_744);
});

test('a name without options takes the prefix that the printed configuration has', (t) => {
  for (const name of ['nginx', 'caddy', 'h2o']) {
    t.regex(dialectFromName(name)?.valueFor(place('a'), {}) ?? '', /\/_sluice\/a$/);
  }
  t.is(dialectFromName('apache')?.valueFor(place('a'), {}), '/srv/private/a');
});

test('two names mean that the application streams', (t) => {
  t.is(dialectFromName('simple'), undefined);
  t.is(dialectFromName('development', { prefix: '/_x/' }), undefined);
});

/** Which headers of the answer reach the client with the file: `+` beside it, `-` they do not. */
const fates: readonly (readonly [
  header: string,
  value: string,
  fates: Readonly<Record<string, '+' | '-'>>,
])[] = [
  [
    'content-type',
    'application/pdf',
    { nginx: '+', apache: '+', lighttpd: '+', caddy: '+', h2o: '+' },
  ],
  ['content-type', 'text/html', { nginx: '+', apache: '+', lighttpd: '+', caddy: '+', h2o: '-' }],
  [
    'content-disposition',
    'inline',
    { nginx: '+', apache: '+', lighttpd: '+', caddy: '+', h2o: '+' },
  ],
  ['cache-control', 'private', { nginx: '+', apache: '+', lighttpd: '+', caddy: '+', h2o: '+' }],
  ['expires', '0', { nginx: '+', apache: '+', lighttpd: '+', caddy: '+', h2o: '+' }],
  ['set-cookie', 'a=b', { nginx: '+', apache: '+', lighttpd: '+', caddy: '+', h2o: '+' }],
  ['content-encoding', 'gzip', { nginx: '+', apache: '-', lighttpd: '-', caddy: '-', h2o: '-' }],
  ['vary', 'cookie', { nginx: '+', apache: '+', lighttpd: '+', caddy: '+', h2o: '+' }],
  ['vary', '', { nginx: '-', apache: '+', lighttpd: '+', caddy: '+', h2o: '+' }],
  ['link', '</a>; rel=preload', { nginx: '+', apache: '+', lighttpd: '+', caddy: '+', h2o: '-' }],
  [
    'x-content-type-options',
    'nosniff',
    { nginx: '+', apache: '+', lighttpd: '+', caddy: '+', h2o: '+' },
  ],
  [
    'content-security-policy',
    'sandbox',
    { nginx: '+', apache: '+', lighttpd: '+', caddy: '+', h2o: '+' },
  ],
  [
    'cross-origin-resource-policy',
    'same-origin',
    { nginx: '+', apache: '+', lighttpd: '+', caddy: '+', h2o: '+' },
  ],
  ['x-request-id', '7', { nginx: '-', apache: '+', lighttpd: '+', caddy: '+', h2o: '+' }],
  ['server', 'app', { nginx: '-', apache: '+', lighttpd: '+', caddy: '-', h2o: '-' }],
  ['date', 'today', { nginx: '-', apache: '+', lighttpd: '+', caddy: '-', h2o: '-' }],
  [
    'x-fallthru-set-remote-user',
    'root',
    { nginx: '-', apache: '+', lighttpd: '+', caddy: '+', h2o: '-' },
  ],
];

for (const [header, value, carried] of fates) {
  test(`${header}: ${value} reaches the client, or is said not to`, (t) => {
    const seen = Object.keys(carried).map((name) => {
      const carries = dialectFromName(name)?.carries(header, value, place('report.pdf'));
      return [name, carries === true ? '+' : '-'];
    });
    t.deepEqual(Object.fromEntries(seen), carried);
  });
}

test('nginx gives back what its configuration is told to, beside its own list', (t) => {
  const dialect = nginx({ prefix: '/_s/', restored: ['X-Request-Id'] });
  t.true(dialect.carries('x-request-id', '7', place('a')));
  t.false(dialect.carries('x-other', '7', place('a')));
  for (const name of NGINX_RESTORED) t.true(dialect.carries(name, 'x', place('a')), name);
  t.true(Object.isFrozen(NGINX_RESTORED));
});

test('H2O takes the media type by extension, in the one spelling of its table', (t) => {
  const dialect = h2o({ prefix: '/_s/' });
  const carries = (name: string, type: string): boolean =>
    dialect.carries('content-type', type, place(name));
  const lost = Object.entries(H2O_TYPES).filter(([end, type]) => !carries(`a.${end}`, type));
  t.deepEqual(lost, []);
  t.false(carries('a.PDF', 'application/pdf'));
  t.false(carries('pdf', 'application/pdf'));
  t.false(carries('a.pdf/b', 'application/pdf'));
  t.false(carries('a.txt', 'text/plain'));
  t.false(carries('a.constructor', 'text/plain'));
  t.true(Object.isFrozen(H2O_TYPES));
});

test('H2O is told the headers in the query, each value encoded, without those that it makes', (t) => {
  const value = h2o({ prefix: '/_s/' }).valueFor(place('a?b.pdf'), {
    'content-type': 'application/pdf',
    'content-disposition': 'attachment; filename="a&b=c #.pdf"',
    'cache-control': 'private',
    etag: '"1"',
    'last-modified': 'x',
    'accept-ranges': 'bytes',
    'content-length': '7',
  });
  t.is(
    value,
    'http://sluice.internal/_s/a%3Fb.pdf?content-disposition=attachment%3B%20filename%3D%22a%26b%3Dc%20%23.pdf%22&cache-control=private',
  );
});

test('entity tags have the form of the server', (t) => {
  const facts = { size: 1000, lastModified: 1_704_164_645_999 };
  t.is(nginxEntityTag(facts), '"65937d25-3e8"');
  t.is(nginx({ prefix: '/_s/' }).entityTagOf?.(facts), '"65937d25-3e8"');
  t.is(h2o({ prefix: '/_s/' }).entityTagOf?.(facts), '"65937d25-3e8"');
  t.is(caddy({ prefix: '/_s/', version: '2.6' }).entityTagOf?.(facts), '"s6m5utrs"');
  t.is(nginxEntityTag({ size: 5_368_709_120, lastModified: 0 }), '"0-140000000"');
  for (const dialect of [apache(), lighttpd(), caddy({ prefix: '/_s/' })]) {
    t.false('entityTagOf' in dialect);
    t.false(dialect.makes.includes('etag'));
  }
});

test('a rate is told in the unit of the server, and never rounded up', (t) => {
  const rates = [1, 1023, 1024, 2047, 1_000_000, Number.MAX_SAFE_INTEGER];
  const told = (dialect: Dialect): readonly unknown[] =>
    rates.map((rate) => dialect.rateHeaderFor?.(rate)?.join(': '));
  t.deepEqual(
    told(nginx({ prefix: '/_s/' })),
    rates.map((rate) => `x-accel-limit-rate: ${rate}`),
  );
  t.deepEqual(
    told(lighttpd()),
    [undefined, undefined, 1, 1, 976, 8_796_093_022_207].map(
      (rate) => rate && `x-lighttpd-kbytes-per-second: ${rate}`,
    ),
  );
  for (const dialect of [apache(), caddy({ prefix: '/_s/' }), h2o({ prefix: '/_s/' })]) {
    t.false('rateHeaderFor' in dialect);
  }
});

/** Requests that a server would answer wrongly, by `x`. */
const objections: readonly (readonly [
  conditions: { readonly range?: string; readonly ifRange?: string },
  caddy: '' | 'x',
  h2o: '' | 'x',
])[] = [
  [{}, '', ''],
  [{ ifRange: '"1"' }, '', ''],
  [{ range: 'bytes=0-9' }, '', ''],
  [{ range: 'bytes=-5' }, '', ''],
  [{ range: 'bytes=10-' }, '', ''],
  [{ range: 'bytes=0-9', ifRange: '"1"' }, '', 'x'],
  [{ range: 'bytes=0-9,20-29' }, '', 'x'],
  [{ range: 'bytes=-10' }, '', ''],
  [{ range: 'bytes=10-0' }, '', ''],
  [{ range: 'bytes=0-0,-0' }, 'x', 'x'],
  [{ range: 'bytes=-0' }, 'x', ''],
  [{ range: 'bytes= - 00 ' }, 'x', ''],
  [{ range: 'items=0-9' }, 'x', 'x'],
  [{ range: 'Bytes=0-9' }, 'x', 'x'],
  [{ range: '' }, 'x', 'x'],
];

for (const [conditions, byCaddy, byH2o] of objections) {
  test(`who objects to ${JSON.stringify(conditions)}`, (t) => {
    const objects = (dialect: Dialect): string =>
      dialect.objectionTo?.({ size: 1000, ...conditions }) === undefined ? '' : 'x';
    t.is(objects(caddy({ prefix: '/_s/' })), byCaddy);
    t.is(objects(h2o({ prefix: '/_s/' })), byH2o);
    t.is(objects(nginx({ prefix: '/_s/' })), '');
    t.is(objects(apache()), '');
    t.is(objects(lighttpd()), '');
  });
}

test('authors of dialects get the parts that the built-in ones are made of', (t) => {
  const uriOf = createUriMap('mine', '/_x/');
  const folderOf = createFolderMap('mine', undefined);
  t.is(`${uriOf(place('a'))}${percentEncode(segmentsBelow(place('a b')) ?? [])}`, '/_x/a%20b');
  t.is(folderOf(place('a')), '/srv/private/');
});

function escape(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
}
