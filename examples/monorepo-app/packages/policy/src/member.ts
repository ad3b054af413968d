/** Who asks, in every policy of the school. The web makes one of whoever is signed in. */
export interface Member {
  readonly id: string;
  /** The courses that they have paid for, by name. */
  readonly courses: readonly string[];
  readonly role: 'student' | 'teacher' | 'accountant';
  /** Shut out, as by a bill that was never paid. */
  readonly isLocked: boolean;
}
