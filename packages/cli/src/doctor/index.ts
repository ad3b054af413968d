// Finds out whether a deployment works, through its public address.
export { doctor } from './doctor.ts';
export type { DoctorOptions } from './doctor-options.ts';
export { DoctorError, type DoctorErrorCode } from './doctor-error.ts';
export { formatDoctorReport } from './format-report.ts';
export type { CheckReport, DoctorReport, Finding, Severity } from './report.ts';
