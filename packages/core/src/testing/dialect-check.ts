import type { Dialect } from '../offload/dialect.ts';
import type { LocalPath } from '../storage/driver.ts';

/** One promise of a dialect, and the proof that it keeps it. */
export interface DialectCheck {
  /** `D-` and a number, which never change. */
  readonly id: string;
  /** A sentence about the dialect's behaviour. */
  readonly title: string;
  /** What the check cannot be run without; where it is absent the check is reported as skipped. */
  readonly needs?: 'decode' | 'entityTagOf' | 'rateHeaderFor' | 'objectionTo' | 'store';
  /** Returns when the promise is kept; throws what was seen instead. */
  run(subject: DialectSubject): void;
}

/** What a check is run on. */
export interface DialectSubject {
  readonly dialect: Dialect;
  /** Reads a value as the server does, and gives the path of the file that it would open. */
  readonly decode: ((value: string) => string | undefined) | undefined;
  /** Origin of the store that the server fetches from: `https://s3.internal:9000`. */
  readonly store: string | undefined;
  /** A plain name below each root. */
  readonly plain: readonly OddPlace[];
  /** Odd names below each root. All are files that can be there; the plain ones are among them. */
  readonly odd: readonly OddPlace[];
  /** Places of no file below a root. */
  readonly wrong: readonly OddPlace[];
}

/** A place, and what to call it in a message. */
export interface OddPlace {
  readonly name: string;
  readonly place: LocalPath;
}
