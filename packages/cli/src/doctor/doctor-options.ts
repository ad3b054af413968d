import { checkOptions, integerOption, quote } from '@sluice/core';
import { checkProbeSecret } from '@sluice/core/probe';

import { checkServerName, type ServerName } from '../config/server-name.ts';

/** What `doctor` takes. */
export interface DoctorOptions {
  /** The public address of the downloads: `https://example.org/files/`. */
  readonly url: string;
  /** That of the `probe` option of `downloads`. It is not sent. */
  readonly secret: string;
  /** The front server, where the application's dialect does not name it, or wrongly. */
  readonly server?: ServerName | undefined;
  /** Headers of every request, for a site that lets nobody in without: `Authorization`, `Cookie`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether the files lie on this machine, where the doctor may write: it puts a symbolic link
   * beside the canaries for a moment, to see whether the front server follows it. Default: false.
   */
  readonly sameMachine?: boolean | undefined;
  /** Milliseconds in which each answer must come. Default: 30000. */
  readonly timeout?: number | undefined;
}

/** Checked options. */
export interface DoctorSettings {
  readonly url: URL;
  readonly secret: string;
  readonly server: ServerName | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly sameMachine: boolean;
  readonly timeout: number;
}

/** @throws TypeError for a mistake in the options; the message does not hold the secret */
export function checkDoctorOptions(options: DoctorOptions): DoctorSettings {
  const own = checkOptions('doctor', options, OPTIONS);
  return {
    url: checkUrl(own.url),
    secret: checkProbeSecret('doctor', own.secret),
    server: own.server === undefined ? undefined : checkServerName('doctor', own.server),
    headers: own.headers ?? {},
    sameMachine: own.sameMachine === true,
    timeout: integerOption('doctor', 'timeout', own.timeout, {
      least: 1,
      most: 600_000,
      fallback: 30_000,
    }),
  };
}

const OPTIONS = ['url', 'secret', 'server', 'headers', 'sameMachine', 'timeout'];

function checkUrl(value: unknown): URL {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (url !== undefined && (url.username !== '' || url.password !== '')) {
    throw new TypeError('doctor: url must hold no name and no password; they go into a header');
  }
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new TypeError(
      `doctor: url must be the address of the downloads, such as "https://example.org/files/", got ${quote(value)}`,
    );
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  url.search = '';
  url.hash = '';
  return url;
}
