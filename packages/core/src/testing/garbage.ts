import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Lets go of all memory that nothing refers to any more, so that what is measured next is of what
 * happens next.
 *
 * The flag that makes it possible stays set: it is one for all threads of the process, and taken back
 * here it would be missing where another test is about to use it.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc()');
}
