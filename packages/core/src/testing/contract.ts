import type { ContractCheck } from './check.ts';
import { openChecks } from './open-checks.ts';
import { readChecks } from './read-checks.ts';
import { statChecks } from './stat-checks.ts';

/** Every check of the driver contract, by group. */
export const storageContract: readonly ContractCheck[] = [
  ...statChecks,
  ...openChecks,
  ...readChecks,
];
