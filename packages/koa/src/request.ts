import type { DownloadRequest, Subject } from '@sluice/core';
import type { ExtendableContext } from 'koa';

/**
 * What Sluice needs of a Koa context. Every context is one, of an application or of a router,
 * whatever its types of state, context and body.
 */
export interface DownloadContext extends Pick<
  ExtendableContext,
  'req' | 'res' | 'status' | 'headerSent' | 'throw' | 'onerror'
> {
  readonly state: unknown;
  readonly app: { emit(event: 'error', error: Error, ctx: unknown): boolean };
  body: unknown;
  /** Read by koa-compress; `false` keeps it away from the body. */
  compress?: unknown;
}

/** The facts of a request that do not depend on where its key comes from. */
export type RequestFacts = Pick<DownloadRequest, 'method' | 'conditions'>;

/**
 * Reads the facts of a request.
 *
 * Node joins the lines of a field that comes twice with a comma, where the field may be a list; two
 * lines of `Range` so become one that is malformed, and is ignored (RFC 9110 §5.3, §14.2).
 */
export function factsOf({ req }: DownloadContext): RequestFacts {
  const { headers } = req;
  const ifRange = headers['if-range'];
  return {
    // Node always sets it on the request of a server.
    method: req.method ?? '',
    conditions: {
      ifMatch: headers['if-match'],
      ifNoneMatch: headers['if-none-match'],
      ifModifiedSince: headers['if-modified-since'],
      ifUnmodifiedSince: headers['if-unmodified-since'],
      ifRange: Array.isArray(ifRange) ? ifRange.join(', ') : ifRange,
      range: headers.range,
    },
  };
}

/**
 * Gives what stands behind a mount prefix in the request target, as it came on the wire, query
 * included; `undefined` when the target is not below the prefix.
 *
 * The comparison is literal. A guard that compares decoded or normalised paths disagrees sooner or
 * later with whoever reads the same target next.
 *
 * @param mount ends with `/`, so that `/files../x` and `/filesX` are not below `/files`
 */
export function targetBelow(mount: string, { req }: DownloadContext): string | undefined {
  // Read anew and not `originalUrl`: koa-mount takes its own prefix off.
  const target = req.url ?? '';
  return target.startsWith(mount) ? target.slice(mount.length) : undefined;
}

/** The subject by Koa's convention, which passport and the JWT middleware follow: `ctx.state.user`. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the type of the user is the application's promise, given with its sluice
export function userOf<S = Subject>({ state }: DownloadContext): S | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
  const { user } = state as { readonly user?: S | null };
  return user ?? undefined;
}

/** Tells whether somebody above has answered already. */
export function isAnswered({ body, headerSent }: DownloadContext): boolean {
  return headerSent || (body !== undefined && body !== null);
}
