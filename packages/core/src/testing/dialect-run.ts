import { createPathMap } from '../keys/path-map.ts';
import type { Dialect } from '../offload/dialect.ts';
import { checkOptions, quote } from '../options.ts';
import type { DialectCheck, DialectSubject, OddPlace } from './dialect-check.ts';
import { dialectChecks } from './dialect-checks.ts';
import { oddPlaces, plainPlaces, wrongPlaces } from './dialect-places.ts';
import { planFor } from './dialect-sample.ts';

/** What {@link checkDialect} takes. */
export interface DialectCheckOptions {
  /** Folders by prefix of keys, as `createPathMap` takes them. Default: `{ '': '/srv/private' }`. */
  readonly roots?: Readonly<Record<string, string>> | undefined;
  /**
   * Reads a value as the server does, and gives the path of the file that it would open; `undefined`
   * for a value that it would refuse. Each character of a value is a byte. Nothing but this can prove
   * that the codec is the server's: without it that check is skipped.
   */
  readonly decode?: ((value: string) => string | undefined) | undefined;
  /**
   * Origin of the store that the server fetches from, as the dialect has it: without it, or without
   * `valueForUrl`, the checks about fetching are skipped.
   */
  readonly store?: string | undefined;
}

/** How one check ended. */
export type DialectResult =
  | { readonly kind: 'passed'; readonly check: DialectCheck }
  | { readonly kind: 'failed'; readonly check: DialectCheck; readonly error: unknown }
  | {
      readonly kind: 'skipped';
      readonly check: DialectCheck;
      /** The option or the method that is not there, or the check that must pass first. */
      readonly missing: string;
    };

/** What becomes of a file with an odd name. */
export type DialectName =
  | { readonly kind: 'carried'; readonly name: string; readonly value: string }
  | { readonly kind: 'streamed'; readonly name: string; readonly why: string };

/** What {@link checkDialect} has found out. */
export interface DialectReport {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** In the order of the checks. */
  readonly results: readonly DialectResult[];
  /** What becomes of each odd name, under each root; empty where `D-01` or `D-03` has failed. */
  readonly names: readonly DialectName[];
}

/**
 * Tries out a dialect, without a server and without a test runner: that it keeps the promises of
 * `Dialect`, and which of a list of odd names it can tell. It does not throw for a check that fails.
 *
 * @throws TypeError on an unknown option, a `decode` that is no function, or roots that
 * `createPathMap` does not take
 */
export function checkDialect(dialect: Dialect, options: DialectCheckOptions = {}): DialectReport {
  const subject = createSubject('checkDialect', dialect, options);
  const results: DialectResult[] = [];
  for (const check of dialectChecks) {
    // What has not the shape of a dialect fails at everything.
    const isBroken = results[0]?.kind === 'failed';
    const skipped: DialectResult = { kind: 'skipped', check, missing: 'D-01' };
    results.push(isBroken ? skipped : runDialectCheck(check, subject));
  }
  const count = (kind: DialectResult['kind']): number =>
    results.filter((result) => result.kind === kind).length;
  const isAskable = !results.some(({ kind, check }) => kind === 'failed' && ASKED.has(check.id));
  return {
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    results,
    names: isAskable ? subject.odd.map((odd) => nameOf(dialect, odd)) : [],
  };
}

/** Runs one check; what it needs and the dialect or the options have not skips it. */
export function runDialectCheck(check: DialectCheck, subject: DialectSubject): DialectResult {
  const missing = missingNeed(check, subject);
  if (missing !== undefined) return { kind: 'skipped', check, missing };
  try {
    check.run(subject);
  } catch (error) {
    return { kind: 'failed', check, error };
  }
  return { kind: 'passed', check };
}

/** Tells what a check needs that neither the dialect nor the options have. */
export function missingNeed(
  { needs }: Pick<DialectCheck, 'needs'>,
  { dialect, decode, store }: DialectSubject,
): DialectCheck['needs'] {
  if (needs === undefined) return undefined;
  if (needs === 'store') {
    return store === undefined || dialect.valueForUrl === undefined ? needs : undefined;
  }
  const offered = needs === 'decode' ? decode : dialect[needs];
  return offered === undefined ? needs : undefined;
}

/**
 * Makes what the checks are run on.
 *
 * @param owner who takes the options, for the message
 * @throws TypeError as {@link checkDialect} does
 */
export function createSubject(
  owner: string,
  dialect: Dialect,
  options: DialectCheckOptions,
): DialectSubject {
  const own = checkOptions(owner, options, ['roots', 'decode', 'store']);
  const { roots = { '': '/srv/private' }, decode, store } = own;
  if (decode !== undefined && typeof decode !== 'function') {
    throw new TypeError(`${owner}: decode must be a function, got ${quote(decode)}`);
  }
  if (store !== undefined && !(URL.canParse(store) && new URL(store).origin === store)) {
    throw new TypeError(`${owner}: store must be an origin, got ${quote(store)}`);
  }
  const map = createPathMap(roots).roots;
  return {
    dialect,
    decode,
    store,
    plain: map.flatMap(plainPlaces),
    odd: map.flatMap(oddPlaces),
    wrong: map.flatMap(wrongPlaces),
  };
}

/** Without these a name cannot be asked for. */
const ASKED: ReadonlySet<string> = new Set(['D-01', 'D-03']);

/** By the name alone: which headers arrive is another question. */
function nameOf(dialect: Dialect, { name, place }: OddPlace): DialectName {
  const { header, makes, maxHeadBytes } = dialect;
  const plan = planFor(
    {
      name: dialect.name,
      header,
      makes,
      ...(maxHeadBytes !== undefined && { maxHeadBytes }),
      valueFor: (place, headers) => dialect.valueFor(place, headers),
      carries: () => true,
      ...(makes.includes('etag') && { entityTagOf: (file) => dialect.entityTagOf?.(file) ?? '' }),
    },
    place,
  );
  const value = plan.kind === 'offload' ? plan.headers[header] : undefined;
  return value === undefined
    ? { kind: 'streamed', name, why: plan.why }
    : { kind: 'carried', name, value };
}
