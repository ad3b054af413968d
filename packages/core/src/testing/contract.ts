import { cancelChecks } from './cancel-checks.ts';
import type { ContractCheck } from './check.ts';
import { driverChecks } from './driver-checks.ts';
import { faultChecks } from './fault-checks.ts';
import { fillChecks } from './fill-checks.ts';
import { keyChecks } from './key-checks.ts';
import { listChecks } from './list-checks.ts';
import { openChecks } from './open-checks.ts';
import { patienceChecks } from './patience-checks.ts';
import { readChecks } from './read-checks.ts';
import { statChecks } from './stat-checks.ts';
import { urlChecks } from './url-checks.ts';
import { versionChecks } from './version-checks.ts';
import { writeChecks } from './write-checks.ts';

/** Every check of the driver contract, by group. */
export const storageContract: readonly ContractCheck[] = [
  ...driverChecks,
  ...statChecks,
  ...openChecks,
  ...readChecks,
  ...fillChecks,
  ...versionChecks,
  ...cancelChecks,
  ...patienceChecks,
  ...faultChecks,
  ...keyChecks,
  ...urlChecks,
  ...listChecks,
  ...writeChecks,
];
