import type { Subject } from '@sluice/core';
import type { Next, ParameterizedContext } from 'koa';

/** What the app keeps in `ctx.state`, where `downloads` looks for it, too. */
export interface AppState {
  /** Who asks; `undefined` is nobody. */
  user?: Subject | undefined;
}

export type AppContext = ParameterizedContext<AppState>;

/**
 * Knows people by Basic authentication (RFC 7617), where the password of each is their name: the
 * demo has nothing to keep secret, and listens on this machine only.
 */
export async function identify(ctx: AppContext, next: Next): Promise<void> {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(ctx.get('Authorization')) ?? [];
  if (encoded === undefined) return next();
  const [, id, password] = /^(\w+):(.*)$/.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  if (id === undefined || id !== password) askWho(ctx);
  ctx.state.user = { id };
  await next();
}

/** Answers 401 and names the scheme. */
export function askWho(ctx: AppContext): never {
  ctx.throw(401, { headers: { 'WWW-Authenticate': 'Basic realm="files", charset="UTF-8"' } });
}
