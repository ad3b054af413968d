import { checkOptions, type Sluice, type StorageKey } from '@sluice/core';
import {
  BEGIN_KEY,
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
import { type ArrivalBook, createArrivalBook } from './arrival-book.ts';
import { type CanaryKeeper, createCanaryKeeper } from './canary-keeper.ts';
import { allowCanary, createDescriber, type Describer } from './describer.ts';
import { tell, tellStray } from './tell.ts';
import { createUncheckedSluice } from './unchecked-sluice.ts';
import { installedVersions } from './versions.ts';

/** What lets `sluice doctor` look at a deployment through its public address. */
export interface ProbeOptions {
  /**
   * Shared with the doctor, at least 32 characters; it never travels. Its holder can have a fixed
   * set of objects, about 8 MiB, made below `sluice-probe/` in the store, downloaded and removed, and
   * is told where they lie. Nothing else of the store can be reached with it.
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
 * @throws TypeError when an option is unknown or the secret is too short; the message does not hold
 * the secret
 */
export function createProbe<S>(owner: string, sluice: Sluice<S>, options: ProbeOptions): Probe {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${owner}: probe must be an object with a secret, got ${typeof options}`);
  }
  const own = checkOptions(`${owner}: probe`, options, ['secret']);
  const secret = checkProbeSecret(owner, own.secret);
  const room = furnish(sluice);
  return {
    async answers(ctx, key, reports) {
      if (key === undefined || !key.startsWith(`${PROBE_FOLDER}/`)) return false;
      const method = ctx.req.method ?? '';
      const header = ctx.req.headers[PROBE_HEADER];
      if (!isProbe(secret, header, { method, key }, Date.now())) return false;
      room.arrivals.note(ctx);
      return method === 'POST' ? ask(ctx, room, key) : send(ctx, room, key, reports);
    },
  };
}

/** What a probe works with. */
interface Room<S> {
  readonly sluice: Sluice<S>;
  /** Orders files without having looked at them; absent where nothing is ordered. */
  readonly unchecked: Sluice | undefined;
  readonly keeper: CanaryKeeper;
  readonly describer: Describer;
  readonly arrivals: ArrivalBook;
}

function furnish<S>(sluice: Sluice<S>): Room<S> {
  const unchecked = createUncheckedSluice(sluice);
  return {
    sluice,
    unchecked,
    keeper: createCanaryKeeper(sluice.storage),
    describer: createDescriber(sluice, unchecked),
    arrivals: createArrivalBook(),
  };
}

/**
 * Milliseconds after which a canary is old enough: what is younger than two seconds is streamed under
 * a weak entity tag, and the clock of a file system may tick in seconds.
 */
const SETTLING = 3100;

async function ask<S>(ctx: DownloadContext, room: Room<S>, key: StorageKey): Promise<boolean> {
  if (key === BEGIN_KEY) {
    const begun = await room.keeper.begin();
    const { dialect, storage } = room.sluice;
    const isSettled = begun.objection !== undefined || (await room.describer.isSettled(begun.run));
    tell(ctx, {
      ...begun,
      settling: isSettled ? 0 : SETTLING,
      versions: installedVersions(),
      storage: storage.name,
      ...(dialect !== undefined && { dialect: { name: dialect.name, header: dialect.header } }),
    });
    return true;
  }
  const asked = questionAt(key);
  return asked === undefined ? false : answer(ctx, room, asked);
}

async function answer<S>(
  ctx: DownloadContext,
  { keeper, describer, arrivals, sluice }: Room<S>,
  { run, question }: { readonly run: string; readonly question: ProbeQuestion },
): Promise<boolean> {
  switch (question) {
    case 'describe':
      tell(ctx, await describer.describe(run));
      return true;
    case 'arrival':
      tell(ctx, arrivals.describe(ctx));
      return true;
    case 'end':
      tell(ctx, await keeper.end(run));
      return true;
    case 'stray':
      return tellStray(ctx, sluice.dialect, await describer.orderOf(run, 'plain'));
  }
}

/** Sends a canary the very way that every object is sent; only the policy is not asked. */
async function send<S>(
  ctx: DownloadContext,
  { sluice, unchecked, describer }: Room<S>,
  key: StorageKey,
  reports: Reports,
): Promise<boolean> {
  const request = { ...factsOf(ctx), key, subject: undefined };
  const found = canaryAt(key);
  if (found !== undefined) {
    await deliver(
      ctx,
      sluice,
      { ...request, policy: () => allowCanary(found.canary.look) },
      reports,
    );
    return true;
  }
  const run = runIn(key);
  if (run === undefined || key !== uncheckedKey(run) || unchecked === undefined) return false;
  // Where it would be streamed there is nothing to stream.
  if ((await describer.uncheckedOrder(run)) === undefined) return false;
  await deliver(ctx, unchecked, request, reports);
  return true;
}
