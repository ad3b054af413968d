// The contract of drivers, as data.
export type {
  ContractCheck,
  ContractFixture,
  ContractNeed,
  Plant,
  PlantKind,
  RemoteStore,
  SeedMeta,
} from './check.ts';
export { storageContract } from './contract.ts';

// Running it, with a runner or without.
export {
  type CheckResult,
  type ContractOptions,
  type ContractReport,
  type CreateFixture,
  runCheck,
  runContract,
  type RunContractOptions,
} from './run-contract.ts';
export { formatReport, type JsonCheck, type JsonReport, reportToJson } from './format-report.ts';
export { type AvaTest, contractWithAva } from './ava.ts';
export { contractWithNodeTest, type NodeTest } from './node-test.ts';

// Faults between a driver and its store.
export type { Fault, NetworkAddress } from './fault.ts';
export { createFaultProxy, type FaultProxy, type FaultProxyOptions } from './fault-proxy.ts';

// The same for a dialect of one's own.
export type { DialectCheck, DialectSubject, OddPlace } from './dialect-check.ts';
export { dialectChecks } from './dialect-checks.ts';
export {
  checkDialect,
  type DialectCheckOptions,
  type DialectName,
  type DialectReport,
  type DialectResult,
} from './dialect-run.ts';
export { formatDialectReport } from './dialect-report.ts';
export { dialectWithAva, dialectWithNodeTest } from './dialect-glue.ts';

// A driver whose store is in memory.
export {
  createMemoryDriver,
  type MemoryDriver,
  type MemoryDriverOptions,
  type MemoryObject,
} from './memory-driver.ts';
