import { setImmediate as turn } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

import { SluiceError } from '../../../src/errors.ts';
import { assertKey, type StorageKey } from '../../../src/keys/storage-key.ts';
import type { ObjectHandle, StorageDriver, Window } from '../../../src/storage/driver.ts';
import {
  alterErrors,
  alterHandle,
  alterKey,
  alterList,
  alterPieces,
  alterRead,
  alterStat,
  bytesOf,
  piecesOf,
} from '../alter.ts';
import { type Mutate, SECRET, type World } from '../world.ts';

/** A driver with one fault, and the checks that must see it. */
export type Mutant = readonly [fault: string, mutate: Mutate, caughtBy: string];

export const mutants: readonly Mutant[] = [
  // The driver as a whole.
  ['has no name', (driver) => ({ ...driver, name: '' }), 'C-01'],
  ['has null for a method', (driver) => ({ ...driver, localPath: null as never }), 'C-01'],
  [
    'changes its options',
    (driver) => ({
      ...driver,
      stat(key, call) {
        if (call) Object.assign(call, { signal: undefined });
        return driver.stat(key, call);
      },
    }),
    'C-03',
  ],
  [
    'fails with plain errors',
    (driver) => alterErrors(driver, () => new Error('something went wrong')),
    'C-04 C-06 T-01 T-04 R-09 O-07 W-03 W-08',
  ],
  [
    'fails with a code of its own',
    (driver) => alterErrors(driver, (error) => Object.assign(error as Error, { code: 'SLUICE_X' })),
    'C-04 T-01 R-09',
  ],
  [
    'tells the key in its messages',
    (driver) => alterErrors(driver, (error, key) => retold(error, `cannot read ${key}`)),
    'C-05',
  ],
  [
    'tells the root in its messages',
    (driver) => alterErrors(driver, (error) => retold(error, `cannot read below ${SECRET}`)),
    'C-05',
  ],
  [
    'tells the key in a field of its errors',
    (driver) => alterErrors(driver, (error, key) => Object.assign(error as Error, { key })),
    'C-05',
  ],
  ['works after close', (driver) => ({ ...driver, close: async () => undefined }), 'C-06'],
  ['cannot be closed twice', closesOnce, 'C-06'],
  ['puts where only it looks', putsApart, 'C-07'],

  // Facts.
  ['counts blocks', (driver) => alterStat(driver, rounded), 'S-01 R-01 V-14'],
  [
    'takes no object for empty',
    (driver) => alterStat(driver, (stat) => ({ ...stat, size: Math.max(1, stat.size) })),
    'S-06 W-06',
  ],
  [
    'keeps sizes in 32 bits',
    (driver) => alterStat(driver, (stat) => ({ ...stat, size: stat.size % 2 ** 32 })),
    'S-07',
  ],
  [
    'knows less of what is open',
    (driver) => alterHandle(driver, ({ stat }) => ({ stat: { ...stat, lastModified: 1 } })),
    'S-02',
  ],
  ['makes a new version for every stat', (driver) => alterStat(driver, renewed), 'S-08 S-02 C-07'],
  ['takes the version from the size', (driver) => alterStat(driver, versionBySize), 'S-09'],
  ['takes a strong tag from the size', (driver) => alterStat(driver, tagBySize), 'S-09'],
  ['ties a handle to all that the store keeps', boundToEntry, 'S-10 V-01 V-02 V-03 V-05 V-08'],
  [
    'tells seconds for milliseconds',
    (driver) => alterStat(driver, (stat) => ({ ...stat, lastModified: Date.now() / 1000 })),
    'S-11',
  ],
  [
    'tells of the future',
    (driver) => alterStat(driver, (stat) => ({ ...stat, lastModified: Date.now() + 1e9 })),
    'S-11',
  ],
  ['sniffs the type', (driver, world) => sniffs(driver, world, 'contentType'), 'S-12'],
  ['sniffs the coding', (driver, world) => sniffs(driver, world, 'contentEncoding'), 'S-12'],
  [
    'gives a tag without quotes',
    (driver) => alterStat(driver, (stat) => ({ ...stat, entityTag: stat.version.token })),
    'S-14',
  ],
  [
    'gives a token of many words',
    (driver) =>
      alterStat(driver, (stat) => ({ ...stat, version: { ...stat.version, token: 'a b\n' } })),
    'S-14 S-09',
  ],

  // What is an object, and what is not.
  ['throws for what is missing', throwsForMissing, 'S-03 S-04 S-05 O-01 V-14 K-02 K-09'],
  ['looks in a plain object', (driver) => finds(driver, isInherited), 'S-03 O-01'],
  ['opens what is missing, and fails in the read', opensLazily, 'O-01 S-04 V-14'],
  ['takes a prefix for an object', findsPrefixes, 'S-04'],
  ['finds an object above the key', findsParents, 'S-05'],
  [
    'takes what it meets for an object',
    (driver, { planted }) => finds(driver, (key) => planted.has(key)),
    'O-02 O-03 O-08 O-09 O-10 O-11 O-12',
  ],
  ['waits for the writer of a FIFO', hangsOnPlants, 'O-02'],
  ['fails on what is no object', failsOnPlants, 'O-03 O-08 O-09 O-10 O-11 O-12'],
  [
    'leaks handles',
    (driver) => alterHandle(driver, () => ({ close: async () => undefined })),
    'O-05 O-07 T-03 T-06',
  ],
  ['cuts a read by closing', cutsByClosing, 'O-06'],
  ['reads after close', readsAfterClose, 'O-07'],
  ['fails to close twice', closesHandleOnce, 'O-07'],
  [
    'names another key',
    (driver) => alterHandle(driver, ({ key }) => ({ key: key.toLowerCase() as StorageKey })),
    'O-13',
  ],

  // Windows.
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

  // Versions.
  [
    'reads what is under the key now',
    unpinned,
    'V-01 V-02 V-03 V-04 V-05 V-06 V-07 V-09 V-10 V-11',
  ],
  ['sees only that the object is gone', failsWhenGone, 'V-06 V-07'],
  ['keeps what it has opened once', cachesHandles, 'V-14'],
  ['keeps what it has looked at once', cachesStats, 'S-09 V-14'],

  // Cancellation.
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
  ['holds on to bodies that are left', leaksBodies, 'T-06 T-03'],
  ['waits for bodies that nobody reads', poolsBodies, 'T-07 T-06'],
  ['reads everything ahead', readsAhead, 'T-11'],

  // Keys.
  [
    'hides dotfiles',
    (driver) => alterKey(driver, (key) => (key.includes('/.') ? undefined : key)),
    'K-01',
  ],
  ['decodes keys', (driver) => alterKey(driver, decoded), 'K-01 K-03'],
  ['repairs paths', (driver) => alterKey(driver, repaired), 'K-02'],
  ['writes keys as UTF-8', (driver) => alterKey(driver, (key) => key.toWellFormed()), 'K-02'],
  ['ends a key at NUL', (driver) => alterKey(driver, (key) => key.split('\0')[0]), 'K-02'],
  ['folds case', (driver, world) => foldsNames(driver, world, lower), 'K-04'],
  ['composes letters', (driver, world) => foldsNames(driver, world, nfc), 'K-06 K-01'],
  ['trims names', (driver, world) => foldsNames(driver, world, trimmed), 'K-09 K-01'],
  ['takes a backslash for a slash', (driver) => alterKey(driver, slashed), 'K-01 K-09'],
  ['takes a key for a pattern', findsPatterns, 'K-09'],
  ['fails on long keys', failsOnLongKeys, 'K-10'],
  ['replaces an object by a folder', replacesByFolder, 'K-05'],
  ['fails as a medium below an object', failsBelowObject, 'K-05'],

  // Listings.
  ['lists keys encoded', (driver) => alterList(driver, encodes), 'K-08 L-01'],
  ['lists twice', (driver) => alterList(driver, twice), 'L-01 L-04 L-05 K-08'],
  ['loses the last of a list', (driver) => alterList(driver, butLast), 'L-01 L-04 L-05 K-08'],
  ['lists by segments', (driver) => alterList(driver, bySegments), 'L-04'],
  ['lists no sizes', (driver) => alterList(driver, sizeless), 'L-05'],
  ['holds a listing that is left', leaksListings, 'L-06'],

  // Writes.
  ['stores the first piece of a source', storesFirstPiece, 'W-01 W-02 W-06'],
  ['gives the stat of before', putsOldStat, 'W-01'],
  ['writes while it reads', writesThrough, 'W-02 W-03 W-04'],
  ['keeps what came before the abort', keepsAborted, 'W-03'],
  ['takes a failed source for an ended one', swallowsSource, 'W-04'],
  ['leaves debris', leavesDebris, 'W-04 W-03'],
  ['tells nobody why the source failed', hidesSource, 'W-04'],
  ['takes an empty piece for the end', endsAtEmpty, 'W-06'],
  ['looks for the object too early', looksTooEarly, 'W-08'],
  [
    'ignores ifAbsent',
    (driver) => ({ ...driver, put: (key, source) => driver.put!(key, source) }),
    'W-08 W-03',
  ],
  ['fails to delete what is missing', deletesOnce, 'W-09'],
  ['deletes what is below a key', (driver, world) => deletesBelow(driver, world, '/'), 'W-09'],
  ['deletes by prefix', (driver, world) => deletesBelow(driver, world, ''), 'W-09'],
  ['loses what is moved onto itself', losesOnItself, 'W-10'],
  ['copies for moving', copies, 'W-10'],
  ['clears the target for nothing', clearsTarget, 'W-10'],
  ['moves nothing, gladly', movesNothing, 'W-10'],
  ['revokes what is open by a delete', failsWhenGone, 'W-13'],
];

