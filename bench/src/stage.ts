import type { Case } from './cases.ts';

/** What a contender may know of the case. */
export interface Stage {
  /** The folder that it serves. */
  readonly root: string;
  /** For what answers from memory. */
  readonly subject: Case;
  /** Origin of the store, where the case has one; its one bucket is `files`. */
  readonly store?: string | undefined;
}
