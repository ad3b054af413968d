import { isIP } from 'node:net';

import type { Context, Next } from 'koa';

/**
 * Refuses requests for another site's name with 421 (RFC 9110 §15.5.20).
 *
 * A page of another site may point its own name at this machine (DNS rebinding); to a browser it
 * is then of the same origin as this site and may read what the reader may. Such a name has a dot;
 * an address, `localhost` and the like cannot be pointed anywhere.
 */
export async function refuseForeignHosts(ctx: Context, next: Next): Promise<void> {
  const { hostname } = ctx;
  const name = hostname.replace(/^\[(.*)\]$/, '$1');
  if (name.includes('.') && isIP(name) === 0 && !name.endsWith('.localhost')) {
    ctx.throw(421, 'This site answers for local names only.');
  }
  await next();
}
