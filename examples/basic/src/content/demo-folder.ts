import { randomUUID } from 'node:crypto';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { keystream } from './keystream.ts';
import { makePdf } from './pdf.ts';
import { makePicture } from './picture.ts';
import { makeTune } from './tune.ts';

export interface DemoFolderOptions {
  /** The folder to make; it is created. The files lie in `files` below it. */
  readonly home: string;
  /** Bytes of the big recording. Default: 200 000 000. */
  readonly bigBytes?: number;
}

/** The keys that the demo is about, for the policy's readers and the tests. */
export const DEMO_KEYS = {
  welcome: 'public/welcome.txt',
  picture: 'public/harbour.png',
  report: 'people/ada/Überblick – 100% "final".pdf',
  notes: 'people/ben/notes.txt',
  tune: 'teams/studio/evening.wav',
  prices: 'teams/sales/price list.pdf',
  recording: 'archive/recordings.bin',
  winter: 'offers/2024-12-31/winter.txt',
  summer: 'offers/2099-12-31/summer.txt',
  lease: 'contracts/lease.pdf',
} as const;

/**
 * Makes the folder of demo files, or what is missing or wrong of it, and tells where it is.
 *
 * A file that is right stays untouched, and with it its modification time: a download that was
 * begun before a restart resumes after it. Each file appears in one step, by rename, so that a
 * stopped start leaves no half of one.
 *
 * @returns the folder that holds the files
 */
export async function makeDemoFolder(options: DemoFolderOptions): Promise<string> {
  const { home, bigBytes = 200_000_000 } = options;
  const files = join(home, 'files');
  const parts = join(home, 'parts');
  await mkdir(parts, { recursive: true });
  await removeAbandoned(parts);
  for (const [key, content] of smallFiles()) {
    const path = join(files, key);
    if (!(await holds(path, content))) {
      await place(parts, path, async (file) => file.writeFile(content));
    }
  }
  const big = join(files, DEMO_KEYS.recording);
  if (!(await holdsRecording(big, bigBytes))) {
    await place(parts, big, async (file) => writeRecording(file, bigBytes));
  }
  return files;
}

/** Bytes of the recording that are written, and compared, at once. A multiple of 16. */
const PIECE = 1_048_576;

/** In milliseconds. */
const MINUTE = 60_000;

function smallFiles(): readonly (readonly [string, Buffer])[] {
  return [
    [DEMO_KEYS.welcome, Buffer.from(WELCOME)],
    [DEMO_KEYS.picture, makePicture()],
    [DEMO_KEYS.report, makePdf('Overview, final', ['Only Ada reads this page.', 'It is short.'])],
    [DEMO_KEYS.notes, Buffer.from("Ben's notes\n\nCall the harbour master.\nBuy strings.\n")],
    [DEMO_KEYS.tune, makeTune()],
    [DEMO_KEYS.prices, makePdf('Price list', ['One recording: 12.', 'Ten recordings: 100.'])],
    [DEMO_KEYS.winter, Buffer.from('Ten recordings for the price of eight.\n')],
    [DEMO_KEYS.summer, Buffer.from('Ten recordings for the price of nine.\n')],
    [DEMO_KEYS.lease, makePdf('Lease', ['Between the studio and the harbour.'])],
  ];
}

const WELCOME = `Welcome to the harbour studio

Everybody may read this file, signed in or not.
Which of the others you may have is written in src/policy.ts.
`;

/** Another start may be writing beside this one; what has not grown for a minute is a dead one's. */
async function removeAbandoned(parts: string): Promise<void> {
  for (const name of await readdir(parts)) {
    const part = join(parts, name);
    const facts = await stat(part).catch(() => undefined);
    if (facts !== undefined && facts.mtimeMs < Date.now() - MINUTE) await rm(part, { force: true });
  }
}

async function holds(path: string, content: Buffer): Promise<boolean> {
  try {
    return content.equals(await readFile(path));
  } catch {
    return false;
  }
}

/** Compares the size, the first and the last piece: the rename made sure of the bytes between. */
async function holdsRecording(path: string, size: number): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    if ((await file.stat()).size !== size) return false;
    const last = Math.floor(Math.max(0, size - 1) / PIECE) * PIECE;
    return (await holdsPiece(file, 0, size)) && (await holdsPiece(file, last, size));
  } finally {
    await file.close();
  }
}

async function holdsPiece(file: FileHandle, start: number, size: number): Promise<boolean> {
  const expected = keystream(start, Math.min(PIECE, size - start));
  const { buffer, bytesRead } = await file.read(Buffer.alloc(expected.length), { position: start });
  return bytesRead === expected.length && expected.equals(buffer);
}

async function writeRecording(file: FileHandle, size: number): Promise<void> {
  for (let start = 0; start < size; start += PIECE) {
    await file.writeFile(keystream(start, Math.min(PIECE, size - start)));
  }
}

async function place(
  parts: string,
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = join(parts, randomUUID());
  const file = await open(part, 'wx');
  try {
    await write(file);
  } finally {
    await file.close();
  }
  // A file of the last two seconds gets a weak entity tag, since it might be written to again, and
  // a weak one allows no resume. This one is complete, so it may be a minute old from the start.
  const old = new Date(Date.now() - MINUTE);
  await utimes(part, old, old);
  await rename(part, path);
}
