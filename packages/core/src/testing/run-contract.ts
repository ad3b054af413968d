import { checkOptions, integerOption, MAX_MILLISECONDS, quote } from '../options.ts';
import {
  type ContractCheck,
  type ContractFixture,
  type ContractNeed,
  isNeed,
  missingNeeds,
} from './check.ts';
import { storageContract } from './contract.ts';
import { within } from './failure.ts';

/** Makes a driver over a store, for one check. */
export type CreateFixture = () => ContractFixture | Promise<ContractFixture>;

export interface ContractOptions {
  /**
   * The checks that the driver is known to fail, by id, each with the reason. Such a check must
   * fail: a deviation that is gone is reported as a failure, so that the list stays true.
   */
  readonly known?: Readonly<Record<string, string>>;
  /**
   * What the driver or the fixture is meant not to offer: `put`; `plant` for every kind of plant.
   * The checks that need it are left out, and one check takes their place, `C-00`: that it is indeed
   * not offered.
   */
  readonly without?: readonly ContractNeed[];
  /** Put before the title of every test, where one file runs the contract on several drivers. */
  readonly name?: string;
  /** Ids, as `K-01`, or letters of groups, as `K`; by default every check is run. */
  readonly only?: readonly string[];
  /** Milliseconds for a check, and as many for making its fixture and disposing of it. Default 10 000. */
  readonly timeout?: number;
}

export interface RunContractOptions extends ContractOptions {
  /** How many checks run side by side. Default 1. Those that measure the process run alone first. */
  readonly concurrency?: number;
}

/** How one check ended. Durations are milliseconds. */
export type CheckResult =
  | { readonly kind: 'passed'; readonly check: ContractCheck; readonly duration: number }
  | {
      readonly kind: 'failed';
      readonly check: ContractCheck;
      readonly duration: number;
      readonly error: unknown;
    }
  | {
      readonly kind: 'known-deviation';
      readonly check: ContractCheck;
      readonly duration: number;
      readonly error: unknown;
      readonly reason: string;
    }
  | {
      readonly kind: 'skipped';
      readonly check: ContractCheck;
      readonly duration: number;
      /** What the driver or the fixture does not offer. */
      readonly missing: readonly ContractNeed[];
    };

export interface ContractReport {
  readonly passed: number;
  readonly failed: number;
  readonly knownDeviations: number;
  readonly skipped: number;
  /** In the order of the contract. */
  readonly results: readonly CheckResult[];
}

/**
 * Runs the contract on a driver, without a test runner. It never rejects for a check that fails.
 *
 * T-11 measures the memory of the process, so nothing else should be at work in it meanwhile.
 *
 * @throws TypeError on an option, a check id, a group or a need that does not exist
 */
export async function runContract(
  createFixture: CreateFixture,
  options: RunContractOptions = {},
): Promise<ContractReport> {
  const { concurrency, ...rest } = options;
  const lanes = integerOption('runContract', 'concurrency', concurrency, { least: 1, fallback: 1 });
  const checks = selectChecks('runContract', rest);
  const results = new Map<string, CheckResult>();
  const runAll = async (queue: ContractCheck[]): Promise<void> => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      results.set(check.id, await runCheck(check, createFixture, rest));
    }
  };
  await runAll(checks.filter(isAlone));
  const together = checks.filter((check) => !isAlone(check));
  await Promise.all(Array.from({ length: lanes }, () => runAll(together)));
  return reportOf(checks.flatMap(({ id }) => results.get(id) ?? []));
}

/** Runs one check on a fixture of its own, and disposes of the fixture whatever happens. */
export async function runCheck(
  check: ContractCheck,
  createFixture: CreateFixture,
  options: ContractOptions = {},
): Promise<CheckResult> {
  const limit = integerOption('runCheck', 'timeout', options.timeout, {
    least: 1,
    most: MAX_MILLISECONDS,
    fallback: 10_000,
  });
  const start = performance.now();
  const outcome = await attempt(check, createFixture, limit);
  const base = { check, duration: performance.now() - start };
  const reason = options.known?.[check.id];
  return reason === undefined ? { ...base, ...outcome } : { ...base, ...invert(outcome, reason) };
}

/**
 * Puts the checks that measure the process before the others, which leave their garbage in it.
 */
export function inRunOrder(checks: readonly ContractCheck[]): readonly ContractCheck[] {
  return [...checks.filter(isAlone), ...checks.filter((check) => !isAlone(check))];
}

