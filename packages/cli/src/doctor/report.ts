import type { ServerName } from '../config/server-name.ts';

/** What the doctor found out about a deployment. */
export interface DoctorReport {
  /** The address that was looked at. */
  readonly url: string;
  /** Whether there is no finding but notes. */
  readonly ok: boolean;
  /** The front server, as the application's dialect or the caller names it. */
  readonly server?: ServerName;
  /** The name of the application's dialect; absent where it streams. */
  readonly dialect?: string;
  /** The name of the store's driver. */
  readonly storage: string;
  /** Versions of the packages that answered, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** How many files the front server sent, and how many the application itself. */
  readonly canaries: { readonly front: number; readonly application: number };
  /** What was tried, in the order in which it was. */
  readonly checks: readonly CheckReport[];
  /** Gravest first. */
  readonly findings: readonly Finding[];
}

/** How one check came out. */
export interface CheckReport {
  /** What holds if the check passes, as a sentence. */
  readonly title: string;
  readonly outcome: 'passed' | 'failed' | 'not tried';
  /** Why it was not tried. */
  readonly why?: string;
}

/** `note`: how this server is, or what could not be seen. It does not count as a failure. */
export type Severity = 'error' | 'warning' | 'note';

/** One thing that is wrong, or worth knowing. */
export interface Finding {
  /** Does not change between versions: `header-lost`. */
  readonly id: string;
  readonly severity: Severity;
  readonly sentence: string;
  /** What was seen, a line each. */
  readonly evidence: readonly string[];
  /** The lines of configuration that mend it, where the server is known. */
  readonly fix?: string;
}
