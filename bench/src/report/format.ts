import type { Metric } from '../summary.ts';

/** Writes a number with three digits that count, and no exponent. */
export function digits(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–';
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** Writes a value of a metric in the unit of its column. */
export function inUnit(value: number | undefined, metric: Metric): string {
  return value === undefined ? '–' : digits(value * UNITS[metric].factor);
}

/** What stands above the column of a metric. */
export function headOf(metric: Metric): string {
  return UNITS[metric].head;
}

/** Writes a share as percent. */
export function percent(value: number | undefined): string {
  return value === undefined ? '–' : `${Math.round(value * 100)} %`;
}

const UNITS: Readonly<Record<Metric, { readonly head: string; readonly factor: number }>> = {
  requestsPerSecond: { head: 'requests/s', factor: 1 },
  bytesPerSecond: { head: 'MB/s', factor: 1e-6 },
  p50: { head: 'p50 ms', factor: 1 },
  p99: { head: 'p99 ms', factor: 1 },
  cpuPerRequest: { head: 'CPU µs/req', factor: 1e6 },
  cpuPerGB: { head: 'CPU s/GB', factor: 1 },
  peakMemory: { head: 'peak MB', factor: 1e-6 },
  memoryPerReader: { head: 'KB/reader', factor: 1e-3 },
  descriptors: { head: 'fds', factor: 1 },
};
