import assert from 'node:assert/strict';

import { isSluiceError, type SluiceError, type SluiceErrorCode } from '../errors.ts';

/**
 * Asserts that a call fails with a {@link SluiceError} of one of the codes. A call may throw or
 * reject, which is one thing for who awaits it.
 */
export async function failsWith(
  codes: SluiceErrorCode | readonly SluiceErrorCode[],
  call: () => unknown,
  what: string,
): Promise<SluiceError> {
  let result: unknown;
  try {
    result = await call();
  } catch (error) {
    return assertCode(error, codes, what);
  }
  assert.fail(`${what}: must fail with ${String(codes)}, and gave ${describe(result)}`);
}

/** Asserts that something caught is a {@link SluiceError} of one of the codes. */
export function assertCode(
  error: unknown,
  codes: SluiceErrorCode | readonly SluiceErrorCode[],
  what: string,
): SluiceError {
  if (!isSluiceError(error)) {
    throw new assert.AssertionError({
      message: `${what}: must fail with ${String(codes)}, and failed with ${describe(error)}`,
    });
  }
  assert.ok([codes].flat().includes(error.code), `${what}: ${error.code} is not ${String(codes)}`);
  return error;
}

/** Asserts that something caught is a {@link SluiceError}, of any code that there is. */
export function assertSluiceError(error: unknown): void {
  assert.ok(isSluiceError(error), `a failure is no SluiceError: ${describe(error)}`);
  assert.ok(codesKnown.has(error.code), `there is no code ${error.code}`);
}

/**
 * Asserts that a promise is settled in time.
 *
 * @param limit milliseconds
 */
export async function within<T>(limit: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new assert.AssertionError({ message: `${what}: not within ${limit} ms` }));
    }, limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const codesKnown: ReadonlySet<string> = new Set(
  Object.keys({
    SLUICE_VERSION_CHANGED: true,
    SLUICE_TRUNCATED: true,
    SLUICE_UNAVAILABLE: true,
    SLUICE_TIMEOUT: true,
    SLUICE_ACCESS_DENIED: true,
    SLUICE_IO: true,
    SLUICE_ABORTED: true,
    SLUICE_EXISTS: true,
    SLUICE_INVALID_KEY: true,
    SLUICE_UNSUPPORTED: true,
    SLUICE_RANGE: true,
    SLUICE_CONFIG: true,
  } satisfies Record<SluiceErrorCode, true>),
);

function describe(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
