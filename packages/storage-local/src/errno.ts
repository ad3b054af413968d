import { isSluiceError, SluiceError } from '@sluice/core';

/**
 * Tells whether a failed look-up means that there is no object under the key.
 *
 * What the process may not read counts as missing too: a difference would tell strangers which
 * names exist. ENXIO is a socket, or a device without its driver; EISDIR and ENODEV are not objects.
 */
export function isMissing(error: unknown): boolean {
  return MISSING.has(codeOf(error));
}

/**
 * Tells whether a failed look-up means that there is no folder. Here a missing permission does not
 * count: what is not listed or removed for its sake must not seem to be gone.
 */
export function isNoFolder(error: unknown): boolean {
  return isMissing(error) && !NOT_PERMITTED.has(codeOf(error));
}

/**
 * Names the cause of a failed system call on the way from the disk. The message holds no path; what
 * the system said is in `cause`.
 */
export function readFault(error: unknown): SluiceError {
  if (isSluiceError(error)) return error;
  const code = codeOf(error);
  if (NOT_PERMITTED.has(code)) {
    return new SluiceError('SLUICE_ACCESS_DENIED', 'the process lacks a permission', {
      cause: error,
    });
  }
  if (EXHAUSTED.has(code)) {
    return new SluiceError('SLUICE_UNAVAILABLE', 'the process has no descriptor or memory left', {
      cause: error,
      retryAfter: RETRY_AFTER,
    });
  }
  return new SluiceError('SLUICE_IO', 'the disk failed', { cause: error });
}

/**
 * Names the cause of a failed system call on the way to the disk: a name that this file system
 * cannot hold or that a folder has already, a missing permission, a full or a broken disk.
 */
export function writeFault(error: unknown): SluiceError {
  if (isSluiceError(error)) return error;
  if (UNWRITABLE_NAME.has(codeOf(error))) return unwritableName(error);
  return codeOf(error) === 'ENOENT' ? removedMeanwhile(error) : readFault(error);
}

/** Waits for a call on the way to the disk, and names the cause when it fails. */
export async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw writeFault(error);
  }
}

/** The failure of a write whose folder, or whose draft, somebody removed in the middle of it. */
export function removedMeanwhile(cause?: unknown): SluiceError {
  return new SluiceError('SLUICE_UNAVAILABLE', 'the folder was removed meanwhile', {
    cause,
    retryAfter: RETRY_AFTER,
  });
}

/** The failure of a write to a key that this store cannot hold. */
export function unwritableName(cause?: unknown): SluiceError {
  return new SluiceError('SLUICE_INVALID_KEY', 'this store cannot hold an object of that key', {
    cause,
  });
}

/** The code of a failed system call, `ENOENT`; `''` for any other error. */
export function codeOf(error: unknown): string {
  const known = error instanceof Error && 'code' in error && typeof error.code === 'string';
  return known ? String(error.code) : '';
}

/** Seconds. Descriptors and memory come back as other downloads end. */
const RETRY_AFTER = 1;

const MISSING: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'EACCES',
  'EPERM',
  'ENXIO',
  'EINVAL',
  'EISDIR',
  'ENODEV',
]);

const EXHAUSTED: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);

const UNWRITABLE_NAME: ReadonlySet<string> = new Set([
  'ENAMETOOLONG',
  'ENOTDIR',
  'EISDIR',
  'ENOTEMPTY',
  'EEXIST',
  'ELOOP',
  'EINVAL',
  'EILSEQ',
]);

const NOT_PERMITTED: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);
