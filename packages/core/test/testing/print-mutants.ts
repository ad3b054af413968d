// Runs every driver that goes wrong against the checks that must see it, and prints the table in
// Markdown: node packages/core/dist/test/testing/print-mutants.js
import { runContract } from '../../src/testing/index.ts';
import { mutants } from './tables/mutants.ts';
import { createWorldFixture } from './world.ts';

console.log('| A driver that … | is caught by | and was not by |\n| --- | --- | --- |');
let missed = 0;
for (const [fault, mutate, caughtBy] of mutants) {
  const only = caughtBy.split(' ');
  const { results } = await runContract(() => createWorldFixture(mutate), { only, timeout: 5000 });
  const idsOf = (wanted: boolean): string =>
    results
      .filter(({ kind }) => (kind === 'failed') === wanted)
      .map(({ check }) => check.id)
      .join(' ');
  console.log(`| ${fault} | ${idsOf(true)} | ${idsOf(false)} |`);
  missed += idsOf(false) === '' ? 0 : 1;
}
console.log(
  `\n${mutants.length} drivers that go wrong, ${mutants.length - missed} caught by all named.`,
);
process.exit(missed === 0 ? 0 : 1);
