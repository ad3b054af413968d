import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

/** An answer as it came over the wire. */
export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Signs in as curl does. */
  readonly as?: string | undefined;
  readonly form?: string;
}

/** Asks a server for a target exactly as it is written; `fetch` would tidy it up first. */
export async function ask(origin: string, target: string, options: Ask = {}): Promise<Answer> {
  const { method = options.form === undefined ? 'GET' : 'POST', headers, as, form } = options;
  const { hostname, port } = new URL(origin);
  const client = request({
    hostname,
    port,
    path: target,
    method,
    agent: false,
    ...(as !== undefined && { auth: `${as}:${as}` }),
    headers: {
      ...(form !== undefined && { 'Content-Type': 'application/x-www-form-urlencoded' }),
      ...headers,
    },
  });
  client.end(form);
  const [response] = (await once(client, 'response')) as [IncomingMessage];
  const body = Buffer.concat((await response.toArray()) as Buffer[]);
  return { status: response.statusCode, headers: response.headers, body };
}
