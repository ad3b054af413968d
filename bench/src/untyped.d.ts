// Peers that bring no types; only what is called here.
declare module 'koa-sendfile' {
  import type { Context } from 'koa';

  function sendfile(ctx: Context, path: string): Promise<unknown>;
  export default sendfile;
}

declare module 'koa-conditional-get' {
  import type { Middleware } from 'koa';

  function conditional(): Middleware;
  export default conditional;
}

declare module 'autocannon' {
  interface Result {
    readonly duration: number;
    readonly errors: number;
    readonly timeouts: number;
    readonly latency: { readonly p50: number; readonly p99: number };
    readonly requests: { readonly total: number };
    readonly throughput: { readonly total: number };
    readonly statusCodeStats: Readonly<Record<string, { readonly count: number }>>;
  }
  interface Options {
    readonly url: string;
    readonly connections: number;
    readonly duration: number;
    readonly timeout: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly requests: readonly {
      setupRequest(request: { readonly path?: string }): { readonly path: string };
    }[];
  }
  function autocannon(options: Options): Promise<Result>;
  export default autocannon;
}
