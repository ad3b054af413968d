import test from 'ava';

import { assertKey, createPathMap } from '@sluice/core';

const key = (text: string) => assertKey('test', text);

test('one root holds every key', (t) => {
  const map = createPathMap({ '': '/srv/private' });
  t.deepEqual(map.toPath(key('a/b c')), {
    prefix: '',
    root: '/srv/private',
    rest: 'a/b c',
    path: '/srv/private/a/b c',
  });
});

const map = createPathMap({ '': '/srv/all', videos: '/mnt/videos/', 'videos/raw/': '/mnt/raw' });
const rows: readonly (readonly [string, string])[] = [
  ['a', '/srv/all/a'],
  ['videos', '/srv/all/videos'],
  ['videos/a', '/mnt/videos/a'],
  ['videosx/a', '/srv/all/videosx/a'],
  ['Videos/a', '/srv/all/Videos/a'],
  ['videos/raw', '/mnt/videos/raw'],
  ['videos/raw/a', '/mnt/raw/a'],
  ['videos/rawer/a', '/mnt/videos/rawer/a'],
  ['a/videos/raw/b', '/srv/all/a/videos/raw/b'],
  ['__proto__/a', '/srv/all/__proto__/a'],
];
for (const [from, path] of rows) {
  test(`the longest prefix on a segment border maps ${from} to ${path}`, (t) => {
    t.is(map.toPath(key(from))?.path, path);
  });
}

test('a key below no prefix has no path', (t) => {
  const videos = createPathMap({ videos: '/mnt/videos' });
  t.is(videos.toPath(key('audio/a')), undefined);
  t.is(videos.toPath(key('videos')), undefined);
  t.is(videos.toPath(key('videos2/a')), undefined);
});

test('the roots are listed, the longest prefix first, and cannot be changed', (t) => {
  t.deepEqual(
    map.roots.map(({ prefix, root }) => [prefix, root]),
    [
      ['videos/raw', '/mnt/raw'],
      ['videos', '/mnt/videos'],
      ['', '/srv/all'],
    ],
  );
  t.throws(() => (map.roots as unknown[]).pop(), { instanceOf: TypeError });
});

const mistakes: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['a list of folders', ['/srv'] as never, /roots must be an object .*, got an array/],
  ['no root at all', {}, /at least one root/],
  ['a relative folder', { '': 'private' }, /absolute path, got "private"/],
  ['a folder that is no string', { '': 7 }, /absolute path, got 7/],
  ['a folder with NUL', { '': '/srv\0' }, /absolute path/],
  ['the whole file system', { '': '/' }, /whole file system/],
  ['the whole file system in disguise', { '': '/srv/..' }, /whole file system/],
  ['many slashes', { '': '///' }, /whole file system/],
  ['a prefix that starts with a slash', { '/videos': '/mnt' }, /"\/videos" is not a prefix/],
  ['a prefix with a dot segment', { 'a/..': '/mnt' }, /"a\/\.\." is not a prefix/],
  ['a lone slash', { '/': '/mnt' }, /"\/" is not a prefix/],
  ['one prefix in two spellings', { a: '/x', 'a/': '/y' }, /given twice/],
];
for (const [title, roots, message] of mistakes) {
  test(`${title} is a TypeError`, (t) => {
    t.throws(() => createPathMap(roots as Record<string, string>), {
      instanceOf: TypeError,
      message,
    });
  });
}
