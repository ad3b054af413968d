import { SluiceError } from '../errors.ts';
import type { ByteSource, ObjectHandle, Window } from '../storage/driver.ts';
import { createBody } from './body.ts';
import { type CallSignal, createCallSignal } from './call-signal.ts';
import { createHandleUse } from './handle-use.ts';
import { type Pull, pullFrom } from './pull.ts';
import { isPassing, type RetryCall } from './retry-call.ts';
import { aroundHandle } from './wrapped.ts';

/** Makes a handle whose reads are tried again, and whose bodies go on where they were broken off. */
export function retriedHandle(handle: ObjectHandle, retryCall: RetryCall): ObjectHandle {
  const use = createHandleUse(handle);
  return aroundHandle(handle, {
    async read(window, call) {
      const done = use.begin(window, call?.signal);
      const below = createCallSignal(call?.signal);
      const end = (): void => {
        below.done();
        below.abort(OVER);
        done();
      };
      try {
        const source = await retryCall(() => handle.read(window, below), below.signal);
        if (!(source instanceof Uint8Array)) {
          return resumedBody(source, {
            handle,
            window,
            caller: call?.signal,
            below,
            retryCall,
            end,
          });
        }
        end();
        return source;
      } catch (error) {
        end();
        throw error;
      }
    },
    ...(handle.readNow && {
      readNow: (window) =>
        use.now(window, () => unlessPassing(() => handle.readNow?.(window), undefined)),
    }),
    ...(handle.fill && {
      async fill(target, start, call) {
        const done = use.begin({ start, end: start + target.byteLength }, call?.signal);
        try {
          await retryCall(() => handle.fill?.(target, start, call), call?.signal);
        } finally {
          done();
        }
      },
    }),
    ...(handle.fillNow && {
      fillNow: (target, start) =>
        use.now({ start, end: start + target.byteLength }, () =>
          unlessPassing(() => handle.fillNow?.(target, start) === true, false),
        ),
    }),
    close: () => use.close(),
  });
}

/** What fails at once for now is asked for again by those who can wait. */
function unlessPassing<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (isPassing(error)) return otherwise;
    throw error;
  }
}

/** A reason of its own: without one, every abort would make a `DOMException` with its stack. */
const OVER = new Error('the body is over');

interface ResumedBody {
  readonly handle: ObjectHandle;
  readonly window: Window;
  readonly caller: AbortSignal | undefined;
  /** Ended with the body. */
  readonly below: CallSignal;
  readonly retryCall: RetryCall;
  readonly end: () => void;
}

/** Reads on, at the first byte that was not handed out, where a body was broken off. */
function resumedBody(
  first: Exclude<ByteSource, Uint8Array>,
  { handle, window, caller, below, retryCall, end }: ResumedBody,
): AsyncIterable<Uint8Array> {
  let at = window.start;
  let pull: Pull | undefined = pullFrom(first);
  const attempt = async (): Promise<Uint8Array | undefined> => {
    pull ??= pullFrom(await handle.read({ start: at, end: window.end }, below));
    const current = pull;
    // Left while it was asked for: nobody else would let go of it.
    if (below.signal.aborted) current.cancel();
    try {
      return await current.next();
    } catch (error) {
      current.cancel();
      pull = undefined;
      throw error;
    }
  };
  return createBody(
    {
      async next() {
        if (at === window.end && pull === undefined) return undefined;
        const piece = await retryCall(attempt, below.signal);
        at += piece?.byteLength ?? 0;
        if (at > window.end) throw mismatch('more');
        if (piece === undefined && at < window.end) throw mismatch('fewer');
        return piece;
      },
      release() {
        pull?.cancel();
        end();
      },
    },
    caller,
  );
}

function mismatch(amount: 'fewer' | 'more'): SluiceError {
  return new SluiceError('SLUICE_TRUNCATED', `the store gave ${amount} bytes than it announced`);
}
