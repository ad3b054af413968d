import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

import { createPathMap, type StorageDriver } from '@sluice/core';
import { createLocalDriver } from '@sluice/storage-local';

import { ODD_NAMES } from './names.ts';
import type { Habits } from './habits.ts';

/** A file of the store. */
export interface StoredFile {
  readonly key: string;
  readonly bytes: Buffer;
  /** What `mime-types` has for its extension. */
  readonly type: string;
}

/** A store whose objects are known: each has bytes of its own. */
export interface Fixture {
  readonly files: ReadonlyMap<string, StoredFile>;
  /** What no answer may show of the store. */
  readonly secrets: readonly string[];
  /** Absent: the objects lie in another store. */
  readonly disk?: Disk | undefined;
  /** Makes what the application reads the store by; the application closes it. */
  createDriver(): StorageDriver;
  /** What an answer says of the version of an object. */
  validatorsOf(key: string, habits: Habits): Validators;
  /** What somebody would order who wants an object and may not have it. */
  orderFor(key: string): string;
  /** Stores an object, or replaces one at once; it looks older than any test. */
  put(key: string, bytes: Buffer): Promise<void>;
  /** Stores an object of this very moment. */
  putYoung(key: string, bytes: Buffer): Promise<void>;
  delete(key: string): Promise<void>;
  /** Removes the store. */
  remove(): Promise<void>;
}

/** A store on the disk: several roots. */
export interface Disk {
  /** Removed with all that is in it by {@link Fixture.remove}. */
  readonly folder: string;
  readonly roots: Readonly<Record<string, string>>;
  /** The path of a key, whether there is such a file or not. */
  path(key: string): string;
}

/** The validators of one version, as they are sent. */
export interface Validators {
  readonly etag: string;
  readonly 'last-modified': string;
}

/** The prefix of keys, and the folder, of every root: one inside another, and one with an odd name. */
const ROOT_FOLDERS: Readonly<Record<string, string>> = {
  '': 'files',
  videos: 'media of users',
  'videos/old': 'archive',
};

/** Every file begins with it, so that an answer that must not have a file's bytes can be searched. */
export const MARK = 'SLUICE-E2E-OBJECT';

/** What is known of the sparse file. */
export interface Huge {
  readonly key: string;
  readonly size: number;
  readonly marks: readonly number[];
}

/** The sparse file: five GiB, with {@link MARK} and the offset written at these places. */
export const HUGE: Huge = {
  key: 'huge.tar',
  size: 5 * 2 ** 30,
  marks: [0, 2 ** 31 - 30, 2 ** 32 - 30, 2 ** 32 + 4096, 5 * 2 ** 30 - 40],
};

/** What stands at a place of the sparse file. */
export function hugeMark(offset: number): Buffer {
  return Buffer.from(`${MARK} ${offset}`.padEnd(40, '.'));
}

