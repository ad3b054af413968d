import {
  type BigIntStats,
  close,
  closeSync,
  constants,
  fstatSync,
  fsync,
  lstatSync,
  open,
  openSync,
  read,
  readlinkSync,
  readSync,
  realpath,
  stat,
  statfsSync,
} from 'node:fs';

/** What the driver needs of the machine it runs on; tests put another in its place. */
export interface System {
  readonly platform: NodeJS.Platform;
  /** A folder that holds a link to the path of each open descriptor, where there is one. */
  readonly descriptorLinks: string | undefined;
  readonly io: FileIo;
  /** The number of the file system that holds a path, as in `linux/magic.h`. */
  fileSystemOf(path: string): number;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a clock that nobody sets, from any moment on. */
  ticks(): number;
  /** How many blocks this process has had to wait for a disk to read. */
  blocksRead(): number;
}

/**
 * The system calls of the read path.
 *
 * Only what may wait for a disk goes through the thread pool, as callbacks wrapped by hand: a trip
 * through the pool costs ten microseconds, a promise of `node:fs/promises` as much again. What asks
 * an open descriptor is answered from memory and is synchronous.
 */
export interface FileIo {
  open(path: string, flags: number): Promise<number>;
  /** As `open`, for a name that is known, or likely, to be in memory. */
  openNow(path: string, flags: number): number;
  fstat(fd: number): BigIntStats;
  /** The bytes of a symbolic link, as {@link byteString}. */
  readlink(path: string): string;
  realpath(path: string): Promise<string>;
  stat(path: string): Promise<BigIntStats>;
  /** Reads into a buffer from its index `filled` on, and gives the number of bytes read. */
  read(fd: number, buffer: Uint8Array, filled: number, position: number): Promise<number>;
  /** Looks an entry up, itself and not what it links to, where it is known to be in memory. */
  lookUp(path: string): BigIntStats | undefined;
  /** As `read`, for what is known, or likely, to be in memory. */
  readNow(fd: number, buffer: Uint8Array, filled: number, position: number): number;
  /** Waits until a file or the entries of a folder are on the disk. */
  sync(fd: number): Promise<void>;
  close(fd: number): void;
  /** Closes through the thread pool. */
  closeLater(fd: number): Promise<void>;
}

/**
 * The bytes of a path, one character for each. Paths are compared by them, since two names that are
 * not UTF-8 can have one text.
 */
export function byteString(path: string): string {
  return ASCII.test(path) ? path : Buffer.from(path).toString('latin1');
}

/** Most paths: a character is a byte already. */
const ASCII = /^[\0-\x7f]*$/;

/** The machine that this process runs on. */
export function hostSystem(): System {
  return {
    platform: process.platform,
    descriptorLinks: process.platform === 'linux' ? '/proc/self/fd' : undefined,
    io: nodeIo,
    fileSystemOf: (path) => statfsSync(path).type,
    now: Date.now,
    ticks: () => performance.now(),
    blocksRead: () => process.resourceUsage().fsRead,
  };
}

/**
 * The flags to open an object with, whatever it may turn out to be.
 *
 * `O_NONBLOCK` lets the opening of a FIFO return; without it four of them hold the whole thread
 * pool of Node for ever. `O_NOCTTY` keeps a terminal from becoming ours. Both are absent on Windows.
 */
export const OPEN_OBJECT: number =
  constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** The flags to open a folder with. */
export const OPEN_FOLDER: number = OPEN_OBJECT | (constants.O_DIRECTORY ?? 0);

/**
 * The flags that refuse a symbolic link: as the last segment everywhere, as any segment on macOS by
 * `O_NOFOLLOW_ANY` of its `sys/fcntl.h`, which Node passes on though it has no name for it.
 */
export function refuseLinks(platform: NodeJS.Platform): number {
  return (constants.O_NOFOLLOW ?? 0) | (platform === 'darwin' ? 0x2000_0000 : 0);
}

/** Made once: Node makes an object of its own for each name of an encoding that it is given. */
const BYTES = { encoding: 'latin1' } as const;

const nodeIo: FileIo = {
  open: (path, flags) =>
    new Promise((resolve, reject) => {
      open(path, flags, (error, fd) => (error === null ? resolve(fd) : reject(error)));
    }),
  openNow: openSync,
  fstat: (fd) => fstatSync(fd, { bigint: true }),
  readlink: (path) => readlinkSync(path, BYTES),
  realpath: (path) =>
    new Promise((resolve, reject) => {
      realpath.native(path, (error, real) => (error === null ? resolve(real) : reject(error)));
    }),
  stat: (path) =>
    new Promise((resolve, reject) => {
      stat(path, { bigint: true }, (error, stats) =>
        error === null ? resolve(stats) : reject(error),
      );
    }),
  read: (fd, buffer, filled, position) =>
    new Promise((resolve, reject) => {
      read(fd, buffer, filled, buffer.byteLength - filled, position, (error, count) =>
        error === null ? resolve(count) : reject(error),
      );
    }),
  lookUp: (path) => lstatSync(path, { bigint: true, throwIfNoEntry: false }),
  readNow: (fd, buffer, filled, position) =>
    readSync(fd, buffer, filled, buffer.byteLength - filled, position),
  sync: (fd) =>
    new Promise((resolve, reject) => {
      fsync(fd, (error) => (error === null ? resolve() : reject(error)));
    }),
  close: closeSync,
  closeLater: (fd) =>
    new Promise((resolve, reject) => {
      close(fd, (error) => (error ? reject(error) : resolve()));
    }),
};
