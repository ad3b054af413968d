import type { ContractNeed } from './check.ts';
import type { CheckResult, ContractReport } from './run-contract.ts';

/** A report as plain data. Members are added to it, never changed or taken away. */
export interface JsonReport {
  readonly passed: number;
  readonly failed: number;
  readonly knownDeviations: number;
  readonly skipped: number;
  /** In the order of the contract. */
  readonly checks: readonly JsonCheck[];
}

/** One check of a {@link JsonReport}. */
export interface JsonCheck {
  readonly id: string;
  readonly title: string;
  readonly outcome: CheckResult['kind'];
  /** Milliseconds, whole ones. */
  readonly duration: number;
  /** What was seen, where the outcome is `failed` or `known-deviation`. */
  readonly message?: string;
  /** Why it is known to fail, where the outcome is `known-deviation`. */
  readonly reason?: string;
  /** What is not offered, where the outcome is `skipped`. */
  readonly missing?: readonly ContractNeed[];
}

/**
 * Writes a report: as TAP, version 14, where a known deviation is a `TODO`, which fails no run; or
 * as JSON, the text of {@link reportToJson} and a line end.
 */
export function formatReport(report: ContractReport, form: 'tap' | 'json' = 'tap'): string {
  switch (form) {
    case 'tap':
      return tapOf(report);
    case 'json':
      return `${JSON.stringify(reportToJson(report), undefined, 2)}\n`;
  }
}

/** Makes plain data of a report: without the checks themselves, errors as their messages. */
export function reportToJson(report: ContractReport): JsonReport {
  const { passed, failed, knownDeviations, skipped, results } = report;
  return { passed, failed, knownDeviations, skipped, checks: results.map(jsonOf) };
}

function jsonOf(result: CheckResult): JsonCheck {
  const { id, title } = result.check;
  const base = { id, title, outcome: result.kind, duration: Math.round(result.duration) };
  switch (result.kind) {
    case 'passed':
      return base;
    case 'failed':
      return { ...base, message: messageOf(result.error) };
    case 'known-deviation':
      return { ...base, message: messageOf(result.error), reason: result.reason };
    case 'skipped':
      return { ...base, missing: result.missing };
  }
}

function tapOf(report: ContractReport): string {
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
