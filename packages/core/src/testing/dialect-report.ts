import { show } from './dialect-sample.ts';
import type { DialectName, DialectReport, DialectResult } from './dialect-run.ts';

/** Writes a report as TAP, version 14, with a comment for each odd name: carried, or streamed. */
export function formatDialectReport(report: DialectReport): string {
  const lines = [
    'TAP version 14',
    `1..${report.results.length}`,
    ...report.results.flatMap((result, index) => linesOf(result, index + 1)),
    ...report.names.map(commentOf),
    `# passed ${report.passed}, failed ${report.failed}, skipped ${report.skipped}`,
  ];
  return `${lines.join('\n')}\n`;
}

function linesOf(result: DialectResult, number: number): readonly string[] {
  const { id, title } = result.check;
  const name = `${number} - ${id} ${title}`;
  switch (result.kind) {
    case 'passed':
      return [`ok ${name}`];
    case 'skipped':
      return [`ok ${name} # SKIP needs ${result.missing}`];
    case 'failed':
      // A JSON value is a YAML value too.
      return [
        `not ok ${name}`,
        '  ---',
        `  message: ${JSON.stringify(messageOf(result.error))}`,
        '  ...',
      ];
  }
}

function commentOf(name: DialectName): string {
  switch (name.kind) {
    case 'carried':
      return `# carried  ${show(name.name)} as ${show(name.value)}`;
    case 'streamed':
      return `# streamed ${show(name.name)}`;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
