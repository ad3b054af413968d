import { isSluiceError, SluiceError, type SluiceErrorCode } from '@sluice/core';
import { parseHttpDate } from '@sluice/core/http';

/** How a store refused a request. */
export interface Refusal {
  readonly status: number;
  /** The store's own word, `NoSuchKey`; the answer to HEAD has none. */
  readonly code: string | undefined;
}

/** What the store answered, where a failure is its answer. */
export function refusalOf(error: unknown): Refusal | undefined {
  const cause = isSluiceError(error) ? error.cause : error;
  const status = member(member(cause, '$metadata'), 'httpStatusCode');
  if (typeof status !== 'number') return undefined;
  const code = member(cause, 'Code') ?? member(cause, 'name');
  return { status, code: typeof code === 'string' && !NO_CODES.has(code) ? code : undefined };
}

/**
 * Names the cause of a failed request. The message holds nothing of the request; what the SDK said
 * is in `cause`.
 */
export function storeFault(error: unknown): SluiceError {
  if (isSluiceError(error)) return error;
  const refusal = refusalOf(error);
  if (refusal !== undefined) return refused(refusal, error);
  const name = member(error, 'name');
  const code = member(error, 'code');
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return noCredentials(error);
  }
  if (String(member(error, 'message')).startsWith('Region is missing')) {
    return new SluiceError('SLUICE_CONFIG', 'there is no region for the store', { cause: error });
  }
  if (isUntrusted(code)) {
    return new SluiceError('SLUICE_CONFIG', 'the certificate of the store is not trusted', {
      cause: error,
    });
  }
  if (typeof code === 'string' && /^(?:E[A-Z]+|HPE_[A-Z_]+|EAI_[A-Z]+|EPROTO)$/.test(code)) {
    return unreachable(error);
  }
  return new SluiceError('SLUICE_IO', 'the request to the store failed', { cause: error });
}

/**
 * Tells the failures that another request soon after has good chances after: a connection that was cut,
 * and the "internal error" that stores ask to repeat (Ceph 16 gives it for a read that meets a write).
 */
export function isPassing(error: unknown): boolean {
  return refusalOf(error)?.status === 500 || isCut(error);
}

