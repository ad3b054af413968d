import type { CheckReport, DoctorReport, Finding } from './report.ts';

/** Writes a report for people, as lines of text. */
export function formatDoctorReport(report: DoctorReport): string {
  return [
    ...headOf(report),
    '',
    ...report.checks.map(lineOf),
    ...report.findings.flatMap((finding) => ['', ...linesOf(finding)]),
    '',
    verdictOf(report),
    '',
  ].join('\n');
}

function headOf({ url, dialect, server, storage, versions, canaries }: DoctorReport): string[] {
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const by = dialect === undefined ? 'streams' : `orders files from ${dialect}`;
  const other = server === undefined || server === dialect ? '' : `, which is ${server}`;
  return [
    url,
    `The application (${packages.join(', ')}; store: ${storage}) ${by}${other}.`,
    `Of ${canaries.front + canaries.application} files the front server sends ${canaries.front}.`,
  ];
}

const MARKS: Readonly<Record<CheckReport['outcome'], string>> = {
  passed: '✓',
  failed: '✗',
  'not tried': '-',
};

function lineOf({ title, outcome, why }: CheckReport): string {
  return `${MARKS[outcome]} ${title}${why === undefined ? '' : ` Not tried: ${why}.`}`;
}

function linesOf({ id, severity, sentence, evidence, fix }: Finding): readonly string[] {
  const shown = evidence.slice(0, MOST_EVIDENCE);
  const more = evidence.length - shown.length;
  return [
    `${severity}: ${sentence} (${id})`,
    ...shown.map((line) => `  seen: ${printable(line)}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...(fix === undefined
      ? []
      : ['  mend it with:', ...fix.split('\n').map((line) => `    ${line}`)]),
  ];
}

const MOST_EVIDENCE = 8;

const LONGEST_LINE = 300;

/** What a server answered must not write on the terminal what it likes. */
function printable(line: string): string {
  const short = line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line;
  return short.replaceAll(
    // oxlint-disable-next-line no-control-regex -- they are what is replaced
    /[\u0000-\u001f\u007f-\u009f]/g,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function verdictOf({ ok, findings }: DoctorReport): string {
  if (ok) return 'Nothing is wrong.';
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.filter(({ severity }) => severity === 'warning').length;
  return `${counted(errors, 'error')}, ${counted(warnings, 'warning')}.`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
