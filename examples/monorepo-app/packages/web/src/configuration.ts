import { resolve } from 'node:path';

import type { Dialect } from '@sluice/core';
import { dialectFromName } from '@sluice/core/offload';

/** What differs between the machines that the school runs on. */
export interface Configuration {
  /** 0 takes any free port. */
  readonly port: number;
  /** The file of the accounts' database. */
  readonly database: string;
  /** The folder of recordings. */
  readonly recordings: string;
  /** Of the front server that sends the recordings; `undefined` streams them. */
  readonly dialect: Dialect | undefined;
  /** What the proxy in front proves itself with. */
  readonly proxySecret: string;
}

/**
 * Reads the configuration from the environment. What is missing or wrong is found at the start and
 * not at the first download.
 *
 * @throws TypeError naming the variable
 */
export function configurationFrom(
  environment: Readonly<Record<string, string | undefined>>,
): Configuration {
  const required = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === '') throw new TypeError(`${name} is not set`);
    return value;
  };
  const proxySecret = required('PROXY_SECRET');
  if (proxySecret.length < 16) throw new TypeError('PROXY_SECRET must have 16 characters or more');
  return {
    port: portFrom(environment['PORT'] ?? '3000'),
    database: resolve(required('DATABASE')),
    recordings: resolve(required('RECORDINGS')),
    dialect: dialectFromName(environment['SENDFILE'] ?? 'simple'),
    proxySecret,
  };
}

function portFrom(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
  if (port > 65_535) throw new TypeError(`PORT must be a number from 0 to 65535, got "${text}"`);
  return port;
}
