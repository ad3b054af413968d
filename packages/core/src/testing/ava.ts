import { missingNeeds } from './check.ts';
import {
  type ContractOptions,
  type CreateFixture,
  inRunOrder,
  runCheck,
  selectChecks,
  titleOf,
} from './run-contract.ts';

/** AVA's `test`, as far as the contract knows it. */
export interface AvaTest {
  (title: string, run: AvaRun): void;
  readonly serial: (title: string, run: AvaRun) => void;
  readonly skip: (title: string, run: AvaRun) => void;
}

type AvaRun = (t: AvaContext) => Promise<void>;

interface AvaContext {
  pass(): unknown;
  readonly log: (...values: unknown[]) => void;
}

/**
 * Registers every check of the contract as a test of AVA: `await contractWithAva(test, create)`, at
 * the top level of a test file.
 *
 * The tests are serial: AVA starts all others at once, and then a check would wait for its
 * neighbours and not for the driver. AVA cannot skip a test that has begun, so one fixture is made
 * beforehand, to see what it offers; a check whose needs it does not meet is registered with
 * `test.skip`, with the need in its title. A known deviation passes when the check fails, and logs
 * the reason.
 *
 * @throws TypeError on an option, a check id or a group that does not exist
 */
export async function contractWithAva(
  test: AvaTest,
  createFixture: CreateFixture,
  options: ContractOptions = {},
): Promise<void> {
  const checks = inRunOrder(selectChecks('contractWithAva', options));
  const probe = await createFixture();
  try {
    for (const check of checks) {
      const title = titleOf(check, options);
      const missing = missingNeeds(check, probe);
      const run: AvaRun = async (t) => {
        const result = await runCheck(check, createFixture, options);
        if (result.kind === 'failed') throw result.error;
        if (result.kind === 'skipped') throw new Error(`needs ${result.missing.join(', ')}`);
        if (result.kind === 'known-deviation') t.log(`known deviation: ${result.reason}`);
        t.pass();
      };
      if (missing.length > 0) test.skip(`${title} (needs ${missing.join(', ')})`, run);
      else test.serial(title, run);
    }
  } finally {
    await probe.dispose();
  }
}
