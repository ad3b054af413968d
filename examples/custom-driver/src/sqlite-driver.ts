import { randomUUID } from 'node:crypto';
import { extname } from 'node:path/posix';

import { type DriverWith, isSluiceError, SluiceError, type SluiceErrorCode } from '@sluice/core';
import { driverFromReader, type ReaderListEntry, type ReaderStat } from '@sluice/core/drivers';
import mimeTypes from 'mime-types';

/** A connection to SQLite, as far as the driver needs it: `DatabaseSync` of `node:sqlite` is one. */
export interface SqlDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqlStatement;
}

/** A statement that is prepared once and run many times. */
interface SqlStatement {
  get(...values: SqlValue[]): SqlRow | undefined;
  all(...values: SqlValue[]): SqlRow[];
  run(...values: SqlValue[]): unknown;
}

type SqlValue = string | number | Uint8Array;
type SqlRow = Record<string, unknown>;

/** What {@link createSqliteDriver} takes. */
export interface SqliteDriverOptions {
  /**
   * It stays the application's, which closes it after the driver. The driver makes two tables in it,
   * `objects` and `pieces`, unless they are there.
   */
  readonly database: SqlDatabase;
}

/** A driver that can write, too. */
export type SqliteDriver = DriverWith<'list' | 'put' | 'delete' | 'move' | 'close'>;

/**
 * Creates a driver whose objects are rows of a SQLite database.
 *
 * The bytes of an object lie in pieces of 256 KiB, so that neither a download nor an upload holds
 * more than one of them. Pieces belong to a version and are written once: a replace makes new ones
 * under a new version. A read that asks for the pieces of its version therefore gets them, or finds
 * that they are gone; bytes of another version it cannot get.
 *
 * SQLite answers at once, on the thread of the application. No transaction spans an `await`, so none
 * is ever open while other code runs.
 *
 * @throws SluiceError when the tables cannot be made
 */
export function createSqliteDriver({ database }: SqliteDriverOptions): SqliteDriver {
  const sql = query(() => prepareAll(database));
  const transact = <T>(work: () => T): T => {
    database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      quietly(() => database.exec('ROLLBACK'));
      throw error;
    }
  };
  const refuseExisting = (key: string): void => {
    if (sql.find.get(key) === undefined) return;
    throw new SluiceError('SLUICE_EXISTS', 'there is an object under this key');
  };

  return driverFromReader({
    name: 'sqlite',

    stat(key) {
      const row = query(() => sql.find.get(key));
      return row && statOf(key, row);
    },

    read: (_key, { version }, { start, end }) => readPieces(sql, version.token, start, end),
    // What `read` gives is a stream, however long.
    maxRead: Infinity,

    list: (prefix) => listPages(sql, prefix),

    async put(key, pieces, { ifAbsent }) {
      if (ifAbsent) query(() => refuseExisting(key));
      const version = randomUUID();
      query(() => sql.draft.run(version, Date.now()));
      try {
        const size = await writePieces(sql, version, pieces);
        query(() =>
          transact(() => {
            if (ifAbsent) refuseExisting(key);
            sql.delete.run(key);
            sql.publish.run(key, size, Date.now(), version);
          }),
        );
      } catch (error) {
        quietly(() => sql.discard.run(version));
        throw error;
      }
    },

    delete: (key) => query(() => sql.delete.run(key)),

    move: (from, to) =>
      query(() =>
        transact(() => {
          if (sql.find.get(from) === undefined) return false;
          sql.delete.run(to);
          sql.rename.run(to, from);
          return true;
        }),
      ),
  });
}

/** Bytes of a piece as it is written and read. Pieces that lie there may have any size. */
const PIECE = 262_144;

/** Rows of a listing that are fetched at once. */
const PAGE = 500;

/** Milliseconds after which an upload that never ended is taken to have died with its process. */
const ABANDONED = 86_400_000;

/** Versions are random and not counted, so that a database made anew never gives one again. */
const TABLES = `
  PRAGMA foreign_keys = ON;
  CREATE TABLE IF NOT EXISTS objects (
    version  TEXT PRIMARY KEY,
    key      TEXT UNIQUE, -- NULL until all of its pieces are there
    size     INTEGER NOT NULL,
    modified INTEGER NOT NULL -- milliseconds since 1970
  );
  CREATE TABLE IF NOT EXISTS pieces (
    version TEXT NOT NULL REFERENCES objects ON DELETE CASCADE,
    start   INTEGER NOT NULL, -- where in the object
    bytes   BLOB NOT NULL,
    PRIMARY KEY (version, start)
  );
  CREATE TRIGGER IF NOT EXISTS pieces_are_written_once BEFORE UPDATE ON pieces
  BEGIN
    SELECT RAISE(ABORT, 'a piece is never changed: make a new version');
  END;
`;

type Statements = ReturnType<typeof prepareAll>;