type Pieces = AsyncIterable<Uint8Array>;

function retold(error: unknown, message: string): unknown {
  return error instanceof SluiceError ? new SluiceError(error.code, message) : error;
}

function withoutCause(error: unknown): unknown {
  return error instanceof SluiceError ? new SluiceError(error.code, error.message) : error;
}

function closesOnce(driver: StorageDriver): StorageDriver {
  let closed = false;
  return {
    ...driver,
    async close() {
      if (closed) throw new Error('closed already');
      closed = true;
      await driver.close!();
    },
  };
}

function putsApart(driver: StorageDriver, { objects, memory }: World): StorageDriver {
  return {
    ...driver,
    async put(key, source, options) {
      const stat = await driver.put!(key, source, options);
      await memory.delete(key);
      return objects.has(key) ? stat : { ...stat };
    },
  };
}

function rounded<T extends { readonly size: number }>(stat: T): T {
  return { ...stat, size: Math.ceil(stat.size / 512) * 512 };
}

let renewals = 0;

function renewed<T extends object>(stat: T): T {
  return { ...stat, version: { token: `v${renewals++}`, hold: 'handle' } };
}

function versionBySize<T extends { readonly size: number }>(stat: T): T {
  return { ...stat, version: { token: String(stat.size), hold: 'handle' } };
}

