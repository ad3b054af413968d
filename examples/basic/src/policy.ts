import { allow, deny, firstApplicable, forPattern, notApplicable, type Policy } from '@sluice/core';

import type { Person } from './people.ts';

/**
 * Who may download what in the demo folder. Rules are asked in order and the first that applies
 * decides; what no rule speaks of is denied.
 *
 * A denial looks like a missing object, byte for byte, unless the rule chooses another status. The
 * reason is for `explain` and the log.
 */
export const demoPolicy: Policy<Person> = firstApplicable(
  // Everybody, signed in or not.
  forPattern('public/*path', () => allow({ cacheControl: 'public, max-age=60' })),

  // An offer ends with its day, and says so: 410 Gone.
  forPattern('offers/:day/*path', ({ params: { day = '' } }) =>
    day >= today() ? allow() : deny(`the offer ended on ${day}`, { status: 410 }),
  ),

  // From here on, only people we know.
  function signedIn({ subject }) {
    return subject === undefined ? deny('nobody is signed in') : notApplicable();
  },

  forPattern('people/:owner/*path', ({ subject, params: { owner } }) =>
    subject?.id === owner ? allow() : deny(`only ${owner} reads this folder`),
  ),

  forPattern('teams/:team/*path', ({ subject, params: { team } }) =>
    subject?.team === team ? allow() : deny(`only the ${team} team reads this folder`),
  ),

  // Everybody knows that contracts exist, so there is nothing to hide: 403 Forbidden.
  forPattern('contracts/*path', ({ subject }) =>
    subject?.manager === true ? allow() : deny('contracts are for managers', { status: 403 }),
  ),

  // An obligation: saved under a name of its own, whatever its type.
  forPattern('archive/recordings.bin', () =>
    allow({ disposition: 'attachment', filename: 'Harbour studio, all recordings.bin' }),
  ),
);

/** Who may download what from a folder of the reader's own, given with `--root`. */
export const folderPolicy: Policy<Person> = firstApplicable(
  // `.git`, `.env`: such names often hold secrets, in whatever folder.
  function hiddenNames({ key }) {
    return /(?:^|\/)\./.test(key) ? deny('hidden names stay hidden') : notApplicable();
  },

  forPattern('public/*path', () => allow()),

  function adaReadsAll({ subject }) {
    return subject?.id === 'ada' ? allow() : notApplicable();
  },

  forPattern(':name', function topFolder({ subject }) {
    return subject?.id === 'cleo' ? allow() : deny('only Ada and Cleo read the top folder');
  }),
);

/** In UTC, as `2026-01-31`; days in this form compare like text. */
function today(): string {
  return new Date().toISOString().slice(0, 10);
}
