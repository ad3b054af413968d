import { SluiceError } from '../../../src/errors.ts';
import type { StorageKey } from '../../../src/keys/storage-key.ts';
import type { StorageDriver } from '../../../src/storage/driver.ts';
import { alterErrors, type Pieces, piecesOf } from '../alter.ts';
import type { World } from '../world.ts';
import type { Mutant } from './mutant.ts';

/** Faults in writes. */
export const writeMutants: readonly Mutant[] = [
  ['stores the first piece of a source', storesFirstPiece, 'W-01 W-02 W-06'],
  ['gives the stat of before', putsOldStat, 'W-01'],
  ['writes while it reads', writesThrough, 'W-02 W-03 W-04'],
  ['keeps what came before the abort', keepsAborted, 'W-03'],
  ['takes a failed source for an ended one', swallowsSource, 'W-04'],
  ['leaves debris', leavesDebris, 'W-14'],
  ['leaves a draft of what failed', leavesDrafts, 'W-15'],
  ['loses a byte at the edge of a part', losesAtEdge, 'W-07'],
  ['repairs the keys that it writes', repairsKeys, 'K-11'],
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
];

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

function leavesDrafts(driver: StorageDriver, world: World): StorageDriver {
  return {
    ...driver,
    async put(key, source, options) {
      world.debris++;
      const stat = await driver.put!(key, source, options);
      world.debris--;
      return stat;
    },
  };
}

function losesAtEdge(driver: StorageDriver): StorageDriver {
  return alterSource(driver, async function* parts(pieces) {
    let written = 0;
    for await (const piece of pieces) {
      const edge = 1_048_576 - written;
      written += piece.byteLength;
      if (edge <= 0 || edge > piece.byteLength) yield piece;
      else yield Buffer.concat([piece.subarray(0, edge - 1), piece.subarray(edge)]);
    }
  });
}

function repairsKeys(driver: StorageDriver): StorageDriver {
  return {
    ...driver,
    put: (key, source, options) =>
      driver.put!((key.replaceAll(/\/+/g, '/') || 'index') as StorageKey, source, options),
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
