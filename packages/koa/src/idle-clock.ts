/** Looks at its members again and again, by one timer for all that have the same period. */
export interface IdleClock<T> {
  /** Has a member looked at every `period` milliseconds, the first time before one period is over. */
  join(member: T, period: number): void;
  /** Idempotent. */
  leave(member: T, period: number): void;
}

/**
 * Creates a clock. Most downloads are over long before anybody looks at them, and a timer for each
 * would cost them more than the looking.
 *
 * Its timers keep no process alive.
 */
export function createIdleClock<T>(look: (member: T) => void): IdleClock<T> {
  const groups = new Map<number, Set<T>>();
  const start = (period: number): Set<T> => {
    const members = new Set<T>();
    groups.set(period, members);
    const timer = setInterval(() => {
      for (const member of members) look(member);
      if (members.size > 0) return;
      clearInterval(timer);
      groups.delete(period);
    }, period);
    timer.unref();
    return members;
  };
  return {
    join(member, period) {
      (groups.get(period) ?? start(period)).add(member);
    },
    leave(member, period) {
      groups.get(period)?.delete(member);
    },
  };
}
