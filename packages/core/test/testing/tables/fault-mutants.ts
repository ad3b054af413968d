import type { HttpFlaw } from '../http-driver.ts';
import type { Mutant } from './mutant.ts';

/** Faults of a driver whose store is far away. */
export const faultMutants: readonly Mutant[] = (
  [
    ['passes errors of the socket on', 'F-01 F-02 F-03'],
    ['keeps a dead connection', 'F-01'],
    ['takes a cut answer for no object', 'F-01 F-02 F-03'],
    ['ends where the connection ends', 'F-02 F-03'],
    ['passes on more than was asked for', 'F-04'],
    ['takes every status for success', 'F-05 F-06'],
    ['forgets Retry-After', 'F-05'],
    ['takes a refusal for a missing object', 'F-06'],
    ['takes a missing root for a missing object', 'F-07'],
    ['takes 200 for 206', 'F-08 F-09'],
    ['looks at no Content-Range', 'F-09'],
    ['looks at no ETag', 'F-10'],
    ['follows redirects with its token', 'F-11'],
    ['waits for the reader', 'T-08'],
    ['waits for a silent body', 'T-09'],
    ['waits for a silent head', 'T-10'],
    ['limits the whole body', 'T-13 T-08'],
    ['hears no abort while it waits', 'T-14'],
    ['keeps the connections of bodies that are left', 'T-15'],
    ['keeps its connections when it is closed', 'T-16'],
  ] satisfies readonly (readonly [HttpFlaw, string])[]
).map(([flaw, caughtBy]) => [
  flaw,
  (driver, { flaws }) => {
    flaws.add(flaw);
    return driver;
  },
  caughtBy,
]);
