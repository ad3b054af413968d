import { once } from 'node:events';
import { type IncomingMessage, request as ask } from 'node:http';

import { type Case, urlOf, type Window } from './cases.ts';
import { holds, type SiteFile } from './fixture.ts';

/** What a contender was found to be. */
export type Checked =
  | { readonly kind: 'right'; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'wrong'; readonly why: string };

/**
 * Asks a contender as it will be asked, and compares status, length and every byte. What the load
 * must send beside, as the validator that this contender gives, comes back.
 */
export async function checkAnswer(port: number, subject: Case): Promise<Checked> {
  const headers = subject.conditional ? await validatorOf(port, subject) : subject.headers;
  if (headers === undefined) return { kind: 'wrong', why: 'no validator' };
  const { files } = subject;
  // Of many files three are enough: all are sent by the same code.
  const some = new Set([files[0], files[files.length >> 1], files.at(-1)]);
  for (const file of some) {
    if (file === undefined) continue;
    const why = await faultOf(port, subject, file, headers);
    if (why !== undefined) return { kind: 'wrong', why };
  }
  return { kind: 'right', headers };
}

async function validatorOf(
  port: number,
  subject: Case,
): Promise<Readonly<Record<string, string>> | undefined> {
  const [file] = subject.files;
  if (file === undefined) return undefined;
  const answer = await send(port, subject.method, file, subject.headers);
  answer.destroy();
  const { etag, 'last-modified': date } = answer.headers;
  if (etag !== undefined) return { ...subject.headers, 'if-none-match': etag };
  return date === undefined ? undefined : { ...subject.headers, 'if-modified-since': date };
}

async function faultOf(
  port: number,
  { method, expected }: Case,
  file: SiteFile,
  headers: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const answer = await send(port, method, file, headers);
  try {
    const { status, length, windows } = expected;
    if (answer.statusCode !== status) return `status ${answer.statusCode} in place of ${status}`;
    const given = answer.headers['content-length'];
    if (length !== undefined && given !== String(length)) {
      return `Content-Length ${given ?? 'missing'} in place of ${length}`;
    }
    const [window, ...more] = windows;
    if (window === undefined) return undefined;
    return await (more.length === 0
      ? windowFault(answer, file.path, window)
      : partsFault(answer, file.path, windows));
  } finally {
    answer.destroy();
  }
}

async function send(
  port: number,
  method: string,
  file: SiteFile,
  headers: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  const request = ask({
    port,
    host: '127.0.0.1',
    method,
    path: urlOf(file),
    headers,
    agent: false,
  });
  request.end();
  return new Promise((resolve, reject) => {
    request.once('response', (answer) => {
      // A body that is not read to its end is cut off on purpose.
      answer.on('error', () => undefined);
      resolve(answer);
    });
    request.once('error', reject);
    request.setTimeout(PATIENCE, () => request.destroy(new Error('no answer')));
  });
}

/** Milliseconds without a byte. */
const PATIENCE = 20_000;

async function windowFault(
  answer: IncomingMessage,
  path: string,
  { start, end }: Window,
): Promise<string | undefined> {
  let at = start;
  let isRight = true;
  answer.on('data', (piece: Buffer) => {
    isRight &&= holds(path, at, piece);
    at += piece.length;
  });
  await once(answer, 'close');
  if (at !== end) return `${at - start} bytes in place of ${end - start}`;
  return isRight ? undefined : 'other bytes';
}

/** RFC 9110 §14.6; the parts may come in any framing, but in the order asked for. */
async function partsFault(
  answer: IncomingMessage,
  path: string,
  windows: readonly Window[],
): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  answer.on('data', (piece: Buffer) => pieces.push(piece));
  await once(answer, 'close');
  const body = Buffer.concat(pieces);
  let at = 0;
  for (const { start, end } of windows) {
    const head = body.indexOf(`bytes ${start}-${end - 1}/`, at, 'latin1');
    const begin = body.indexOf('\r\n\r\n', head) + 4;
    if (head === -1 || begin < head) return `no part with the bytes ${start} to ${end - 1}`;
    at = begin + end - start;
    if (!holds(path, start, body.subarray(begin, at)) || body.length < at) return 'other bytes';
  }
  return undefined;
}
