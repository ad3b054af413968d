import Koa from 'koa';
// @ts-expect-error -- koa itself in its oldest version that is supported; it has no types by this name
import KoaMinimum from 'koa-minimum';

/** The versions of Koa that every test of the middleware runs on. */
export const KOAS: readonly { readonly name: string; readonly Koa: typeof Koa }[] = [
  { name: 'koa 3.3', Koa },
  { name: 'koa 3.1.2', Koa: KoaMinimum as typeof Koa },
];
