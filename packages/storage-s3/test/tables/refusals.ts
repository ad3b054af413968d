import type { SluiceErrorCode } from '@sluice/core';

import { type Answer, refusal } from '../helpers/scripted-store.ts';

/** One way in which a store fails a read, and what it is for the driver. */
export interface RefusalRow {
  readonly title: string;
  readonly answer: Answer;
  readonly code: SluiceErrorCode;
  readonly retryAfter?: number;
}

/** What the answer to a GET of a pinned window means. */
export const refusals: readonly RefusalRow[] = [
  ...(
    [
      [404, 'NoSuchKey', 'SLUICE_VERSION_CHANGED'],
      [404, 'NoSuchVersion', 'SLUICE_VERSION_CHANGED'],
      [404, 'NoSuchBucket', 'SLUICE_CONFIG'],
      [412, 'PreconditionFailed', 'SLUICE_VERSION_CHANGED'],
      [416, 'InvalidRange', 'SLUICE_VERSION_CHANGED'],
      [401, 'Unauthorized', 'SLUICE_ACCESS_DENIED'],
      [403, 'AccessDenied', 'SLUICE_ACCESS_DENIED'],
      [403, 'InvalidAccessKeyId', 'SLUICE_ACCESS_DENIED'],
      [403, 'SignatureDoesNotMatch', 'SLUICE_ACCESS_DENIED'],
      [403, 'RequestTimeTooSkewed', 'SLUICE_ACCESS_DENIED'],
      [400, 'ExpiredToken', 'SLUICE_ACCESS_DENIED'],
      [403, 'InvalidObjectState', 'SLUICE_UNSUPPORTED'],
      [403, 'QuotaExceeded', 'SLUICE_IO'],
      [400, 'AuthorizationHeaderMalformed', 'SLUICE_CONFIG'],
      [400, 'KeyTooLongError', 'SLUICE_INVALID_KEY'],
      [400, 'InvalidRequest', 'SLUICE_IO'],
      [301, 'PermanentRedirect', 'SLUICE_CONFIG'],
      [409, 'OperationAborted', 'SLUICE_UNAVAILABLE'],
      [500, 'InternalError', 'SLUICE_UNAVAILABLE'],
      [502, 'BadGateway', 'SLUICE_UNAVAILABLE'],
      [504, 'GatewayTimeout', 'SLUICE_UNAVAILABLE'],
      [501, 'NotImplemented', 'SLUICE_UNSUPPORTED'],
    ] as const
  ).map(([status, word, code]) => ({
    title: `${status} ${word}`,
    answer: refusal(status, word),
    code,
  })),
  {
    title: '503 SlowDown with a time',
    answer: refusal(503, 'SlowDown', { 'retry-after': '17' }),
    code: 'SLUICE_UNAVAILABLE',
    retryAfter: 17,
  },
  {
    title: '429 with a time',
    answer: refusal(429, 'TooManyRequests', { 'retry-after': '3' }),
    code: 'SLUICE_UNAVAILABLE',
    retryAfter: 3,
  },
  {
    title: '503 SlowDown without a time',
    answer: refusal(503, 'SlowDown'),
    code: 'SLUICE_UNAVAILABLE',
    retryAfter: 1,
  },
  {
    title: '503 with a date that has passed',
    answer: refusal(503, 'SlowDown', { 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' }),
    code: 'SLUICE_UNAVAILABLE',
    retryAfter: 0,
  },
  {
    title: '503 with a time that is none',
    answer: refusal(503, 'SlowDown', { 'retry-after': 'soon' }),
    code: 'SLUICE_UNAVAILABLE',
    retryAfter: 1,
  },
  {
    title: '502 with a page of HTML',
    answer: { status: 502, headers: { 'content-type': 'text/html' }, body: '<html><p>Bad</html>' },
    code: 'SLUICE_UNAVAILABLE',
    retryAfter: 1,
  },
  { title: '403 without a body', answer: { status: 403 }, code: 'SLUICE_ACCESS_DENIED' },
  { title: '503 without a body', answer: { status: 503 }, code: 'SLUICE_UNAVAILABLE' },
  {
    title: '302 to another host',
    answer: { status: 302, headers: { location: 'http://192.0.2.1/elsewhere' } },
    code: 'SLUICE_CONFIG',
  },
  {
    title: '307 to another host',
    answer: { status: 307, headers: { location: 'http://192.0.2.1/elsewhere' } },
    code: 'SLUICE_CONFIG',
  },
  {
    title: 'a connection cut before the head',
    answer: (response) => response.destroy(),
    code: 'SLUICE_UNAVAILABLE',
  },
  {
    title: 'an answer that is no HTTP',
    answer: (response) => void response.socket?.end('SSH-2.0-server\r\n'),
    code: 'SLUICE_UNAVAILABLE',
  },
];
