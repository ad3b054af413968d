import { crc32 } from 'node:zlib';

import type { Version } from '@sluice/core';

import type { FileFacts } from './open-regular.ts';

/**
 * The entity tag of a file: hex seconds of its modification, a dash, its hex size, which is the
 * form of nginx (`ngx_http_set_etag`) and H2O. So a download that one of them began resumes here,
 * and the reverse.
 *
 * The tag is weak while that cannot tell versions apart (RFC 9110 §8.8.1): until the file is two
 * seconds old, since another write in the same second would not change it, also where its time lies
 * in the future; and at the fixed times, as the epoch, that some tools give to all their files. A
 * weak tag ends in a sum of all that the file system knows of the version: without it, what a client
 * stored of a young file would seem to be the version that follows within the second.
 *
 * @param now milliseconds since 1970
 */
export function entityTagOf(stats: FileFacts, now: number): string {
  const { mtimeNs, size } = stats;
  const tag = `${(mtimeNs / 1_000_000_000n).toString(16)}-${size.toString(16)}`;
  const isWeak = hasNoTime(mtimeNs) || now < settledFrom(mtimeNs);
  return isWeak ? `W/"${tag}-${crc32(versionOf(stats).token).toString(16)}"` : `"${tag}"`;
}

/**
 * The moment, in milliseconds since 1970, from which the entity tag of a file is strong if it is
 * weak at `now`; infinity when it will not become strong, or is.
 */
export function entityTagSettlesAt({ mtimeNs }: FileFacts, now: number): number {
  const moment = settledFrom(mtimeNs);
  return hasNoTime(mtimeNs) || now >= moment ? Number.POSITIVE_INFINITY : moment;
}

/**
 * Tells whether every further change of a file will show in its times. Those of a file system go in
 * ticks of up to a second, and only the time of change cannot be set at will.
 *
 * @param now milliseconds since 1970
 */
export function isSettled({ mtimeNs, ctimeNs }: FileFacts, now: number): boolean {
  return now >= settledFrom(mtimeNs) && now >= settledFrom(ctimeNs);
}

/** Milliseconds since 1970; `undefined` for the fixed times of files that have none of their own. */
export function lastModifiedOf({ mtimeNs }: FileFacts): number | undefined {
  return hasNoTime(mtimeNs) ? undefined : Number(mtimeNs / 1_000_000n);
}

/** The token of a file's version; the open descriptor holds it when the file is replaced. */
export function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: FileFacts): Version {
  const token = [dev, ino, size, mtimeNs, ctimeNs].map((part) => part.toString(36)).join('-');
  return { token, hold: 'handle' };
}

/** Milliseconds after which no further write can have the same second. */
const SETTLED = 2000;

function settledFrom(timeNs: bigint): number {
  return Number(timeNs / 1_000_000n) + SETTLED;
}

/**
 * Seconds that tools write into every file, so that their archives come out the same: the Nix store
 * 0 or 1, zip its first day, `npm pack` a moment of 1985.
 */
const FIXED_TIMES: ReadonlySet<bigint> = new Set([1n, 315_532_800n, 499_162_500n]);

function hasNoTime(mtimeNs: bigint): boolean {
  return mtimeNs < 1_000_000_000n || FIXED_TIMES.has(mtimeNs / 1_000_000_000n);
}
