import type { Dialect } from '../offload/dialect.ts';
import type { AvaTest } from './ava.ts';
import { dialectChecks } from './dialect-checks.ts';
import {
  createSubject,
  type DialectCheckOptions,
  missingNeed,
  runDialectCheck,
} from './dialect-run.ts';
import type { NodeTest } from './node-test.ts';

/**
 * Registers every check of a dialect as a test of AVA, at the top level of a test file. A check
 * whose needs are not met is registered with `test.skip`, with the need in its title.
 *
 * @throws TypeError as `checkDialect` does
 */
export function dialectWithAva(
  test: AvaTest,
  dialect: Dialect,
  options: DialectCheckOptions = {},
): void {
  const subject = createSubject('dialectWithAva', dialect, options);
  for (const check of dialectChecks) {
    const title = `${dialect.name}: ${check.id} ${check.title}`;
    const run: Parameters<AvaTest>[1] = async (t) => {
      check.run(subject);
      t.pass();
    };
    const missing = missingNeed(check, subject);
    if (missing === undefined) test(title, run);
    else test.skip(`${title} (needs ${missing})`, run);
  }
}

/**
 * Registers every check of a dialect as a test of `node:test`, at the top level of a test file. A
 * check whose needs are not met is skipped, with the need as message.
 *
 * @throws TypeError as `checkDialect` does
 */
export function dialectWithNodeTest(
  test: NodeTest,
  dialect: Dialect,
  options: DialectCheckOptions = {},
): void {
  const subject = createSubject('dialectWithNodeTest', dialect, options);
  for (const check of dialectChecks) {
    test(`${dialect.name}: ${check.id} ${check.title}`, async (t) => {
      const result = runDialectCheck(check, subject);
      if (result.kind === 'skipped') t.skip(`needs ${result.missing}`);
      if (result.kind === 'failed') throw result.error;
    });
  }
}
