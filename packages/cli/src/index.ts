// The configuration of front servers, and how a server with one is started.
export {
  config,
  serverCommand,
  serverNames,
  type ConfigOptions,
  type PublicFolder,
  type ServerCommand,
  type ServerCommandOptions,
  type ServerName,
  type StoreOptions,
} from './config/index.ts';

// Whether a deployment works.
export {
  doctor,
  DoctorError,
  formatDoctorReport,
  type CheckReport,
  type DoctorErrorCode,
  type DoctorOptions,
  type DoctorReport,
  type Finding,
  type Severity,
} from './doctor/index.ts';