/** Tells whether a connection broke off before an answer, as one does that was cut at rest. */
export function isCut(error: unknown): boolean {
  const code = member(isSluiceError(error) ? error.cause : error, 'code');
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/** The failure of a call that nothing can be signed for. */
export function noCredentials(cause?: unknown): SluiceError {
  return new SluiceError('SLUICE_CONFIG', 'there are no credentials for the store', { cause });
}

/** The failure of a read whose object has other bytes by now, or none. */
export function versionChanged(cause?: unknown): SluiceError {
  return new SluiceError('SLUICE_VERSION_CHANGED', 'the object is no longer the one opened', {
    cause,
  });
}

/** The failure of a write to a key that this store cannot hold. */
export function unstorableKey(cause?: unknown): SluiceError {
  return new SluiceError('SLUICE_INVALID_KEY', 'this store cannot hold an object of that key', {
    cause,
  });
}

/**
 * The failure of a write that went well, by its status, and whose answer does not name what was
 * stored: a proxy may have given it, in the place of the store.
 */
export function unconfirmed(): SluiceError {
  return new SluiceError('SLUICE_IO', 'the store does not confirm what it has stored');
}

/** The failure of a call on a bucket that is not there. */
export function noBucket(cause?: unknown): SluiceError {
  return new SluiceError('SLUICE_CONFIG', 'there is no such bucket', { cause });
}

/**
 * The failure of a body whose connection broke in its middle, as when a gateway dies. What is still
 * missing of it may be had elsewhere.
 */
export function brokenOff(cause?: unknown): SluiceError {
  return new SluiceError('SLUICE_UNAVAILABLE', 'the connection to the store broke off', {
    cause,
    retryAfter: RETRY_AFTER,
  });
}

/** Names that the SDK gives where the answer names no code. */
const NO_CODES: ReadonlySet<string> = new Set(['Error', 'Unknown', 'UnknownError', 'NotFound']);

/** Seconds. What is down is seldom back sooner; a store that throttles mostly says when. */
const RETRY_AFTER = 1;

/** What a word of the store means, whatever the status it comes with. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: ['SLUICE_CONFIG', 'there is no such bucket'],
  InvalidBucketName: ['SLUICE_CONFIG', 'the store does not allow the name of the bucket'],
  PermanentRedirect: ['SLUICE_CONFIG', 'the bucket lies in another region or at another endpoint'],
  TemporaryRedirect: ['SLUICE_CONFIG', 'the bucket lies in another region or at another endpoint'],
  AuthorizationHeaderMalformed: ['SLUICE_CONFIG', 'the store is of another region'],
  ExpiredToken: ['SLUICE_ACCESS_DENIED', 'the credentials have expired'],
  InvalidToken: ['SLUICE_ACCESS_DENIED', 'the store refused the credentials'],
  TokenRefreshRequired: ['SLUICE_ACCESS_DENIED', 'the credentials have expired'],
  RequestTimeTooSkewed: ['SLUICE_ACCESS_DENIED', 'the clock of this machine is wrong'],
  InvalidObjectState: ['SLUICE_UNSUPPORTED', 'the object is archived'],
  QuotaExceeded: ['SLUICE_IO', 'the store has no room left'],
  KeyTooLongError: ['SLUICE_INVALID_KEY', 'this store cannot hold an object of that key'],
  InvalidObjectName: ['SLUICE_INVALID_KEY', 'this store cannot hold an object of that key'],
  EntityTooLarge: ['SLUICE_UNSUPPORTED', 'the object is larger than the store takes'],
  NotImplemented: ['SLUICE_UNSUPPORTED', 'the store cannot do this'],
  RequestTimeout: ['SLUICE_UNAVAILABLE', 'the store cannot serve now'],
  SlowDown: ['SLUICE_UNAVAILABLE', 'the store asks for fewer requests'],
};

function refused({ status, code }: Refusal, cause: unknown): SluiceError {
  const meaning = code !== undefined && Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined;
  const [kind, message] = meaning ?? byStatus(status);
  const isBusy = kind === 'SLUICE_UNAVAILABLE';
  return new SluiceError(kind, message, {
    cause,
    ...(isBusy && { retryAfter: retryAfterOf(cause) ?? RETRY_AFTER }),
  });
}

type Meaning = readonly [SluiceErrorCode, string];

function byStatus(status: number): Meaning {
  return STATUSES[status] ?? byClass(status);
}

const DENIED: Meaning = ['SLUICE_ACCESS_DENIED', 'the store refused the credentials'];
const CHANGED: Meaning = ['SLUICE_VERSION_CHANGED', 'the object is no longer the one opened'];
const BUSY: Meaning = ['SLUICE_UNAVAILABLE', 'the store cannot serve now'];
const UNABLE: Meaning = ['SLUICE_UNSUPPORTED', 'the store cannot do this'];

/** What a status means that comes without a word, or with one that is not known. */
const STATUSES: Readonly<Record<number, Meaning>> = {
  401: DENIED,
  403: DENIED,
  404: CHANGED,
  408: BUSY,
  409: BUSY,
  412: CHANGED,
  416: CHANGED,
  429: BUSY,
  501: UNABLE,
  505: UNABLE,
  507: ['SLUICE_IO', 'the store has no room left'],
};

function byClass(status: number): Meaning {
  if (status >= 500) return BUSY;
  if (status >= 400) return ['SLUICE_IO', 'the store refused the request'];
  // Not followed: the signature, and with it the right to read, would go to somebody else.
  if (status >= 300) return ['SLUICE_CONFIG', 'the store sends its clients elsewhere'];
  // As a date that is none.
  return ['SLUICE_IO', 'the store gave an answer that cannot be read'];
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfterOf(error: unknown): number | undefined {
  const headers = member(member(error, '$response'), 'headers');
  const value = member(headers, 'retry-after');
  if (typeof value !== 'string') return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const date = parseHttpDate(value);
  return date === undefined ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}

function isUntrusted(code: unknown): boolean {
  return (
    typeof code === 'string' &&
    /^(?:CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:VERIFY|GET_ISSUER))/.test(code)
  );
}

function unreachable(cause: unknown): SluiceError {
  return new SluiceError('SLUICE_UNAVAILABLE', 'the store cannot be reached', {
    cause,
    retryAfter: RETRY_AFTER,
  });
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
