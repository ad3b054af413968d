import { checkOptions, keyFromUrlPath, quote, type Sluice, type Subject } from '@sluice/core';
import type { Next, ParameterizedContext } from 'koa';

import { checkSluice } from './check-sluice.ts';
import { deliver } from './deliver.ts';
import { departureOf } from './departure.ts';
import { raiseFence } from './fence.ts';
import { createProbe, type ProbeOptions } from './probe/probe.ts';
import { quietAborts } from './reports.ts';
import { type DownloadContext, factsOf, isAnswered, targetBelow, userOf } from './request.ts';

/** What {@link downloads} takes. */
export interface DownloadsOptions<S = Subject, C extends DownloadContext = ParameterizedContext> {
  /**
   * The path below which everything is a download, as it stands on the wire: `/files`. A slash at
   * its end makes no difference. Under koa-mount it is what koa-mount leaves.
   */
  readonly prefix: string;
  /**
   * Says who asks; `undefined` when nobody is signed in. What it throws is a fault of the
   * application: Koa answers 500, and nothing is sent. Default: `ctx.state.user`.
   */
  readonly subject?: ((ctx: C) => S | undefined | Promise<S | undefined>) | undefined;
  /**
   * Lets whoever holds its secret look at the deployment with `sluice doctor`. Every other request
   * is answered as if there were no such option. Default: nobody.
   */
  readonly probe?: ProbeOptions | undefined;
}

/**
 * Makes the middleware that answers every request below a prefix with a download: the rest of the
 * path is the storage key.
 *
 * What lies below the prefix never goes on to the next middleware: what names no key, and what may
 * not be downloaded, is 404, and a method other than GET and HEAD is 405. Everything else goes on
 * to the next middleware untouched, and an answer that another middleware has given before is left
 * as it is.
 *
 * @example
 * app.use(downloads(sluice, { prefix: '/files' }));
 *
 * @throws TypeError when the sluice is none, an option is unknown, the prefix is not an absolute
 * path in visible ASCII, `subject` is not a function, or the secret of the probe is too short
 */
export function downloads<S = Subject, C extends DownloadContext = ParameterizedContext>(
  sluice: Sluice<S>,
  options: DownloadsOptions<S, C>,
): (ctx: C, next: Next) => Promise<void> {
  checkSluice('downloads', sluice);
  const own = checkOptions('downloads', options, ['prefix', 'subject', 'probe']);
  const mount = mountOf(own.prefix);
  const subjectOf = checkSubject(own.subject) ?? userOf<S>;
  const probe = own.probe === undefined ? undefined : createProbe('downloads', sluice, own.probe);

  // Koa prints the name in its debug output.
  return async function downloads(ctx, next) {
    const target = targetBelow(mount, ctx);
    if (target === undefined) {
      raiseFence(ctx, sluice.dialect);
      await next();
      return;
    }
    if (isAnswered(ctx)) return;
    const reports = quietAborts(ctx);
    const key = keyFromUrlPath(target);
    if (probe !== undefined && (await probe.answers(ctx, key, reports))) return;
    const asked = askSubject(subjectOf, ctx);
    const subject = asked instanceof Promise ? await asked : asked;
    const { method, conditions } = factsOf(ctx);
    const request = { method, conditions, key, subject, signal: departureOf(ctx) };
    await deliver(ctx, sluice, request, reports);
  };
}

/**
 * Asks who asks. An answer that is there is not waited for. What `subject` throws is told to Koa,
 * which passes over everything that is no error.
 */
function askSubject<S, C>(
  subjectOf: (ctx: C) => S | undefined | Promise<S | undefined>,
  ctx: C,
): S | undefined | Promise<S | undefined> {
  try {
    const subject = subjectOf(ctx);
    return isThenable(subject) ? later(subject) : (subject ?? undefined);
  } catch (error) {
    throw faultOf(error);
  }
}

async function later<S>(subject: PromiseLike<S | undefined>): Promise<S | undefined> {
  try {
    return (await subject) ?? undefined;
  } catch (error) {
    throw faultOf(error);
  }
}

function isThenable<S>(
  value: S | undefined | PromiseLike<S | undefined>,
): value is PromiseLike<S | undefined> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}

function faultOf(error: unknown): Error {
  if (error instanceof Error) return error;
  return new Error('downloads: the subject could not be told', { cause: error });
}

/** Visible ASCII but for what ends a path or is taken for a slash (RFC 3986 §3.3). */
const PREFIX = /^\/[!"$->@-[\]-~]*$/;

function mountOf(prefix: unknown): string {
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    throw new TypeError(
      'downloads: prefix must be a path as it stands on the wire, percent-encoded and starting with "/", ' +
        `got ${quote(prefix)}`,
    );
  }
  return prefix.endsWith('/') ? prefix : `${prefix}/`;
}

function checkSubject<F>(subject: F): F {
  if (subject !== undefined && typeof subject !== 'function') {
    throw new TypeError(`downloads: subject must be a function, got ${quote(subject)}`);
  }
  return subject;
}
