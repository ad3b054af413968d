import type { SluiceErrorCode } from '@sluice/core';

import { type Answer, part } from '../helpers/scripted-store.ts';

/** Twelve bytes; the rows ask for those from 3 up to, not including, 7. */
export const BYTES: Uint8Array = Buffer.from('abcdefghijkl');
export const WINDOW = { start: 3, end: 7 } as const;

/** An answer to GET of a window, and what comes of it. */
export interface AnswerRow {
  readonly title: string;
  readonly answer: Answer;
  /** The window is the whole object where it is set. */
  readonly whole?: true;
  readonly gives: SluiceErrorCode | 'the bytes';
}

const good = part(BYTES, WINDOW);
const goodHeaders = good.headers ?? {};
const whole = { status: 200, headers: { etag: '"tag-1"' }, body: BYTES } as const;

function withHeaders(headers: Readonly<Record<string, string>>): Answer {
  return { ...good, headers: { ...goodHeaders, ...headers } };
}

function without(name: string): Answer {
  const headers = Object.entries(goodHeaders).filter(([one]) => one !== name);
  return { ...good, headers: Object.fromEntries(headers) };
}

export const answers: readonly AnswerRow[] = [
  { title: 'the window', answer: good, gives: 'the bytes' },
  {
    title: 'an entity tag without quotes',
    answer: withHeaders({ etag: 'tag-1' }),
    gives: 'the bytes',
  },
  {
    title: 'a total that the store does not know',
    answer: withHeaders({ 'content-range': 'bytes 3-6/*' }),
    gives: 'the bytes',
  },
  {
    title: 'chunks without a length',
    answer: (response) => {
      response.writeHead(206, goodHeaders);
      response.write('de');
      response.end('fg');
    },
    gives: 'the bytes',
  },
  {
    title: 'another entity tag',
    answer: withHeaders({ etag: '"tag-2"' }),
    gives: 'SLUICE_VERSION_CHANGED',
  },
  {
    title: 'a weak entity tag',
    answer: withHeaders({ etag: 'W/"tag-1"' }),
    gives: 'SLUICE_VERSION_CHANGED',
  },
  { title: 'no entity tag', answer: without('etag'), gives: 'SLUICE_VERSION_CHANGED' },
  {
    title: 'another total',
    answer: withHeaders({ 'content-range': 'bytes 3-6/13' }),
    gives: 'SLUICE_VERSION_CHANGED',
  },
  {
    title: 'another window of the same length',
    answer: withHeaders({ 'content-range': 'bytes 4-7/12' }),
    gives: 'SLUICE_IO',
  },
  {
    title: 'a shorter window',
    answer: { ...part(BYTES, { start: 3, end: 6 }) },
    gives: 'SLUICE_IO',
  },
  {
    title: 'a window that is shorter than it says',
    answer: { ...good, body: BYTES.subarray(3, 6) },
    gives: 'SLUICE_IO',
  },
  { title: 'no Content-Range', answer: without('content-range'), gives: 'SLUICE_IO' },
  {
    title: 'a Content-Range of other units',
    answer: withHeaders({ 'content-range': 'lines 3-6/12' }),
    gives: 'SLUICE_IO',
  },
  {
    title: 'several windows in one body',
    answer: {
      status: 206,
      headers: { etag: '"tag-1"', 'content-type': 'multipart/byteranges; boundary=x' },
      body: '--x\r\ncontent-range: bytes 3-6/12\r\n\r\ndefg\r\n--x--\r\n',
    },
    gives: 'SLUICE_IO',
  },
  { title: '200 with the whole object for a part', answer: whole, gives: 'SLUICE_IO' },
  {
    title: '200 with the whole object for all of it',
    answer: whole,
    whole: true,
    gives: 'the bytes',
  },
  {
    title: '200 with more than the object has',
    answer: { ...whole, body: Buffer.from('abcdefghijklm') },
    whole: true,
    gives: 'SLUICE_VERSION_CHANGED',
  },
  {
    title: '200 with another object',
    answer: { ...whole, headers: { etag: '"tag-2"' } },
    whole: true,
    gives: 'SLUICE_VERSION_CHANGED',
  },
  { title: '203 for a part', answer: { ...good, status: 203 }, gives: 'SLUICE_IO' },
  {
    title: '204 for a part',
    answer: { status: 204, headers: { etag: '"tag-1"' } },
    gives: 'SLUICE_IO',
  },
  {
    title: 'chunks that are too few',
    answer: (response) => {
      response.writeHead(206, goodHeaders);
      response.end('def');
    },
    gives: 'SLUICE_TRUNCATED',
  },
  {
    title: 'chunks that are too many',
    answer: (response) => {
      response.writeHead(206, goodHeaders);
      response.end('defgh');
    },
    gives: 'SLUICE_TRUNCATED',
  },
  {
    title: 'a connection that ends in the middle',
    answer: (response) => {
      response.writeHead(206, { ...goodHeaders, 'content-length': '4' });
      response.write('de', () => response.socket?.end());
    },
    gives: 'SLUICE_UNAVAILABLE',
  },
  {
    title: 'a connection that is reset in the middle',
    answer: (response) => {
      response.writeHead(206, { ...goodHeaders, 'content-length': '4' });
      response.write('de', () => response.socket?.resetAndDestroy());
    },
    gives: 'SLUICE_UNAVAILABLE',
  },
];
