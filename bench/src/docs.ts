// Writes the tables of a run into a page, between its two marks:
// `npx --yes pnpm@12 bench:docs bench/results/result.json docs/performance.md`.
import { readFileSync, writeFileSync } from 'node:fs';

import { intoPage, markdownOf } from './report/markdown.ts';
import type { Report } from './report/report.ts';

const [source = 'bench/results/result.json', page = 'docs/performance.md'] = process.argv
  .slice(2)
  .filter((one) => one !== '--');
const report: Report = JSON.parse(readFileSync(source, 'utf8'));
writeFileSync(page, intoPage(readFileSync(page, 'utf8'), markdownOf(report)));