/**
 * Picks the checks that the options name.
 *
 * @param owner who takes the options, for the message
 * @throws TypeError on an option, a check id, a group or a need that does not exist
 */
export function selectChecks(owner: string, options: ContractOptions): readonly ContractCheck[] {
  checkOptions(owner, options, ['known', 'name', 'only', 'timeout', 'without']);
  const { known = {}, only, without = [] } = options;
  for (const id of Object.keys(known)) {
    if (!storageContract.some((check) => check.id === id)) {
      throw new TypeError(`${owner}: known names ${quote(id)}, which is no check`);
    }
  }
  for (const name of only ?? []) {
    if (!storageContract.some((check) => names(check, name))) {
      throw new TypeError(`${owner}: only names ${quote(name)}, which is no check and no group`);
    }
  }
  for (const name of without) {
    if (!isNeed(name)) {
      throw new TypeError(`${owner}: without names ${quote(name)}, which is no need`);
    }
  }
  const checks = storageContract.filter(
    (check) =>
      (only === undefined || only.some((name) => names(check, name))) &&
      !check.needs?.some((need) => without.some((name) => isWithin(need, name))),
  );
  return without.length > 0 ? [lacks(without), ...checks] : checks;
}

/** The title of the test that a runner makes of a check. */
export function titleOf(check: ContractCheck, { name }: ContractOptions): string {
  const title = `${check.id} ${check.title}`;
  return name === undefined ? title : `${name}: ${title}`;
}

type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'skipped'; readonly missing: readonly ContractNeed[] };

async function attempt(
  check: ContractCheck,
  createFixture: CreateFixture,
  limit: number,
): Promise<Outcome> {
  const making = (async () => createFixture())();
  let fixture: ContractFixture;
  try {
    fixture = await within(limit, making, 'the fixture');
  } catch (error) {
    // One that comes too late is not left lying about.
    making.then((late) => late.dispose()).catch(() => undefined);
    return { kind: 'failed', error };
  }
  const outcome = await runOn(fixture, check, limit);
  try {
    await within(limit, fixture.dispose(), 'the disposal of the fixture');
  } catch (error) {
    // What the check has seen says more than what became of the fixture.
    return outcome.kind === 'failed' ? outcome : { kind: 'failed', error };
  }
  return outcome;
}

async function runOn(
  fixture: ContractFixture,
  check: ContractCheck,
  limit: number,
): Promise<Outcome> {
  try {
    const missing = missingNeeds(check, fixture);
    if (missing.length > 0) return { kind: 'skipped', missing };
    await within(limit, check.run(fixture), 'the check');
  } catch (error) {
    return { kind: 'failed', error };
  }
  return { kind: 'passed' };
}

type Inverted =
  | Exclude<Outcome, { readonly kind: 'passed' }>
  | { readonly kind: 'known-deviation'; readonly error: unknown; readonly reason: string };

function invert(outcome: Outcome, reason: string): Inverted {
  switch (outcome.kind) {
    case 'passed':
      return { kind: 'failed', error: new Error(`passes, and is known to fail: ${reason}`) };
    case 'failed':
      return { kind: 'known-deviation', error: outcome.error, reason };
    case 'skipped':
      return outcome;
  }
}

function isAlone(check: ContractCheck): boolean {
  return check.alone === true;
}

function lacks(needs: readonly ContractNeed[]): ContractCheck {
  return {
    id: 'C-00',
    title: `what was said to be absent is absent: ${needs.join(', ')}`,
    async run(fixture) {
      const missing = missingNeeds({ needs }, fixture);
      const offered = needs.filter((need) => !missing.includes(need));
      if (offered.length > 0) throw new Error(`${offered.join(', ')} is offered, and not checked`);
    },
  };
}

/** `plant.fifo` is within `plant`, and `remote.http` within `remote`. */
function isWithin(need: ContractNeed, name: ContractNeed): boolean {
  return need === name || need.startsWith(`${name}.`);
}

function names(check: ContractCheck, name: string): boolean {
  return check.id === name || check.id.startsWith(`${name}-`);
}

function reportOf(results: readonly CheckResult[]): ContractReport {
  const count = (kind: CheckResult['kind']): number =>
    results.filter((result) => result.kind === kind).length;
  return {
    passed: count('passed'),
    failed: count('failed'),
    knownDeviations: count('known-deviation'),
    skipped: count('skipped'),
    results,
  };
}