function prepareAll(database: SqlDatabase) {
  database.exec(TABLES);
  database
    .prepare('DELETE FROM objects WHERE key IS NULL AND modified < ?')
    .run(Date.now() - ABANDONED);
  return {
    find: database.prepare('SELECT version, size, modified FROM objects WHERE key = ?'),
    page: database.prepare('SELECT key, size FROM objects WHERE key >= ? ORDER BY key LIMIT ?'),
    piece: database.prepare(`SELECT substr(bytes, ? - start + 1, ?) AS bytes FROM pieces
      WHERE version = ? AND start <= ? ORDER BY start DESC LIMIT 1`),
    draft: database.prepare('INSERT INTO objects (version, size, modified) VALUES (?, 0, ?)'),
    write: database.prepare('INSERT INTO pieces (version, start, bytes) VALUES (?, ?, ?)'),
    publish: database.prepare(
      'UPDATE objects SET key = ?, size = ?, modified = ? WHERE version = ?',
    ),
    discard: database.prepare('DELETE FROM objects WHERE version = ?'),
    delete: database.prepare('DELETE FROM objects WHERE key = ?'),
    rename: database.prepare('UPDATE objects SET key = ? WHERE key = ?'),
  };
}

function statOf(key: string, row: SqlRow): ReaderStat {
  const contentType = mimeTypes.contentType(extname(key));
  return {
    size: Number(row['size']),
    // A read asks for this version by its name and is given no other.
    version: { token: String(row['version']), hold: 'condition' },
    lastModified: Number(row['modified']),
    ...(contentType !== false && { contentType }),
  };
}

/** Each piece is fetched when it is asked for, so a reader that pauses makes this pause. */
async function* readPieces(
  sql: Statements,
  version: string,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, undefined> {
  for (let at = start; at < end;) {
    const room = Math.min(end - at, PIECE);
    const bytes = query(() => sql.piece.get(at, room, version, at))?.['bytes'];
    if (!(bytes instanceof Uint8Array)) {
      throw new SluiceError('SLUICE_VERSION_CHANGED', 'the object was replaced or removed');
    }
    // A hole among the pieces: what comes is short then, and fails as such.
    if (bytes.byteLength === 0) return;
    yield bytes;
    at += bytes.byteLength;
  }
}

/** A page at a time: a statement left half-way while the caller works would hold a lock. */
async function* listPages(
  sql: Statements,
  prefix: string,
): AsyncGenerator<ReaderListEntry, undefined> {
  let rows: SqlRow[];
  let last: string | undefined;
  do {
    const from = last ?? prefix;
    rows = query(() => sql.page.all(from, PAGE));
    for (const { key, size } of rows) {
      if (key === last) continue;
      if (typeof key !== 'string' || !key.startsWith(prefix)) return;
      yield { key, size: Number(size) };
    }
    last = String(rows.at(-1)?.['key']);
  } while (rows.length === PAGE);
}

/** Stores a source in pieces of one size, whatever the sizes of its own, and gives the length. */
async function writePieces(
  sql: Statements,
  version: string,
  source: AsyncIterable<Uint8Array>,
): Promise<number> {
  const piece = new Uint8Array(PIECE);
  let start = 0;
  let filled = 0;
  const write = (): void => {
    query(() => sql.write.run(version, start, piece.subarray(0, filled)));
    start += filled;
    filled = 0;
  };
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength;) {
      const part = chunk.subarray(at, at + PIECE - filled);
      piece.set(part, filled);
      at += part.byteLength;
      filled += part.byteLength;
      if (filled === PIECE) write();
    }
  }
  if (filled > 0) write();
  return start;
}

/** Asks SQLite, and tells by cause why it could not answer. What it said stays in `cause`. */
function query<T>(ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    if (isSluiceError(error)) throw error;
    const code = codeOf(error);
    const options = { cause: error, ...(code === 'SLUICE_UNAVAILABLE' && { retryAfter: 1 }) };
    throw new SluiceError(code, 'the database does not answer', options);
  }
}

/** Tidies up after a failure, which says more than what becomes of the tidying. */
function quietly(tidy: () => unknown): void {
  try {
    tidy();
  } catch {
    // SQLite may have rolled back by itself; a version without a key is swept up later.
  }
}

/** By the primary result code, the low byte of `errcode`: https://www.sqlite.org/rescode.html */
function codeOf(error: unknown): SluiceErrorCode {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  switch (code) {
    case 5: // SQLITE_BUSY: another process writes
    case 6: // SQLITE_LOCKED
    case 7: // SQLITE_NOMEM
      return 'SLUICE_UNAVAILABLE';
    case 3: // SQLITE_PERM
    case 8: // SQLITE_READONLY
      return 'SLUICE_ACCESS_DENIED';
    case 1: // SQLITE_ERROR: the tables are others
    case 14: // SQLITE_CANTOPEN
    case 26: // SQLITE_NOTADB
      return 'SLUICE_CONFIG';
    default:
      return 'SLUICE_IO';
  }
}
