import { SluiceError } from '../../src/errors.ts';
import type { Reader, ReaderVersion } from '../../src/drivers/index.ts';
import type { StorageKey } from '../../src/keys/storage-key.ts';
import type { StorageDriver } from '../../src/storage/driver.ts';
import type { ContractFixture, ContractNeed, SeedMeta } from '../../src/testing/index.ts';

/** What a table has not, and a reader does not make. */
export const WITHOUT: readonly ContractNeed[] = [
  'seedSparse',
  'fills',
  'plant',
  'localPath',
  'readPath',
  'signUrl',
  'internalUrl',
  'credentials',
  'remote',
  'refused',
  'misplaced',
  'seedStale',
  'partSize',
  'debris',
];

export interface Row extends SeedMeta {
  readonly bytes: Uint8Array;
  readonly revision: number;
}

/** A table in memory, and what is under way in it. */
export interface Table {
  readonly rows: Map<string, Row>;
  /** Streams that were begun and are not over. */
  streams: number;
  write(key: string, bytes: Uint8Array, meta?: SeedMeta): void;
}

export function createTable(): Table {
  const rows = new Map<string, Row>();
  let revision = 0;
  return {
    rows,
    streams: 0,
    write(key, bytes, meta) {
      revision += 1;
      rows.set(key, { bytes: Uint8Array.from(bytes), revision, ...meta });
    },
  };
}

/** A reader that has what a driver needs to write. */
export type TableReader = Reader & Required<Pick<Reader, 'list' | 'put' | 'delete' | 'move'>>;

/** A reader as somebody would write it who has read its types and nothing else. */
export function readerOn(table: Table, hold: ReaderVersion['hold']): TableReader {
  const { rows } = table;
  return {
    name: 'table',
    stat(key) {
      const row = rows.get(key);
      if (row === undefined) return undefined;
      const { bytes, revision, ...meta } = row;
      return { size: bytes.byteLength, version: { token: String(revision), hold }, ...meta };
    },
    read(key, stat, { start, end }) {
      const row = rows.get(key);
      if (hold !== 'detect' && String(row?.revision) !== stat.version.token) return undefined;
      return row?.bytes.slice(start, end);
    },
    *list() {
      for (const [key, { bytes }] of rows) yield { key, size: bytes.byteLength };
    },
    async put(key, pieces, { ifAbsent }) {
      const taken: Uint8Array[] = [];
      for await (const piece of pieces) taken.push(Uint8Array.from(piece));
      if (ifAbsent && rows.has(key)) throw new SluiceError('SLUICE_EXISTS', 'it is there');
      table.write(key, Buffer.concat(taken));
    },
    delete: (key) => void rows.delete(key),
    move(from, to) {
      const row = rows.get(from);
      if (row === undefined) return false;
      table.write(to, row.bytes);
      return rows.delete(from);
    },
  };
}

/** The same, giving streams of odd pieces. It goes on with what it has begun, whatever becomes of the row. */
export function streamsOn(table: Table, hold: ReaderVersion['hold']): TableReader {
  return {
    ...readerOn(table, hold),
    maxRead: Infinity,
    async read(key, stat, { start, end }, { signal }) {
      const row = table.rows.get(key);
      if (row === undefined) return undefined;
      if (hold !== 'detect' && String(row.revision) !== stat.version.token) return undefined;
      return pieces(table, key, { start, end, signal });
    },
  };
}

async function* pieces(
  table: Table,
  key: StorageKey,
  { start, end, signal }: { start: number; end: number; signal: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  // As a socket: what the far side sends next is what it has then.
  const begun = table.rows.get(key);
  table.streams += 1;
  try {
    for (let at = start; at < end; at += 100_003) {
      signal.throwIfAborted();
      await new Promise(setImmediate);
      yield (begun?.bytes ?? new Uint8Array(0)).slice(at, Math.min(at + 100_003, end));
    }
  } finally {
    table.streams -= 1;
  }
}

export function readerFixture(create: (table: Table) => StorageDriver): ContractFixture {
  const table = createTable();
  const driver = create(table);
  return {
    driver,
    seed: async (key, bytes, meta) => table.write(key, bytes, meta),
    remove: async (key) => void table.rows.delete(key),
    rewriteInPlace: async (key, bytes) => table.write(key, bytes),
    touch: async () => undefined,
    async stray(prefix) {
      for (const name of ['a//b', 'line\nbreak', 'folder/']) {
        table.write(prefix + name, new Uint8Array(1));
      }
    },
    another: async () => create(table),
    openResources: () => table.streams,
    secrets: ['the password of the table'],
    dispose: async () => driver.close?.(),
  };
}
