import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { ODD_NAMES } from './names.ts';

/** A file of the store. */
export interface StoredFile {
  readonly key: string;
  readonly bytes: Buffer;
  /** What `mime-types` has for its extension. */
  readonly type: string;
}

/** A store on the disk: several roots, each file with bytes of its own. */
export interface Fixture {
  /** Removed with all that is in it by {@link Fixture.remove}. */
  readonly folder: string;
  readonly roots: Readonly<Record<string, string>>;
  readonly files: ReadonlyMap<string, StoredFile>;
  /** The path of a key, whether there is such a file or not. */
  path(key: string): string;
  /** Writes a file of this very moment. */
  write(key: string, bytes: Buffer): void;
  /** Makes a file look as old as no test is; the tags of two files that are aged alike are not alike. */
  age(key: string): void;
  remove(): void;
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
  let aged = 0;
  await writeHuge(path(HUGE.key));
  writeTraps(folder, path);
  return {
    folder,
    roots,
    files,
    path,
    write: (key, bytes) => {
      mkdirSync(dirname(path(key)), { recursive: true });
      writeFileSync(path(key), bytes);
    },
    age(key) {
      aged += 1;
      const seconds = OLDEST - 1_000_000 - aged * 61;
      utimesSync(path(key), seconds, seconds);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
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

const FILES: readonly StoredFile[] = [
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
