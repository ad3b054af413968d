import {
  type ContractOptions,
  type CreateFixture,
  inRunOrder,
  runCheck,
  selectChecks,
  titleOf,
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
  for (const check of inRunOrder(selectChecks('contractWithNodeTest', options))) {
    test(titleOf(check, options), async (t) => {
      const result = await runCheck(check, createFixture, options);
      if (result.kind === 'skipped') t.skip(`needs ${result.missing.join(', ')}`);
      if (result.kind === 'known-deviation') t.todo(result.reason);
      if (result.kind === 'failed' || result.kind === 'known-deviation') throw result.error;
    });
  }
}