function tagBySize<T extends { readonly size: number }>(stat: T): T {
  return { ...stat, entityTag: `"${stat.size}"` };
}

function boundToEntry(driver: StorageDriver, { objects }: World): StorageDriver {
  return alterHandle(driver, (handle) => {
    const entry = objects.get(handle.key);
    const check = (): void => {
      if (objects.get(handle.key) !== entry) {
        throw new SluiceError('SLUICE_VERSION_CHANGED', 'changed');
      }
    };
    return {
      async read(window, call) {
        check();
        const pieces = piecesOf(await handle.read(window, call));
        return (async function* checking() {
          for await (const piece of pieces) {
            check();
            yield piece;
          }
        })();
      },
    };
  });
}

function sniffs(
  driver: StorageDriver,
  { objects }: World,
  fact: 'contentType' | 'contentEncoding',
): StorageDriver {
  const value = fact === 'contentType' ? 'text/html' : 'gzip';
  const magic = fact === 'contentType' ? 0x3c : 0x1f;
  return alterStat(driver, (stat, key) =>
    objects.get(key)?.bytes[0] === magic ? { ...stat, [fact]: value } : stat,
  );
}

function throwsForMissing(driver: StorageDriver): StorageDriver {
  const found = <T>(result: T | undefined): T => {
    if (result === undefined) throw new SluiceError('SLUICE_IO', 'no such object');
    return result;
  };
  return {
    ...driver,
    stat: async (key, call) => found(await driver.stat(key, call)),
    open: async (key, call) => found(await driver.open(key, call)),
  };
}

