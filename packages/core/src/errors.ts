/** Why a call on a store failed, by cause and not by operation. */
export type SluiceErrorCode =
  /** The object's bytes are no longer those of the opened version. */
  | 'SLUICE_VERSION_CHANGED'
  /** The store delivered fewer or more bytes than it announced. */
  | 'SLUICE_TRUNCATED'
  /** The store cannot serve now and may later: descriptors used up, throttled, unreachable. */
  | 'SLUICE_UNAVAILABLE'
  /** The store gave nothing within the time that it was allowed. */
  | 'SLUICE_TIMEOUT'
  /** The store refused the application's own credentials or permissions. */
  | 'SLUICE_ACCESS_DENIED'
  /** The medium failed to deliver: EIO, a stale handle, a failed checksum. */
  | 'SLUICE_IO'
  /** The caller's signal, or the closing of a driver, ended the call. */
  | 'SLUICE_ABORTED'
  /** A write was to create an object, and one is there. */
  | 'SLUICE_EXISTS'
  /** The key is well-formed, but this store cannot hold it. */
  | 'SLUICE_INVALID_KEY'
  /** The store can do this, but not with these keys: a rename from one of two stores to the other. */
  | 'SLUICE_UNSUPPORTED'
  /** The window asked for is not inside the object: a mistake of the caller. */
  | 'SLUICE_RANGE'
  /** The store is set up wrongly: a missing root or bucket. */
  | 'SLUICE_CONFIG';

/** What a {@link SluiceError} is made with, besides its code and message. */
export interface SluiceErrorOptions {
  /** What the layer below reported. It may name paths and keys, so it is for logs only. */
  readonly cause?: unknown;
  /**
   * Seconds after which a new attempt makes sense; a fraction counts as a whole one. What is no number
   * of at least 0 is left out, as a date that a store gave in place of seconds.
   */
  readonly retryAfter?: number;
}

/**
 * A failure of a store or of its medium.
 *
 * The message never holds a key, a path, a bucket or a credential; what the layer below said is
 * kept in `cause`.
 */
export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  readonly code: SluiceErrorCode;
  /** Whole seconds, for `Retry-After`. */
  readonly retryAfter: number | undefined;

  constructor(code: SluiceErrorCode, message: string, options: SluiceErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryAfter = secondsOf(options.retryAfter);
  }
}

/**
 * Tells whether a value is a {@link SluiceError}, by its name and code: `instanceof` fails where an
 * application carries two copies of this package.
 */
export function isSluiceError(value: unknown): value is SluiceError {
  return (
    value instanceof Error &&
    value.name === 'SluiceError' &&
    'code' in value &&
    typeof value.code === 'string' &&
    value.code.startsWith('SLUICE_')
  );
}

/** RFC 9110 §10.2.3: a number of seconds has no fraction, no sign and no exponent. */
function secondsOf(given: number | undefined): number | undefined {
  const seconds = Math.ceil(given ?? Number.NaN);
  return Number.isSafeInteger(seconds) && seconds >= 0 ? seconds : undefined;
}
