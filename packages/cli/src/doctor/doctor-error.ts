/** Why a deployment could not be looked at. */
export type DoctorErrorCode =
  /** Nobody answers at the address. */
  | 'UNREACHABLE'
  /** Somebody answers, but it is no probe that knows the secret. */
  | 'NOT_ANSWERED';

/** A deployment could not be looked at, so that nothing is known of it. */
export class DoctorError extends Error {
  override readonly name = 'DoctorError';
  readonly code: DoctorErrorCode;

  constructor(code: DoctorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