/** Finds an empty object where the honest driver finds nothing. */
function finds(driver: StorageDriver, isThere: (key: string) => boolean): StorageDriver {
  const nothing = (key: StorageKey): ObjectHandle => ({
    key,
    stat: { size: 0, version: { token: 'none', hold: 'detect' } },
    read: () => new Uint8Array(0),
    close: async () => undefined,
  });
  return {
    ...driver,
    async stat(key, call) {
      const stat = await driver.stat(key, call);
      return stat ?? (isThere(key) ? nothing(key).stat : undefined);
    },
    async open(key, call) {
      const handle = await driver.open(key, call);
      return handle ?? (isThere(key) ? nothing(key) : undefined);
    },
  };
}

function isInherited(key: string): boolean {
  return key in {};
}

function opensLazily(driver: StorageDriver): StorageDriver {
  return {
    ...driver,
    async open(key, call) {
      const handle = await driver.open(key, call);
      return (
        handle ?? {
          key,
          stat: { size: 0, version: { token: 'none', hold: 'detect' } },
          read: () => Promise.reject(new SluiceError('SLUICE_IO', 'no such object')),
          close: async () => undefined,
        }
      );
    },
  };
}

function findsPrefixes(driver: StorageDriver, { objects }: World): StorageDriver {
  return finds(driver, (key) => [...objects.keys()].some((name) => name.startsWith(`${key}/`)));
}

function findsParents(driver: StorageDriver, { objects }: World): StorageDriver {
  return finds(driver, (key) => [...objects.keys()].some((name) => key.startsWith(`${name}/`)));
}

function hangsOnPlants(driver: StorageDriver, { planted }: World): StorageDriver {
  return {
    ...driver,
    open: (key, call) =>
      planted.has(key) ? new Promise<undefined>(() => undefined) : driver.open(key, call),
  };
}

function failsOnPlants(driver: StorageDriver, { planted }: World): StorageDriver {
  return {
    ...driver,
    async open(key, call) {
      if (planted.has(key)) throw new SluiceError('SLUICE_IO', 'no regular file');
      return driver.open(key, call);
    },
  };
}

function cutsByClosing(driver: StorageDriver): StorageDriver {
  return alterHandle(driver, (handle) => {
    let closed = false;
    return {
      async read(window, call) {
        const pieces = piecesOf(await handle.read(window, call));
        return (async function* cutting() {
          for await (const piece of pieces) {
            if (closed) throw new SluiceError('SLUICE_ABORTED', 'closed');
            yield piece;
          }
        })();
      },
      close() {
        closed = true;
        return handle.close();
      },
    };
  });
}

function readsAfterClose(driver: StorageDriver): StorageDriver {
  return alterHandle(driver, (handle) => {
    const all = handle.read({ start: 0, end: handle.stat.size });
    return {
      async read({ start, end }) {
        return (await bytesOf(await all)).subarray(start, end);
      },
    };
  });
}

function closesHandleOnce(driver: StorageDriver): StorageDriver {
  return alterHandle(driver, (handle) => {
    let closed = false;
    return {
      async close() {
        if (closed) throw new SluiceError('SLUICE_IO', 'closed already');
        closed = true;
        await handle.close();
      },
    };
  });
}

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

function unpinned(driver: StorageDriver, { objects }: World): StorageDriver {
  return alterRead(driver, (read, { key }) => async (window, call) => {
    await read(window, call);
    return (async function* current() {
      for (let start = window.start; start < window.end; start += 16_384) {
        await turn();
        const now = objects.get(key)?.bytes;
        if (!now) throw new SluiceError('SLUICE_IO', 'no such object');
        yield now.slice(start, Math.min(start + 16_384, window.end));
      }
    })();
  });
}