/** Bytes that nobody compresses, made of a name: the same ones in every run. */
export function bytesOf(name: string, size: number): Buffer {
  const blocks: Buffer[] = [Buffer.from(`${MARK} ${name}\n`)];
  for (let index = 0; index * 64 < size; index += 1) {
    blocks.push(createHash('sha512').update(`${name}#${index}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, size);
}

/**
 * Writes the store into a temporary folder that an unprivileged server may read.
 *
 * @param folders the names of the folders of the roots, by prefix of keys
 */
export async function createFixture(
  folders: Readonly<Record<string, string>> = ROOT_FOLDERS,
): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-e2e-'));
  chmodSync(folder, 0o755);
  const roots = Object.fromEntries(
    Object.entries(folders).map(([prefix, name]) => [prefix, join(folder, name)]),
  );
  for (const root of Object.values(roots)) mkdirSync(root);
  const path = (key: string): string => pathOf(roots, key);
  const files = new Map(FILES.map((file) => [file.key, file]));
  for (const [index, { key, bytes }] of FILES.entries()) {
    mkdirSync(dirname(path(key)), { recursive: true });
    writeFileSync(path(key), bytes);
    // Long ago, and no two in the same second.
    const seconds = OLDEST + index * 61;
    utimesSync(path(key), seconds, seconds);
  }
  await writeHuge(path(HUGE.key));
  writeTraps(folder, path);
  let aged = 0;
  const write = (key: string, bytes: Buffer): void => {
    mkdirSync(dirname(path(key)), { recursive: true });
    writeFileSync(path(key), bytes);
  };
  return {
    files,
    secrets: [folder],
    disk: { folder, roots, path },
    createDriver: () => createLocalDriver({ paths: createPathMap(roots) }),
    validatorsOf: (key, habits) => validatorsOf(path(key), habits),
    orderFor: path,
    async put(key, bytes) {
      // As most programs that replace a file do it: aside, and then by its name. The tags of two that
      // were put are not alike.
      aged += 1;
      const seconds = OLDEST - 1_000_000 - aged * 61;
      write(`${key}.new`, bytes);
      utimesSync(path(`${key}.new`), seconds, seconds);
      renameSync(path(`${key}.new`), path(key));
    },
    async putYoung(key, bytes) {
      const before = timeOf(path(key));
      write(key, bytes);
      // The clock of a file system ticks every few milliseconds: two versions of one tick look alike.
      while (timeOf(path(key)) === before) {
        await delay(1);
        write(key, bytes);
      }
    },
    delete: async (key) => unlinkSync(path(key)),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** In nanoseconds; `undefined` where there is no such file. */
function timeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.mtimeNs;
}

/** The disk of a store that lies on one. */
export function diskOf({ disk }: Fixture): Disk {
  if (disk === undefined) throw new TypeError('the store lies on no disk');
  return disk;
}

/** What a sender says of a file that is no longer young. */
function validatorsOf(path: string, habits: Habits): Validators {
  const { size, mtimeMs, mtime } = statSync(path);
  const seconds = Math.floor(mtimeMs / 1000);
  const etag =
    habits === 'caddy'
      ? `"${seconds.toString(36)}${size.toString(36)}"`
      : `"${seconds.toString(16)}-${size.toString(16)}"`;
  return { etag, 'last-modified': mtime.toUTCString() };
}

/** 2024-02-03, in seconds. */
const OLDEST = 1_706_918_400;

function pathOf(roots: Readonly<Record<string, string>>, key: string): string {
  const [prefix, root] = Object.entries(roots)
    .toSorted(([a], [b]) => b.length - a.length)
    .find(([prefix]) => prefix === '' || key.startsWith(`${prefix}/`))!;
  return join(root, prefix === '' ? key : key.slice(prefix.length + 1));
}

async function writeHuge(path: string): Promise<void> {
  const file = await open(path, 'w');
  for (const offset of HUGE.marks) await file.write(hugeMark(offset), 0, 40, offset);
  await file.truncate(HUGE.size);
  await file.utimes(OLDEST - 61, OLDEST - 61);
  await file.close();
}

/** What lies in a store and must not be served. */
function writeTraps(folder: string, path: (key: string) => string): void {
  writeFileSync(join(folder, 'outside.txt'), `${MARK} outside`);
  mkdirSync(join(folder, 'files-secret'));
  writeFileSync(join(folder, 'files-secret', 'a.txt'), `${MARK} sibling`);
  symlinkSync(join(folder, 'outside.txt'), path('link-out.txt'));
  symlinkSync(folder, path('link-up'));
  symlinkSync('plain.txt', path('link-in.txt'));
  execFileSync('env', ['mkfifo', path('pipe.txt')]);
  mkdirSync(path('folder.txt'));
  writeFileSync(path('folder.txt/index.html'), `${MARK} index`);
  // Shadowed: keys below `videos` lie in another root.
  mkdirSync(join(dirname(path('plain.txt')), 'videos'), { recursive: true });
  writeFileSync(join(dirname(path('plain.txt')), 'videos', 'shadowed.txt'), `${MARK} shadowed`);
}

const ZIP = 'application/zip';
const TEXT = 'text/plain; charset=utf-8';
const TYPES: Readonly<Record<string, string>> = {
  '.txt': TEXT,
  '.exe': 'application/x-msdos-program',
  '.html': 'text/html; charset=utf-8',
  '.php': 'application/x-httpd-php',
};

function file(key: string, type: string, size = 300): StoredFile {
  return { key, type, bytes: bytesOf(key, size) };
}

/** Every object of every store. */
export const FILES: readonly StoredFile[] = [
  file('plain.txt', TEXT),
  file('A.txt', TEXT),
  file('data.zip', ZIP, 100_000),
  file('other.zip', ZIP, 100_000),
  file('large.zip', ZIP, 3_000_000),
  file('empty.txt', TEXT, 0),
  file('one.txt', TEXT, 1),
  { key: 'prose.txt', type: TEXT, bytes: Buffer.from(`${MARK} again and again, `.repeat(2000)) },
  file('denied/secret.txt', TEXT),
  file('inline/page.html', 'text/html; charset=utf-8'),
  file('inline/drawing.svg', 'image/svg+xml'),
  file('inline/paper.pdf', 'application/pdf'),
  file('page.html', 'text/html; charset=utf-8'),
  file('photo.jpg', 'image/jpeg'),
  file('varied/a.txt', TEXT),
  file('headers/a.txt', TEXT),
  file('custom/a.txt', TEXT),
  file('tagged/a.txt', TEXT),
  file('named/a.pdf', 'application/pdf'),
  file('typed/a.txt', 'application/vnd.sluice.e2e+json; v="1;2"'),
  { key: 'encoded/a.txt', type: TEXT, bytes: gzipSync(bytesOf('encoded/a.txt', 5000)) },
  file('slow/a.zip', ZIP, 4_000_000),
  file('index.html', 'text/html; charset=utf-8'),
  file('folder/index.html', 'text/html; charset=utf-8'),
  file('videos/film.mp4', 'video/mp4', 20_000),
  file('videos/odd é%41.txt', TEXT),
  file('videos/old/film.mp4', 'video/mp4', 20_000),
  file('videosX/film.mp4', 'video/mp4', 20_000),
  file('_sluice/a.txt', TEXT),
  ...ODD_NAMES.map((name) => file(`odd/${name}`, typeOf(name))),
];

/** As `mime-types` has them. */
function typeOf(name: string): string {
  const extension = name.slice(name.lastIndexOf('.')).toLowerCase();
  return TYPES[extension] ?? 'application/octet-stream';
}
