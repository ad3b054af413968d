import {
  type ContractOptions,
  type CreateFixture,
  isAlone,
  runCheck,
  selectChecks,
} from './run-contract.ts';

/** What is used of the `test` of `node:test`. */
export type NodeTest = (title: string, run: (t: NodeTestContext) => Promise<void>) => unknown;

interface NodeTestContext {
  skip(message: string): void;
  todo(message: string): void;
}

/**
 * Registers every check of the contract as a test of `node:test`, to be called at the top level of
 * a test file.
 *
 * A check whose needs are not met is skipped, with the need as message; a known deviation is a
 * `todo` that fails.
 *
 * @throws TypeError on an option, a check id or a group that does not exist
 */
export function contractWithNodeTest(
  test: NodeTest,
  createFixture: CreateFixture,
  options: ContractOptions = {},
): void {
  const checks = selectChecks('contractWithNodeTest', options);
  // What measures the process comes first, before others have left their garbage in it.
  const ordered = [...checks.filter(isAlone), ...checks.filter((check) => !isAlone(check))];
  for (const check of ordered) {
    test(`${check.id} ${check.title}`, async (t) => {
      const result = await runCheck(check, createFixture, options);
      if (result.kind === 'skipped') t.skip(`needs ${result.missing.join(', ')}`);
      if (result.kind === 'known-deviation') t.todo(result.reason);
      if (result.kind === 'failed' || result.kind === 'known-deviation') throw result.error;
    });
  }
}