function failsWhenGone(driver: StorageDriver, { objects }: World): StorageDriver {
  return alterRead(driver, (read, { key }) => async (window, call) => {
    const pieces = piecesOf(await read(window, call));
    return (async function* looking() {
      for await (const piece of pieces) {
        if (!objects.has(key)) throw new SluiceError('SLUICE_IO', 'no such object');
        yield piece;
      }
    })();
  });
}

function cachesHandles(driver: StorageDriver): StorageDriver {
  const cache = new Map<string, ObjectHandle>();
  return {
    ...driver,
    async open(key, call) {
      const known = cache.get(key);
      if (known) return known;
      const handle = await driver.open(key, call);
      const kept = handle && { ...handle, close: async () => undefined };
      if (kept) cache.set(key, kept);
      return kept;
    },
  };
}

function cachesStats(driver: StorageDriver): StorageDriver {
  const cache = new Map<string, Awaited<ReturnType<StorageDriver['stat']>>>();
  return {
    ...driver,
    async stat(key, call) {
      if (!cache.has(key)) cache.set(key, await driver.stat(key, call));
      return cache.get(key);
    },
  };
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

function decoded(key: string): string | undefined {
  try {
    return decodeURIComponent(key);
  } catch {
    return undefined;
  }
}

function repaired(key: string): string {
  const segments: string[] = [];
  for (const segment of key.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments.join('/');
}

function slashed(key: string): string {
  return repaired(key.replaceAll('\\', '/'));
}

function lower(key: string): string {
  return key.toLowerCase();
}

function nfc(key: string): string {
  return key.normalize('NFC');
}

function trimmed(key: string): string {
  return key.replaceAll(/[ .]+(?=\/|$)|(?<=\/) +/g, '');
}

/** Finds what has the same name once both are folded. */
function foldsNames(
  driver: StorageDriver,
  { objects }: World,
  fold: (key: string) => string,
): StorageDriver {
  return alterKey(driver, (key) => [...objects.keys()].find((name) => fold(name) === fold(key)));
}

function findsPatterns(driver: StorageDriver, { objects }: World): StorageDriver {
  return finds(driver, (key) => {
    const [before, after] = key.split('*');
    if (before === undefined || after === undefined) return false;
    return [...objects.keys()].some((name) => name.startsWith(before) && name.endsWith(after));
  });
}

function failsOnLongKeys(driver: StorageDriver): StorageDriver {
  return {
    ...driver,
    async stat(key, call) {
      if (key.length > 3000) throw new SluiceError('SLUICE_IO', 'ENAMETOOLONG');
      return driver.stat(key, call);
    },
  };
}

function replacesByFolder(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async put(key, source, options) {
      objects.delete(key.slice(0, key.lastIndexOf('/')));
      return driver.put!(key, source, options);
    },
  };
}

function failsBelowObject(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async put(key, source, options) {
      if (objects.has(key.slice(0, key.lastIndexOf('/')))) {
        throw new SluiceError('SLUICE_IO', 'ENOTDIR');
      }
      return driver.put!(key, source, options);
    },
  };
}

async function* encodes<T extends { readonly key: StorageKey }>(
  entries: AsyncIterable<T>,
): AsyncIterable<T> {
  for await (const entry of entries) {
    const key = assertKey('mutant', entry.key.split('/').map(encodeURIComponent).join('/'));
    yield { ...entry, key };
  }
}

async function* twice<T>(entries: AsyncIterable<T>): AsyncIterable<T> {
  for await (const entry of entries) {
    yield entry;
    yield entry;
  }
}

async function* butLast<T>(entries: AsyncIterable<T>): AsyncIterable<T> {
  const all: T[] = [];
  for await (const entry of entries) all.push(entry);
  yield* all.slice(0, -1);
}

async function* bySegments<T extends { readonly key: StorageKey }>(
  entries: AsyncIterable<T>,
  prefix: string,
): AsyncIterable<T> {
  for await (const entry of entries) {
    const rest = entry.key.slice(prefix.length);
    if (prefix.endsWith('/') || rest === '' || rest.startsWith('/')) yield entry;
  }
}

async function* sizeless<T extends object>(entries: AsyncIterable<T>): AsyncIterable<T> {
  for await (const entry of entries) yield { ...entry, size: 0 };
}

