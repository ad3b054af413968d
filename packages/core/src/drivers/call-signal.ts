/** A signal for what is done below, which ends with the caller's and can be ended besides. */
export interface CallSignal {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /** Forgets the caller's signal, when there is nothing left to end. */
  done(): void;
}

/** `AbortSignal.any` would stay with a caller's signal that lives as long as the process. */
export function createCallSignal(caller: AbortSignal | undefined): CallSignal {
  const controller = new AbortController();
  const follow = (): void => controller.abort(caller?.reason);
  if (caller?.aborted === true) follow();
  else caller?.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    done: () => caller?.removeEventListener('abort', follow),
  };
}
