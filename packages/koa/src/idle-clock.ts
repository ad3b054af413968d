/** Looks at its members again and again, by one timer for all that have the same period. */
export interface IdleClock<T extends Clocked> {
  /** Has a member looked at every `period` milliseconds, the first time before one period is over. */
  join(member: T, period: number): void;
  /** Idempotent. */
  leave(member: T, period: number): void;
}

/** What a clock keeps on its members. */
export interface Clocked {
  /** Among the members of its period; `undefined` for who is none. */
  place: number | undefined;
}

/**
 * Creates a clock. Most downloads are over long before anybody looks at them, and a timer for each
 * would cost them more than the looking.
 *
 * Its timers keep no process alive. Members leave by changing places with the last one, in the same
 * time however many there are.
 */
export function createIdleClock<T extends Clocked>(look: (member: T) => void): IdleClock<T> {
  const groups = new Map<number, T[]>();
  const start = (period: number): T[] => {
    const members: T[] = [];
    groups.set(period, members);
    const timer = setInterval(() => {
      // A copy: whoever is looked at may leave, and be the end of others.
      for (const member of members.slice()) if (member.place !== undefined) look(member);
      if (members.length > 0) return;
      clearInterval(timer);
      groups.delete(period);
    }, period);
    timer.unref();
    return members;
  };
  return {
    join(member, period) {
      const members = groups.get(period) ?? start(period);
      member.place = members.length;
      members.push(member);
    },
    leave(member, period) {
      const members = groups.get(period);
      const { place } = member;
      if (place === undefined || members === undefined) return;
      member.place = undefined;
      const last = members.pop();
      if (last === undefined || last === member) return;
      members[place] = last;
      last.place = place;
    },
  };
}
