import { readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, normalize, resolve } from 'node:path';

import { quote } from '@sluice/core';

/** A folder, and what it is called in the message of an error. */
export interface NamedFolder {
  /** `the public folder`. */
  readonly what: string;
  /** As {@link checkFolder} gives it. */
  readonly folder: string;
}

/**
 * Checks a folder, and gives its real path without a slash at its end: that is what the driver opens
 * below, and what it tells the server. Two spellings of one folder give the same, even where the
 * folder is yet to be made.
 *
 * @throws TypeError for what is no absolute path, a name that no line of a configuration can hold, a
 * whole file system, and a folder of the kernel, quoting the value
 */
export function checkFolder(what: string, value: unknown): string {
  if (typeof value !== 'string' || !isAbsolute(value)) {
    throw new TypeError(`config: ${what} must be an absolute path, got ${quote(value)}`);
  }
  const real = realPath(normalize(value));
  // A line break would end the line of the configuration; the rest is for each server to quote.
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(real) || !real.isWellFormed()) {
    throw new TypeError(
      `config: ${what} must have no control character in its name, got ${quote(real)}`,
    );
  }
  const folder = real.replace(/\/+$/, '');
  if (folder === '') {
    throw new TypeError(`config: ${what} is a whole file system, got ${quote(value)}`);
  }
  if (OF_THE_KERNEL.test(folder)) {
    throw new TypeError(`config: ${what} holds what the kernel shows, got ${quote(value)}`);
  }
  return folder;
}

/** @throws TypeError when one of the folders is another or lies below it, quoting both */
export function checkApart(one: NamedFolder, others: readonly NamedFolder[]): void {
  const near = others.find(({ folder }) => areNested(`${one.folder}/`, `${folder}/`));
  if (near === undefined) return;
  throw new TypeError(
    `config: ${one.what} ${quote(one.folder)} and ${near.what} ${quote(near.folder)} must lie apart`,
  );
}

/**
 * Tells whether one path is the other or lies below it.
 *
 * @param path ends with a slash, as `other` does
 */
export function areNested(path: string, other: string): boolean {
  return path.startsWith(other) || other.startsWith(path);
}

/** Memory, processes and disks; only the memory that is shared has files of users. */
const OF_THE_KERNEL = /^\/(?:proc|sys|dev(?!\/shm\/))(?:\/|$)/;

/** Links that are followed one after the other, as Linux has it (path_resolution(7)). */
const MOST_LINKS = 40;

/** Resolves the links of a path, of whose folders the last ones may be missing. */
function realPath(path: string, links = 0): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    if (parent === path) return path;
    const above = realPath(parent, links);
    const here = join(above, basename(path));
    // It may lead to what is missing, too.
    const target = links < MOST_LINKS ? targetOf(here) : undefined;
    return target === undefined ? here : realPath(resolve(above, target), links + 1);
  }
}

function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