function leaksListings(driver: StorageDriver, world: World): StorageDriver {
  return alterList(driver, async function* leaking(entries) {
    world.leaked++;
    for await (const entry of entries) yield entry;
    world.leaked--;
  });
}

type PutSource = Parameters<NonNullable<StorageDriver['put']>>[1];

/** Changes what a put makes of its source. */
function alterSource(
  driver: StorageDriver,
  change: (pieces: Pieces, key: StorageKey) => PutSource,
): StorageDriver {
  return {
    ...driver,
    put: (key, source, options) => driver.put!(key, change(piecesOf(source), key), options),
  };
}

function storesFirstPiece(driver: StorageDriver): StorageDriver {
  return alterSource(driver, async function* first(pieces) {
    for await (const piece of pieces) {
      yield piece;
      return;
    }
  });
}

function putsOldStat(driver: StorageDriver): StorageDriver {
  return {
    ...driver,
    async put(key, source, options) {
      const before = await driver.stat(key);
      const stat = await driver.put!(key, source, options);
      return before ?? { ...stat, lastModified: 0 };
    },
  };
}

function writesThrough(driver: StorageDriver, { objects }: World): StorageDriver {
  return alterSource(driver, async function* through(pieces, key) {
    const written: Uint8Array[] = [];
    for await (const piece of pieces) {
      written.push(Uint8Array.from(piece));
      objects.set(key, { bytes: Buffer.concat(written) });
      yield piece;
    }
  });
}

function keepsAborted(driver: StorageDriver): StorageDriver {
  return {
    ...driver,
    async put(key, source, options) {
      try {
        return await driver.put!(key, source, options);
      } catch (error) {
        if (options?.signal?.aborted) await driver.put!(key, new Uint8Array(3));
        throw error;
      }
    },
  };
}

function swallowsSource(driver: StorageDriver): StorageDriver {
  return alterSource(driver, async function* swallowing(pieces) {
    try {
      yield* pieces;
    } catch {
      // The end, as far as the store can tell.
    }
  });
}

function leavesDebris(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async put(key, source, options) {
      objects.set(`${key}.tmp`, { bytes: new Uint8Array(1) });
      const stat = await driver.put!(key, source, options);
      objects.delete(`${key}.tmp`);
      return stat;
    },
  };
}

function hidesSource(driver: StorageDriver): StorageDriver {
  return alterErrors(driver, () => new SluiceError('SLUICE_IO', 'the put failed'));
}

function endsAtEmpty(driver: StorageDriver): StorageDriver {
  return alterSource(driver, async function* ending(pieces) {
    for await (const piece of pieces) {
      if (piece.byteLength === 0) return;
      yield piece;
    }
  });
}

function looksTooEarly(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async put(key, source, options) {
      if (options?.ifAbsent && objects.has(key)) throw new SluiceError('SLUICE_EXISTS', 'there');
      return driver.put!(key, source, { ...options, ifAbsent: false });
    },
  };
}

function deletesOnce(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async delete(key, call) {
      if (!objects.has(key)) throw new SluiceError('SLUICE_IO', 'ENOENT');
      await driver.delete!(key, call);
    },
  };
}

function deletesBelow(driver: StorageDriver, { objects }: World, suffix: string): StorageDriver {
  return {
    ...driver,
    async delete(key, call) {
      for (const name of objects.keys()) {
        if (name.startsWith(`${key}${suffix}`)) objects.delete(name);
      }
      await driver.delete!(key, call);
    },
  };
}

function losesOnItself(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async move(from, to, call) {
      const moved = await driver.move!(from, to, call);
      objects.delete(from);
      return moved;
    },
  };
}

function copies(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async move(from, to) {
      const object = objects.get(from);
      if (object) objects.set(to, object);
      return object !== undefined;
    },
  };
}

function clearsTarget(driver: StorageDriver, { objects }: World): StorageDriver {
  return {
    ...driver,
    async move(from, to, call) {
      if (from !== to) objects.delete(to);
      return driver.move!(from, to, call);
    },
  };
}

function movesNothing(driver: StorageDriver): StorageDriver {
  return {
    ...driver,
    async move(from, to, call) {
      await driver.move!(from, to, call);
      return true;
    },
  };
}
