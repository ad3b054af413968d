import { setImmediate as turn } from 'node:timers/promises';

import { SluiceError } from '../../../src/errors.ts';
import type { StorageDriver } from '../../../src/storage/driver.ts';
import { alterErrors, alterHandle, alterPieces, alterRead, piecesOf } from '../alter.ts';
import type { World } from '../world.ts';
import type { Mutant } from './mutant.ts';

/** Faults in cancellation, and in what is left behind. */
export const cancelMutants: readonly Mutant[] = [
  ['ignores signals', ignoresSignals, 'T-01 T-03 T-04 C-04'],
  ['hangs when it is aborted on the way', hangsWhenAborted, 'T-02'],
  [
    'fails as something else when it is aborted on the way',
    (driver) => whileAborted(driver, () => Promise.reject(new Error('AbortError'))),
    'T-02',
  ],
  ['ignores an abort during the body', ignoresAbortInBody, 'T-03'],
  ['forgets the reason', (driver) => alterErrors(driver, withoutCause), 'T-04'],
  ['ties a handle to the signal of its opening', tiesToSignal, 'T-05'],
  ['holds on to bodies that are left', leaksBodies, 'T-06 T-12'],
  ['waits for bodies that nobody reads', poolsBodies, 'T-07 T-06'],
  ['reads everything ahead', readsAhead, 'T-11'],
];

function withoutCause(error: unknown): unknown {
  return error instanceof SluiceError ? new SluiceError(error.code, error.message) : error;
}

function ignoresSignals(driver: StorageDriver): StorageDriver {
  return {
    ...alterRead(driver, (read) => (window) => read(window)),
    stat: (key) => driver.stat(key),
    async open(key) {
      const handle = await driver.open(key);
      return handle && { ...handle, read: (window) => handle.read(window) };
    },
  };
}

function whileAborted(driver: StorageDriver, end: () => Promise<undefined>): StorageDriver {
  return {
    ...driver,
    async stat(key, call) {
      const stat = await driver.stat(key, call);
      await turn();
      return call?.signal?.aborted ? end() : stat;
    },
  };
}

function hangsWhenAborted(driver: StorageDriver): StorageDriver {
  return whileAborted(driver, () => new Promise<undefined>(() => undefined));
}

function ignoresAbortInBody(driver: StorageDriver): StorageDriver {
  return alterRead(
    driver,
    (read) => (window, call) => read(window, call?.signal?.aborted ? call : undefined),
  );
}

function tiesToSignal(driver: StorageDriver): StorageDriver {
  return alterHandle(driver, (handle, opening) => ({
    read: (window, call) => handle.read(window, { ...opening, ...call }),
  }));
}

function leaksBodies(driver: StorageDriver, world: World): StorageDriver {
  return alterRead(driver, (read) => async (window, call) => {
    const pieces = piecesOf(await read(window, call));
    return (async function* leaking() {
      world.leaked++;
      for await (const piece of pieces) yield piece;
      world.leaked--;
    })();
  });
}

function poolsBodies(driver: StorageDriver, world: World): StorageDriver {
  return alterRead(driver, (read) => async (window, call) => {
    if (world.leaked >= 4) await new Promise(() => undefined);
    const pieces = piecesOf(await read(window, call));
    world.leaked++;
    return (async function* pooled() {
      try {
        yield* pieces;
      } finally {
        world.leaked--;
      }
    })();
  });
}

function readsAhead(driver: StorageDriver): StorageDriver {
  return alterPieces(driver, async function* ahead(pieces) {
    const all: Uint8Array[] = [];
    for await (const piece of pieces) all.push(piece);
    yield* all;
  });
}
