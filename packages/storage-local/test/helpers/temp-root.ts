import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ByteSource, StorageKey } from '@sluice/core';
import type { ExecutionContext } from 'ava';

import { hostSystem, type FileIo, type System } from '../../src/system.ts';

export interface TempRoot {
  /** Resolved, so that tests can compare paths. */
  readonly root: string;
  /** A folder beside the root, whose files nobody may reach. */
  readonly outside: string;
  write(key: string, content: string | Uint8Array): string;
  /** Writes a file that was last changed a minute ago. */
  writeAtRest(key: string, content: string | Uint8Array): string;
}

/** The content of everything outside: a test that sees it has found a leak. */
export const SECRET = 'secret: nobody may read this';

export function tempRoot(t: ExecutionContext): TempRoot {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-local-')));
  t.teardown(() => rmSync(base, { recursive: true, force: true }));
  const root = join(base, 'root');
  const outside = join(base, 'outside');
  for (const folder of [root, outside]) mkdirSync(folder);
  writeFileSync(join(outside, 'secret.txt'), SECRET);
  const write = (key: string, content: string | Uint8Array): string => {
    const path = join(root, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  };
  return {
    root,
    outside,
    write,
    writeAtRest(key, content) {
      const path = write(key, content);
      ageFile(path);
      return path;
    },
  };
}

/** Makes a file look as if it was last changed a minute ago. */
export function ageFile(path: string): void {
  const minuteAgo = Math.floor(Date.now() / 1000) - 60;
  utimesSync(path, minuteAgo, minuteAgo);
}

/** Node cannot make a FIFO by itself. */
export function makeFifo(path: string): void {
  execFileSync('env', ['mkfifo', path]);
}

/** Any text as a key, also one that is none. */
export function asKey(text: string): StorageKey {
  return text as StorageKey;
}

/** This machine, with some of its system calls replaced, and with or without /proc. */
export function faultySystem(io: Partial<FileIo>, changes: Partial<System> = {}): System {
  const host = hostSystem();
  // What is put into one way of opening must not be passed by on the other.
  const refuse = io.open !== undefined && { openNow: refuseToOpen };
  return { ...host, ...changes, io: { ...host.io, ...refuse, ...io } };
}

function refuseToOpen(): never {
  throw systemError('EAGAIN');
}

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: /secret/path`), { code });
}

export async function collect(source: ByteSource): Promise<Buffer> {
  if (source instanceof Uint8Array) return Buffer.from(source);
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

export function patternBytes(length: number, seed = 7): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let index = 0, state = seed; index < length; index += 1) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

/** The open descriptors of this process that lead below a folder. */
export function openBelow(base: string): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(base) ? [path] : [];
    } catch {
      return [];
    }
  });
}

/** As {@link openBelow}, without the folders, which are held for a moment where many objects are opened. */
export function filesOpenBelow(base: string): readonly string[] {
  return openBelow(base).filter(
    (path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true,
  );
}

/** Waits, bounded, until nothing below a folder is open, and gives what still is. */
export async function stillOpenBelow(base: string): Promise<readonly string[]> {
  for (let round = 0; round < 100; round += 1) {
    const open = openBelow(base);
    if (open.length === 0) return open;
    await sleep(20);
  }
  return openBelow(base);
}
