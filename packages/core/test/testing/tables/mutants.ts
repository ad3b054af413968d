import { cancelMutants } from './cancel-mutants.ts';
import { driverMutants } from './driver-mutants.ts';
import { faultMutants } from './fault-mutants.ts';
import { fillMutants } from './fill-mutants.ts';
import { keyMutants } from './key-mutants.ts';
import { listMutants } from './list-mutants.ts';
import type { Mutant } from './mutant.ts';
import { openMutants } from './open-mutants.ts';
import { readMutants } from './read-mutants.ts';
import { statMutants } from './stat-mutants.ts';
import { urlMutants } from './url-mutants.ts';
import { versionMutants } from './version-mutants.ts';
import { writeMutants } from './write-mutants.ts';

/** Every fault, by group. */
export const mutants: readonly Mutant[] = [
  ...driverMutants,
  ...statMutants,
  ...openMutants,
  ...readMutants,
  ...fillMutants,
  ...versionMutants,
  ...cancelMutants,
  ...faultMutants,
  ...keyMutants,
  ...urlMutants,
  ...listMutants,
  ...writeMutants,
];
