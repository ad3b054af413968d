import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { Context, Next } from 'koa';

/** Serves what the page is made of: its script, its styles, its icon. They are kept in memory. */
export function createAssets(): (ctx: Context, next: Next) => Promise<void> {
  const assets = new Map([
    ['/client.js', load('../client/client.js', 'text/javascript; charset=utf-8')],
    ['/style.css', load('../../client/style.css', 'text/css; charset=utf-8')],
    ['/icon.svg', load('../../client/icon.svg', 'image/svg+xml')],
  ]);
  return async function sendAsset(ctx, next) {
    const asset = assets.get(ctx.path);
    if (asset === undefined || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    ctx.set('Cache-Control', 'no-cache');
    ctx.etag = asset.entityTag;
    ctx.type = asset.type;
    ctx.status = 200;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = asset.bytes;
  };
}

interface Asset {
  readonly bytes: Buffer;
  readonly type: string;
  readonly entityTag: string;
}

/** @param path relative to this module as it is built */
function load(path: string, type: string): Asset {
  const bytes = readFileSync(new URL(path, import.meta.url));
  return { bytes, type, entityTag: createHash('sha256').update(bytes).digest('base64url') };
}
