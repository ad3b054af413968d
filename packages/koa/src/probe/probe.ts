import { allow, checkOptions, quote, type Sluice, type StorageKey } from '@sluice/core';
import {
  BEGIN_KEY,
  type Canary,
  canaryAt,
  checkProbeSecret,
  isProbe,
  PROBE_FOLDER,
  PROBE_HEADER,
  questionAt,
  type ProbeQuestion,
  runIn,
  uncheckedKey,
} from '@sluice/core/probe';

import { deliver } from '../deliver.ts';
import type { Reports } from '../reports.ts';
import { type DownloadContext, factsOf } from '../request.ts';
import { arrivalOf } from './arrival.ts';
import { createCanaryKeeper } from './canary-keeper.ts';
import { createDescriber } from './describe.ts';
import { strayOrder, tell } from './tell.ts';
import { createUnchecked } from './unchecked.ts';

/** What lets `sluice doctor` look at a deployment through its public address. */
export interface ProbeOptions {
  /**
   * Shared with the doctor, at least 32 characters; it never travels. Its holder can have a fixed
   * set of about 9 MiB of objects made below `sluice-probe/` in the store, downloaded, and removed,
   * and can learn where they lie. Nothing else of the store can be reached with it.
   */
  readonly secret: string;
}

/** Answers the requests of a doctor. */
export interface Probe {
  /**
   * Answers a request that proves to be a doctor's.
   *
   * @param key what its target names
   * @returns false for every other request, which is then as if there were no probe
   */
  answers(ctx: DownloadContext, key: StorageKey | undefined, reports: Reports): Promise<boolean>;
}

/**
 * Creates the probe of a sluice.
 *
 * @throws TypeError when an option is unknown or the secret is too short; its message does not hold
 * the secret
 */
export function createProbe<S>(owner: string, sluice: Sluice<S>, options: ProbeOptions): Probe {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${owner}: probe must be an object with a secret, got ${typeof options}`);
  }
  const { secret } = checkOptions(`${owner}: probe`, options, ['secret']);
  const answer = createAnswerer(sluice, checkProbeSecret(owner, secret));
  return {
    async answers(ctx, key, reports) {
      if (key === undefined || !key.startsWith(`${PROBE_FOLDER}/`)) return false;
      const header = ctx.req.headers[PROBE_HEADER];
      const method = ctx.req.method ?? '';
      if (!isProbe(secret, header, { method, key }, Date.now())) return false;
      return answer(ctx, key, reports);
    },
  };
}
