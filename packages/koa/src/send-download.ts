import {
  assertKey,
  checkObligations,
  checkOptions,
  checkPolicy,
  type DownloadPlan,
  type Obligations,
  type Policy,
  quote,
  type Sluice,
  type Subject,
} from '@sluice/core';

import { checkSluice } from './check-sluice.ts';
import { deliver } from './deliver.ts';
import { departureOf } from './departure.ts';
import { quietAborts } from './reports.ts';
import { type DownloadContext, factsOf, userOf } from './request.ts';

/** How a handler wants a download to look. An obligation of the policy counts before it. */
export interface SendDownloadOptions<S = Subject> {
  /**
   * `true`: the client saves the object; `false`: it may show it, active content in a sandbox.
   * Default: shown where the media type is passive, saved otherwise.
   */
  readonly attachment?: boolean | undefined;
  /** The name under which the client saves the object. Default: the last segment of the key. */
  readonly filename?: string | undefined;
  /** The media type: `application/pdf`. Default: what the store knows. */
  readonly type?: string | undefined;
  /** The coding that the stored bytes already have: `gzip`. Default: what the store was told; never guessed. */
  readonly encoding?: string | undefined;
  /** Default: `private, no-cache`. `no-transform` is always added. */
  readonly cacheControl?: string | undefined;
  /** Replaces the entity tag of the store, quotes included: `"v7"`. */
  readonly entityTag?: string | undefined;
  /** Further response headers: `Vary`, `Content-Language`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Bounds the transfer, in bytes a second. Default: no bound. */
  readonly rate?: number | undefined;
  /** `false`: the client is not sent to the store, where the sluice would do so. */
  readonly redirect?: false | undefined;
  /** Who asks. Default: `ctx.state.user`; given as `undefined` it means nobody. */
  readonly subject?: S | undefined;
  /** Asked in place of the sluice's policy, by a handler that is the check itself: `() => allow()`. */
  readonly policy?: Policy<S> | undefined;
}

/**
 * Answers a request with a download of the object under a key that the program holds.
 *
 * The policy of the sluice is asked, and what it refuses is set as the answer: 404 unless it says
 * otherwise. It resolves once the answer is set; the transfer begins when the middleware has
 * returned, and the sluice's `onCompletion` is told how it ended.
 *
 * @returns the plan of the answer, for logs and tests; `undefined` when the client left before its
 * turn on the connection came, and nothing was decided
 * @throws TypeError when the key breaks the grammar of `StorageKey`, or an option is unknown or
 * cannot stand in its header
 * @throws HttpError 500 or 503 when the store failed, with the failure as `cause`
 * @throws Error when the response has begun already
 */
export async function sendDownload<S = Subject>(
  ctx: DownloadContext,
  sluice: Sluice<S>,
  key: string,
  options: SendDownloadOptions<S> = {},
): Promise<DownloadPlan | undefined> {
  checkSluice('sendDownload', sluice);
  const checked = assertKey('sendDownload', key);
  const own = checkOptions('sendDownload', options, OPTIONS);
  if (own.policy !== undefined) checkPolicy('sendDownload', own.policy);
  const obligations = obligationsOf(own);
  if (ctx.headerSent) throw new Error('sendDownload: the response has begun already');
  const request = {
    ...factsOf(ctx),
    key: checked,
    subject: 'subject' in own ? own.subject : userOf<S>(ctx),
    obligations,
    policy: own.policy,
    signal: departureOf(ctx),
  };
  return deliver(ctx, sluice, request, quietAborts(ctx));
}

const OPTIONS = [
  'attachment',
  'filename',
  'type',
  'encoding',
  'cacheControl',
  'entityTag',
  'headers',
  'rate',
  'redirect',
  'subject',
  'policy',
];

function obligationsOf<S>(options: SendDownloadOptions<S>): Obligations {
  const { attachment, filename, type, encoding, cacheControl, entityTag, headers } = options;
  return checkObligations('sendDownload', {
    disposition: dispositionOf(attachment),
    filename,
    contentType: type,
    contentEncoding: encoding,
    cacheControl,
    entityTag,
    headers,
    rate: options.rate,
    redirect: options.redirect,
  });
}

function dispositionOf(attachment: unknown): Obligations['disposition'] {
  if (attachment === undefined) return undefined;
  if (typeof attachment !== 'boolean') {
    throw new TypeError(`sendDownload: attachment must be a boolean, got ${quote(attachment)}`);
  }
  return attachment ? 'attachment' : 'inline';
}
