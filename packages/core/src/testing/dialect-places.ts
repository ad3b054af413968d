import type { PathRoot } from '../keys/path-map.ts';
import type { LocalPath } from '../storage/driver.ts';
import type { OddPlace } from './dialect-check.ts';

/** Plain names below a root, which every dialect must be able to tell. */
export function plainPlaces(root: PathRoot): readonly OddPlace[] {
  return PLAIN.map((name) => placeOf(root, name));
}

/** Names below a root that one codec or another takes for something else. */
export function oddPlaces(root: PathRoot): readonly OddPlace[] {
  return [...PLAIN, ...ODD].map((name) => placeOf(root, name));
}

/** Places of no file below a root, as a driver with a fault could give them. */
export function wrongPlaces(root: PathRoot): readonly OddPlace[] {
  const beside: readonly LocalPath[] = [
    { ...root, path: root.root },
    { ...root, path: `${root.root}-too/file` },
    // As long as the root, for who only counts.
    { ...root, path: `${root.root.slice(0, -1)}~/file` },
    { ...root, path: 'relative/file' },
    { ...root, path: '' },
  ];
  return [
    ...WRONG.map((name) => placeOf(root, name)),
    ...beside.map((place) => ({ name: place.path, place })),
  ];
}

function placeOf({ prefix, root }: PathRoot, name: string): OddPlace {
  const separator = root.includes('/') ? '/' : '\\';
  const below = name.replaceAll('/', separator);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    place: Object.freeze({ prefix, root, path: `${root}${separator}${below}` }),
  };
}

const PLAIN: readonly string[] = ['report.pdf', 'folder/second-part.txt', 'A.txt'];

/** Many are what another one becomes, when it is decoded once too often or once too little. */
const ODD: readonly string[] = [
  '.hidden',
  '..dots',
  '...',
  'dots..',
  '-dash',
  '~tilde',
  'with space',
  'with+space',
  'with%20space',
  ' leading',
  'leading',
  'trailing ',
  'trailing',
  '%',
  '100%',
  '100%25',
  '%zz',
  '%41.txt',
  'a.txt',
  '%2e%2e',
  '%2E%2E/up',
  'a%2Fb',
  'a/b',
  '%00',
  'q?x=1',
  'q',
  'a#b',
  '@named',
  '$host',
  '{placeholder}',
  'a&b;c=d,e',
  'C:',
  `'"`,
  '(*)!',
  '[<|>]',
  '^`',
  'back\\slash',
  'back%5Cslash',
  '..\\up',
  'caf\u00e9',
  'cafe\u0301',
  // As bytes, these are the one above; cut to bytes, 日 is å.
  'caf\u00c3\u00a9',
  '\u65e5',
  '\u00e5',
  '\u65e5\u672c.txt',
  '\u{1f984}',
  '\u00a0',
  'nbsp\u00a0',
  'nel\u0085',
  '\u202egnp.exe',
  '\ufeffmark',
  '__proto__',
  'constructor',
  'x'.repeat(255),
  '\u00e9'.repeat(127),
  `${'long-part/'.repeat(390)}name`,
  // No storage key holds these; a driver of somebody else may.
  'tab\t',
  'line\nfeed',
  'carriage\rreturn',
  'line\r\nx-header: value',
  '\u0001',
  '\u007f',
];

const WRONG: readonly string[] = [
  '',
  '.',
  '..',
  '../up',
  'a/../b',
  'a/..',
  './a',
  'a/.',
  'a//b',
  'a/',
  '/a',
  'nul\0',
  '\ud800',
  'a/\udfff/b',
];
