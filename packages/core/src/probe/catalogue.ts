import { randomBytes } from 'node:crypto';

import { assertKey, type StorageKey } from '../keys/storage-key.ts';
import { ODD_NAMES } from './odd-names.ts';

/** An object that is stored only to be downloaded by a probe. */
export interface Canary {
  /** Names it in reports: `plain`, `name with a question mark`. */
  readonly id: string;
  readonly key: StorageKey;
  /** Bytes. */
  readonly size: number;
  readonly look: CanaryLook;
}

/** How the download of a canary must look: obligations of an `allow()`. */
export interface CanaryLook {
  readonly contentType: string;
  readonly disposition?: 'inline' | 'attachment';
  readonly filename?: string;
  readonly cacheControl?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The folder of keys that is reserved for probes. It has no dot in front, since many a front server
 * is told to refuse what has.
 */
export const PROBE_FOLDER = 'sluice-probe';

/** Milliseconds after which the canaries of a run that has not ended are removed. */
export const RUN_LIFETIME: number = 60 * 60 * 1000;

/**
 * Names a run: nobody can guess it, and it tells when it began.
 *
 * @param now milliseconds since 1970
 */
export function createRun(now: number): string {
  return `${now.toString(36).padStart(9, '0')}-${randomBytes(8).toString('hex')}`;
}

/** Gives when a run began, in milliseconds since 1970; `undefined` for what names no run. */
export function startOfRun(run: string): number | undefined {
  return WHOLE_RUN.test(run) ? Number.parseInt(run.slice(0, 9), 36) : undefined;
}

/** Gives all canaries of a run. The catalogue is fixed: a request chooses nothing of it. */
export function canariesOf(run: string): readonly Canary[] {
  return SPECIES.map(({ id, size = SMALL, nameOf, look = {} }) => ({
    id,
    key: keyOf(nameOf(run)),
    size,
    look: { contentType: PLAIN_TEXT, ...look },
  }));
}

/** Finds the canary that has a key, of whatever run; `undefined` where none can have it. */
export function canaryAt(
  key: string,
): { readonly run: string; readonly canary: Canary } | undefined {
  const run = runIn(key);
  const canary = run === undefined ? undefined : canariesOf(run).find((one) => one.key === key);
  return run === undefined || canary === undefined ? undefined : { run, canary };
}

/** Gives the key below which nothing is ever stored: what a front server makes of a missing file. */
export function uncheckedKey(run: string): StorageKey {
  return keyOf(`${run}-unchecked.txt`);
}

/** Finds the run that a key of the reserved folder speaks of. */
export function runIn(key: string): string | undefined {
  return key.startsWith(`${PROBE_FOLDER}/`) ? RUN.exec(key)?.[0] : undefined;
}

interface Species {
  readonly id: string;
  /** Bytes. Default: some more than the least size that front servers compress. */
  readonly size?: number;
  readonly nameOf: (run: string) => string;
  readonly look?: Partial<CanaryLook>;
}

const RUN = /[\da-z]{9}-[\da-f]{16}/;

const WHOLE_RUN = /^[\da-z]{9}-[\da-f]{16}$/;

const PLAIN_TEXT = 'text/plain; charset=utf-8';

const SMALL = 2048;

const LARGE = 8 * 2 ** 20;

const SPECIES: readonly Species[] = [
  { id: 'plain', nameOf: (run) => `${run}.txt` },
  { id: 'empty', size: 0, nameOf: (run) => `${run}-empty.txt` },
  { id: 'large', size: LARGE, nameOf: (run) => `${run}-large.txt` },
  {
    id: 'active content shown inline',
    nameOf: (run) => `${run}.html`,
    look: { contentType: 'text/html; charset=utf-8', disposition: 'inline' },
  },
  {
    id: 'media type that the extension does not name',
    nameOf: (run) => `${run}.bin`,
    look: { contentType: 'application/pdf' },
  },
  {
    id: 'further headers',
    nameOf: (run) => `${run}-headers.txt`,
    look: {
      cacheControl: 'private, max-age=60',
      headers: { vary: 'Cookie', 'content-language': 'de', 'referrer-policy': 'no-referrer' },
    },
  },
  {
    id: 'name to save under',
    nameOf: (run) => `${run}-filename.pdf`,
    look: {
      contentType: 'application/pdf',
      disposition: 'attachment',
      filename: 'Übersicht 100% "final".pdf',
    },
  },
  ...ODD_NAMES,
];

function keyOf(name: string): StorageKey {
  return assertKey('probe', `${PROBE_FOLDER}/${name}`);
}
