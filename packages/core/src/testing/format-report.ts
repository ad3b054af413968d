import type { CheckResult, ContractReport } from './run-contract.ts';

/** Writes a report as TAP, version 14. A known deviation is a `TODO`, which fails no run. */
export function formatReport(report: ContractReport): string {
  const lines = ['TAP version 14', `1..${report.results.length}`];
  for (const [index, result] of report.results.entries()) {
    lines.push(...linesOf(result, index + 1));
  }
  lines.push(
    `# passed ${report.passed}, failed ${report.failed}, ` +
      `known deviations ${report.knownDeviations}, skipped ${report.skipped}`,
  );
  return `${lines.join('\n')}\n`;
}

function linesOf(result: CheckResult, number: number): readonly string[] {
  const name = `${number} - ${escapeTap(`${result.check.id} ${result.check.title}`)}`;
  switch (result.kind) {
    case 'passed':
      return [`ok ${name}`, ...block({ duration_ms: Math.round(result.duration) })];
    case 'failed':
      return [`not ok ${name}`, ...block({ message: messageOf(result.error) })];
    case 'known-deviation':
      return [
        `not ok ${name} # TODO ${escapeTap(result.reason)}`,
        ...block({ message: messageOf(result.error) }),
      ];
    case 'skipped':
      return [`ok ${name} # SKIP needs ${result.missing.join(', ')}`];
  }
}

/** A JSON value is a YAML value too. */
function block(fields: Readonly<Record<string, string | number>>): readonly string[] {
  const lines = Object.entries(fields).map(
    ([name, value]) => `  ${name}: ${JSON.stringify(value)}`,
  );
  return ['  ---', ...lines, '  ...'];
}

/** In TAP 14 `#` starts a directive, and a line is a line. */
function escapeTap(text: string): string {
  return text.replaceAll(/[\\#]/g, String.raw`\$&`).replaceAll(/\s+/g, ' ');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
