import { mkdir, mkdtemp, open, rm, statfs, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A file of the site that every contender serves. */
export interface SiteFile {
  /** Below the site: `files/1k.bin`, and so the path of its URL. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** A folder that was made for one run. */
export interface Fixture {
  /** Served by the peers; holds `files/`, which is the root of ours. */
  readonly root: string;
  /** Holds what a server needs beside: configurations, logs. */
  readonly work: string;
  remove(): Promise<void>;
}

export const KIB = 1024;
export const MIB: number = 1024 * KIB;
export const GIB: number = 1024 * MIB;

/** How many small files there are below `files/many/`. */
export const MANY = 10_000;

/** Bytes of each of them. */
export const MANY_SIZE: number = 4 * KIB;

export function manyPath(index: number): string {
  return `files/many/${String(index).padStart(4, '0')}.bin`;
}

/**
 * Makes the site in a temporary folder, with real bytes: a hole in a file costs less to read.
 *
 * @throws Error when the disk has no room for it and half as much again
 */
export async function makeFixture(files: readonly SiteFile[]): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await requireRoom(folder, files);
    const root = join(folder, 'site');
    const work = join(folder, 'work');
    await mkdir(join(root, 'files'), { recursive: true });
    await mkdir(work);
    const folders = new Set(files.map(({ path }) => dirname(join(root, path))));
    for (const one of folders) await mkdir(one, { recursive: true });
    for (const file of files) await writeSiteFile(root, file);
    return { root, work, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * The bytes of a window of a file, from the half-open interval. They depend on the place in the file
 * with a period that is no power of two, and on the file: a body that is shifted, or another's, shows.
 */
export function bytesOf(path: string, start: number, end: number): Buffer {
  const bytes = Buffer.allocUnsafe(end - start);
  let at = 0;
  for (const piece of piecesOf(path, start, end)) at += piece.copy(bytes, at);
  return bytes;
}

/** Whether a piece of a body is what the file holds from `start` on. */
export function holds(path: string, start: number, piece: Buffer): boolean {
  let at = 0;
  for (const expected of piecesOf(path, start, start + piece.length)) {
    if (expected.compare(piece, at, at + expected.length) !== 0) return false;
    at += expected.length;
  }
  return true;
}

/** All of a site are of this age, so that every server calls their validators strong. */
const LAST_MODIFIED = new Date('2024-02-29T12:00:00Z');

/** A prime: no window of a power of two begins at the same byte of the period again. */
const PERIOD = 1_000_003;

const PATTERN: Buffer = makePattern();

function makePattern(): Buffer {
  const pattern = Buffer.allocUnsafe(PERIOD);
  let state = 0x9e37_79b9;
  for (let at = 0; at < PERIOD; at += 1) {
    // Marsaglia's xorshift32: the same bytes in the parent and in every child.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    pattern[at] = state & 0xff;
  }
  return pattern;
}

function* piecesOf(path: string, start: number, end: number): Generator<Buffer> {
  let seed = 0;
  for (const character of path) seed = (seed * 31 + character.charCodeAt(0)) % PERIOD;
  let position = start;
  while (position < end) {
    const from = (position + seed) % PERIOD;
    const to = Math.min(PERIOD, from + end - position);
    yield PATTERN.subarray(from, to);
    position += to - from;
  }
}

async function writeSiteFile(root: string, { path, size }: SiteFile): Promise<void> {
  const name = join(root, path);
  if (size <= MIB) {
    await writeFile(name, bytesOf(path, 0, size));
  } else {
    const handle = await open(name, 'wx');
    try {
      for (let at = 0; at < size; at += 16 * MIB) {
        await handle.writeFile(bytesOf(path, at, Math.min(size, at + 16 * MIB)));
      }
      // Otherwise the kernel writes it out while the contenders are measured.
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
  await utimes(name, LAST_MODIFIED, LAST_MODIFIED);
}

async function requireRoom(folder: string, files: readonly SiteFile[]): Promise<void> {
  const needed = 1.5 * files.reduce((sum, { size }) => sum + size, 0);
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < needed) {
    const [has, needs] = [bavail * bsize, needed].map((bytes) => `${Math.ceil(bytes / MIB)} MiB`);
    throw new Error(`${tmpdir()} has room for ${has}, the files of these cases need ${needs}`);
  }
}
