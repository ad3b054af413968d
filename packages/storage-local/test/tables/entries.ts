import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { SECRET, type TempRoot, makeFifo } from '../helpers/temp-root.ts';

/** Under which policy on symbolic links an entry is an object. */
type Served = 'always' | 'inside' | 'never';

export interface EntryRow {
  readonly remark: string;
  readonly key: string;
  readonly served: Served;
  /** Makes the entry. Beside it there are `file.txt` and `folder/file.txt`. */
  readonly make?: (temp: TempRoot) => void;
}

const link =
  (target: (temp: TempRoot) => string, name: string) =>
  (temp: TempRoot): void =>
    symlinkSync(target(temp), join(temp.root, name));

const at = (name: string) => (temp: TempRoot) => join(temp.root, name);

const out = (name: string) => (temp: TempRoot) => join(temp.outside, name);

export const entryRows: readonly EntryRow[] = [
  { remark: 'a file', key: 'file.txt', served: 'always' },
  { remark: 'a file in a folder', key: 'folder/file.txt', served: 'always' },
  { remark: 'nothing', key: 'missing.txt', served: 'never' },
  { remark: 'a folder', key: 'folder', served: 'never' },
  { remark: 'a child of a file', key: 'file.txt/child', served: 'never' },
  {
    remark: 'an empty file',
    key: 'empty',
    served: 'always',
    make: (temp) => temp.write('empty', ''),
  },
  {
    remark: 'a link to a file inside',
    key: 'l',
    served: 'inside',
    make: link(() => 'file.txt', 'l'),
  },
  {
    remark: 'an absolute link to a file inside',
    key: 'l',
    served: 'inside',
    make: link(at('file.txt'), 'l'),
  },
  {
    remark: 'a file behind a linked folder inside',
    key: 'l/file.txt',
    served: 'inside',
    make: link(() => 'folder', 'l'),
  },
  {
    remark: 'a link that goes out and comes back in',
    key: 'l',
    served: 'inside',
    make: link((temp) => join(temp.outside, '..', 'root', 'file.txt'), 'l'),
  },
  {
    remark: 'a link to a file outside',
    key: 'l',
    served: 'never',
    make: link(out('secret.txt'), 'l'),
  },
  {
    remark: 'a relative link to a file outside',
    key: 'l',
    served: 'never',
    make: link(() => '../outside/secret.txt', 'l'),
  },
  {
    remark: 'a file behind a linked folder outside',
    key: 'l/secret.txt',
    served: 'never',
    make: link(out('.'), 'l'),
  },
  {
    remark: 'a file in a sibling whose name begins like the root',
    key: 'l',
    served: 'never',
    make(temp) {
      mkdirSync(`${temp.root}2`);
      writeFileSync(`${temp.root}2/secret.txt`, SECRET);
      symlinkSync(`${temp.root}2/secret.txt`, join(temp.root, 'l'));
    },
  },
  { remark: 'a dangling link', key: 'l', served: 'never', make: link(() => 'nowhere', 'l') },
  { remark: 'a link to itself', key: 'l', served: 'never', make: link(() => 'l', 'l') },
  { remark: 'a link to the root', key: 'l', served: 'never', make: link(at('.'), 'l') },
  {
    remark: 'a link into /proc',
    key: 'l',
    served: 'never',
    make: link(() => '/proc/self/environ', 'l'),
  },
  { remark: 'a link to a device', key: 'l', served: 'never', make: link(() => '/dev/zero', 'l') },
  {
    remark: 'a FIFO',
    key: 'fifo',
    served: 'never',
    make: (temp) => makeFifo(join(temp.root, 'fifo')),
  },
  {
    remark: 'a socket',
    key: 'socket',
    served: 'never',
    make(temp) {
      createServer().listen(join(temp.root, 'socket')).unref();
    },
  },
  {
    remark: 'a file with a second name',
    key: 'second.txt',
    served: 'always',
    make: (temp) => linkSync(join(temp.root, 'file.txt'), join(temp.root, 'second.txt')),
  },
  {
    remark: 'a name of 255 bytes',
    key: 'n'.repeat(255),
    served: 'always',
    make: (temp) => temp.write('n'.repeat(255), 'x'),
  },
  {
    remark: 'nothing, under a key of nearly 4000 bytes',
    key: 'seg/'.repeat(999).slice(0, -1),
    served: 'never',
  },
  {
    remark: 'a name that ends as a removed file does in /proc',
    key: 'file.txt (deleted)',
    served: 'always',
    make: (temp) => temp.write('file.txt (deleted)', 'x'),
  },
  ...[
    '%2e%2e',
    '...',
    '.hidden',
    ' ',
    'a\\..\\b',
    'ünïcödé',
    '\ufffd',
    '__proto__',
    'a?b#c',
    '-rf',
  ].map((key): EntryRow => ({
    remark: 'a name like any other',
    key,
    served: 'always',
    make: (temp) => temp.write(key, 'x'),
  })),
];

/** Not keys: they must be refused before anything is looked up. */
export const hostileKeys: readonly string[] = [
  '',
  '.',
  '..',
  '/',
  '/file.txt',
  'file.txt/',
  './file.txt',
  '../outside/secret.txt',
  '../root/file.txt',
  'folder/../file.txt',
  'folder/../../outside/secret.txt',
  'folder//file.txt',
  'folder/./file.txt',
  'file.txt\0',
  'file.txt\0.png',
  'line\nfeed',
  '\u007f',
  '\ud800',
  'n'.repeat(256),
  'n/'.repeat(2000).slice(0, -1).padEnd(4001, 'n'),
];
