import type { Mutate } from '../world.ts';

/** A driver with one fault, and the checks that must see it, by their ids. */
export type Mutant = readonly [fault: string, mutate: Mutate, caughtBy: string];
