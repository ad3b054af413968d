import { createHash, timingSafeEqual } from 'node:crypto';

import type { Member } from '@school/policy';
import type { Next, ParameterizedContext } from 'koa';

/** What the web keeps of a request in `ctx.state`. */
export interface WebState {
  /** Who is signed in; `undefined` is nobody. */
  user?: Member | undefined;
}

export type WebContext = ParameterizedContext<WebState>;

/** What {@link createIdentify} takes. */
export interface IdentifyOptions {
  readonly proxySecret: string;
  /** Finds a member by id; `undefined` when there is none. */
  readonly findMember: (id: string) => Member | undefined;
}

/**
 * Creates the middleware that finds out who asks. A proxy in front signs people in, as oauth2-proxy
 * or nginx with `auth_request` do, and names them in `X-Auth-User`. It proves itself by a secret in
 * `X-Auth-Secret`, since whoever reaches the application past the proxy can write any header.
 */
export function createIdentify(
  options: IdentifyOptions,
): (ctx: WebContext, next: Next) => Promise<void> {
  const secret = digest(options.proxySecret);
  return async function identify(ctx, next) {
    const isProxy = timingSafeEqual(digest(ctx.get('X-Auth-Secret')), secret);
    ctx.state.user = isProxy ? options.findMember(ctx.get('X-Auth-User')) : undefined;
    await next();
  };
}

/** Digests are of one length, and their comparison tells nothing of the texts. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
