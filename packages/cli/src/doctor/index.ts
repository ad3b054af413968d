// Finds out whether a deployment works, through its public address.
export { doctor, type DoctorOptions } from './doctor.ts';
export { DoctorError, type DoctorErrorCode } from './doctor-error.ts';
export { formatDoctorReport } from './format-report.ts';
export type { CheckReport, DoctorReport, Finding, Severity } from './report.ts';
