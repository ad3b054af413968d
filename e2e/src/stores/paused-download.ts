import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';

/** What has come of a download. */
export interface Downloaded {
  readonly status: number;
  readonly bytes: Buffer;
  /** Whether the body came to the end that was announced; else the connection was cut. */
  readonly complete: boolean;
}

/**
 * Downloads, and does something once the first of the body has come: what the connection holds by then
 * is little beside an object of tens of MiB.
 */
export async function downloadWithBreak(
  url: string,
  act: () => unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Downloaded> {
  const request = get(url, { headers, agent: false });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
  });
  const pieces: Buffer[] = [];
  response.on('error', () => undefined);
  response.on('data', (piece: Buffer) => pieces.push(piece));
  await once(response, 'data');
  response.pause();
  await act();
  response.resume();
  if (!response.closed) await new Promise<void>((resolve) => response.once('close', resolve));
  return {
    status: response.statusCode ?? 0,
    bytes: Buffer.concat(pieces),
    complete: response.complete,
  };
}
