import { gunzipSync } from 'node:zlib';

import { SluiceError } from '../../../src/errors.ts';
import type { ObjectHandle, StorageDriver, Window } from '../../../src/storage/driver.ts';
import { alterPieces, alterRead, bytesOf, type Pieces, piecesOf } from '../alter.ts';
import type { World } from '../world.ts';
import type { Mutant } from './mutant.ts';

/** Faults in windows and bodies. */
export const readMutants: readonly Mutant[] = [
  [
    'ends one byte early',
    (driver) => shifts(driver, ({ start, end }) => ({ start, end: Math.max(start, end - 1) })),
    'R-01 R-02 R-03 R-04 R-05 R-10 R-11 R-12 R-13 R-15 R-16 S-07',
  ],
  [
    'starts one byte early',
    (driver) => shifts(driver, ({ start, end }) => ({ start: Math.max(0, start - 1), end })),
    'R-03 R-04 R-05 R-10 R-07',
  ],
  [
    'takes the end for inclusive',
    (driver) => shifts(driver, ({ start, end }, size) => ({ start, end: Math.min(end + 1, size) })),
    'R-02 R-04 R-05 R-07',
  ],
  [
    'ignores the end',
    (driver) => shifts(driver, ({ start }, end) => ({ start, end })),
    'R-02 R-04 R-05 R-07 R-10 R-16',
  ],
  ['gives one byte too many', givesMore, 'R-01 R-03 R-07 R-08 R-15 R-16'],
  ['ends a long body short', endsShort, 'R-05 R-12 R-15 R-16 O-06 T-05 T-07 V-11'],
  [
    'takes an empty window for a mistake',
    (driver) => shifts(driver, refuseEmpty),
    'R-07 R-08 W-06',
  ],
  ['finds a bad window only while reading', rangeInBody, 'R-09'],
  ['clamps a bad window', (driver) => shifts(driver, clamped), 'R-09'],
  ['looks at the store before the window', looksFirst, 'R-09'],
  ['shares one offset among its reads', sharesOffset, 'R-10'],
  ['reads one body at a time', readsOneAtATime, 'R-10'],
  ['opens a hundred objects at most', opensFew, 'R-11'],
  ['reads a handle once', readsOnce, 'R-12 V-02 T-05'],
  ['inflates what it reads', (driver) => alterRead(driver, inflating), 'R-13'],
  ['uses its buffer again', usesBufferAgain, 'R-14 R-12 R-15'],
  [
    'changes the window',
    (driver) =>
      alterRead(driver, (read) => (window, call) => {
        Object.assign(window, { end: window.end });
        return read(window, call);
      }),
    'R-16',
  ],
  [
    'gives text for bytes',
    (driver) => alterPieces(driver, (pieces) => texts(pieces)),
    'R-01 R-02 R-03',
  ],
];

function shifts(
  driver: StorageDriver,
  shift: (window: Window, size: number) => Window,
): StorageDriver {
  return alterRead(
    driver,
    (read, { stat }) =>
      (window, call) =>
        read(
          isInside(window, stat.size) || shift === clamped ? shift(window, stat.size) : window,
          call,
        ),
  );
}

function isInside({ start, end }: Window, size: number): boolean {
  return (
    Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= size
  );
}

function clamped({ start, end }: Window, size: number): Window {
  const from = Math.min(Math.max(0, Math.trunc(start) || 0), size);
  return { start: from, end: Math.max(from, Math.min(size, Math.trunc(end) || 0)) };
}

function refuseEmpty(window: Window): Window {
  if (window.start < window.end) return window;
  throw new SluiceError('SLUICE_RANGE', 'an empty window');
}

function givesMore(driver: StorageDriver): StorageDriver {
  return alterPieces(driver, async function* more(pieces) {
    yield* pieces;
    yield new Uint8Array(1);
  });
}

function endsShort(driver: StorageDriver): StorageDriver {
  return alterPieces(driver, async function* short(pieces, { start, end }) {
    let left = end - start > 65_536 ? end - start - 1 : end - start;
    for await (const piece of pieces) {
      yield piece.subarray(0, left);
      left -= Math.min(left, piece.byteLength);
    }
  });
}

function rangeInBody(driver: StorageDriver): StorageDriver {
  return alterRead(
    driver,
    (read) => (window, call) =>
      (async function* late() {
        yield* piecesOf(await read(window, call));
      })(),
  );
}

function looksFirst(driver: StorageDriver, { objects }: World): StorageDriver {
  return alterRead(driver, (read, { key }) => (window, call) => {
    if (!objects.has(key)) throw new SluiceError('SLUICE_VERSION_CHANGED', 'gone');
    return read(window, call);
  });
}

function sharesOffset(driver: StorageDriver): StorageDriver {
  return alterRead(driver, (read) => {
    let offset = 0;
    return async function positioned({ start, end }, call) {
      await read({ start, end }, call);
      offset = start;
      return (async function* reading() {
        for (let left = end - start; left > 0;) {
          const size = Math.min(left, 10_000);
          const at = offset;
          offset += size;
          left -= size;
          yield* piecesOf(await read({ start: at, end: at + size }, call));
        }
      })();
    };
  });
}

function readsOneAtATime(driver: StorageDriver): StorageDriver {
  return alterRead(driver, (read) => {
    let busy = false;
    return async (window, call) => {
      const source = await read(window, call);
      if (busy) throw new SluiceError('SLUICE_UNAVAILABLE', 'busy');
      if (source instanceof Uint8Array) return source;
      busy = true;
      return (async function* reading() {
        try {
          yield* piecesOf(source);
        } finally {
          busy = false;
        }
      })();
    };
  });
}

function opensFew(driver: StorageDriver, { memory }: World): StorageDriver {
  return {
    ...driver,
    async open(key, call) {
      if (memory.openHandles() < 100) return driver.open(key, call);
      throw new SluiceError('SLUICE_UNAVAILABLE', 'too many open objects');
    },
  };
}

function readsOnce(driver: StorageDriver): StorageDriver {
  return alterRead(driver, (read) => {
    let used = false;
    return (window, call) => {
      if (used) return new Uint8Array(0);
      used = true;
      return read(window, call);
    };
  });
}

function inflating(
  read: (window: Window) => unknown,
  handle: ObjectHandle,
): (window: Window) => Promise<Uint8Array> {
  return async (window) => {
    const bytes = await bytesOf((await read(window)) as Uint8Array);
    return handle.stat.contentEncoding === 'gzip' ? gunzipSync(bytes) : bytes;
  };
}

function usesBufferAgain(driver: StorageDriver): StorageDriver {
  const buffer = new Uint8Array(65_536);
  return alterPieces(driver, async function* reusing(pieces) {
    for await (const piece of pieces) {
      buffer.set(piece);
      yield buffer.subarray(0, piece.byteLength);
    }
  });
}

async function* texts(pieces: Pieces): Pieces {
  for await (const piece of pieces) yield Buffer.from(piece).toString('latin1') as never;
}
