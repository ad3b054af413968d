import {
  type Allow,
  allow,
  createSluice,
  type DownloadPlan,
  type PlanHeaders,
  type Sluice,
  type StorageKey,
} from '@sluice/core';
import { parseHttpDate } from '@sluice/core/http';
import {
  type Canary,
  canariesOf,
  type CanaryDescription,
  type ProbeDescription,
  uncheckedKey,
} from '@sluice/core/probe';

import { digestOf } from './digest.ts';

/** Tells how canaries are going to be answered. */
export interface Describer {
  /** Describes those canaries of a run that the store has. */
  describe(run: string): Promise<ProbeDescription>;
  /** Tells whether canaries that have just been stored are answered as older ones are. */
  isSettled(run: string): Promise<boolean>;
  /** The value of the header that orders a canary; `undefined` where it is streamed, or missing. */
  orderOf(run: string, id: string): Promise<string | undefined>;
  /** The value of the header that orders the file nobody has looked at. */
  uncheckedOrder(run: string): Promise<string | undefined>;
}

/** Creates a describer. It plans each canary twice: as it is sent, and as the application would stream it. */
export function createDescriber<S>(sluice: Sluice<S>, unchecked: Sluice | undefined): Describer {
  const streaming = createSluice({ storage: sluice.storage, policy: () => allow() });

  const describeCanary = async (run: string, canary: Canary): Promise<CanaryDescription[]> => {
    const plan = await sluice.plan(requestOf(canary));
    const streamed = await streaming.plan(requestOf(canary));
    if (streamed.kind !== 'whole') return [];
    const { id, key, size } = canary;
    const path = sluice.storage.localPath?.(key)?.path;
    const fromDisk = orderIn(plan, sluice);
    const order = fromDisk ?? (await fetchOrderOf(plan, canary, sluice));
    return [
      {
        id,
        key,
        size,
        sha256: await digestOf(run, canary),
        headers:
          fromDisk === undefined ? streamed.headers : seenBehindFront(streamed.headers, size),
        sender: plan.kind === 'offload' ? 'front' : 'application',
        why: plan.why,
        ...(order !== undefined && { order }),
        ...(path !== undefined && { path }),
      },
    ];
  };

  /** An entity tag that the front server makes itself is its own. */
  const seenBehindFront = (headers: PlanHeaders, size: number): PlanHeaders => {
    const lastModified = parseHttpDate(headers['last-modified'] ?? '');
    if (lastModified === undefined) return headers;
    const etag = sluice.dialect?.entityTagOf?.({ size, lastModified });
    return etag === undefined ? headers : { ...headers, etag };
  };

  const uncheckedOrder = async (run: string): Promise<string | undefined> => {
    const plan = await unchecked?.plan(bareRequest(uncheckedKey(run)));
    return plan && orderIn(plan, sluice);
  };

  return {
    uncheckedOrder,
    async describe(run) {
      const canaries: CanaryDescription[] = [];
      for (const canary of canariesOf(run)) canaries.push(...(await describeCanary(run, canary)));
      const key = uncheckedKey(run);
      const order = await uncheckedOrder(run);
      const path = sluice.storage.localPath?.(key)?.path;
      if (order === undefined || path === undefined) return { canaries };
      return { canaries, unchecked: { key, order, path } };
    },
    async isSettled(run) {
      const [plain] = canariesOf(run);
      if (sluice.dialect !== undefined || plain === undefined) return false;
      const plan = await streaming.plan(requestOf(plain));
      return plan.headers['etag']?.startsWith('"') === true;
    },
    async orderOf(run, id) {
      const canary = canariesOf(run).find((one) => one.id === id);
      if (canary === undefined) return undefined;
      const plan = await sluice.plan(requestOf(canary));
      return orderIn(plan, sluice) ?? fetchOrderOf(plan, canary, sluice);
    },
  };
}

function bareRequest(key: StorageKey): { method: string; key: StorageKey; subject: undefined } {
  return { method: 'GET', key, subject: undefined };
}

function requestOf({ key, look }: Canary) {
  return { ...bareRequest(key), policy: () => allowCanary(look) };
}

/** What a canary is allowed under. A doctor looks at the front server, and goes to no store. */
export function allowCanary(look: Canary['look']): Allow {
  return allow({ ...look, redirect: false });
}

function orderIn<S>(plan: DownloadPlan, { dialect }: Sluice<S>): string | undefined {
  return plan.kind === 'offload' && dialect !== undefined
    ? plan.headers[dialect.header]
    : undefined;
}

/**
 * Signs the order by which the front server fetches a canary. No plan holds one, since it is as good as
 * the object; this object is the doctor's own.
 */
async function fetchOrderOf<S>(
  plan: DownloadPlan,
  { key }: Canary,
  { dialect, storage }: Sluice<S>,
): Promise<string | undefined> {
  if (plan.kind !== 'offload') return undefined;
  const signed = await storage.internalUrl?.(key, { expiresIn: CANARY_EXPIRES_IN });
  return signed && dialect?.valueForUrl?.(signed.url);
}

/** Seconds. A run takes five, and the clocks of two machines may differ. */
const CANARY_EXPIRES_IN = 300;
